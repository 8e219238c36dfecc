"""Counts of footage for one reader's reach, from a moment on.

Clips have no column of when they were logged; the log's entries have, and their order is that of
time. So the moment is looked up in the log once, and everything is counted from that position on
over indexed columns, however much there is from before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.cases.models import CaseLink
from gateway.db import Database
from gateway.evidence.models import Clip, ClipState
from gateway.log.models import LogEntry
from gateway.log.service import Log

LATE: Final = timedelta(hours=24)
"""By then footage that was docked has to be stored."""

_ERASED_WITHIN: Final = timedelta(days=14)
"""A camera's copy goes soon after its release, or much later and is not counted."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How much of what there was since a moment.

    Attributes:
        docked: dockings that brought footage. sealed: clips of them. stored: clips that were
            stored and read back. erased: clips whose copy on the camera is gone.
        late: clips that were logged more than ``LATE`` ago, whenever, and are not stored.
        unlinked: clips sealed since then that are tied to no case.
    """

    docked: int
    sealed: int
    stored: int
    erased: int
    late: int
    unlinked: int


class Overview:
    """Counts, anew at each call."""

    def __init__(self, database: Database, log: Log) -> None:
        self._database, self._log = database, log

    async def counts(
        self, within: ColumnElement[bool], *, since: datetime, now: datetime
    ) -> Counts:
        """Count footage.

        Args:
            within: how far the reader's reach goes.
            since: from when on.
            now: the present.
        """
        async with self._database.reading() as session:
            first = await self._first_since(session, since)
            overdue = await self._first_since(session, now - LATE)
            recent = await self._first_since(session, now - _ERASED_WITHIN)
            fresh = Clip.entry_index >= first
            waits = Clip.state.in_((ClipState.SEALED.value, ClipState.RECEIVING.value))

            async def count(*which: ColumnElement[bool]) -> int:
                query = select(func.count()).select_from(Clip).where(*which, within)
                return await session.scalar(query) or 0

            dockings = select(func.count(Clip.session.distinct())).where(fresh, within)
            return Counts(
                docked=await session.scalar(dockings) or 0,
                sealed=await count(fresh),
                stored=await count(Clip.stored_index >= first),
                erased=await count(Clip.entry_index >= recent, Clip.erased_index >= first),
                late=await count(waits, Clip.entry_index < overdue),
                unlinked=await count(fresh, ~_linked()),
            )

    async def waiting(self, states: Iterable[ClipState]) -> int:
        """How many clips are in one of these states, everybody's."""
        query = select(func.count()).select_from(Clip)
        async with self._database.reading() as session:
            which = Clip.state.in_([state.value for state in states])
            return await session.scalar(query.where(which)) or 0

    async def _first_since(self, session: AsyncSession, moment: datetime) -> int:
        """Position of the first entry that was logged at or after a moment."""
        low, high = 0, self._log.checkpoint().size
        while low < high:
            middle = (low + high) // 2
            at = await session.scalar(select(LogEntry.admitted_at).where(LogEntry.index == middle))
            if at is None or at >= moment:
                high = middle
            else:
                low = middle + 1
        return low


def _linked() -> ColumnElement[bool]:
    return exists().where(
        CaseLink.dock == Clip.dock,
        CaseLink.epoch == Clip.epoch,
        CaseLink.seq == Clip.seq,
        CaseLink.unlink_index.is_(None),
    )
