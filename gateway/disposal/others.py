"""What other clocks say the time is: of docks that NTP keeps, of the log's witnesses, the log.

A host that starts with a wrong clock cannot tell by itself. It may be led to think that every time
is over; docks and witnesses, each with a clock of its own, are not led along.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.cosigning.models import CosignedRow
from gateway.db import Database
from gateway.docks.models import Dock
from gateway.log.models import LogEntry
from hashing.errors import HashingError
from hashing.note import NoteKey, cosignatures
from protocols.clock import ClockSource
from protocols.errors import RecordError
from protocols.records import decode_record

_COSIGNED = 20


@dataclass(frozen=True, slots=True)
class Said:
    """A time that another clock showed, and whose it is."""

    at: datetime
    by: str


class OtherClocks:
    """Finds what other clocks said last."""

    def __init__(self, database: Database, witnesses: Sequence[NoteKey]) -> None:
        self._database, self._witnesses = database, tuple(witnesses)

    async def latest(self) -> Said | None:
        """The latest time that any of them showed; None when none says a time that counts.

        Of each dock its newest entry alone is asked: one that was wrong once is right again.

        Raises:
            DatabaseUnavailableError: it cannot be known now.
        """
        async with self._database.reading() as session:
            said = [*await _docks(session), *await self._cosigned(session)]
        return max(said, key=lambda each: each.at, default=None)

    async def logged(self) -> datetime | None:
        """When the newest entry of the log was taken in, by this host's clock of then.

        Raises:
            DatabaseUnavailableError: it cannot be known now.
        """
        query = select(LogEntry.admitted_at).order_by(LogEntry.index.desc()).limit(1)
        async with self._database.reading() as session:
            return await session.scalar(query)

    async def _cosigned(self, session: AsyncSession) -> list[Said]:
        query = select(CosignedRow.note).order_by(CosignedRow.size.desc()).limit(_COSIGNED)
        said = []
        for note in await session.scalars(query):
            try:
                signed = cosignatures(note, self._witnesses)
            except HashingError:
                continue
            said += [Said(datetime.fromtimestamp(at, UTC), name) for name, at in signed]
        return said


async def _docks(session: AsyncSession) -> list[Said]:
    docks = (await session.scalars(select(Dock.id).where(Dock.revoked_index.is_(None)))).all()
    found = [await _dock(session, dock) for dock in docks]
    return [each for each in found if each is not None]


async def _dock(session: AsyncSession, dock: str) -> Said | None:
    """What a dock's clock showed at its newest entry, if NTP kept it."""
    query = (
        select(LogEntry.record)
        .where(LogEntry.dock == dock)
        .order_by(LogEntry.epoch.desc(), LogEntry.seq.desc())
        .limit(1)
    )
    record = await session.scalar(query)
    if record is None:
        return None
    try:
        at = decode_record(record).at
        moment = datetime.fromisoformat(at.utc)
    except (RecordError, ValueError):
        return None
    if at.source is not ClockSource.NTP or moment.tzinfo is None:
        return None
    return Said(moment.astimezone(UTC), dock)
