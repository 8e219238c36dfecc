"""What must hold before a log that exists may be signed again, and recovery.

The journal in the store is the original. Entries that it has beyond the database (the
program was killed in between, or the database was restored from yesterday, or is new) are
checked and applied again, with everything that follows from them. When store, database and
the newest checkpoint still do not agree, the log stays shut with a named state: a log that
went back would let signed history be rewritten (protocols/SPEC 6).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.db import Database
from gateway.errors import LogBehindStoreError, LogDamagedError, StoreBehindLogError
from gateway.log.commit import write
from gateway.log.journal import (
    FOLDER,
    Batch,
    NewEntry,
    decode_batch,
    first_of,
    journal_key,
)
from gateway.log.lookups import LogLookups
from gateway.log.models import LogEntry
from gateway.log.tiles import WIDTH, Edge
from gateway.log.tree import StoredTree
from gateway.storage.local import LocalStore
from hashing.errors import HashingError
from hashing.keys import PublicKey
from hashing.ledger import (
    Break,
    DockHead,
    DockLink,
    SubjectHead,
    SubjectLink,
    check_dock_link,
    check_subject_link,
)
from hashing.statement import decode_statement, verify_record, verify_statement

Effect = Callable[[AsyncSession, NewEntry, int], Awaitable[None]]
_event = structlog.get_logger("gateway.log")


class Opening:
    """Loads the stored log and brings the database up to the journal."""

    def __init__(
        self,
        database: Database,
        store: LocalStore,
        tree: StoredTree,
        *,
        own: PublicKey,
        effect: Effect | None,
    ) -> None:
        """Prepare.

        Args:
            database: the index.
            store: the original.
            tree: reads nodes.
            own: the gateway's statement key; its own statements are checked again.
            effect: derives every row that follows from a recovered entry.
        """
        self._database = database
        self._store = store
        self._tree = tree
        self._own = own
        self._effect = effect
        self._lookups = LogLookups(database)

    async def bring_up(self) -> Edge:
        """The log's right edge, after everything journalled is in the database.

        Raises:
            LogDamagedError: the journal does not continue the database, or is no journal.
            LogBehindStoreError: batches in between are missing.
            StoreBehindLogError: the journal ends before the database does.
        """
        edge = await self._load()
        firsts = [
            f async for key in self._store.iterate(FOLDER) if (f := first_of(key)) is not None
        ]
        await self._check_overlap(edge, firsts)
        for first in firsts:
            if first < edge.size:
                continue
            if first > edge.size:
                msg = f"journal has entry {first}, but none for entry {edge.size}"
                raise LogBehindStoreError(msg)
            edge = await self._apply(edge, await self._batch(first))
        return edge

    async def _load(self) -> Edge:
        query = select(func.count(), func.max(LogEntry.index)).select_from(LogEntry)
        async with self._database.reading() as session:
            size, last = (await session.execute(query)).one()
            if size and last != size - 1:
                msg = f"the database has {size} entries, the last numbered {last}"
                raise LogDamagedError(msg)
            bundle = await session.scalars(
                select(LogEntry.statement)
                .where(LogEntry.index >= size - size % WIDTH)
                .order_by(LogEntry.index)
            )
            statements = bundle.all()
        return await self._tree.compute(lambda read: Edge.load(size, read, statements))

    async def _check_overlap(self, edge: Edge, firsts: list[int]) -> None:
        """The last batch that the database has must be the store's, and end where it ends."""
        if not edge.size:
            return
        known = [first for first in firsts if first < edge.size]
        if not known:
            msg = f"the store has no journal, the database has {edge.size} entries"
            raise StoreBehindLogError(msg)
        batch = await self._batch(known[-1])
        if batch.end < edge.size:
            msg = f"the journal ends at {batch.end}, the database at {edge.size}"
            raise StoreBehindLogError(msg)
        rows = await self._lookups.entries(batch.first, len(batch.entries))
        same = [row.statement for row in rows] == [entry.statement for entry in batch.entries]
        if batch.end > edge.size or not same:
            msg = f"{batch.key} is not what the database has at entry {batch.first}"
            raise LogDamagedError(msg)

    async def _batch(self, first: int) -> Batch:
        return decode_batch(first, await self._store.get_bytes(journal_key(first)))

    async def _apply(self, edge: Edge, batch: Batch) -> Edge:
        for entry in batch.entries:
            self._check(entry, batch.key)
        await self._check_places(batch)

        async def effects(session: AsyncSession) -> None:
            for index, entry in enumerate(batch.entries, batch.first):
                if self._effect is not None:
                    await self._effect(session, entry, index)

        async with self._database.session() as session:
            growth = await write(session, self._store, edge, batch, also=effects, journalled=True)
        self._tree.keep(growth.nodes)
        _event.warning("log.recovered", first=batch.first, entries=len(batch.entries))
        return growth.edge

    def _check(self, entry: NewEntry, where: str) -> None:
        try:
            statement = decode_statement(entry.statement)
            verify_record(statement, entry.record)
            if entry.subject_seq is not None:
                verify_statement(statement, self._own)
        except HashingError as error:
            msg = f"{where}: {error}"
            raise LogDamagedError(msg) from error

    async def _check_places(self, batch: Batch) -> None:
        heads = _Heads(self._lookups)
        for entry in batch.entries:
            broken = await heads.follow(entry)
            if broken is not None:
                msg = f"{batch.key}: {entry.issuer} {broken.position}: {broken.reason}"
                raise LogDamagedError(msg)


class _Heads:
    """Where every ledger and subject stands while a batch is gone through."""

    def __init__(self, lookups: LogLookups) -> None:
        self._lookups = lookups
        self._docks: dict[str, DockHead | None] = {}
        self._subjects: dict[str, SubjectHead | None] = {}

    async def follow(self, entry: NewEntry) -> Break | None:
        """Take the next entry; says where its chain does not hold."""
        statement = decode_statement(entry.statement)
        broken: Break | None = None
        match statement.chain:
            case DockLink() as link:
                dock = str(entry.dock)
                if dock not in self._docks:
                    self._docks[dock] = await self._lookups.dock_head(dock)
                broken = check_dock_link(self._docks[dock], link, statement.hash)
                self._docks[dock] = DockHead(link.epoch, link.seq, statement.hash)
            case SubjectLink() as link:
                subject = entry.subject
                if subject not in self._subjects:
                    self._subjects[subject] = await self._lookups.subject_head(subject)
                broken = check_subject_link(self._subjects[subject], link, statement.hash)
                self._subjects[subject] = SubjectHead(link.seq, statement.hash)
            case None:
                pass
        return broken
