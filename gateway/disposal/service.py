"""Disposals: proposed by one person, approved or refused by another, and what became of them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from sqlalchemy import ColumnElement, false, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.access.policy import Reach
from gateway.access.principals import Kind, Principal
from gateway.access.scope import Scope
from gateway.cases.counting import SEPARATOR
from gateway.db import Database
from gateway.disposal.effects import OPEN, apply, items_of
from gateway.disposal.models import Disposal, DisposalItem, DisposalState
from gateway.disposal.persons import (
    PersonUnsureError,
    SamePersonError,
    refuse_nameless,
    refuse_same,
)
from gateway.disposal.selecting import Looked, Wanted, in_open_disposal, look
from gateway.disposal.sureness import ClockUnsureError, SureClock
from gateway.errors import ConflictError, NotFoundError
from gateway.evidence.models import Clip, ClipState
from gateway.evidence.service import get_clips
from gateway.log.models import LogEntry
from gateway.log.service import Log
from gateway.problems import Problem
from gateway.retention.service import InForce, Retention, decided
from protocols.ids import ClipId, disposal_urn
from protocols.kinds import (
    MAX_DUE_CLIPS,
    DisposalApproved,
    DisposalProposed,
    DisposalRefused,
    DueClip,
)

_TOKEN_BYTES = 16
_HOUR_S = 3600


class DisposalUnknownError(NotFoundError):
    """No disposal of that name, or none within reach."""


class NothingDueError(ConflictError):
    """No clip of those is due."""


class NotDueError(ConflictError):
    """A clip on the list is not due, or not to be had."""


class DisposalOverError(ConflictError):
    """It was approved, refused or closed already."""


class RulesMissingError(ConflictError):
    """No rules are in force that could be read: nothing is due."""


@dataclass(frozen=True, slots=True)
class NewDisposal:
    """What is proposed.

    Attributes:
        clips: these and no others; None takes the first that are due.
        wanted: where to look for those.
        unit: whose clips they are, and whose people decide.
    """

    clips: tuple[ClipId, ...] | None
    wanted: Wanted
    unit: str | None
    reason: str


class Disposals:
    """Acts on disposals and look-ups."""

    def __init__(
        self,
        database: Database,
        log: Log,
        retention: Retention,
        clock: SureClock,
        *,
        wait_hours: float,
    ) -> None:
        self._database, self._log, self._retention = database, log, retention
        self._clock = clock
        self._wait_s = round(wait_hours * _HOUR_S)
        self._acting = asyncio.Lock()

    async def dry_run(self, wanted: Wanted, limit: int) -> tuple[Looked, InForce | None]:
        """Which clips would be due; nothing is changed, and nobody is told."""
        rules = await self._retention.in_force()
        async with self._database.reading() as session:
            return await look(session, wanted, rules, limit), rules

    async def propose(self, who: Principal, new: NewDisposal) -> Disposal:
        """Put a fixed list of clips before another person.

        Raises:
            Problem: a program asks. PersonUnsureError: his account says not who he is.
            NothingDueError, NotDueError: see the words.
            ClockUnsureError: the clock ends no time now. RulesMissingError: there are no rules.
            GatewayError: the log cannot take it now.
        """
        refuse_programs(who)
        async with self._database.reading() as session:
            await refuse_nameless(session, who.id)
        await self._clock.compared()
        rules = await self._retention.in_force()
        if rules is None or rules.pack is None:
            raise RulesMissingError("no rule pack is in force that can be read: nothing is due")
        clips = new.clips or await self._first_due(new.wanted, rules)
        body = DisposalProposed(
            disposal=secrets.token_hex(_TOKEN_BYTES),
            clips=tuple(
                DueClip(clip=str(row.id), size=row.size, sha256=row.sha256.hex(), due=due)
                for row, due in await self._due(clips, new.wanted, rules)
            ),
            rules=rules.named,
            unit=new.unit,
            asker=who.id,
            by=who.signature,
            reason=new.reason,
        )

        async def also(session: AsyncSession, indices: list[int]) -> None:
            await _refuse_doubled(session, clips)
            await apply(session, body, indices[0])

        async with self._acting:
            urns = [clip.clip_urn for clip in clips]
            await self._log.append_own(body, disposal_urn(body.disposal), urns, also=also)
        return await self._get(body.disposal)

    async def approve(self, who: Principal, scope: Scope, token: str, reason: str) -> Disposal:
        """Agree to a disposal that somebody else proposed; the waiting time begins.

        Raises:
            Problem: a program asks. SamePersonError: the proposer, or the same officer.
            PersonUnsureError: nothing tells them apart.
            DisposalUnknownError: none within reach. DisposalOverError: decided already.
        """
        refuse_programs(who)
        async with self._acting:
            row = await self.disposal(token, scope)
            if row.state != DisposalState.PROPOSED:
                raise DisposalOverError(f"this disposal is {row.state}; it cannot be approved")
            async with self._database.reading() as session:
                await refuse_same(session, row.proposer, who.id)
            body = DisposalApproved(
                disposal=token,
                proposal=await self._hash_of(row.proposed_index),
                wait_s=self._wait_s,
                asker=who.id,
                by=who.signature,
                reason=reason,
            )
            return await self._state(body, row)

    async def refuse(self, who: Principal, scope: Scope, token: str, reason: str) -> Disposal:
        """End a disposal, also while it waits or is under way; what is gone stays gone.

        Raises:
            Problem: a program asks. DisposalUnknownError, DisposalOverError: as ``approve``.
        """
        refuse_programs(who)
        async with self._acting:
            row = await self.disposal(token, scope)
            if row.state not in OPEN:
                raise DisposalOverError(f"this disposal is {row.state} already")
            body = DisposalRefused(disposal=token, asker=who.id, by=who.signature, reason=reason)
            return await self._state(body, row)

    # --- look-ups --------------------------------------------------------------------

    async def disposal(self, token: str, scope: Scope) -> Disposal:
        """One disposal.

        Raises:
            DisposalUnknownError: none within reach.
        """
        query = select(Disposal).where(Disposal.token == token, _within(scope))
        async with self._database.reading() as session:
            row = await session.scalar(query)
        if row is None:
            raise DisposalUnknownError("no disposal of that name, or it is not yours to see")
        return row

    async def find(
        self, scope: Scope, *, state: DisposalState | None, before: int | None, limit: int
    ) -> Sequence[Disposal]:
        """Disposals within reach, newest first."""
        query = select(Disposal).where(_within(scope))
        if state is not None:
            query = query.where(Disposal.state == state.value)
        if before is not None:
            query = query.where(Disposal.proposed_index < before)
        query = query.order_by(Disposal.proposed_index.desc()).limit(limit)
        async with self._database.reading() as session:
            return (await session.scalars(query)).all()

    async def undecided(self, who: Principal, scope: Scope) -> int:
        """How many disposals within reach wait for somebody else than who proposed them."""
        query = (
            select(func.count())
            .select_from(Disposal)
            .where(Disposal.state == DisposalState.PROPOSED.value, Disposal.proposer != who.id)
            .where(_within(scope))
        )
        async with self._database.reading() as session:
            return await session.scalar(query) or 0

    async def items(self, token: str) -> Sequence[DisposalItem]:
        """Its clips, in the order of its list."""
        async with self._database.reading() as session:
            return (await session.scalars(items_of(token))).all()

    async def against_proposing(self, who: Principal) -> ConflictError | None:
        """Why somebody can propose nothing now, in words; None when he can."""
        try:
            await self._clock.compared()
            async with self._database.reading() as session:
                await refuse_nameless(session, who.id)
        except (ClockUnsureError, PersonUnsureError) as error:
            return error
        return None

    async def against_approving(self, who: Principal, row: Disposal) -> ConflictError | None:
        """Why somebody may not approve a disposal, in words; None when he is another person."""
        try:
            async with self._database.reading() as session:
                await refuse_same(session, row.proposer, who.id)
        except (SamePersonError, PersonUnsureError) as error:
            return error
        return None

    async def tombstone(self, clip: Clip) -> tuple[Disposal, datetime] | None:
        """By which disposal a clip went, and when; None when it is not disposed of."""
        if clip.state != ClipState.DISPOSED:
            return None
        query = (
            select(Disposal, LogEntry.admitted_at)
            .join(DisposalItem, DisposalItem.disposal == Disposal.token)
            .join(LogEntry, LogEntry.index == DisposalItem.disposed_index)
            .where(DisposalItem.disposed_index == clip.disposed_index)
        )
        async with self._database.reading() as session:
            found = (await session.execute(query)).first()
        return None if found is None else (found[0], found[1])

    async def refuse_disposed(self, clip: Clip) -> None:
        """Refuse the bytes of a clip that is disposed of, and say who decided that.

        Raises:
            Problem: 410; the clip is disposed of.
        """
        if clip.state != ClipState.DISPOSED:
            return
        found = await self.tombstone(clip)
        tombstone = f"entry {clip.disposed_index} of the log is its tombstone"
        words = f"{clip.id} was disposed of; {tombstone}"
        if found is not None:
            row, at = found
            words = (
                f"{clip.id} was disposed of at {at:%Y-%m-%dT%H:%M:%SZ}: proposed by "
                f"{row.proposed_by}, approved by {row.approved_by}; {tombstone}"
            )
        raise Problem(HTTPStatus.GONE, "clip-disposed", words)

    # --- inside ----------------------------------------------------------------------

    async def _first_due(self, wanted: Wanted, rules: InForce) -> tuple[ClipId, ...]:
        async with self._database.reading() as session:
            found = await look(session, wanted, rules, MAX_DUE_CLIPS)
        if not found.found:
            raise NothingDueError(
                "nothing is due"
                if found.next is None
                else f"nothing is due among the first {found.looked_at} clips; narrow it down"
            )
        return tuple(row.id for row, _ in found.found)

    async def _due(
        self, clips: Sequence[ClipId], wanted: Wanted, rules: InForce
    ) -> list[tuple[Clip, str]]:
        async with self._database.reading() as session:
            rows = await get_clips(session, clips)
            within = await _within_reach(session, list(rows.values()), wanted.within)
            decisions = await decided(session, list(rows.values()), rules)
        due = []
        for clip in clips:
            row = rows.get(clip)
            if row is None or clip not in within:
                raise NotFoundError(
                    f"no clip {clip} was sealed, or it is not yours to see or not of this unit"
                )
            decision = decisions[clip]
            if decision.expires is None or not decision.is_over(wanted.by):
                why = "; ".join(each.en for each in decision.keeping(wanted.by)[:3])
                raise NotDueError(f"{clip} is kept: {why}")
            due.append((row, decision.expires.isoformat()))
        return due

    async def _hash_of(self, index: int) -> str:
        async with self._database.reading() as session:
            return (await session.get_one(LogEntry, index)).statement_hash.hex()

    async def _state(self, body: DisposalApproved | DisposalRefused, row: Disposal) -> Disposal:
        async def also(session: AsyncSession, indices: list[int]) -> None:
            await apply(session, body, indices[0])

        urns = [item.clip.clip_urn for item in await self.items(row.token)]
        await self._log.append_own(body, disposal_urn(row.token), urns, also=also)
        return await self._get(row.token)

    async def _get(self, token: str) -> Disposal:
        async with self._database.reading() as session:
            return await session.get_one(Disposal, token)


def refuse_programs(who: Principal) -> None:
    """Refuse case systems and commands: what two persons decide, two people have signed in for.

    Raises:
        Problem: no person asks.
    """
    if who.kind is not Kind.PERSON:
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "not-a-person",
            "footage is disposed of by two people who signed in, by no program and no command",
        )


def _within(scope: Scope) -> ColumnElement[bool]:
    if scope.is_everything:
        return true()
    if scope.reach is not Reach.UNIT:
        return false()
    below = scope.principal.unit + SEPARATOR
    start = func.substr(Disposal.unit, 1, len(below))
    return or_(Disposal.unit == scope.principal.unit, start == below)


async def _within_reach(
    session: AsyncSession, rows: Sequence[Clip], within: ColumnElement[bool]
) -> set[ClipId]:
    indices = [row.entry_index for row in rows]
    query = select(Clip).where(Clip.entry_index.in_(indices), within)
    return {row.id for row in await session.scalars(query)}


async def _refuse_doubled(session: AsyncSession, clips: Sequence[ClipId]) -> None:
    rows = await get_clips(session, clips)
    indices = [row.entry_index for row in rows.values()]
    query = select(Clip).where(Clip.entry_index.in_(indices), in_open_disposal()).limit(1)
    doubled = await session.scalar(query)
    if doubled is not None:
        raise NotDueError(f"{doubled.id} is in another disposal that is not decided yet")
