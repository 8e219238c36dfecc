"""Pages of events for one receiver, read from the log and from nothing else.

A page looks at a bounded stretch of the log, whatever is asked for in it, so that a receiver
who wants one kind among a million entries costs as much at a time as any other.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.access.policy import Act, Reach
from gateway.access.principals import Principal
from gateway.access.scope import Scope
from gateway.cases.models import Case
from gateway.db import Database
from gateway.events.told import ABOUT_ALARMS, CaseName, Event, Happened, happened, is_told
from gateway.evidence.models import Clip
from gateway.evidence.service import is_among
from gateway.intake.models import CODE_LENGTH, Quarantine
from gateway.log.models import EntrySubject, LogEntry
from gateway.log.service import Log
from protocols.errors import RecordError
from protocols.ids import ClipId, DockId
from protocols.records import decode_record
from protocols.shown import shown

STRETCH: Final = 500
"""Entries that one page looks at."""

MOST_CLIPS: Final = 200
"""Clips that one event names; whoever needs all of them reads the case."""


@dataclass(frozen=True, slots=True)
class Page:
    """Events of one stretch of the log.

    Attributes:
        upto: every entry up to this position has been looked at.
        more: the log goes on after it.
    """

    events: Sequence[Event]
    upto: int
    more: bool


class Feed:
    """Reads events for receivers."""

    def __init__(self, database: Database, log: Log) -> None:
        self._database, self._log = database, log

    @property
    def newest(self) -> int:
        """Position of the newest entry under a signed checkpoint."""
        return self._log.checkpoint().size - 1

    async def grown(self, after: int) -> None:
        """Wait until the log has an entry after this one."""
        await self._log.grown(after + 1)

    async def page(self, who: Principal, after: int, kinds: Collection[str] | None = None) -> Page:
        """What happened after an entry, as far as a receiver may know.

        Args:
            who: the receiver, as he is now.
            after: position; -1 for everything.
            kinds: which ones; None for all.

        Raises:
            DatabaseUnavailableError: it cannot be read now; ask again.
        """
        newest = self.newest
        upto = min(after + STRETCH, newest)
        if upto <= after:
            return Page((), after, more=False)
        async with self._database.reading() as session:
            found = await _happened(session, after, upto, kinds)
            events = await _within(session, who, found)
        return Page(events, upto, more=upto < newest)

    async def one(self, who: Principal, index: int) -> Event | None:
        """One event, or None when it is none for this receiver."""
        found = await self.page(who, index - 1)
        return next((event for event in found.events if event.index == index), None)


async def _happened(
    session: AsyncSession, after: int, upto: int, kinds: Collection[str] | None
) -> list[Happened]:
    query = (
        select(LogEntry.index, LogEntry.kind, LogEntry.subject, LogEntry.dock, LogEntry.admitted_at)
        .where(LogEntry.index > after, LogEntry.index <= upto)
        .order_by(LogEntry.index)
    )
    if kinds is not None:
        query = query.where(LogEntry.kind.in_(kinds))
    rows = {
        index: (kind, subject, dock, at)
        for index, kind, subject, dock, at in await session.execute(query)
        if is_told(kind, dock)
    }
    for index in await session.scalars(
        select(Quarantine.entry_index).where(Quarantine.entry_index.in_(rows))
    ):
        # What has no effect has not happened.
        del rows[index]
    subjects = await _subjects(session, rows)
    alarms = [index for index, (kind, *_) in rows.items() if kind in ABOUT_ALARMS]
    codes = await _codes(session, alarms)
    return [
        happened(
            index,
            kind,
            at,
            stated_by=dock,
            subjects=dict.fromkeys((subject, *subjects.get(index, ()))),
            code=codes.get(index),
        )
        for index, (kind, subject, dock, at) in rows.items()
    ]


async def _subjects(session: AsyncSession, indices: Collection[int]) -> dict[int, list[str]]:
    query = (
        select(EntrySubject.index, EntrySubject.subject)
        .where(EntrySubject.index.in_(indices))
        .order_by(EntrySubject.index, EntrySubject.subject)
    )
    found: dict[int, list[str]] = {}
    for index, subject in await session.execute(query):
        found.setdefault(index, []).append(subject)
    return found


async def _codes(session: AsyncSession, indices: Sequence[int]) -> dict[int, str]:
    """What alarms are called. A dock chose the word: made fit to show, and cut."""
    if not indices:
        return {}
    query = select(LogEntry.index, LogEntry.record).where(LogEntry.index.in_(indices))
    found = {}
    for index, record in await session.execute(query):
        try:
            code = getattr(decode_record(record).body, "code", None)
        except RecordError:
            continue
        if isinstance(code, str):
            found[index] = shown(code)[:CODE_LENGTH]
    return found


# --- what a receiver may know --------------------------------------------------------


async def _within(session: AsyncSession, who: Principal, found: Sequence[Happened]) -> list[Event]:
    clips = await _clips(session, who, {clip for each in found for clip in each.clips})
    cases = await _cases(session, who, {case for each in found for case in each.cases})
    docks = who.reach(Act.DOCKS_READ) is not Reach.NONE
    events = (_event(each, clips, cases, docks=docks) for each in found)
    return [event for event in events if event is not None]


def _event(
    each: Happened, clips: Collection[ClipId], cases: dict[str, str], *, docks: bool
) -> Event | None:
    mine = tuple(clip for clip in each.clips if clip in clips)[:MOST_CLIPS]
    own = tuple(CaseName(case, cases[case]) for case in each.cases if case in cases)
    about_dock = each.dock is not None and docks
    if not (mine or own or about_dock):
        return None
    return Event(
        each.index,
        each.kind,
        each.at,
        mine,
        own,
        each.dock if about_dock else None,
        each.session if about_dock else None,
        each.code if about_dock else None,
    )


async def _clips(session: AsyncSession, who: Principal, wanted: Collection[ClipId]) -> set[ClipId]:
    reach = who.reach(Act.CLIPS_READ)
    if not wanted or reach is Reach.NONE:
        return set()
    within = Scope(who, reach).clips()
    query = select(Clip.dock, Clip.epoch, Clip.seq).where(is_among(wanted), within)
    found = await session.execute(query)
    return {ClipId(DockId(dock), epoch, seq) for dock, epoch, seq in found}


async def _cases(session: AsyncSession, who: Principal, wanted: Collection[str]) -> dict[str, str]:
    reach = who.reach(Act.CASES_READ)
    if not wanted or reach is Reach.NONE:
        return {}
    within = Scope(who, reach).cases()
    query = select(Case.token, Case.case_no).where(Case.token.in_(wanted), within)
    return {row[0]: row[1] for row in await session.execute(query)}
