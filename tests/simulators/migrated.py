"""A gateway's empty database, its tables made once per run of tests and copied from then on.

The migrations are a good part of what opening a gateway costs. They are tried from the first
to the last in ``test_db.py``, by every real program and wherever a test names a version.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from gateway.db import Database

_made: list[bytes] = []


async def database_in(folder: Path) -> None:
    """Lay ``gateway.db`` into a folder as an earlier start left it; one that is there stays."""
    if not _made:
        _made.append(await _make())
    await asyncio.to_thread(_lay, folder / "gateway.db")


async def _make() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite+aiosqlite:///{folder}/gateway.db")
        try:
            await database.upgrade()
        finally:
            # The last connection that closes leaves nothing beside the file.
            await database.close()
        return await asyncio.to_thread((Path(folder) / "gateway.db").read_bytes)


def _lay(path: Path) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_made[0])
