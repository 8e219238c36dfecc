"""One batch into the log: the order of writing of protocols/SPEC 6, and nothing else.

Everything that can fail for a reason of its own (constraints, the caller's rows) happens
before the journal is written; what stands in the journal is committed, now or at the next
start. So a batch is never withdrawn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.crashpoints import reach
from gateway.errors import EntryConflictError, LogDamagedError
from gateway.log.journal import Batch, NewEntry, encode_batch
from gateway.log.lookups import find_logged
from gateway.log.models import EntrySubject, LogEntry, LogNode
from gateway.log.tiles import Edge, Growth
from gateway.storage.store import Store
from hashing.ledger import statement_hash

Also = Callable[[AsyncSession, list[int]], Awaitable[None]]


async def place(
    session: AsyncSession, size: int, entries: Sequence[NewEntry]
) -> tuple[list[int], list[NewEntry]]:
    """Give every entry its position in a log of ``size`` entries.

    Returns:
        Positions of all, and those entries that are not logged yet.

    Raises:
        EntryConflictError: a place in a dock's ledger is taken by another statement.
    """
    hashes = [statement_hash(entry.statement) for entry in entries]
    places = [entry.place for entry in entries if entry.place is not None]
    known, taken = await find_logged(session, hashes, places)
    fresh: list[NewEntry] = []
    indices = []
    for entry, digest in zip(entries, hashes, strict=True):
        if digest not in known:
            known[digest] = size + len(fresh)
            where = entry.place
            if where is not None and taken.setdefault(where, known[digest]) != known[digest]:
                msg = f"{'.'.join(map(str, where))} is logged as another statement"
                raise EntryConflictError(msg, taken[where])
            fresh.append(entry)
        indices.append(known[digest])
    return indices, fresh


async def write(
    session: AsyncSession,
    store: Store,
    edge: Edge,
    batch: Batch,
    *,
    also: Callable[[AsyncSession], Awaitable[None]],
    journalled: bool,
) -> Growth:
    """Rows of entries and nodes, the caller's rows, journal, tiles; the caller commits.

    Args:
        session: the one transaction of all of it.
        store: where the log is kept.
        edge: the tree's right edge; the batch continues it.
        batch: what to log.
        also: writes rows that belong to the entries; the last step that may refuse.
        journalled: the batch comes from the journal.

    Raises:
        LogDamagedError: the store has another batch at this place.
        GatewayError: store or database could not do it. What ``also`` raises passes through,
            and then nothing has been written at all.
    """
    growth = edge.grown([entry.statement for entry in batch.entries])
    await session.execute(insert(LogEntry), _entry_rows(batch, growth.leaves))
    await session.execute(insert(EntrySubject), _subject_rows(batch))
    await session.execute(
        insert(LogNode), [{"level": v, "index": i, "hash": h} for v, i, h in growth.nodes]
    )
    await also(session)
    await session.flush()
    if not journalled:
        if await store.exists(batch.key):
            msg = f"{batch.key} is in the store already; is another gateway using it?"
            raise LogDamagedError(msg)
        # One that was given up must not arrive later in the place of what is signed by then.
        await store.put_new(batch.key, encode_batch(batch))
    reach("log.journal-written")
    # At once, because the file system then syncs them together.
    await asyncio.gather(*(store.put_bytes(key, data) for key, data in growth.tiles.items()))
    reach("log.tiles-written")
    reach("log.before-commit")
    return growth


def _entry_rows(batch: Batch, leaves: Sequence[bytes]) -> list[dict[str, object]]:
    return [
        {
            "index": index,
            "leaf": leaf,
            "statement_hash": statement_hash(entry.statement),
            "statement": entry.statement,
            "record": entry.record,
            "kind": entry.kind,
            "issuer": entry.issuer,
            "subject": entry.subject,
            "dock": entry.dock,
            "epoch": entry.epoch,
            "seq": entry.seq,
            "subject_seq": entry.subject_seq,
            "admitted_at": batch.at,
        }
        for index, (entry, leaf) in enumerate(zip(batch.entries, leaves, strict=True), batch.first)
    ]


def _subject_rows(batch: Batch) -> list[dict[str, object]]:
    return [
        {"subject": subject, "index": index}
        for index, entry in enumerate(batch.entries, batch.first)
        for subject in _subjects(entry)
    ]


def _subjects(entry: NewEntry) -> tuple[str, ...]:
    return tuple(dict.fromkeys((entry.subject, *entry.extra_subjects)))
