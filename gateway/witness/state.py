"""What a witness remembers: for each log the checkpoint that it cosigned last.

SQLite, and on the disk before a cosignature leaves: a power cut may lose a cosignature, never
the memory of one. Reading, comparing and writing are one transaction that holds the write lock
from its beginning, so that two questions, or two programs on one file, come one after the other.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import ConfigError, DatabaseUnavailableError
from hashing.merkle import EMPTY_ROOT
from hashing.note import NoteKey

_VERSION = 1
_BUSY_MS = 5_000
_MOST_CONTRADICTIONS = 100
_SCHEMA = """
CREATE TABLE witness (vkey TEXT NOT NULL, newest INTEGER NOT NULL) STRICT;
CREATE TABLE cosigned (
    origin TEXT NOT NULL PRIMARY KEY,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    note BLOB NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE TABLE contradiction (
    origin TEXT NOT NULL,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    cosigned BLOB NOT NULL,
    shown BLOB NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (origin, size, root)
) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A checkpoint that was cosigned; size 0 for a log of which there is none yet."""

    size: int = 0
    root: bytes = EMPTY_ROOT
    note: bytes = b""
    at: int = 0


class Remembering:
    """One transaction over the state; nothing of it holds before it has ended."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def newest_time(self) -> int:
        """The latest time of any cosignature so far, seconds since 1970."""
        return int(self._connection.execute("SELECT newest FROM witness").fetchone()[0])

    def last(self, origin: str) -> Cosigned:
        """What was cosigned last of a log."""
        row = self._connection.execute(
            "SELECT size, root, note, at FROM cosigned WHERE origin = ?", (origin,)
        ).fetchone()
        return Cosigned() if row is None else Cosigned(*row)

    def remember(self, origin: str, cosigned: Cosigned) -> None:
        """Take this for the last one."""
        self._connection.execute(
            "INSERT INTO cosigned (origin, size, root, note, at) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (origin) DO UPDATE SET size = excluded.size, root = excluded.root, "
            "note = excluded.note, at = excluded.at",
            (origin, cosigned.size, cosigned.root, cosigned.note, cosigned.at),
        )
        self._connection.execute("UPDATE witness SET newest = max(newest, ?)", (cosigned.at,))

    def keep_contradiction(self, origin: str, cosigned: Cosigned, shown: Cosigned) -> None:
        """Keep two signed checkpoints of one size that differ: proof against the log's operator."""
        self._connection.execute(
            "INSERT OR IGNORE INTO contradiction (origin, size, root, cosigned, shown, at) "
            "SELECT ?, ?, ?, ?, ?, ? WHERE (SELECT count(*) FROM contradiction) < ?",
            (
                *(origin, shown.size, shown.root, cosigned.note, shown.note, shown.at),
                _MOST_CONTRADICTIONS,
            ),
        )


class State:
    """The file. One thread at a time; whoever uses it from several takes a lock."""

    def __init__(self, path: Path, key: NoteKey) -> None:
        """Open the state that was made with this key.

        Raises:
            ConfigError: it is not there, or another witness's.
            DatabaseUnavailableError: it cannot be read or written.
        """
        if not path.is_file():
            raise ConfigError(
                f"{path} is not there: a witness that has forgotten what it cosigned must not go "
                "on under the same key. Find the file, or make a new witness with keygen"
            )
        self._connection = _connect(path)
        try:
            wrong = _differing(self._connection, path, key)
        except DatabaseUnavailableError:
            self._connection.close()
            raise
        if wrong is not None:
            self._connection.close()
            raise ConfigError(wrong)
        self._path = path

    @classmethod
    def make(cls, path: Path, key: NoteKey) -> State:
        """Make an empty state for a fresh key.

        Raises:
            OSError: the file cannot be made. DatabaseUnavailableError: nor written.
        """
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        connection = _connect(path)
        try:
            with _translated(path):
                connection.executescript(
                    f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION};"
                )
                connection.execute("INSERT INTO witness VALUES (?, 0)", (key.vkey(),))
                connection.execute("COMMIT")
        finally:
            connection.close()
        return cls(path, key)

    @contextlib.contextmanager
    def changing(self) -> Iterator[Remembering]:
        """Read and write as one; durable when the block has ended.

        Raises:
            DatabaseUnavailableError: it could not be kept; nothing was.
        """
        with _translated(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield Remembering(self._connection)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _differing(connection: sqlite3.Connection, path: Path, key: NoteKey) -> str | None:
    row = None
    with _translated(path):
        if connection.execute("PRAGMA user_version").fetchone()[0] == _VERSION:
            row = connection.execute("SELECT vkey FROM witness").fetchone()
    if row is None:
        return f"{path} is not the state of a witness of this version"
    return None if row[0] == key.vkey() else f"{path} is the state of another witness: {row[0]}"


def _connect(path: Path) -> sqlite3.Connection:
    with _translated(path):
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in (
            f"busy_timeout = {_BUSY_MS}",
            "journal_mode = WAL",
            # FULL: a commit is on the disk before it is said to be.
            "synchronous = FULL",
            "trusted_schema = OFF",
        ):
            connection.execute(f"PRAGMA {pragma}")
    return connection


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise DatabaseUnavailableError(f"{path}: {error}") from error
