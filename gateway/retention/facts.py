"""What is known of clips that bears on how long they are kept, many at a time.

The time from which is counted is one at which the clip certainly was old enough: when the gateway
stored it, never what a camera says. Of the clocks that could have been set back then, the
gateway's and the dock's, the later one counts, and nothing is older than the log itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.cases.models import Case, CaseLink
from gateway.evidence.models import Clip, ClipState
from gateway.holds.covering import each_of, holds_on
from gateway.log.models import EntrySubject, LogEntry
from gateway.marks.labels import Label
from gateway.marks.models import ClipMark
from gateway.retention.deciding import CaseKnown, HoldKnown, Known
from protocols.clock import ClockSource
from protocols.errors import RecordError
from protocols.ids import ClipId, DockId, case_urn
from protocols.kinds import CaseOpened, CaseSet, ClipExported, ClipTagged
from protocols.records import decode_record

_PER_QUERY = 200
_T = TypeVar("_T")


async def known_of(session: AsyncSession, rows: Sequence[Clip]) -> dict[ClipId, Known]:
    """What is known of each of these clips, inside the caller's transaction."""
    clips = [row.id for row in rows]
    since = await _since(session, rows)
    tags, exported = await _tags(session, clips), await _exported(session, clips)
    cases, holds = await _cases(session, clips), await holds_on(session, clips)
    important = await _important(session, clips)
    return {
        row.id: Known(
            since=since.get(row.id),
            marked=row.marked or row.id in important,
            tags=tags.get(row.id, frozenset()) | _own(row),
            cases=tuple(cases.get(row.id, ())),
            holds=tuple(
                HoldKnown(hold.token, hold.authority, hold.document)
                for hold in holds.get(row.id, ())
            ),
            exported=exported.get(row.id),
        )
        for row in rows
    }


def _own(row: Clip) -> frozenset[str]:
    return frozenset() if row.tagged_category is None else frozenset({row.tagged_category})


async def _since(session: AsyncSession, rows: Iterable[Clip]) -> dict[ClipId, datetime]:
    stored = [row for row in rows if row.state == ClipState.STORED and row.stored_index is not None]
    wanted = {0, *(row.stored_index for row in stored if row.stored_index is not None)}
    at: dict[int, datetime] = {}
    for chunk in _chunks(sorted(wanted)):
        query = select(LogEntry.index, LogEntry.admitted_at).where(LogEntry.index.in_(chunk))
        at |= {row[0]: row[1] for row in await session.execute(query)}
    return {
        row.id: max(at[0], at[row.stored_index], *_sealed(row))
        for row in stored
        if row.stored_index is not None and row.stored_index in at and 0 in at
    }


def _sealed(row: Clip) -> list[datetime]:
    """When the dock sealed it, where a synchronised clock said so."""
    if row.sealed_clock.get("source") != ClockSource.NTP.value:
        return []
    try:
        said = datetime.fromisoformat(row.sealed_at)
    except ValueError:
        return []
    return [said.astimezone(UTC)] if said.tzinfo is not None else []


async def _tags(session: AsyncSession, clips: Sequence[ClipId]) -> dict[ClipId, frozenset[str]]:
    found: dict[ClipId, frozenset[str]] = {}
    by_urn = {clip.clip_urn: clip for clip in clips}
    for chunk in _chunks(list(by_urn)):
        query = (
            select(LogEntry.subject, LogEntry.record, LogEntry.dock)
            .join(EntrySubject, EntrySubject.index == LogEntry.index)
            .where(EntrySubject.subject.in_(chunk), LogEntry.kind == ClipTagged.kind)
        )
        for subject, record, dock in await session.execute(query):
            clip, category = by_urn.get(subject), _category(record)
            # Another dock's word about a clip is none.
            if clip is not None and dock == clip.dock and category is not None:
                found[clip] = found.get(clip, frozenset()) | {category}
    return found


def _category(record: bytes) -> str | None:
    try:
        body = decode_record(record).body
    except RecordError:
        return None
    return body.category if isinstance(body, ClipTagged | CaseOpened | CaseSet) else None


async def _important(session: AsyncSession, clips: Sequence[ClipId]) -> set[ClipId]:
    """Those that somebody called important and nobody since called otherwise."""
    found: set[ClipId] = set()
    for chunk in _chunks(sorted(clips)):
        # Also where the mark's own time is over: what shortens a time is said by somebody.
        query = select(ClipMark).where(
            each_of(ClipMark, chunk),
            ClipMark.label == Label.IMPORTANT.value,
            ClipMark.unmark_index.is_(None),
        )
        found |= {row.clip for row in await session.scalars(query)}
    return found


async def _exported(session: AsyncSession, clips: Sequence[ClipId]) -> dict[ClipId, datetime]:
    found: dict[ClipId, datetime] = {}
    by_urn = {clip.clip_urn: clip for clip in clips}
    for chunk in _chunks(list(by_urn)):
        query: Select[str, datetime] = (
            select(EntrySubject.subject, func.max(LogEntry.admitted_at))
            .join(LogEntry, EntrySubject.index == LogEntry.index)
            .where(EntrySubject.subject.in_(chunk), LogEntry.kind == ClipExported.kind)
            .group_by(EntrySubject.subject)
        )
        found |= {by_urn[urn]: at for urn, at in await session.execute(query)}
    return found


async def _cases(
    session: AsyncSession, clips: Collection[ClipId]
) -> Mapping[ClipId, list[CaseKnown]]:
    found: dict[ClipId, list[CaseKnown]] = {}
    for chunk in _chunks(sorted(clips)):
        query = (
            select(CaseLink.dock, CaseLink.epoch, CaseLink.seq, CaseLink.filed_under, Case)
            .join(Case, Case.token == CaseLink.case)
            .where(CaseLink.unlink_index.is_(None), each_of(CaseLink, chunk))
            .order_by(CaseLink.link_index)
        )
        rows = (await session.execute(query)).all()
        linked = {row[4].token: row[4] for row in rows}
        closed = await _closed(session, linked.values())
        merged = await _merged(session, linked)
        named = await _named(session, (*linked, *merged))
        for dock, epoch, seq, filed_under, case in rows:
            of_clip = found.setdefault(ClipId(DockId(dock), epoch, seq), [])
            way = (case, *_way(merged, filed_under))
            of_clip.extend(_each_category(case, way, named, closed.get(case.token)))
    return found


def _each_category(
    case: Case, way: Iterable[Case], named: Mapping[str, Collection[str]], closed: datetime | None
) -> Iterator[CaseKnown]:
    """A case as it is, then what else it was called, by itself or before it was merged.

    Neither a merger nor a milder category ends early what the case was kept for before.
    """
    yield CaseKnown(case.case_no, case.category, closed)
    said = {case.category}
    for each in way:
        for category in (each.category, *named.get(each.token, ())):
            # That nobody had named a category yet is no category.
            if category not in said and (category is not None or each is not case):
                said.add(category)
                yield CaseKnown(each.case_no, category, closed, former=True)


async def _named(session: AsyncSession, cases: Collection[str]) -> dict[str, list[str]]:
    """Every category that anybody ever gave each of these cases, in the order of the log."""
    found: dict[str, list[str]] = {}
    by_urn = {case_urn(token): token for token in cases}
    for chunk in _chunks(sorted(by_urn)):
        query = (
            select(LogEntry.subject, LogEntry.record)
            .where(LogEntry.subject.in_(chunk))
            .where(LogEntry.kind.in_((CaseOpened.kind, CaseSet.kind)))
            .order_by(LogEntry.index)
        )
        for urn, record in await session.execute(query):
            category = _category(record)
            if category is not None:
                found.setdefault(by_urn[urn], []).append(category)
    return found


async def _merged(session: AsyncSession, survivors: Collection[str]) -> dict[str, Case]:
    """The cases that became part of these, by their names."""
    found: dict[str, Case] = {}
    for chunk in _chunks(sorted(survivors)):
        rows = await session.scalars(select(Case).where(Case.survivor.in_(chunk)))
        found |= {row.token: row for row in rows}
    return found


def _way(merged: Mapping[str, Case], filed_under: str) -> Iterator[Case]:
    """The merged cases that a link went through, from the one under which it was made."""
    left = dict(merged)
    at: str | None = filed_under
    while at is not None and (case := left.pop(at, None)) is not None:
        yield case
        at = case.merged_into


async def _closed(session: AsyncSession, cases: Iterable[Case]) -> dict[str, datetime]:
    """When each case's file was closed; those that are not closed are not in it."""
    at = {case.sealed_index: case.token for case in cases if case.sealed_index is not None}
    query = select(LogEntry.index, LogEntry.admitted_at).where(LogEntry.index.in_(at))
    return {at[index]: moment for index, moment in await session.execute(query)} if at else {}


def _chunks(whole: Sequence[_T]) -> Iterable[Sequence[_T]]:
    for start in range(0, len(whole), _PER_QUERY):
        yield whole[start : start + _PER_QUERY]
