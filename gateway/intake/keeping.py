"""A whole clip into final storage, read back from the disk, and stated as stored.

The order is the promise (protocols/SPEC 6): object durable, read back past the page cache and
compared, statement logged, and only then is anybody told. What reads back differently is
never released: an alarm is raised and the transfer begins again. Nothing is deleted here;
an object without a ``clip.stored`` has no standing and is replaced by the next attempt.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.errors import GatewayError, ObjectMissingError, StoreError
from gateway.evidence import service as evidence
from gateway.evidence.models import Clip
from gateway.intake import alarms, effects, revoking
from gateway.intake.assembler import finish_staged
from gateway.intake.leases import Held, check
from gateway.intake.means import Means
from gateway.previews import effects as previews
from gateway.storage.uncached import StoredHash
from gateway.unbroken import to_the_end
from protocols.ids import ClipId
from protocols.kinds import ClipStored

STORE_NAME = "local"
_ATTEMPTS = 3
_LATER_S = 600.0
_event = structlog.get_logger("gateway.intake")


class Kept(Enum):
    """What became of a whole clip."""

    STORED = "stored"
    DIFFERS = "differs"
    """the disk gave back other bytes than were verified: fetch them again"""
    CONTRADICTS = "contradicts"
    """the bytes lead to the sealed root, but not to the sealed SHA-256: the record is wrong"""
    REVOKED = "revoked"
    """its dock was revoked meanwhile, and it lies beyond the last trusted entry"""


class _BeyondRevocationError(GatewayError):
    """The dock was revoked before this could be stated."""


class Keeper:
    """Stores the clips of one dock."""

    def __init__(self, means: Means, lease: Held) -> None:
        self._means = means
        self._lease = lease

    async def keep(self, row: Clip, staged: Path) -> Kept:
        """Move a verified staging file to its place, read it back and say so in the log.

        Raises:
            ObjectMissingError: there is neither a staging file nor an object.
            GatewayError: store, log or database could not do it; begin again later.
            LeaseLostError: another worker serves the dock; nothing was stated.
        """
        # A thread cannot be cancelled: one left behind would move the file of the next attempt.
        await to_the_end(self._place(row, staged))
        return await self.confirm(row)

    async def _place(self, row: Clip, staged: Path) -> None:
        try:
            await asyncio.to_thread(finish_staged, staged, row.size)
        except FileNotFoundError:
            return  # moved already, or removed: the object itself is looked at next
        except OSError as error:
            raise StoreError(f"{staged.name}: {error.strerror}") from error
        await self._means.store.put_file(evidence.object_key(row.id), staged)

    async def confirm(self, row: Clip) -> Kept:
        """Read back the object of a clip and, if it is right, state that it is stored.

        Raises:
            ObjectMissingError: there is none.
            GatewayError, LeaseLostError: as ``keep``.
        """
        found = await self._means.store.sha256_uncached(evidence.object_key(row.id))
        if (found.size, found.sha256) == (row.size, row.sha256):
            try:
                if not await self._is_back(row):
                    await self._state(row, found)
            except _BeyondRevocationError:
                return Kept.REVOKED
            self._means.seen.add(row.id)
            return Kept.STORED
        stored = await self._means.store.digest_uncached(evidence.object_key(row.id))
        if (stored.size, stored.root) == (row.size, row.root) and stored.sha256 != row.sha256:
            await self._refuse(row)
            return Kept.CONTRADICTS
        await self._alarm(row.id, found)
        return Kept.DIFFERS

    async def _is_back(self, row: Clip) -> bool:
        """Whether the log says already that the clip is stored; its row then says so again."""
        async with self._means.database.session() as session:
            await check(session, self._lease)
            if not await evidence.mark_back(session, row.id):
                return False
            await self._clear(session, row)
        _event.warning("clip.back", clip=str(row.id), size=row.size)
        return True

    async def _clear(self, session: AsyncSession, row: Clip) -> None:
        for code in (alarms.READ_BACK, alarms.WRONG_BYTES, alarms.CONTENT_MISSING):
            await alarms.clear_alarm(
                session, dock=row.dock, by=alarms.BY_GATEWAY, code=code, about=str(row.id)
            )

    async def _state(self, row: Clip, found: StoredHash) -> None:
        body = ClipStored(
            clip=str(row.id),
            size=row.size,
            sha256=row.sha256.hex(),
            root=row.root.hex(),
            statement_hash=row.statement_hash.hex(),
            stores=(STORE_NAME,),
            read_back=found.method,
        )

        async def also(session: AsyncSession, indices: list[int]) -> None:
            await check(session, self._lease)
            if await effects.after_revocation(session, row.id):
                raise _BeyondRevocationError
            await evidence.mark_stored(session, body, indices[0])
            await previews.wait(session, row.id, indices[0])
            await self._clear(session, row)

        await self._means.log.append_own(body, row.id.clip_urn, also=also)
        _event.info("clip.stored", clip=str(row.id), size=row.size, read_back=found.method)

    async def _alarm(self, clip: ClipId, found: StoredHash) -> None:
        text = (
            f"the store gave back {found.size} bytes that are not the clip; "
            "it was not released and is being fetched again: check the disk"
        )
        async with self._means.database.session() as session:
            await alarms.raise_alarm(
                session,
                dock=clip.dock,
                by=alarms.BY_GATEWAY,
                code=alarms.READ_BACK,
                about=str(clip),
                text=text,
                since=self._means.clock.read().utc,
            )
        _event.error("clip.read-back-differs", clip=str(clip), method=found.method)

    async def _refuse(self, row: Clip) -> None:
        reason = "its bytes lead to the sealed root but have another SHA-256 than was sealed"
        async with self._means.database.session() as session:
            await check(session, self._lease)
            await evidence.mark_refused(session, row.id, reason)
            await effects.quarantine(session, row.id, row.entry_index, ("clip-sha256", reason))
        _event.error("clip.contradicts", clip=str(row.id))


@dataclass(frozen=True, slots=True)
class _Whole:
    """A clip to be kept: from its staging file, or, without one, as it lies in the store."""

    row: Clip
    staged: Path | None


class Keeping:
    """The whole clips of one dock, waiting to be kept; runs beside what still comes in."""

    def __init__(
        self,
        keeper: Keeper,
        *,
        stored: Callable[[Clip], None],
        again: Callable[[Clip], None],
        refused: Callable[[Clip, str, str], Awaitable[None]],
    ) -> None:
        """Start with none.

        Args:
            keeper: stores one clip.
            stored: told of every clip that is stored and stated so.
            again: told of every clip that is to be fetched once more.
            refused: told of every clip that can never be stored, with code and reason.
        """
        self._keeper = keeper
        self._stored = stored
        self._again = again
        self._refused = refused
        self._queue: asyncio.Queue[_Whole] = asyncio.Queue()
        self._attempts: Counter[ClipId] = Counter()
        self._later: list[tuple[float, Clip]] = []

    def add(self, row: Clip, staged: Path | None) -> None:
        """Keep a clip from its verified staging file; without one, as it lies in the store."""
        self._queue.put_nowait(_Whole(row, staged))

    async def run(self) -> None:
        """Keep clips until cancelled; may run several times at once.

        Raises:
            GatewayError: as ``Keeper.keep``.
        """
        while True:
            whole = await self._queue.get()
            try:
                kept = await self._keep(whole)
            except ObjectMissingError:
                # Somebody removed it under our hands; nothing was promised.
                _event.warning("clip.vanished", clip=str(whole.row.id))
                kept = Kept.DIFFERS
            match kept:
                case Kept.STORED:
                    self._attempts.pop(whole.row.id, None)
                    self._stored(whole.row)
                case Kept.DIFFERS:
                    self._try_again(whole.row)
                case Kept.CONTRADICTS:
                    reason = "the clip's bytes have another SHA-256 than its record says"
                    await self._refused(whole.row, "clip-sha256", reason)
                case Kept.REVOKED:
                    reason = revoking.reason_for(whole.row.dock)
                    await self._refused(whole.row, revoking.CODE, reason)

    def tick(self, now: float) -> None:
        """Fetch once more what was left alone for a while; call it now and then."""
        due = [row for until, row in self._later if until <= now]
        self._later = [each for each in self._later if each[0] > now]
        for row in due:
            self._again(row)

    async def _keep(self, whole: _Whole) -> Kept:
        if whole.staged is None:
            return await self._keeper.confirm(whole.row)
        return await self._keeper.keep(whole.row, whole.staged)

    def _try_again(self, row: Clip) -> None:
        self._attempts[row.id] += 1
        if self._attempts[row.id] < _ATTEMPTS:
            self._again(row)
        else:
            # A disk that errs every time is not to be written to death.
            now = asyncio.get_running_loop().time()
            self._later.append((now + _LATER_S, row))
