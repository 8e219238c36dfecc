"""The dock's database: its tables, and how the file is opened so that a commit is kept.

SQLite in WAL mode with ``synchronous=FULL``: a commit returns after the disk has it. The
tables follow the glossary; ``entries`` is the ledger itself, all others can be traced to
it. A file of a newer program is refused, never guessed at.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path
from typing import Final

from edge import durable
from edge.errors import LedgerDamaged, LedgerError, NotAllowed, not_allowed

VERSION: Final = 3
BUSY_TIMEOUT_S: Final = 10.0

_TABLES: Final = """
CREATE TABLE facts (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE entries (
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    hash BLOB NOT NULL,
    record BLOB NOT NULL,
    statement BLOB NOT NULL,
    receipt BLOB,
    PRIMARY KEY (epoch, seq)
) STRICT;

CREATE TABLE sessions (
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    bay TEXT NOT NULL,
    volume TEXT NOT NULL,
    opened TEXT NOT NULL,
    closed TEXT,
    closed_epoch INTEGER,
    closed_seq INTEGER,
    inventory_pages INTEGER NOT NULL DEFAULT 0,
    inventory_files INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (epoch, seq),
    FOREIGN KEY (epoch, seq) REFERENCES entries (epoch, seq)
) STRICT;

CREATE TABLE clips (
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    session_epoch INTEGER NOT NULL,
    session_seq INTEGER NOT NULL,
    size INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    root BLOB NOT NULL,
    statement_hash BLOB NOT NULL,
    leaf_count INTEGER NOT NULL,
    spool_name TEXT UNIQUE,
    volume TEXT NOT NULL,
    path BLOB NOT NULL,
    mtime_ns INTEGER NOT NULL,
    marked INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('sealed', 'released', 'erased', 'lost')),
    release_index INTEGER,
    released_ns INTEGER,
    release BLOB,
    PRIMARY KEY (epoch, seq),
    FOREIGN KEY (epoch, seq) REFERENCES entries (epoch, seq),
    FOREIGN KEY (session_epoch, session_seq) REFERENCES sessions (epoch, seq),
    CHECK (state IN ('sealed', 'lost') OR release IS NOT NULL)
) STRICT;
CREATE INDEX clips_by_cheap_key ON clips (volume, path, size, mtime_ns);
CREATE INDEX clips_by_session ON clips (session_epoch, session_seq);
CREATE INDEX clips_by_state ON clips (state, epoch, seq);

CREATE TABLE leaves (
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    leaves BLOB NOT NULL,
    PRIMARY KEY (epoch, seq),
    FOREIGN KEY (epoch, seq) REFERENCES clips (epoch, seq)
) STRICT;

CREATE TABLE erasures (
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    session_epoch INTEGER NOT NULL,
    session_seq INTEGER NOT NULL,
    compared BLOB,
    place TEXT,
    PRIMARY KEY (epoch, seq),
    FOREIGN KEY (epoch, seq) REFERENCES clips (epoch, seq)
) STRICT;

CREATE TABLE alarms (
    code TEXT NOT NULL,
    about TEXT NOT NULL,
    text TEXT NOT NULL,
    raised TEXT NOT NULL,
    PRIMARY KEY (code, about)
) STRICT;

CREATE TABLE refusals (
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    retry TEXT NOT NULL,
    PRIMARY KEY (epoch, seq)
) STRICT;
"""

# What the dock remembers between dockings to compare the next one with: cards, clocks, open
# cases. None of it is evidence; what was concluded from it is in records.
_MEMORIES: Final = """
CREATE TABLE memories (
    kind TEXT NOT NULL,
    about TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (kind, about)
) STRICT;
"""

# What makes a file of one version one of the next.
_STEPS: Final = {1: "ALTER TABLE erasures ADD COLUMN place TEXT;", 2: _MEMORIES}


def open_database(path: Path) -> sqlite3.Connection:
    """Open the database for the one program that writes it, and make it when missing.

    Raises:
        LedgerDamaged: the file is no database, or of a newer program.
        LedgerError: the disk refuses.
    """
    try:
        durable.make_dir(path.parent)
        # SQLite would make it readable by everybody the umask lets in.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = _connect(f"{path.absolute().as_uri()}?mode=rw")
    except OSError as error:
        raise LedgerError(f"cannot open ledger {path}: {error.strerror}") from error
    try:
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        _migrate(connection, path)
        # Else a power cut could take the names of the files just made.
        durable.fsync_dir(path.parent)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise database_error(error, f"ledger {path}") from error
    except BaseException:
        connection.close()
        raise
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open an existing database without ever changing it, also beside a running daemon.

    Raises:
        LedgerDamaged: the file is no database, or of a newer program.
        LedgerError: it is not there, or cannot be read.
        NotAllowed: this user may not read it.
    """
    try:
        there = stat.S_ISREG(path.stat().st_mode)
    except PermissionError as error:
        raise NotAllowed(not_allowed(path)) from error
    except OSError:
        there = False
    if not there:
        raise LedgerError(
            f"there is no ledger at {path}: this dock never ran, or its state is elsewhere or gone"
        )
    # Asked for without opening: closing it again would let go of SQLite's own locks.
    if not os.access(path, os.R_OK, effective_ids=True):
        raise NotAllowed(not_allowed(path))
    # Without a daemon there is no log beside the file, and SQLite would leave one that
    # belongs to whoever is looking, so that the daemon could not start.
    lonely = not path.with_name(f"{path.name}-wal").exists()
    uri = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if lonely else ''}"
    try:
        connection = _connect(uri)
    except sqlite3.Error as error:
        raise database_error(error, f"ledger {path}") from error
    try:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.DatabaseError as error:
        connection.close()
        raise database_error(error, f"ledger {path}") from error
    # An older file is brought up to date by the daemon; all versions read alike.
    if not 0 < version <= VERSION:
        connection.close()
        raise LedgerDamaged(f"ledger {path} has version {version}; known: 1 to {VERSION}")
    return connection


def database_error(error: sqlite3.Error, what: str) -> LedgerError:
    """Sort SQLite's errors: a damaged file stops the dock, anything else may be retried."""
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if primary in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return LedgerDamaged(f"{what}: {error}")
    return LedgerError(f"{what}: {error}")


def _connect(uri: str) -> sqlite3.Connection:
    # Explicit transactions only; the ledger's own lock keeps threads apart.
    return sqlite3.connect(
        uri, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False, uri=True
    )


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise LedgerDamaged(
            f"ledger {path} has version {version}, this program knows {VERSION}: "
            "run the newer program"
        )
    if version == 0:
        connection.executescript(
            f"BEGIN IMMEDIATE; {_TABLES} {_MEMORIES} PRAGMA user_version = {VERSION}; COMMIT;"
        )
        return
    for step in range(version, VERSION):
        connection.executescript(
            f"BEGIN IMMEDIATE; {_STEPS[step]} PRAGMA user_version = {step + 1}; COMMIT;"
        )
