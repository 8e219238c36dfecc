"""Which entries belong to a trail, and whose records go along.

Of a docking, every statement is given, because leaving one out would show as a hole; but
the record of somebody else's clip, session or alarm is withheld. Names in a dock's records
are claims: a clip that says it belongs to another dock's session opens nothing there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TypeVar

from sqlalchemy import ColumnElement, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.cases.models import Case, CaseLink
from gateway.docks.service import revoked_from
from gateway.errors import InvalidError
from gateway.evidence.service import get_clips
from gateway.log.models import EntrySubject, LogEntry
from protocols.errors import ProtocolError, RecordError
from protocols.ids import ClipId, DockId, SessionId, case_urn, dock_urn
from protocols.kinds import (
    Body,
    CaseOpened,
    DockBooted,
    HoldLifted,
    HoldPlaced,
    KeyRotated,
    LedgerReopened,
    SessionClosed,
    SessionInventory,
    SessionNoted,
)
from protocols.records import decode_record
from protocols.trail import DAILY

MAX_ENTRIES = 100_000
MAX_BYTES = 128 << 20
_CASES = case_urn("")
_PER_QUERY = 400
_T = TypeVar("_T")


class TrailTooLargeError(InvalidError):
    """The trail has more than one document may hold."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """One entry of a trail; ``record`` is None where it is withheld."""

    index: int
    statement: bytes
    record: bytes | None


@dataclass(slots=True)
class Gathering:
    """Collects the entries of one trail inside one view of the database.

    Attributes:
        clips: the clips whose story is told.
        tokens: the cases whose acts are told.
    """

    session: AsyncSession
    clips: frozenset[ClipId]
    tokens: tuple[str, ...]
    _positions: set[int] = field(default_factory=set)
    _sessions: set[SessionId] = field(default_factory=set)
    _subjects: set[str] = field(default_factory=set)
    _names: set[str] = field(default_factory=set)

    async def gather(self, *, whole_cases: bool) -> list[Gathered]:
        """Find every entry, in log order.

        Args:
            whole_cases: disclose all acts of the cases; otherwise those on the clips alone.

        Raises:
            TrailTooLargeError: more than ``MAX_ENTRIES`` entries or ``MAX_BYTES`` bytes.
        """
        # The log's opening names the keys of everything after it.
        await self._find(LogEntry.index == 0)
        for dock in sorted({clip.dock for clip in self.clips}):
            await self._find(LogEntry.subject == dock_urn(dock), LogEntry.subject_seq.is_not(None))
            await self._find_rotations(dock)
        await self._find_clips()
        for token in self.tokens:
            # A dock may sign anything under the case's name; only the gateway acts on cases.
            await self._find(LogEntry.subject == case_urn(token), LogEntry.subject_seq.is_not(None))
        ours = self.clips | self._sessions
        self._names = {str(name) for name in ours}
        self._subjects = {clip.clip_urn for clip in self.clips}
        self._subjects |= {session.session_urn for session in self._sessions}
        return await self._read(whole_cases=whole_cases)

    async def _find_rotations(self, dock: DockId) -> None:
        """The dock's own word on its keys, as far as it is trusted: the gateway's alone is none.

        A rotation beyond a revocation proves nothing and would only spoil an honest trail.
        """
        own = [LogEntry.dock == dock, LogEntry.kind == KeyRotated.kind]
        if (last := await revoked_from(self.session, dock)) is not None:
            place = tuple_(LogEntry.epoch, LogEntry.seq)
            own.append(place <= tuple_(*map(literal, last)))
        await self._find(*own)

    async def _find_clips(self) -> None:
        for dock, mine in groupby(sorted(self.clips), key=lambda clip: clip.dock):
            for chunk in _chunks([clip.clip_urn for clip in mine]):
                concerns = select(EntrySubject.index).where(EntrySubject.subject.in_(chunk))
                # Another dock's word about a clip is no part of its story, nor another case's.
                ours = LogEntry.dock.is_(None) | (LogEntry.dock == dock)
                await self._find(
                    LogEntry.index.in_(concerns), ours, LogEntry.subject.not_like(f"{_CASES}%")
                )
        for clip, row in sorted((await get_clips(self.session, self.clips)).items()):
            opened = _session_of(clip, row.session)
            if opened is not None and opened not in self._sessions:
                self._sessions.add(opened)
                await self._find_session(opened)

    async def _find_session(self, opened: SessionId) -> None:
        span = [LogEntry.dock == opened.dock, LogEntry.epoch == opened.epoch]
        span.append(LogEntry.seq >= opened.seq)
        # What was said of the docking after its close; the dock's own word, and no other's.
        said = select(EntrySubject.index).where(EntrySubject.subject == opened.session_urn)
        noted = LogEntry.kind == SessionNoted.kind
        await self._find(LogEntry.index.in_(said), noted, LogEntry.dock == opened.dock)
        closed = await self._close_of(opened, span)
        await self._find(*span, *([] if closed is None else [LogEntry.seq <= closed]))

    async def _close_of(self, opened: SessionId, span: Sequence[ColumnElement[bool]]) -> int | None:
        closings = (
            select(LogEntry.seq, LogEntry.record)
            .where(*span, LogEntry.kind == SessionClosed.kind)
            .order_by(LogEntry.seq)
            .execution_options(yield_per=_PER_QUERY)
        )
        async for seq, record in await self.session.stream(closings):
            body = _body(record)
            if not isinstance(body, SessionClosed) or body.reason == DAILY:
                continue
            if body.session == str(opened):
                return seq
        return None

    async def _find(self, *conditions: ColumnElement[bool]) -> None:
        query = select(LogEntry.index).where(*conditions).limit(MAX_ENTRIES + 1)
        self._positions.update(await self.session.scalars(query))
        if len(self._positions) > MAX_ENTRIES:
            raise _too_large(f"more than {MAX_ENTRIES} entries")

    async def _read(self, *, whole_cases: bool) -> list[Gathered]:
        found: list[Gathered] = []
        size = 0
        for chunk in _chunks(sorted(self._positions)):
            query = select(LogEntry).where(LogEntry.index.in_(chunk)).order_by(LogEntry.index)
            for entry in await self.session.scalars(query):
                disclosed = self._disclosed(entry, whole_cases=whole_cases)
                record = entry.record if disclosed else None
                found.append(Gathered(entry.index, entry.statement, record))
                size += len(entry.statement) + len(record or b"")
            self.session.expunge_all()
            if size > MAX_BYTES:
                raise _too_large(f"more than {MAX_BYTES >> 20} MiB of records")
        return found

    def _disclosed(self, entry: LogEntry, *, whole_cases: bool) -> bool:
        if entry.subject.startswith(_CASES):
            return whole_cases or self._on_clip_or_opening(entry)
        if entry.subject in self._subjects or entry.dock is None:
            return True
        return entry.subject == dock_urn(DockId(entry.dock)) and self._ours(entry)

    def _on_clip_or_opening(self, entry: LogEntry) -> bool:
        body = _body(entry.record)
        said = isinstance(body, CaseOpened | HoldPlaced | HoldLifted)
        return said or getattr(body, "clip", None) in self._names

    def _ours(self, entry: LogEntry) -> bool:
        """Whether what a dock says under its own name is about this trail."""
        match _body(entry.record):
            case DockBooted() | LedgerReopened() | KeyRotated():
                return True
            case (
                SessionInventory(session=name)
                | SessionNoted(session=name)
                | SessionClosed(session=name)
            ):
                return name in self._names
            case body:
                return getattr(body, "clip", None) in self._names


async def cases_of(session: AsyncSession, clip: ClipId) -> tuple[str, ...]:
    """Tokens of the cases that a clip is or was linked to, and of what those became part of."""
    query = (
        select(CaseLink.filed_under)
        .where(CaseLink.dock == clip.dock, CaseLink.epoch == clip.epoch, CaseLink.seq == clip.seq)
        .distinct()
    )
    found = set(await session.scalars(query))
    waiting = set(found)
    while waiting:
        above = select(Case.merged_into).where(
            Case.token.in_(sorted(waiting)), Case.merged_into.is_not(None)
        )
        # A withdrawal stands in the chain of the case that answered then.
        waiting = {token for token in await session.scalars(above) if token} - found
        found |= waiting
    return tuple(sorted(found))


def _session_of(clip: ClipId, name: str) -> SessionId | None:
    try:
        session = SessionId.parse(name)
    except ProtocolError:
        return None
    same_ledger = (session.dock, session.epoch) == (clip.dock, clip.epoch)
    return session if same_ledger and session.seq < clip.seq else None


def _body(record: bytes) -> Body | None:
    try:
        return decode_record(record).body
    except RecordError:
        return None


def _chunks(whole: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(whole), _PER_QUERY):
        yield whole[start : start + _PER_QUERY]


def _too_large(what: str) -> TrailTooLargeError:
    return TrailTooLargeError(f"{what}; ask for the trails of the case's clips one by one")
