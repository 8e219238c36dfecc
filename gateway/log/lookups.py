"""Reading the log: entries by position, subject, hash and ledger place. Nothing is written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from sqlalchemy import ColumnElement, String, and_, column, func, or_, select, values
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.db import Database
from gateway.errors import NotFoundError
from gateway.log.models import EntrySubject, LogEntry
from hashing.ledger import DockHead, SubjectHead

MAX_PAGE = 1000
Place = tuple[str, int, int]
"""Dock, epoch and number of an entry."""


async def find_dock_head(session: AsyncSession, dock: str) -> DockHead | None:
    """The newest logged entry of a dock's ledger; None when it has none."""
    query = (
        select(LogEntry.epoch, LogEntry.seq, LogEntry.statement_hash)
        .where(LogEntry.dock == dock)
        .order_by(LogEntry.epoch.desc(), LogEntry.seq.desc())
        .limit(1)
    )
    row = (await session.execute(query)).one_or_none()
    if row is None or row.epoch is None or row.seq is None:
        return None
    return DockHead(row.epoch, row.seq, row.statement_hash)


async def find_dock_heads(session: AsyncSession, docks: Sequence[str]) -> dict[str, DockHead]:
    """The newest logged entry of each of these docks' ledgers; without those that have none."""
    if not docks:
        return {}
    asked = values(column("dock", String), name="asked").data([(each,) for each in docks]).cte()
    # One step into the index for each dock: grouping would walk through all of their entries.
    newest = (
        select(LogEntry.index)
        .where(LogEntry.dock == asked.c.dock)
        .order_by(LogEntry.epoch.desc(), LogEntry.seq.desc())
        .limit(1)
        .correlate(asked)
        .scalar_subquery()
    )
    query = select(LogEntry.dock, LogEntry.epoch, LogEntry.seq, LogEntry.statement_hash).where(
        LogEntry.index.in_(select(newest).select_from(asked))
    )
    return {
        dock: DockHead(epoch, seq, statement_hash)
        for dock, epoch, seq, statement_hash in await session.execute(query)
        if dock is not None and epoch is not None and seq is not None
    }


async def find_newest_about(
    session: AsyncSession, subject: str, *, before: int | None = None
) -> int:
    """Position of the newest entry about a subject, before a position; -1 without one."""
    query = select(func.max(EntrySubject.index)).where(EntrySubject.subject == subject)
    if before is not None:
        query = query.where(EntrySubject.index < before)
    found = await session.scalar(query)
    return -1 if found is None else found


async def find_subject_head(session: AsyncSession, subject: str) -> SubjectHead | None:
    """The gateway's newest act on a subject; None when it has none."""
    query = (
        select(LogEntry.subject_seq, LogEntry.statement_hash)
        .where(LogEntry.subject == subject, LogEntry.subject_seq.is_not(None))
        .order_by(LogEntry.subject_seq.desc())
        .limit(1)
    )
    row = (await session.execute(query)).one_or_none()
    if row is None or row.subject_seq is None:
        return None
    return SubjectHead(row.subject_seq, row.statement_hash)


async def find_subject_heads(
    session: AsyncSession, subjects: Collection[str]
) -> dict[str, SubjectHead]:
    """The gateway's newest act on each subject; no entry for one that it has none on."""
    newest = (
        select(LogEntry.subject, func.max(LogEntry.subject_seq).label("seq"))
        .where(LogEntry.subject.in_(subjects), LogEntry.subject_seq.is_not(None))
        .group_by(LogEntry.subject)
        .subquery()
    )
    query = select(LogEntry.subject, LogEntry.subject_seq, LogEntry.statement_hash).join(
        newest,
        and_(LogEntry.subject == newest.c.subject, LogEntry.subject_seq == newest.c.seq),
    )
    return {
        subject: SubjectHead(seq, digest)
        for subject, seq, digest in await session.execute(query)
        if seq is not None
    }


async def find_logged(
    session: AsyncSession, hashes: Sequence[bytes], places: Sequence[Place]
) -> tuple[dict[bytes, int], dict[Place, int]]:
    """Positions of statements that are logged, and of the entries that hold these places."""
    query = select(
        LogEntry.index, LogEntry.statement_hash, LogEntry.dock, LogEntry.epoch, LogEntry.seq
    ).where(or_(LogEntry.statement_hash.in_(hashes), *_in_ledgers(places)))
    by_hash: dict[bytes, int] = {}
    by_place: dict[Place, int] = {}
    for index, digest, dock, epoch, seq in await session.execute(query):
        by_hash[digest] = index
        if dock is not None and epoch is not None and seq is not None:
            by_place[dock, epoch, seq] = index
    return by_hash, by_place


def _in_ledgers(places: Sequence[Place]) -> Iterator[ColumnElement[bool]]:
    """One look-up by key for each ledger: SQLite reads the whole table for a list of triples."""
    ledgers: dict[tuple[str, int], list[int]] = {}
    for dock, epoch, seq in places:
        ledgers.setdefault((dock, epoch), []).append(seq)
    for (dock, epoch), numbers in ledgers.items():
        yield and_(LogEntry.dock == dock, LogEntry.epoch == epoch, LogEntry.seq.in_(numbers))


class LogLookups:
    """Look-ups over the logged entries; rows come back detached."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def entry(self, index: int) -> LogEntry:
        """One entry.

        Raises:
            NotFoundError: the log has no such position.
        """
        async with self._database.reading() as session:
            found = await session.get(LogEntry, index) if 0 <= index < 1 << 63 else None
        if found is None:
            msg = f"the log has no entry {index}"
            raise NotFoundError(msg)
        return found

    async def entries(self, start: int, limit: int) -> Sequence[LogEntry]:
        """Entries from a position on, in log order, at most ``limit`` and ``MAX_PAGE``."""
        query = (
            select(LogEntry)
            .where(LogEntry.index >= start)
            .order_by(LogEntry.index)
            .limit(min(limit, MAX_PAGE))
        )
        async with self._database.reading() as session:
            return (await session.scalars(query)).all()

    async def statements(self, start: int, count: int) -> list[bytes]:
        """Statements from a position on, in log order, without their records."""
        query = (
            select(LogEntry.statement)
            .where(LogEntry.index.between(start, start + count - 1))
            .order_by(LogEntry.index)
        )
        async with self._database.reading() as session:
            return list((await session.scalars(query)).all())

    async def page(
        self, start: int, limit: int, *, most_bytes: int
    ) -> tuple[Sequence[LogEntry], int | None]:
        """Entries from a position on, as many as a reader can be made to hold.

        Args:
            start: position of the first one.
            limit: most entries.
            most_bytes: of records and statements together; one entry is given whatever its size.

        Returns:
            Entries in log order, and the position after them, None at the end of the log.
        """
        limit = min(limit, MAX_PAGE)
        size = func.length(LogEntry.record) + func.length(LogEntry.statement)
        query = (
            select(LogEntry.index, size)
            .where(LogEntry.index >= start)
            .order_by(LogEntry.index)
            .limit(limit + 1)
        )
        async with self._database.reading() as session:
            sizes = [(index, size) for index, size in await session.execute(query)]
            count = _fitting([size for _, size in sizes[:limit]], most_bytes)
            first = sizes[0][0] if sizes else start
            whole = select(LogEntry).where(LogEntry.index.between(first, first + count - 1))
            rows = (await session.scalars(whole.order_by(LogEntry.index))).all()
        return rows, sizes[count][0] if len(sizes) > count else None

    async def entries_of(self, subject: str) -> Sequence[LogEntry]:
        """Everything a trail of this subject shows, in log order."""
        query = (
            select(LogEntry)
            .join(EntrySubject, EntrySubject.index == LogEntry.index)
            .where(EntrySubject.subject == subject)
            .order_by(LogEntry.index)
        )
        async with self._database.reading() as session:
            return (await session.scalars(query)).all()

    async def newest_about(self, subject: str) -> int:
        """Position of the newest entry that a trail of this subject shows; -1 without one."""
        async with self._database.reading() as session:
            return await find_newest_about(session, subject)

    async def index_of(self, statement_hash: bytes) -> int | None:
        """Position of a statement; None when it is not logged."""
        query = select(LogEntry.index).where(LogEntry.statement_hash == statement_hash)
        async with self._database.reading() as session:
            return await session.scalar(query)

    async def dock_entries(
        self, dock: str, epoch: int, first: int, last: int
    ) -> Sequence[LogEntry]:
        """A dock's entries ``first`` to ``last`` of one epoch, in order of their numbers."""
        query = (
            select(LogEntry)
            .where(LogEntry.dock == dock, LogEntry.epoch == epoch)
            .where(LogEntry.seq.between(first, last))
            .order_by(LogEntry.seq)
        )
        async with self._database.reading() as session:
            return (await session.scalars(query)).all()

    async def dock_head(self, dock: str) -> DockHead | None:
        """The newest logged entry of a dock's ledger; None when it has none."""
        async with self._database.reading() as session:
            return await find_dock_head(session, dock)

    async def dock_heads(self, docks: Sequence[str]) -> dict[str, DockHead]:
        """The newest logged entries of these docks' ledgers; without those that have none."""
        async with self._database.reading() as session:
            return await find_dock_heads(session, docks)

    async def subject_head(self, subject: str) -> SubjectHead | None:
        """The gateway's newest act on a subject; None when it has none."""
        async with self._database.reading() as session:
            return await find_subject_head(session, subject)


def _fitting(sizes: Sequence[int], most: int) -> int:
    """How many of the first ones are together at most ``most``; one at least, if there is one."""
    total = 0
    for count, size in enumerate(sizes):
        total += size
        if count and total > most:
            return count
    return len(sizes)
