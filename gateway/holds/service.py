"""Holds: placed and lifted by statements in the log, one for each clip, or one for the case.

A hold and a disposal may be asked for at the same moment. Both are decided inside the log's
sequencer, in the transaction that commits them, so one of them comes first for everybody.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.access.scope import Scope
from gateway.cases.acting import refuse_merged
from gateway.cases.models import Case, CaseLink
from gateway.clock import GatewayClock
from gateway.db import Database
from gateway.errors import ConflictError, NotFoundError
from gateway.evidence.models import Clip, ClipState
from gateway.evidence.service import get_clips
from gateway.holds.covering import since_held
from gateway.holds.effects import apply
from gateway.holds.models import Hold, HoldClip
from gateway.log.service import Log, OwnAct
from protocols.ids import ClipId, case_urn, hold_urn
from protocols.kinds import HoldLifted, HoldPlaced

MAX_CLIPS = 250
_TOKEN_BYTES = 16


class HoldUnknownError(NotFoundError):
    """No hold of that name, or none within reach."""


class HoldLiftedError(ConflictError):
    """It was lifted before, by somebody else or for another reason."""


class ClipDisposedError(ConflictError):
    """A clip that was disposed of already: nothing is left to be held."""


class HoldBeyondReachError(ConflictError):
    """The hold is on clips, too, that are not within reach of whoever would lift it."""


@dataclass(frozen=True, slots=True)
class NewHold:
    """What is to be held and why.

    Attributes:
        case: the case; None for a hold on clips. clips: the clips.
        review_after: day, ``2027-06-30``.
    """

    case: Case | None
    clips: tuple[ClipId, ...]
    reason: str
    authority: str
    document: str | None
    review_after: str | None
    by: str


@dataclass(frozen=True, slots=True)
class HoldFilter:
    """Which holds a list shows; None means any.

    Attributes:
        due: those in force that somebody has to look at again, by this day.
        before: ``placed_index`` of the last of the page before.
    """

    clip: ClipId | None = None
    case: str | None = None
    in_force: bool | None = None
    due: str | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class HoldShown:
    """A hold, the number of its case, and the first clips that it names, of so many."""

    row: Hold
    case_no: str | None
    clips: tuple[ClipId, ...]
    count: int
    is_due: bool


class Holds:
    """Acts on holds and look-ups."""

    def __init__(self, database: Database, log: Log, clock: GatewayClock, zone: ZoneInfo) -> None:
        self._database, self._log, self._clock, self._zone = database, log, clock, zone
        self._acting = asyncio.Lock()

    async def place(self, new: NewHold) -> HoldShown:
        """Hold clips or a case; every call is a hold of its own.

        Raises:
            ClipDisposedError: one of the clips is gone; nothing was placed.
            NotFoundError: one of the clips was never sealed.
            GatewayError: the log cannot take it now.
        """
        token = secrets.token_hex(_TOKEN_BYTES)
        words = {
            "hold": token,
            "reason": new.reason,
            "authority": new.authority,
            "document": new.document,
            "until": new.review_after,
            "by": new.by,
        }
        acts = _acts(HoldPlaced, words, None if new.case is None else new.case.token, new.clips)

        async def also(session: AsyncSession, indices: list[int]) -> None:
            await _refuse_gone(session, new.clips)
            if new.case is not None:
                await refuse_merged(session, new.case.token)
            await _follow(session, acts, indices)

        await self._log.append_own_acts(acts, also=also)
        return await self._shown(token)

    async def lift(self, hold: str, scope: Scope, *, by: str, reason: str) -> HoldShown:
        """End a hold; the same again changes nothing.

        Raises:
            HoldUnknownError: none within reach. HoldBeyondReachError: only part of it is.
            HoldLiftedError: lifted before, in other words.
        """
        async with self._acting:
            row = (await self.hold(hold, scope)).row
            if row.lifted_index is not None:
                if (row.lifted_by, row.lift_reason) != (by, reason):
                    raise HoldLiftedError("this hold was lifted already, in other words")
                return await self._shown(hold)
            clips = await self._clips(hold)
            await self._refuse_beyond(clips, scope)
            words = {"hold": hold, "reason": reason, "by": by}
            acts = _acts(HoldLifted, words, row.case, clips)

            async def also(session: AsyncSession, indices: list[int]) -> None:
                if row.case is not None:
                    await refuse_merged(session, row.case)
                await _follow(session, acts, indices)

            await self._log.append_own_acts(acts, also=also)
            return await self._shown(hold)

    # --- look-ups --------------------------------------------------------------------

    async def hold(self, hold: str, scope: Scope) -> HoldShown:
        """One hold.

        Raises:
            HoldUnknownError: none within reach.
        """
        query = select(Hold).where(Hold.token == hold, _within(scope))
        async with self._database.reading() as session:
            if await session.scalar(query) is None:
                raise HoldUnknownError("no hold of that name, or it is not yours to see")
        return await self._shown(hold)

    async def find(self, wanted: HoldFilter, scope: Scope, limit: int) -> list[HoldShown]:
        """Holds within reach, newest first."""
        query = select(Hold).where(_within(scope)).order_by(Hold.placed_index.desc()).limit(limit)
        if wanted.before is not None:
            query = query.where(Hold.placed_index < wanted.before)
        if wanted.case is not None:
            query = query.where(Hold.case == wanted.case)
        if wanted.in_force is not None:
            over = Hold.lifted_index.is_not(None)
            query = query.where(~over if wanted.in_force else over)
        if wanted.due is not None:
            query = query.where(*_due(wanted.due))
        if wanted.clip is not None:
            query = query.where(_covers(wanted.clip))
        async with self._database.reading() as session:
            rows = (await session.scalars(query)).all()
            return [await self._complete(session, row) for row in rows]

    async def to_review(self, scope: Scope) -> int:
        """How many holds within reach somebody has to look at again."""
        query = select(func.count()).select_from(Hold).where(_within(scope), *_due(self.today()))
        async with self._database.reading() as session:
            return await session.scalar(query) or 0

    # --- inside ----------------------------------------------------------------------

    async def _shown(self, hold: str) -> HoldShown:
        async with self._database.reading() as session:
            return await self._complete(session, await session.get_one(Hold, hold))

    async def _complete(self, session: AsyncSession, row: Hold) -> HoldShown:
        number = select(Case.case_no).where(Case.token == row.case)
        count = select(func.count()).select_from(HoldClip).where(HoldClip.hold == row.token)
        first = (await session.scalars(_clips_of(row.token).limit(MAX_CLIPS))).all()
        return HoldShown(
            row,
            None if row.case is None else await session.scalar(number),
            tuple(each.clip for each in first),
            await session.scalar(count) or 0,
            row.is_due(self.today()),
        )

    def today(self) -> str:
        """The agency's day, by the gateway's clock."""
        return self._clock.now().astimezone(self._zone).date().isoformat()

    async def _clips(self, hold: str) -> tuple[ClipId, ...]:
        async with self._database.reading() as session:
            return tuple(each.clip for each in await session.scalars(_clips_of(hold)))

    async def _refuse_beyond(self, clips: Sequence[ClipId], scope: Scope) -> None:
        if scope.is_everything or not clips:
            return
        async with self._database.reading() as session:
            mine = [
                await session.scalar(
                    select(Clip.seq).where(
                        *(Clip.dock == clip.dock, Clip.epoch == clip.epoch, Clip.seq == clip.seq),
                        scope.clips(),
                    )
                )
                for clip in clips
            ]
        if None in mine:
            raise HoldBeyondReachError(
                "it names clips of other units, too; somebody above all of them can lift it"
            )


def _acts(
    kind: type[HoldPlaced | HoldLifted],
    words: Mapping[str, str | None],
    case: str | None,
    clips: Sequence[ClipId],
) -> list[OwnAct]:
    extra = (hold_urn(str(words["hold"])),)
    if case is not None:
        return [OwnAct(kind.model_validate({**words, "case": case}), case_urn(case), extra)]
    return [
        OwnAct(kind.model_validate({**words, "clip": str(clip)}), clip.clip_urn, extra)
        for clip in clips
    ]


async def _follow(session: AsyncSession, acts: Sequence[OwnAct], indices: Sequence[int]) -> None:
    for act, index in zip(acts, indices, strict=True):
        if isinstance(act.body, HoldPlaced | HoldLifted):
            await apply(session, act.body, index)


async def _refuse_gone(session: AsyncSession, clips: Sequence[ClipId]) -> None:
    rows = await get_clips(session, clips)
    for clip in clips:
        if clip not in rows:
            raise NotFoundError(f"no clip {clip} was sealed, as far as the log knows")
        if rows[clip].state == ClipState.DISPOSED:
            raise ClipDisposedError(f"{clip} was disposed of; leave it out of the hold")


def _clips_of(hold: str) -> Select[HoldClip]:
    return (
        select(HoldClip)
        .where(HoldClip.hold == hold)
        .order_by(HoldClip.dock, HoldClip.epoch, HoldClip.seq)
    )


def _within(scope: Scope) -> ColumnElement[bool]:
    """Holds on a clip or a case within reach."""
    at = (Clip.dock == HoldClip.dock, Clip.epoch == HoldClip.epoch, Clip.seq == HoldClip.seq)
    return or_(
        exists().where(HoldClip.hold == Hold.token, *at, scope.clips()),
        exists().where(Case.token == Hold.case, scope.cases()),
    )


def _due(today: str) -> tuple[ColumnElement[bool], ...]:
    return Hold.lifted_index.is_(None), Hold.review_after < today


def _covers(clip: ClipId) -> ColumnElement[bool]:
    return or_(
        *(
            exists().where(
                link, table.dock == clip.dock, table.epoch == clip.epoch, table.seq == clip.seq
            )
            for table, link in (
                (HoldClip, HoldClip.hold == Hold.token),
                (CaseLink, (CaseLink.case == Hold.case) & since_held()),
            )
        )
    )
