"""Which clips are looked at for a case, and which cases for a clip: few, and found by indexes.

Every way in has its own limit, so neither a busy officer nor a busy day makes it a look at
everything. What is left out is the oldest, and the answer says that there is more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, false, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.cases.counting import units_above
from gateway.cases.details import CaseOfficerRow, CaseStageRow
from gateway.cases.footage import Span
from gateway.cases.models import Case, CaseLink
from gateway.evidence.models import OFFICER, UNIT, Clip, ClipState, CountsTo
from gateway.evidence.times import WIDEST
from gateway.proposals.models import ProposalRejection
from gateway.proposals.scoring import RECENT
from protocols.ids import ClipId, DockId

AT_MOST: Final = 300
"""Clips or cases of one way in."""
_MOST_WINDOWS: Final = 20
_AROUND: Final = timedelta(hours=2)
_LONG: Final = timedelta(days=3)
_LINKED: Final = and_(
    CaseLink.dock == Clip.dock, CaseLink.epoch == Clip.epoch, CaseLink.seq == Clip.seq
)
_Decided = TypeVar("_Decided", CaseLink, ProposalRejection)


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, and whether some way in had more than is looked at."""

    clips: tuple[Clip, ...] = ()
    cases: tuple[Case, ...] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What leads from a case to clips: its people, its times, and the clips that it has."""

    names: frozenset[str]
    unit: str | None
    windows: tuple[Span, ...]
    cameras: frozenset[str]
    sessions: frozenset[str]


def windows_of(stages: Iterable[Span], filed: Span | None) -> tuple[Span, ...]:
    """The times that a case is about, with some room; the newest ones when there are many."""
    spans = sorted(stages, reverse=True)[:_MOST_WINDOWS] or ([filed] if filed else [])
    return tuple((start - _AROUND, end + _AROUND) for start, end in spans)


def day_of(case: Case, zone: ZoneInfo) -> Span | None:
    """The day on which a case was filed."""
    if case.filed is None:
        return None
    start = datetime.combine(case.filed, time(), zone).astimezone(UTC)
    return start, start + timedelta(days=1)


async def clips_for(session: AsyncSession, known: Known) -> Found:
    """The clips that a case may have lost sight of, newest first."""
    found: dict[ClipId, Clip] = {}
    more = False
    for query in _ways_to_clips(known):
        rows = (await session.scalars(query.limit(AT_MOST + 1))).all()
        more = more or len(rows) > AT_MOST
        found |= {row.id: row for row in rows[:AT_MOST]}
    newest = sorted(found.values(), key=lambda row: -row.entry_index)
    return Found(clips=tuple(newest), more=more)


def _ways_to_clips(known: Known) -> Iterator[Select[Clip]]:
    newest = select(Clip).order_by(Clip.entry_index.desc())
    newest = newest.where(Clip.state.not_in((ClipState.REFUSED.value, ClipState.DISPOSED.value)))
    then = or_(false(), *map(_then, known.windows))
    if known.windows and known.names:
        yield newest.where(_counts(OFFICER, known.names), then)
    if known.windows and known.cameras:
        yield newest.where(Clip.camera.in_(sorted(known.cameras)), then)
    if known.sessions:
        yield newest.where(Clip.session.in_(sorted(known.sessions)))
    short = [span for span in known.windows if span[1] - span[0] <= _LONG]
    if known.unit is not None and short:
        yield newest.where(or_(false(), *map(_started, short)), _counts(UNIT, {known.unit}))


def _then(span: Span) -> ColumnElement[bool]:
    """Recorded within a window, as far as anything is known of it."""
    dated = and_(Clip.started_earliest <= span[1], Clip.ended_latest >= span[0])
    docked = Clip.ended_latest.between(span[0], span[1] + RECENT)
    return or_(dated, and_(Clip.started_earliest.is_(None), docked))


def _started(span: Span) -> ColumnElement[bool]:
    """The same for what began at a known time: one walk through the index of starts."""
    first = Clip.started_earliest.between(span[0] - WIDEST, span[1])
    return and_(first, Clip.ended_latest >= span[0])


def _counts(kind: str, names: Collection[str]) -> ColumnElement[bool]:
    of = select(CountsTo.entry_index).where(CountsTo.kind == kind, CountsTo.name.in_(sorted(names)))
    return Clip.entry_index.in_(of)


async def cases_for(session: AsyncSession, clip: Clip) -> Found:
    """The open cases that a clip may belong to, newest first."""
    found: dict[str, Case] = {}
    more = False
    for query in _ways_to_cases(clip):
        rows = (await session.scalars(query.limit(AT_MOST + 1))).all()
        more = more or len(rows) > AT_MOST
        found |= {row.token: row for row in rows[:AT_MOST]}
    newest = sorted(found.values(), key=lambda row: -row.opened_index)
    return Found(cases=tuple(newest), more=more)


def _ways_to_cases(clip: Clip) -> Iterator[Select[Case]]:
    newest = select(Case).order_by(Case.opened_index.desc())
    newest = newest.where(Case.survivor.is_(None), Case.sealed_index.is_(None))
    names = sorted({name for name in (clip.officer, clip.corrected_officer) if name})
    if names:
        acts = or_(CaseOfficerRow.number.in_(names), CaseOfficerRow.name.in_(names))
        yield newest.where(Case.token.in_(select(CaseOfficerRow.case).where(acts)))
    yield _having(newest, Clip.session == clip.session)
    last = clip.ended_latest
    if last is None:
        return
    first = clip.started_earliest or last - RECENT
    if clip.camera is not None:
        near = Clip.ended_latest.between(first - _LONG, last + _LONG)
        yield _having(newest, and_(Clip.camera == clip.camera, near))
    units = {unit for own in (clip.unit, clip.corrected_unit) for unit in units_above(own)}
    if units:
        began = CaseStageRow.started_at.between(first - _LONG, last + _AROUND)
        going_on = select(CaseStageRow.case).where(began)
        yield newest.where(Case.unit.in_(sorted(units)), Case.token.in_(going_on))


def _having(newest: Select[Case], which: ColumnElement[bool]) -> Select[Case]:
    """Cases that have a clip like this one."""
    links = select(CaseLink.case).join(Clip, _LINKED)
    return newest.where(Case.token.in_(links.where(which, CaseLink.unlink_index.is_(None))))


async def decided(
    session: AsyncSession, cases: Sequence[Case], clip: ClipId | None
) -> set[tuple[str, ClipId]]:
    """Which clips were decided on for which of these cases: linked, rejected or taken away.

    What was rejected or taken away before the case's particulars were last set is open again.

    Args:
        session: a view.
        cases: which.
        clip: only this one; None for all.
    """
    since = {case.token: case.set_index or -1 for case in cases}
    found: set[tuple[str, ClipId]] = set()
    for link in await session.scalars(_of(CaseLink, since, clip)):
        if link.unlink_index is None or link.unlink_index > since[link.case]:
            found.add((link.case, link.clip))
    for no in await session.scalars(_of(ProposalRejection, since, clip)):
        if no.rejected_index > since[no.case]:
            found.add((no.case, no.clip))
    return found


def _of(table: type[_Decided], cases: Iterable[str], clip: ClipId | None) -> Select[_Decided]:
    query = select(table).where(table.case.in_(sorted(cases)))
    if clip is None:
        return query
    return query.where(table.dock == clip.dock, table.epoch == clip.epoch, table.seq == clip.seq)


async def beside(
    session: AsyncSession, cases: Iterable[str]
) -> dict[str, list[tuple[ClipId, str, str | None]]]:
    """The clips that cases have: name, docking and camera of each."""
    query = (
        select(CaseLink.case, Clip.dock, Clip.epoch, Clip.seq, Clip.session, Clip.camera)
        .join(Clip, _LINKED)
        .where(CaseLink.case.in_(sorted(cases)), CaseLink.unlink_index.is_(None))
    )
    found: dict[str, list[tuple[ClipId, str, str | None]]] = {}
    for case, dock, epoch, seq, docking, camera in await session.execute(query):
        found.setdefault(case, []).append((ClipId(DockId(dock), epoch, seq), docking, camera))
    return found
