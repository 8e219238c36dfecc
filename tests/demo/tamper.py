"""The two crimes of the demo, each done to bytes on disk as an intruder would."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


@contextmanager
def one_bit_flipped(path: Path, offset: int) -> Iterator[int]:
    """Flip the lowest bit of one byte; undone at the end. Gives the byte's old value."""
    old = _flip(path, offset)
    try:
        yield old
    finally:
        _flip(path, offset)


def _flip(path: Path, offset: int) -> int:
    with path.open("r+b") as file:
        file.seek(offset)
        old = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([old ^ 1]))
        return old


def copy_ledger(database: Path, copy: Path) -> None:
    """Copy a ledger that its dock is using, as a backup program would."""
    copy.unlink(missing_ok=True)
    with (
        closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)


def drop_entry(copy: Path, seq: int) -> None:
    """Take one entry out of the copy, and with it everything that points to it."""
    with closing(sqlite3.connect(copy)) as database, database:
        for table in ("leaves", "erasures", "clips", "entries"):
            database.execute(f"DELETE FROM {table} WHERE epoch = 0 AND seq = ?", (seq,))  # noqa: S608  # names from the line above
