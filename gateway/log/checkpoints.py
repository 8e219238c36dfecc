"""Signing checkpoints, and remembering every one that was signed.

A signed checkpoint is a promise to docks and witnesses. The newest is kept in the store and
in the database, because either may be restored from a backup: nothing below the higher of
the two is ever signed again (protocols/SPEC 6).
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.clock import GatewayClock
from gateway.crashpoints import reach
from gateway.db import Database
from gateway.errors import LogDamagedError, ObjectMissingError, StoreBehindLogError
from gateway.keys import GatewayKeys
from gateway.log.models import CheckpointRow
from gateway.log.tiles import Edge
from gateway.storage.store import Store
from hashing.errors import HashingError
from hashing.note import Checkpoint, NoteKey, SignatureType, open_checkpoint, sign_checkpoint

KEY = "log/checkpoint"


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A head of the log that this gateway has signed.

    Attributes:
        note: C2SP signed note.
    """

    size: int
    root: bytes
    note: bytes


class Checkpoints:
    """Makes and finds the checkpoints of one log."""

    def __init__(
        self,
        database: Database,
        store: Store,
        clock: GatewayClock,
        *,
        keys: GatewayKeys,
        origin: str,
    ) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._keys = keys
        self._unindexed: SignedCheckpoint | None = None
        self.key = NoteKey(origin, keys.checkpoint.public, SignatureType.ED25519)

    async def publish(self, edge: Edge) -> SignedCheckpoint:
        """Sign the head and keep it in the store; valid outside only once this has returned.

        Raises:
            StoreError: the store could not keep it.
            KeyAwayError: it could not be signed now; the next append or call does it.
        """
        root = edge.root()
        head = Checkpoint(self.key.name, edge.size, root)
        note = await self._keys.sign(
            lambda: sign_checkpoint(head, self._keys.checkpoint, self.key.name)
        )
        await self._store.put_bytes(KEY, note)
        reach("log.checkpoint-signed")
        self._unindexed = SignedCheckpoint(edge.size, root, note)
        return self._unindexed

    async def index(self, session: AsyncSession) -> None:
        """Keep the newest one in the database too, with the transaction that comes next.

        One sync to the disk less for every append: the row only has to be there before the
        store could be restored from a backup made later than this.
        """
        newest = self._unindexed
        if newest is not None:
            row = {"size": newest.size, "root": newest.root, "note": newest.note}
            await session.execute(insert(CheckpointRow), row | {"at": self._clock.now()})

    def indexed(self) -> None:
        """The transaction is committed."""
        self._unindexed = None

    async def newest(self) -> SignedCheckpoint | None:
        """The highest checkpoint ever signed, as far as store and database know.

        Raises:
            StoreBehindLogError: the store's is below the database's.
            LogDamagedError: one of them is not this log's, or they are of one size and differ.
        """
        stored, indexed = await self._stored(), await self._in_database()
        if stored is None:
            if indexed is not None:
                msg = f"the store lacks the checkpoint of size {indexed.size}"
                raise StoreBehindLogError(msg)
            return None
        if indexed is not None and indexed.size > stored.size:
            msg = f"the store's checkpoint is of size {stored.size}, {indexed.size} was signed"
            raise StoreBehindLogError(msg)
        if indexed is not None and indexed.size == stored.size and indexed.root != stored.root:
            msg = f"two checkpoints of size {stored.size} with different roots"
            raise LogDamagedError(msg)
        self._unindexed = stored if indexed is None or indexed.size < stored.size else None
        return stored

    async def _stored(self) -> SignedCheckpoint | None:
        try:
            note = await self._store.get_bytes(KEY)
        except ObjectMissingError:
            return None
        return self._opened(note)

    async def _in_database(self) -> SignedCheckpoint | None:
        query = select(CheckpointRow.note).order_by(CheckpointRow.size.desc()).limit(1)
        async with self._database.reading() as session:
            note = await session.scalar(query)
        return None if note is None else self._opened(note)

    def _opened(self, note: bytes) -> SignedCheckpoint:
        try:
            checkpoint = open_checkpoint(note, self.key)
        except HashingError as error:
            msg = f"a checkpoint that was kept does not verify: {error}"
            raise LogDamagedError(msg) from error
        return SignedCheckpoint(checkpoint.size, checkpoint.root, note)
