"""Cosigned checkpoints, one object for each size: evidence of when, kept like the log itself.

The object is written before the row, and rows are made again from the objects when the database
was lost. Of one witness's cosignatures on one checkpoint the first is kept: it is the earliest
time at which somebody outside saw this history.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog
from sqlalchemy import insert, select, update

from gateway.clock import GatewayClock
from gateway.cosigning.models import CosignedRow
from gateway.db import Database
from gateway.errors import ObjectMissingError
from gateway.storage.store import Store
from hashing.errors import HashingError
from hashing.note import MAX_SIGNATURES, Checkpoint, NoteSignature, parse_note

FOLDER = "log/cosigned"
MAX_PAGE = 100
_event = structlog.get_logger("gateway.cosigning")


def cosigned_key(size: int) -> str:
    """Object key of the cosigned checkpoint of a size."""
    return f"{FOLDER}/{size:020d}"


class CosignedCheckpoints:
    """What witnesses gave."""

    def __init__(self, database: Database, store: Store, clock: GatewayClock) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._newest: tuple[int, bytes] | None = None

    async def open(self) -> None:
        """Find the newest one; fill the index again if the database has lost it.

        Raises:
            GatewayError: store or database cannot be read.
        """
        rows = await self.newest(1)
        if not rows:
            async for key in self._store.iterate(FOLDER):
                await self._index_again(key)
            rows = await self.newest(1)
        self._newest = (_size(rows[0]), rows[0]) if rows else None

    async def add(self, note: bytes, line: NoteSignature) -> bytes:
        """Keep a witness's line; durable at return. The caller has verified it.

        Args:
            note: the checkpoint as the log signed it.
            line: the cosignature.

        Returns:
            The note with every cosignature so far.

        Raises:
            GatewayError: it could not be kept.
        """
        async with self._one_at_a_time:
            size = _size(note)
            known = await self._note(size)
            parsed = parse_note(known or note)
            if any((other.name, other.id) == (line.name, line.id) for other in parsed.signatures):
                return known or note
            if len(parsed.signatures) >= MAX_SIGNATURES:
                return known or note
            grown = (known or note) + line.line().encode()
            await self._store.put_bytes(cosigned_key(size), grown)
            await self._index(size, grown, fresh=known is None)
            if self._newest is None or size >= self._newest[0]:
                self._newest = (size, grown)
            return grown

    def with_cosignatures(self, size: int, note: bytes) -> bytes:
        """The newest checkpoint with what it was given so far; as it is when nothing was."""
        if self._newest is not None and self._newest[0] == size:
            return self._newest[1]
        return note

    async def newest(self, limit: int) -> Sequence[bytes]:
        """Cosigned checkpoints, the newest first."""
        query = select(CosignedRow.note).order_by(CosignedRow.size.desc()).limit(limit)
        async with self._database.reading() as session:
            return (await session.scalars(query)).all()

    async def since(self, size: int, limit: int) -> Sequence[bytes]:
        """Cosigned checkpoints of at least this size, the smallest first."""
        query = (
            select(CosignedRow.note)
            .where(CosignedRow.size >= size)
            .order_by(CosignedRow.size)
            .limit(limit)
        )
        async with self._database.reading() as session:
            return (await session.scalars(query)).all()

    async def _note(self, size: int) -> bytes | None:
        try:
            return await self._store.get_bytes(cosigned_key(size))
        except ObjectMissingError:
            return None

    async def _index(self, size: int, note: bytes, *, fresh: bool) -> None:
        values = {"note": note, "at": self._clock.now()}
        async with self._database.session() as session:
            if not fresh:
                query = update(CosignedRow).where(CosignedRow.size == size).values(values)
                if (await session.execute(query.returning(CosignedRow.size))).first() is not None:
                    return
            await session.execute(insert(CosignedRow), {"size": size} | values)

    async def _index_again(self, key: str) -> None:
        try:
            note = await self._store.get_bytes(key)
            size = _size(note)
        except (HashingError, ObjectMissingError) as error:
            _event.warning("cosigning.unreadable", key=key, reason=str(error))
            return
        if key == cosigned_key(size):
            await self._index(size, note, fresh=True)


def _size(note: bytes) -> int:
    return Checkpoint.parse(parse_note(note).text).size
