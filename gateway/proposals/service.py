"""Proposals: worked out when somebody asks, accepted or rejected by statements in the log.

Nothing is kept of a proposal itself, so it is as good for a clip that comes after its case as
for a case that is opened, or changed, after its clips.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.cases.acting import Known, refuse_sealed
from gateway.cases.details import CaseOfficerRow, CaseStageRow
from gateway.cases.effects import active_link
from gateway.cases.footage import footage_of
from gateway.cases.models import Case, CaseLink, CaseState
from gateway.cases.service import Cases, ClipUnknownError, NewLink
from gateway.clock import GatewayClock
from gateway.conditional import ANYHOW, Conditions
from gateway.config import CasesSection
from gateway.db import Database
from gateway.errors import ConflictError, NotFoundError
from gateway.evidence.models import Clip
from gateway.evidence.service import get_clip
from gateway.proposals import candidates
from gateway.proposals.models import ProposalRejection
from gateway.proposals.scoring import (
    CaseFacts,
    ClipFacts,
    Score,
    TimedStage,
    folded,
    score,
    until,
)
from protocols.ids import ClipId
from protocols.kinds import ProposalRejected

_Row = TypeVar("_Row", CaseOfficerRow, CaseStageRow)
_WORDS: Final = 2000
_PART: Final = 900


class ProposalUnknownError(NotFoundError):
    """The clip is not proposed for the case now."""


class ClipLinkedError(ConflictError):
    """The clip is linked to the case: a link is withdrawn, not rejected."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A clip that may belong to a case."""

    case: Case
    clip: Clip
    score: Score


@dataclass(frozen=True, slots=True)
class Proposals:
    """The best ones first, and whether more was there than was looked at or is shown."""

    proposals: tuple[Proposal, ...]
    more: bool


class Proposing:
    """Works proposals out, and states what people decide about them."""

    def __init__(
        self, database: Database, cases: Cases, settings: CasesSection, clock: GatewayClock
    ) -> None:
        self._database, self._cases, self._clock = database, cases, clock
        self._zone = ZoneInfo(settings.zone)

    async def for_case(self, case: Case, *, within: ColumnElement[bool], limit: int) -> Proposals:
        """Clips that may belong to a case.

        Args:
            case: which; nothing is proposed for one that is closed.
            within: which clips the asker may see.
            limit: how many at most.
        """
        if case.state is not CaseState.OPEN:
            return Proposals((), more=False)
        async with self._database.reading() as session:
            facts = (await self._facts(session, [case]))[case.token]
            found = await candidates.clips_for(session, await self._known(session, case))
            decided = await candidates.decided(session, [case], None)
            left = [row for row in found.clips if (case.token, row.id) not in decided]
            seen = await _seen(session, left, within)
        scored = [
            Proposal(case, row, score(facts, self._clip(row), self._zone))
            for row in left
            if row.entry_index in seen
        ]
        return _best(scored, limit, more=found.more)

    async def for_clip(self, clip: Clip, *, within: ColumnElement[bool], limit: int) -> Proposals:
        """Cases that a clip may belong to.

        Args:
            clip: which.
            within: which cases the asker may see.
            limit: how many at most.
        """
        async with self._database.reading() as session:
            found = await candidates.cases_for(session, clip)
            tokens = [case.token for case in found.cases]
            seen = set(
                await session.scalars(select(Case.token).where(Case.token.in_(tokens), within))
            )
            cases = [case for case in found.cases if case.token in seen]
            decided = await candidates.decided(session, cases, clip.id)
            left = [case for case in cases if (case.token, clip.id) not in decided]
            facts = await self._facts(session, left)
        mine = self._clip(clip)
        scored = [Proposal(case, clip, score(facts[case.token], mine, self._zone)) for case in left]
        return _best(scored, limit, more=found.more)

    async def accept(
        self,
        case_no: str,
        clip: ClipId,
        *,
        by: str,
        why: str | None,
        knows: Conditions = ANYHOW,
    ) -> tuple[CaseLink, bool]:
        """Link a clip that is proposed; the reasons stand in the link.

        Returns:
            The link, and whether this call made it.

        Raises:
            CaseUnknownError, ClipUnknownError: there is no such case or clip.
            ProposalUnknownError: it is not proposed. CaseSealedError: the case is closed.
            Problem: the case is not as the asker knows it.
        """
        case = await self._cases.case(case_no)
        refuse_sealed(case)
        async with self._database.reading() as session:
            row = await get_clip(session, clip)
            if row is None:
                raise ClipUnknownError(f"no clip {clip} was sealed, as far as the log knows")
            linked = await _active(session, case, clip)
            if linked is not None:
                return linked, False
            found = await self._score(session, case, row)
        if found is None:
            raise ProposalUnknownError(
                "this clip is not proposed for this case, or not any more; link it with a reason"
            )
        words = f"proposal, {found.words}"[:_PART]
        said = words if why is None else f"{words}. {why}"[:_WORDS]
        new = NewLink(clip, by, said, "confirmed-proposal")
        return await self._cases.link(case_no, new, knows=knows)

    async def reject(
        self, case_no: str, clip: ClipId, *, by: str, why: str, knows: Conditions = ANYHOW
    ) -> ProposalRejection:
        """Say that a clip does not belong to a case; it is proposed no more for it as it is.

        Raises:
            CaseUnknownError, ClipUnknownError: there is no such case or clip.
            ClipLinkedError: it is linked to it. CaseSealedError: the case is closed.
            Problem: the case is not as the asker knows it.
        """
        acts = self._cases.acts
        async with acts.one:
            case = await self._cases.case(case_no)
            async with self._database.reading() as session:
                if await get_clip(session, clip) is None:
                    raise ClipUnknownError(f"no clip {clip} was sealed, as far as the log knows")
                if await _active(session, case, clip) is not None:
                    raise ClipLinkedError("the clip is linked to this case; unlink it instead")
                newest = await _rejection(session, case, clip)
            since = case.set_index or -1
            if newest is not None and newest.rejected_index > since:
                # It holds already, whoever said so and however.
                return newest
            refuse_sealed(case)
            body = ProposalRejected(
                case=case.token, case_no=case.case_no, clip=str(clip), by=by, why=why
            )
            (index,) = await acts.state(body, clip=clip, known=Known(case.token, knows))
            async with self._database.reading() as session:
                return await session.get_one(ProposalRejection, index)

    # --- what is known ---------------------------------------------------------------

    async def _score(self, session: AsyncSession, case: Case, row: Clip) -> Score | None:
        """The score of one pair; None when it is no proposal, or was decided on."""
        if (case.token, row.id) in await candidates.decided(session, [case], row.id):
            return None
        facts = (await self._facts(session, [case]))[case.token]
        found = score(facts, self._clip(row), self._zone)
        return found if found.is_proposal else None

    def _clip(self, row: Clip) -> ClipFacts:
        officers = {folded(name) for name in (row.officer, row.corrected_officer) if name}
        units = {unit for unit in (row.unit, row.corrected_unit) if unit}
        return ClipFacts(
            footage=footage_of(str(row.id), row, self._zone),
            officers=frozenset(officers),
            units=frozenset(units),
            camera=row.camera,
            session=row.session,
        )

    async def _facts(self, session: AsyncSession, cases: Sequence[Case]) -> Mapping[str, CaseFacts]:
        tokens = [case.token for case in cases]
        officers = await _rows_by_case(session, CaseOfficerRow, tokens)
        stages = await _rows_by_case(session, CaseStageRow, tokens)
        beside = await candidates.beside(session, tokens)
        return {
            case.token: CaseFacts(
                numbers=frozenset(
                    folded(row.number) for row in officers.get(case.token, ()) if row.number
                ),
                names=frozenset(folded(row.name) for row in officers.get(case.token, ())),
                unit=case.unit,
                stages=self._timed(case, stages.get(case.token, ())),
                filed=case.filed,
                cameras=frozenset(row[2] for row in beside.get(case.token, ()) if row[2]),
                sessions=frozenset(row[1] for row in beside.get(case.token, ())),
            )
            for case in cases
        }

    def _timed(self, case: Case, stages: Sequence[CaseStageRow]) -> tuple[TimedStage, ...]:
        known = (case.particulars or {}).get("stages", ())
        said = {each["name"]: each.get("place") for each in known}
        now = self._clock.now()
        return tuple(
            TimedStage(row.name, until(row.started_at, row.ended_at, now), said.get(row.name))
            for row in stages
            if row.started_at is not None
        )

    async def _known(self, session: AsyncSession, case: Case) -> candidates.Known:
        officers = (await _rows_by_case(session, CaseOfficerRow, [case.token])).get(case.token, ())
        stages = (await _rows_by_case(session, CaseStageRow, [case.token])).get(case.token, ())
        spans = [stage.span for stage in self._timed(case, stages)]
        beside = (await candidates.beside(session, [case.token])).get(case.token, ())
        return candidates.Known(
            names=frozenset(
                name for row in officers for name in (row.number, row.name) if name is not None
            ),
            unit=case.unit,
            windows=candidates.windows_of(spans, candidates.day_of(case, self._zone)),
            # The newest of a large case are enough to lead to others.
            cameras=frozenset(row[2] for row in beside[-candidates.AT_MOST :] if row[2]),
            sessions=frozenset(row[1] for row in beside[-candidates.AT_MOST :]),
        )


def _best(scored: Sequence[Proposal], limit: int, *, more: bool) -> Proposals:
    fit = [each for each in scored if each.score.is_proposal]
    fit.sort(key=lambda each: (-each.score.points, -each.clip.entry_index, -each.case.opened_index))
    return Proposals(tuple(fit[:limit]), more=more or len(fit) > limit)


async def _seen(
    session: AsyncSession, clips: Sequence[Clip], within: ColumnElement[bool]
) -> set[int]:
    found: set[int] = set()
    for start in range(0, len(clips), candidates.AT_MOST):
        some = [clip.entry_index for clip in clips[start : start + candidates.AT_MOST]]
        query = select(Clip.entry_index).where(Clip.entry_index.in_(some), within)
        found |= set(await session.scalars(query))
    return found


async def _rows_by_case(
    session: AsyncSession, table: type[_Row], tokens: Sequence[str]
) -> dict[str, list[_Row]]:
    query = select(table).where(table.case.in_(tokens)).order_by(table.case, table.place)
    found: dict[str, list[_Row]] = {}
    for row in await session.scalars(query):
        found.setdefault(row.case, []).append(row)
    return found


async def _active(session: AsyncSession, case: Case, clip: ClipId) -> CaseLink | None:
    return await session.scalar(active_link(case.token, clip))


async def _rejection(session: AsyncSession, case: Case, clip: ClipId) -> ProposalRejection | None:
    query = (
        select(ProposalRejection)
        .where(ProposalRejection.case == case.token, ProposalRejection.dock == clip.dock)
        .where(ProposalRejection.epoch == clip.epoch, ProposalRejection.seq == clip.seq)
        .order_by(ProposalRejection.rejected_index.desc())
        .limit(1)
    )
    return await session.scalar(query)
