"""Pages of a dock's ledger into the log: decided one by one, committed together.

A page may be anybody's: it is decoded strictly, what is old in it is skipped unless it
differs from what is logged, and the rest is admitted in order up to the first refusal. The
rows that follow are written in the transaction that logs the entries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.crashpoints import reach
from gateway.docks.service import DockUnknownError
from gateway.errors import LogRewoundError
from gateway.intake import alarms, effects, refusals
from gateway.intake.admit import Admitted, Refused, admit
from gateway.intake.leases import Held, check
from gateway.intake.means import Means
from gateway.intake.models import EpochApproval, Quarantine
from hashing.ledger import DockHead
from protocols.ids import DockId, EntryId
from protocols.messages import Entry, Head
from protocols.records import CheckpointRef
from protocols.rotation import DockKeys

_MAX_CLAIMS = 100
_event = structlog.get_logger("gateway.intake")


@dataclass(frozen=True, slots=True)
class Logged:
    """One entry that is in the log now.

    Attributes:
        doubt: why its effect was refused, None when it was not.
    """

    admitted: Admitted
    index: int
    doubt: effects.Doubt | None


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a page."""

    logged: tuple[Logged, ...] = ()
    refused: tuple[Entry, Refused] | None = None


class Entries:
    """The ledger of one dock, as far as it is logged."""

    def __init__(self, means: Means, lease: Held) -> None:
        self._means = means
        self._lease = lease
        self._keys: DockKeys | None = None
        self._dock: DockId = lease.dock
        self._confirmed: CheckpointRef | None = None
        self._claims: set[CheckpointRef] = set()
        self.head: DockHead | None = None

    async def load(self) -> None:
        """Find out where the ledger stands in the log, and which keys sign it.

        Raises:
            DockUnknownError: the dock is not enrolled.
            GatewayError: what an earlier run left to state could not be stated.
        """
        self.head = await self._means.log.dock_head(self._dock)
        await self._learn_keys()

    async def _learn_keys(self) -> DockKeys:
        """The dock's keys, once the log says of all of them what the dock says."""
        await self._means.docks.confirm_rotations(self._dock)
        self._keys = await self._means.docks.keys(self._dock)
        if self._keys is None:
            msg = f"no dock {self._dock!r} is enrolled"
            raise DockUnknownError(msg)
        return self._keys

    @property
    def next(self) -> tuple[int, int]:
        """Epoch and number of the entry that comes next."""
        return (self.head.epoch, self.head.seq + 1) if self.head else (0, 0)

    async def take(self, page: Sequence[Entry]) -> Taken:
        """Log what of a page is next.

        Raises:
            GatewayError: log, store or database could not do it; begin again later.
            LeaseLostError: another worker serves the dock; nothing was logged.
        """
        known = (self.head.epoch, self.head.seq) if self.head else (-1, -1)
        fresh = sorted(
            (entry for entry in page if (entry.epoch, entry.seq) > known),
            key=lambda entry: (entry.epoch, entry.seq),
        )
        if not fresh:
            return await self._compare_old(page)
        approved = await self._approved_epoch() if fresh[-1].epoch > max(known[0], 0) else None
        logged: list[Logged] = []
        while fresh:
            keys = self._keys or await self._learn_keys()
            # Signatures and large records would hold up every other dock on this loop.
            admitted, refused = await asyncio.to_thread(self._decide, fresh, keys, approved)
            logged += await self._log(admitted) if admitted else ()
            if refused is not None:
                await self.keep_refused(*refused)
                return Taken(tuple(logged), refused)
            fresh = fresh[len(admitted) :]
        return Taken(tuple(logged))

    def _decide(
        self, fresh: Sequence[Entry], keys: DockKeys, approved: int | None
    ) -> tuple[list[Admitted], tuple[Entry, Refused] | None]:
        """Decide up to the first refusal, or the first entry after which another key may sign."""
        admitted: list[Admitted] = []
        head = self.head
        for entry in fresh:
            verdict = admit(entry, dock=self._dock, keys=keys, head=head, approved_epoch=approved)
            if isinstance(verdict, Refused):
                return admitted, (entry, verdict)
            admitted.append(verdict)
            head = verdict.head
            if verdict.rotates:
                break
        return admitted, None

    async def _log(self, admitted: Sequence[Admitted]) -> tuple[Logged, ...]:
        async def also(session: AsyncSession, indices: list[int]) -> None:
            await check(session, self._lease)
            for each, index in zip(admitted, indices, strict=True):
                await effects.apply(session, each.entry, index)

        indices = await self._means.log.append([each.entry for each in admitted], also=also)
        reach("intake.admitted")
        self.head = admitted[-1].head
        if admitted[-1].rotates:
            # If this fails, whoever begins again does it before anything else.
            self._keys = None
            await self._learn_keys()
        doubts = await self._doubts(indices)
        await self._confirm_witness(admitted)
        _event.info(
            "entries.logged",
            dock=self._dock,
            count=len(indices),
            seq=self.head.seq,
            last=indices[-1],
        )
        return tuple(
            Logged(each, index, doubts.get(index))
            for each, index in zip(admitted, indices, strict=True)
        )

    async def _doubts(self, indices: Sequence[int]) -> dict[int, effects.Doubt]:
        query = select(Quarantine).where(Quarantine.entry_index.in_(indices))
        async with self._means.database.reading() as session:
            rows = (await session.scalars(query)).all()
        return {row.entry_index: (row.code, row.reason) for row in rows}

    # --- what contradicts the log -----------------------------------------------------

    async def forks_at(self, head: Head) -> bool:
        """Whether an announced head names an entry that is logged differently.

        A head is nobody's signature; the entry itself has to be looked at.
        """
        if head.seq is None or (head.epoch, head.seq) >= self.next:
            return False
        name = EntryId(self._dock, head.epoch, head.seq)
        async with self._means.database.reading() as session:
            found = await effects.logged_hash(session, name)
        return found is not None and found.hex() != head.hash

    async def _compare_old(self, page: Sequence[Entry]) -> Taken:
        """Old entries again are the link's doing, unless the dock signed another one there."""
        for entry in page:
            name = EntryId(self._dock, entry.epoch, entry.seq)
            async with self._means.database.reading() as session:
                logged = await effects.logged_hash(session, name)
            if logged is None:
                continue
            verdict = await asyncio.to_thread(
                admit,
                entry,
                dock=self._dock,
                keys=self._keys or await self._learn_keys(),
                head=DockHead(entry.epoch, entry.seq, logged),
            )
            if isinstance(verdict, Refused) and verdict.code in refusals.FORKS:
                await self.keep_refused(entry, verdict)
                return Taken(refused=(entry, verdict))
        return Taken()

    async def keep_refused(self, entry: Entry, refused: Refused) -> None:
        """Keep an entry that was not admitted, and raise an alarm for two histories."""
        async with self._means.database.session() as session:
            new = await refusals.keep(session, self._dock, entry, refused, self._means.clock.now())
            # Also when there was no room to keep it: others may have filled that.
            if refused.signed and refused.code in refusals.FORKS:
                await self._raise(session, alarms.FORKED, f"{refused.code}: {refused.reason}")
        if new:
            _event.warning(
                "entry.refused",
                entry=f"{self._dock}.{entry.epoch}.{entry.seq}",
                code=refused.code,
                reason=refused.reason,
            )

    async def _confirm_witness(self, admitted: Sequence[Admitted]) -> None:
        """A dock signs which checkpoint it has accepted: this log must contain it."""
        named = {each.record.checkpoint for each in admitted if each.record}
        for checkpoint in named - {None, self._confirmed}:
            if checkpoint is None or not await self.confirm(checkpoint, signed=True):
                continue
            self._confirmed = checkpoint

    async def confirm(self, checkpoint: CheckpointRef, *, signed: bool) -> bool:
        """Whether this log contains a checkpoint that the dock names; an alarm if not."""
        try:
            await self._means.log.confirm(checkpoint.size, bytes.fromhex(checkpoint.root))
        except LogRewoundError as error:
            if signed or self._is_news(checkpoint):
                _event.critical("log.witness-differs", dock=self._dock, reason=str(error))
                async with self._means.database.session() as session:
                    code = alarms.REWOUND if signed else alarms.CLAIMED
                    await self._raise(session, code, str(error))
            return False
        return True

    def _is_news(self, claim: CheckpointRef) -> bool:
        """Whether a claim that nobody signed was not heard before; anybody may make many."""
        if claim in self._claims or len(self._claims) >= _MAX_CLAIMS:
            return False
        self._claims.add(claim)
        return True

    async def _raise(self, session: AsyncSession, code: str, text: str) -> None:
        await alarms.raise_alarm(
            session,
            dock=self._dock,
            by=alarms.BY_GATEWAY,
            code=code,
            about=None,
            text=text,
            since=self._means.clock.read().utc,
        )

    async def _approved_epoch(self) -> int | None:
        query = (
            select(EpochApproval.epoch)
            .where(EpochApproval.dock == self._dock)
            .order_by(EpochApproval.epoch.desc())
            .limit(1)
        )
        async with self._means.database.reading() as session:
            return await session.scalar(query)


def pause_for(times: int) -> float:
    """Seconds until an entry that was refused so often is asked for again."""
    return min(60.0, 10.0 * 2.0 ** min(times, 5))
