"""One damaged clip made whole: found, built, read back, swapped, stated; each step repeatable.

Only with the log's lock held, that is with no gateway running beside it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.crashpoints import reach
from gateway.db import Database
from gateway.errors import ObjectMissingError, StoreAwayError, StoreError, StoreFullError
from gateway.evidence import service as evidence
from gateway.evidence.models import Clip, ClipState
from gateway.intake import alarms
from gateway.log.service import Log
from gateway.repair import notes
from gateway.repair.building import Built, NotRepairableError, build, leaf_list
from gateway.repair.examining import Found, examine
from gateway.repair.replicas import Replica
from gateway.repair.sealed import Sealed, sealed_of
from gateway.storage.failing import FULL
from gateway.storage.staging import REPAIR
from gateway.storage.store import Store
from gateway.storage.uncached import StoredHash, read_back
from protocols.ids import ClipId
from protocols.kinds import ClipRepaired, FoundDamaged
from protocols.located import Run, believed, runs

_PAGE = 500
_ID_BYTES = 16
_event = structlog.get_logger("gateway.repair")


@dataclass(frozen=True, slots=True)
class Damage:
    """A clip whose object is not what was sealed.

    Attributes:
        sealed: what it must be. found: what the disk gave back.
        leaves: the sealed leaf hashes; None when nobody has them.
        listed: the store keeps that list itself.
    """

    sealed: Sealed
    found: Found
    leaves: tuple[bytes, ...] | None
    listed: bool

    @property
    def places(self) -> list[Run] | None:
        """Runs of leaves that are damaged; None when where cannot be said."""
        if self.leaves is None:
            return None
        pairs = zip(self.leaves, self.found.leaves, strict=True)
        return list(runs([index for index, (good, have) in enumerate(pairs) if good != have]))


@dataclass(frozen=True, slots=True)
class Repaired:
    """A clip that is whole again: what was stated, where in the log, and what was not taken."""

    body: ClipRepaired
    index: int
    refused: tuple[str, ...]


class Repairs:
    """Repairs objects of one store."""

    def __init__(self, database: Database, store: Store, log: Log) -> None:
        self._database = database
        self._store = store
        self._log = log

    async def settle(self) -> None:
        """State what an earlier run did and was cut before it could say; with the log open.

        Raises:
            GatewayError: store, log or database could not do it.
        """
        async for body in notes.left(self._store):
            if not await self._log.entries_of(_urn(body)) and await self._is_whole(body):
                await self._state(body)
            await notes.drop(self._store, body)

    async def clips(self) -> AsyncIterator[Clip]:
        """Every clip that was stated as stored, in log order."""
        after = -1
        while True:
            query = (
                select(Clip)
                .where(Clip.stored_index.is_not(None), Clip.entry_index > after)
                .where(Clip.state != ClipState.DISPOSED.value)
                .order_by(Clip.entry_index)
                .limit(_PAGE)
            )
            async with self._database.reading() as session:
                rows = (await session.scalars(query)).all()
            for row in rows:
                yield row
            if len(rows) < _PAGE:
                return
            after = rows[-1].entry_index

    async def clip(self, clip: ClipId) -> Clip | None:
        """One of them."""
        async with self._database.reading() as session:
            row = await evidence.get_clip(session, clip)
        gone = row is None or row.stored_index is None or row.state == ClipState.DISPOSED
        return None if gone else row

    async def look(self, row: Clip, replicas: Sequence[Replica] = ()) -> Damage | None:
        """Read a clip's object from the disk; None when it is as sealed. Nothing is changed.

        Args:
            row: a clip that was stated as stored.
            replicas: may know the leaf hashes where the store does not.

        Raises:
            GatewayError: log or database could not do it.
        """
        sealed = await sealed_of(self._log, row)
        key = evidence.object_key(row.id)
        try:
            stored = await self._store.sha256_uncached(key)
            if (stored.size, stored.sha256) == (sealed.size, sealed.sha256):
                return None
        except StoreAwayError:
            raise
        except StoreError as error:
            _event.warning("clip.unreadable", clip=str(row.id), reason=str(error))
        async with self._store.as_file(key) as own:
            found = await asyncio.to_thread(examine, own, sealed)
        kept = await self._kept_list(row.id)
        leaves = await asyncio.to_thread(leaf_list, kept, found, sealed, replicas)
        listed = believed(kept, sealed.size, sealed.root) is not None
        return Damage(sealed, found, leaves, listed)

    async def repair(
        self, damage: Damage, replicas: Sequence[Replica], *, by: str, reason: str
    ) -> Repaired:
        """Make a clip whole and say so in the log.

        Raises:
            NotRepairableError: no replica has what is missing; nothing was changed.
            GatewayError: store, log or database could not do it; the same again goes on.
        """
        sealed, leaves = damage.sealed, damage.leaves
        if leaves is None:
            msg = f"{sealed.clip}: nobody has leaf hashes that lead to the sealed root"
            raise NotRepairableError(msg, ["name a replica that is whole, or a pack"])
        key = evidence.object_key(sealed.clip)
        staged = self._store.staging.path(f"{REPAIR}{sealed.clip}")
        built = await self._built(staged, key, damage, leaves, replicas)
        stored = await self._read_back(staged, sealed)
        reach("repair.read-back")
        aside = await self._store.set_aside(key)
        reach("repair.set-aside")
        body = _body(damage, built, stored, aside, by, reason)
        await notes.keep(self._store, body)
        reach("repair.noted")
        await self._store.put_file(key, staged)
        reach("repair.swapped")
        if not damage.listed and sealed.leaves > 1:
            await self._store.put_bytes(evidence.leaf_list_key(sealed.clip), b"".join(leaves))
        index = await self._state(body)
        reach("repair.stated")
        await notes.drop(self._store, body)
        return Repaired(body, index, tuple(built.refused))

    # --- inside ----------------------------------------------------------------------

    async def _kept_list(self, clip: ClipId) -> bytes | None:
        try:
            return await self._store.get_bytes(evidence.leaf_list_key(clip))
        except StoreAwayError:
            raise
        except StoreError:
            # Not kept by earlier versions, or spoilt like the rest.
            return None

    async def _built(
        self,
        staged: Path,
        key: str,
        damage: Damage,
        leaves: Sequence[bytes],
        replicas: Sequence[Replica],
    ) -> Built:
        try:
            async with self._store.as_file(key) as own:
                return await asyncio.to_thread(build, staged, own, damage.sealed, leaves, replicas)
        except OSError as error:
            kind = StoreFullError if error.errno in FULL else StoreError
            raise kind(f"{staged.name}: {error.strerror}") from error

    async def _read_back(self, staged: Path, sealed: Sealed) -> StoredHash:
        try:
            with read_back(staged) as reader:
                stored = await asyncio.to_thread(reader.sha256)
        except OSError as error:
            raise StoreError(f"{staged.name}: {error.strerror}") from error
        if (stored.size, stored.sha256) != (sealed.size, sealed.sha256):
            raise StoreError(
                f"{sealed.clip}: what was put together reads back as {stored.size} bytes with "
                f"SHA-256 {stored.sha256.hex()}; nothing was changed: check the disk"
            )
        return stored

    async def _is_whole(self, body: ClipRepaired) -> bool:
        try:
            key = evidence.object_key(ClipId.parse(body.clip))
            stored = await self._store.sha256_uncached(key)
        except ObjectMissingError:
            return False
        return (stored.size, stored.sha256.hex()) == (body.size, body.sha256)

    async def _state(self, body: ClipRepaired) -> int:
        clip = ClipId.parse(body.clip)

        async def also(session: AsyncSession, _: list[int]) -> None:
            await evidence.mark_back(session, clip)
            for code in (alarms.READ_BACK, alarms.WRONG_BYTES, alarms.CONTENT_MISSING):
                await alarms.clear_alarm(
                    session, dock=clip.dock, by=alarms.BY_GATEWAY, code=code, about=str(clip)
                )

        said = await self._log.append_own(body, clip.clip_urn, (_urn(body),), also=also)
        _event.warning("clip.repaired", clip=body.clip, leaves=body.replaced, entry=said.index)
        return said.index


def _urn(body: ClipRepaired) -> str:
    return f"urn:evidock:repair:{body.repair}"


def _body(
    damage: Damage, built: Built, stored: StoredHash, aside: str | None, by: str, reason: str
) -> ClipRepaired:
    sealed, found = damage.sealed, damage.found
    sha256 = None if found.size is None or found.sha256 is None else found.sha256.hex()
    return ClipRepaired(
        clip=str(sealed.clip),
        repair=secrets.token_hex(_ID_BYTES),
        size=stored.size,
        sha256=stored.sha256.hex(),
        root=sealed.root.hex(),
        read_back=stored.method,
        before=FoundDamaged(size=found.size, sha256=sha256, aside=aside),
        replaced=len(built.sources),
        leaves=built.runs(),
        by=by,
        reason=reason,
    )
