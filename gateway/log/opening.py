"""What must hold before a log that exists may be signed again, and recovery.

The journal in the store is the original. Entries that it has beyond the database (the
program was killed in between, or the database was restored from yesterday, or is new) are
checked and applied again, with everything that follows from them. When store, database and
the newest checkpoint still do not agree, the log stays shut with a named state: a log that
went back would let signed history be rewritten (protocols/SPEC 6).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise

import structlog
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.db import Database
from gateway.errors import LogBehindStoreError, LogDamagedError, StoreBehindLogError
from gateway.log.commit import write
from gateway.log.journal import (
    FOLDER,
    HEAD,
    Batch,
    NewEntry,
    count_of,
    decode_batch,
    first_of,
    journal_key,
)
from gateway.log.lookups import LogLookups
from gateway.log.models import LogEntry
from gateway.log.tiles import WIDTH, Edge
from gateway.log.tree import StoredTree
from gateway.storage.store import Store
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
from protocols.errors import ProtocolError
from protocols.ids import dock_id, dock_urn
from protocols.kinds import DockEnrolled, DockKeyRotated
from protocols.records import decode_record
from protocols.rotation import DockKeys, Rotation

Effect = Callable[[AsyncSession, NewEntry, int], Awaitable[None]]
_event = structlog.get_logger("gateway.log")


class Opening:
    """Loads the stored log and brings the database up to the journal."""

    def __init__(
        self,
        database: Database,
        store: Store,
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
            own: the gateway's statement key.
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
            StoreBehindLogError: the journal ends before the database does, or has a hole.
        """
        await self._store.settle(FOLDER)
        edge = await self._load()
        firsts = [
            f async for key in self._store.iterate(FOLDER) if (f := first_of(key)) is not None
        ]
        await self._check_overlap(edge, firsts)
        await check_contiguous(self._store, [first for first in firsts if first < edge.size])
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
        keys = LedgerKeys(self._database, self._own)
        for index, entry in enumerate(batch.entries, batch.first):
            await self._check(entry, keys, f"{batch.key}: entry {index}")
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

    async def _check(self, entry: NewEntry, keys: LedgerKeys, where: str) -> None:
        # Whoever can write the store but has no key must not put a word into a dock's mouth:
        # the genuine dock would be a fork of it for ever.
        try:
            statement = decode_statement(entry.statement)
            verify_record(statement, entry.record)
            verify_statement(statement, await keys.of(entry))
            keys.learn(entry)
        except (HashingError, LogDamagedError) as error:
            msg = f"{where}: {error}"
            raise LogDamagedError(msg) from error

    async def _check_places(self, batch: Batch) -> None:
        heads = Heads(self._lookups)
        for entry in batch.entries:
            broken = await heads.follow(entry)
            if broken is not None:
                msg = f"{batch.key}: {entry.issuer} {broken.position}: {broken.reason}"
                raise LogDamagedError(msg)


async def check_contiguous(store: Store, firsts: Sequence[int]) -> None:
    """Check that batches follow each other without a hole, from entry 0 on.

    It costs a few bytes of every batch of several entries: a batch of one needs no look, since
    the next one's name says where it ends.

    Args:
        store: where they are.
        firsts: positions in the names of batches, in order.

    Raises:
        StoreBehindLogError: entries are in no batch: the store alone would not bring them back.
        LogDamagedError: batches overlap.
    """
    if firsts and firsts[0]:
        msg = f"the journal begins with entry {firsts[0]}, not with entry 0"
        raise StoreBehindLogError(msg)
    wide = [(first, after) for first, after in pairwise(firsts) if after - first > 1]
    heads = await store.heads([journal_key(first) for first, _ in wide], HEAD)
    for (first, after), head in zip(wide, heads, strict=True):
        count = count_of(head)
        if count is None:
            count = len(decode_batch(first, await store.get_bytes(journal_key(first))).entries)
        if first + count < after:
            msg = f"the journal lacks entries {first + count} to {after - 1}; restore its files"
            raise StoreBehindLogError(msg)
        if first + count > after:
            msg = f"{journal_key(first)} and {journal_key(after)} overlap"
            raise LogDamagedError(msg)


class LedgerKeys:
    """The keys that statements are signed with: the gateway's own, and docks' as it enrolled them.

    A dock's keys are taken from ``dock.enrolled`` and ``dock.key.rotated``, which the gateway
    signed, and from nothing that anybody else could have written.
    """

    def __init__(self, database: Database | None, own: PublicKey) -> None:
        """Know the gateway's key; docks' are looked up in the database, if there is one."""
        self._database = database
        self._own = own
        self._docks: dict[str, DockKeys] = {}
        self._rotations: dict[str, list[DockKeyRotated]] = defaultdict(list)

    async def of(self, entry: NewEntry) -> PublicKey:
        """The key that must have signed an entry.

        Raises:
            LogDamagedError: it is of a dock that was not enrolled before it.
            HashingError: the enrolment in the database is not the gateway's.
        """
        if entry.dock is None:
            return self._own
        found = self._docks.get(entry.issuer) or await self._look_up(entry.issuer)
        if found is None:
            msg = f"{entry.issuer} was not enrolled"
            raise LogDamagedError(msg)
        return found.at((entry.epoch or 0, entry.seq or 0))

    def learn(self, entry: NewEntry | LogEntry) -> None:
        """Take a dock's keys from a statement of the gateway that has been verified."""
        if entry.dock is not None:
            return
        try:
            body = decode_record(entry.record).body
            match body:
                case DockEnrolled():
                    # Another key for a known dock is never taken, here as little as elsewhere.
                    issuer = dock_urn(dock_id(body.dock))
                    key = PublicKey.from_pem(body.statement_key)
                    self._docks.setdefault(issuer, DockKeys(key))
                    self._rotate(issuer)
                case DockKeyRotated():
                    issuer = dock_urn(dock_id(body.dock))
                    self._rotations[issuer].append(body)
                    self._rotate(issuer)
                case _:
                    pass
        except (ProtocolError, HashingError):
            # What cannot be read enrols nobody.
            return

    def _rotate(self, issuer: str) -> None:
        """Go through what is known of a dock's rotations, once its first key is known too."""
        keys = self._docks.get(issuer)
        if keys is None:
            return
        for body in sorted(self._rotations[issuer], key=lambda each: (each.epoch, each.seq)):
            place = (body.epoch, body.seq)
            if place > keys.last_place:
                key = PublicKey.from_pem(body.statement_key)
                keys = keys.after(Rotation(place, keys.newest, key))
        self._docks[issuer] = keys

    async def _look_up(self, issuer: str) -> DockKeys | None:
        if self._database is None:
            return None
        query = (
            select(LogEntry)
            .where(LogEntry.subject == issuer, LogEntry.subject_seq.is_not(None))
            .order_by(LogEntry.index)
        )
        async with self._database.reading() as session:
            rows = (await session.scalars(query)).all()
        for row in rows:
            statement = decode_statement(row.statement)
            verify_record(statement, row.record)
            verify_statement(statement, self._own)
            self.learn(row)
        return self._docks.get(issuer)


class Heads:
    """Where every ledger and subject stands while a batch is gone through."""

    def __init__(self, lookups: LogLookups | None) -> None:
        """Begin where the database ends; without one, at the beginning of every chain."""
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
                if dock not in self._docks and self._lookups is not None:
                    self._docks[dock] = await self._lookups.dock_head(dock)
                broken = check_dock_link(self._docks.get(dock), link, statement.hash)
                self._docks[dock] = DockHead(link.epoch, link.seq, statement.hash)
            case SubjectLink() as link:
                subject = entry.subject
                if subject not in self._subjects and self._lookups is not None:
                    self._subjects[subject] = await self._lookups.subject_head(subject)
                broken = check_subject_link(self._subjects.get(subject), link, statement.hash)
                self._subjects[subject] = SubjectHead(link.seq, statement.hash)
            case None:
                pass
        return broken
