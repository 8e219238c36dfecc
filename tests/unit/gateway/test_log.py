"""The log's sequencer: what is appended, proved and refused while all is well."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.clock import GatewayClock
from gateway.db import Database
from gateway.docks.models import UnknownDock
from gateway.errors import (
    CheckpointLateError,
    EntryConflictError,
    InvalidError,
    LogBusyError,
    LogRewoundError,
    NotFoundError,
)
from gateway.keys import load_or_make
from gateway.log import tree
from gateway.log.checkpoints import Checkpoints, SignedCheckpoint
from gateway.log.journal import Batch, decode_batch, encode_batch, entry_of
from gateway.log.service import Also, Log, NewEntry, OwnAct
from gateway.log.tiles import Edge, decode_bundle, decode_tile
from gateway.storage.local import LocalStore
from hashing import merkle
from hashing.errors import HashingError
from hashing.ledger import DockHead, SubjectLink, walk_subject
from hashing.merkle import verify_consistency, verify_inclusion
from hashing.note import open_checkpoint
from hashing.receipt import decode_receipt, verify_receipt
from hashing.statement import decode_statement, verify_record, verify_statement
from protocols.acceptance import accept_checkpoint, accept_receipt
from protocols.anchors import Anchors
from protocols.errors import RecordError
from protocols.kinds import AlarmRaised, LogOpened
from protocols.messages import Entry, ReceiptMessage
from protocols.records import CheckpointRef, decode_record
from tests.simulators.dock import SimulatedDock
from tests.simulators.migrated import database_in

NOTHING = AlarmRaised(code="test", text="nothing")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    await database_in(tmp_path)
    opened = Database(f"sqlite+aiosqlite:///{tmp_path}/gateway.db")
    yield opened
    await opened.close()


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def make(database: Database, store: LocalStore, folder: Path) -> Log:
    return Log(database, store, load_or_make(folder / "keys"), GatewayClock(), name="county")


@pytest.fixture
async def log(database: Database, store: LocalStore, tmp_path: Path) -> AsyncIterator[Log]:
    opened = make(database, store, tmp_path)
    await opened.open()
    yield opened
    opened.close()


def booted(dock: SimulatedDock, count: int) -> list[NewEntry]:
    """The dock's next entries as admission would hand them over."""
    first = len(dock.entries)
    for _ in range(count):
        dock.boot()
    return [new(entry) for entry in dock.entries[first:]]


def new(entry: Entry) -> NewEntry:
    return entry_of(entry.statement, entry.record, decode_record(entry.record).kind, ())


async def strangers(database: Database) -> list[str]:
    async with database.reading() as session:
        return list(await session.scalars(select(UnknownDock.id)))


def adding(name: str, seen: list[list[int]] | None = None) -> Also:
    async def also(session: AsyncSession, indices: list[int]) -> None:
        session.add(UnknownDock(id=name, count=len(indices), seen_at=GatewayClock().now()))
        if seen is not None:
            seen.append(indices)

    return also


# --- between the commit and its checkpoint --------------------------------------------


async def test_who_reads_an_entry_before_its_checkpoint_is_signed_waits_for_it(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    committed, go_on = asyncio.Event(), asyncio.Event()
    publish = Checkpoints.publish

    async def slowly(checkpoints: Checkpoints, edge: Edge) -> SignedCheckpoint:
        committed.set()
        await go_on.wait()
        return await publish(checkpoints, edge)

    monkeypatch.setattr(Checkpoints, "publish", slowly)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(log.append_own(NOTHING, "urn:x"))
        await committed.wait()
        assert (await log.entry(1)).index == 1
        assert log.checkpoint().size == 1
        waiting = tasks.create_task(log.checkpoint_over([0, 1]))
        assert (await log.checkpoint_over([0])).size == 1
        go_on.set()
    at = waiting.result()
    assert at.size == 2
    assert len(await log.receipts([0, 1], at=at)) == 2


async def test_an_entry_that_no_checkpoint_covers_is_asked_for_again_later(log: Log) -> None:
    with pytest.raises(CheckpointLateError, match="entry 7"):
        await log.checkpoint_over([7])


# --- founding -------------------------------------------------------------------------


async def test_leaf_0_says_whose_log_it_is_and_under_which_keys(log: Log) -> None:
    entry, anchors = await log.entry(0), log.anchors()
    body = decode_record(entry.record).body
    assert isinstance(body, LogOpened)
    assert (body.gateway, body.origin) == ("urn:evidock:gateway:county", anchors.origin)
    assert body.statement_key == anchors.statement_key.pem()
    assert body.receipt_key == anchors.receipt_key.pem()
    assert body.checkpoint_key == anchors.checkpoint_key.vkey()
    assert body.development
    verify_statement(decode_statement(entry.statement), anchors.statement_key)


async def test_two_logs_never_have_the_same_name(log: Log, tmp_path: Path) -> None:
    other = Database(f"sqlite+aiosqlite:///{tmp_path}/other.db")
    await other.upgrade()
    second = make(other, LocalStore(tmp_path / "other"), tmp_path)
    await second.open()
    assert second.anchors().origin != log.anchors().origin
    second.close()
    await other.close()


async def test_the_anchors_are_a_trust_file_with_the_newest_checkpoint(log: Log) -> None:
    await log.append_own(NOTHING, "urn:x")
    again = Anchors.from_json(log.anchors().to_json())
    assert again.checkpoint.size == log.checkpoint().size == 2


async def test_a_log_that_is_not_open_answers_nothing(
    database: Database, store: LocalStore, tmp_path: Path
) -> None:
    shut = make(database, store, tmp_path)
    with pytest.raises(RuntimeError, match="not open"):
        shut.checkpoint()
    with pytest.raises(RuntimeError, match="not open"):
        await shut.append_own(NOTHING, "urn:x")


async def test_a_second_gateway_on_the_same_store_is_refused(
    log: Log, store: LocalStore, tmp_path: Path
) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/gateway.db")
    second = make(database, store, tmp_path)
    with pytest.raises(LogBusyError):
        await second.open()
    log.close()
    await second.open()
    second.close()
    await database.close()


# --- appending ------------------------------------------------------------------------


async def test_entries_stand_in_the_order_they_were_given(log: Log) -> None:
    dock = SimulatedDock()
    assert await log.append(booted(dock, 3)) == [1, 2, 3]
    assert await log.append(booted(dock, 2)) == [4, 5]
    rows = await log.entries(1, 10)
    assert [row.statement for row in rows] == [entry.statement for entry in dock.entries]
    assert [(row.dock, row.epoch, row.seq) for row in rows] == [("dock7", 0, n) for n in range(5)]


async def test_what_was_appended_is_under_a_signed_checkpoint(log: Log) -> None:
    await log.append(booted(SimulatedDock(), 3))
    checkpoint = open_checkpoint(log.checkpoint().note, log.anchors().checkpoint_key)
    assert (checkpoint.size, checkpoint.root) == (4, log.checkpoint().root)


async def test_appending_again_gives_the_same_places_and_changes_nothing(log: Log) -> None:
    dock = SimulatedDock()
    entries = booted(dock, 3)
    await log.append(entries)
    note = log.checkpoint().note
    assert await log.append(entries) == [1, 2, 3]
    assert log.checkpoint().note == note


async def test_known_and_new_entries_may_come_mixed_and_doubled(log: Log) -> None:
    dock = SimulatedDock()
    entries = booted(dock, 4)
    await log.append(entries[:2])
    assert await log.append([*entries, entries[3]]) == [1, 2, 3, 4, 4]
    assert log.checkpoint().size == 5


async def test_nothing_appended_is_nothing_signed(log: Log) -> None:
    note = log.checkpoint().note
    assert await log.append([]) == []
    assert log.checkpoint().note == note


async def test_another_statement_for_a_taken_place_is_a_conflict(log: Log) -> None:
    signer = SimulatedDock().signer
    told, retold = SimulatedDock(signer=signer), SimulatedDock(signer=signer)
    await log.append(booted(told, 2))
    with pytest.raises(EntryConflictError, match=r"dock7\.0\.1") as caught:
        await log.append(booted(retold, 2)[1:])
    assert caught.value.index == 2
    assert log.checkpoint().size == 3


async def test_two_statements_for_one_place_in_one_batch_are_a_conflict(log: Log) -> None:
    signer = SimulatedDock().signer
    told, retold = SimulatedDock(signer=signer), SimulatedDock(signer=signer)
    with pytest.raises(EntryConflictError):
        await log.append([*booted(told, 1), *booted(retold, 1)])
    assert log.checkpoint().size == 1


async def test_a_batch_beyond_the_limit_is_refused(log: Log) -> None:
    entry = booted(SimulatedDock(), 1)[0]
    with pytest.raises(InvalidError, match="513"):
        await log.append([entry] * 513)


async def test_the_callers_rows_are_committed_with_the_entries(
    log: Log, database: Database
) -> None:
    seen: list[list[int]] = []
    await log.append(booted(SimulatedDock(), 2), also=adding("a", seen))
    assert seen == [[1, 2]]
    assert await strangers(database) == ["a"]


async def test_the_callers_rows_are_written_even_when_nothing_was_new(
    log: Log, database: Database
) -> None:
    entries = booted(SimulatedDock(), 2)
    await log.append(entries)
    await log.append(entries, also=adding("a"))
    assert await strangers(database) == ["a"]


async def test_when_the_callers_rows_are_refused_nothing_was_logged(
    log: Log, store: LocalStore
) -> None:
    async def refuse(_session: AsyncSession, _indices: list[int]) -> None:
        raise LookupError

    dock = SimulatedDock()
    entries = booted(dock, 2)
    with pytest.raises(LookupError):
        await log.append(entries, also=refuse)
    assert log.checkpoint().size == 1
    assert [key async for key in store.iterate("log/journal")] == [f"log/journal/{0:020d}"]
    assert await log.append(entries, also=adding("a")) == [1, 2]


async def test_the_log_inside_a_transaction_is_refused_at_once(
    log: Log, database: Database
) -> None:
    async def nest() -> None:
        async with database.session():
            await log.append_own(NOTHING, "urn:x")

    with pytest.raises(RuntimeError, match="inside a transaction"):
        await nest()


async def test_many_at_once_get_places_without_gap_or_double(log: Log) -> None:
    docks = [SimulatedDock(f"dock{n}") for n in range(5)]
    batches = [booted(dock, 3) for dock in docks]
    places, own = await asyncio.gather(
        asyncio.gather(*(log.append(batch) for batch in batches)),
        asyncio.gather(*(log.append_own(NOTHING, "urn:x") for _ in range(5))),
    )
    taken = [index for indices in places for index in indices] + [entry.index for entry in own]
    assert sorted(taken) == list(range(1, 21))
    assert log.checkpoint().size == 21


async def test_a_cancelled_append_is_whole_or_not_there(log: Log) -> None:
    dock = SimulatedDock()
    entries = booted(dock, 40)
    for number, entry in enumerate(entries):
        task = asyncio.ensure_future(log.append([entry]))
        await asyncio.sleep(number / 2000)
        task.cancel()
        await asyncio.wait({task})
        assert await log.append([entry]) == [number + 1]
    assert log.checkpoint().size == 41
    for size in range(1, 41):
        await log.consistency(size, 41)


# --- own statements -------------------------------------------------------------------


async def test_own_statements_are_chained_per_subject(log: Log) -> None:
    made = [await log.append_own(NOTHING, f"urn:{n % 2}") for n in range(7)]
    for subject, count in (("urn:0", 4), ("urn:1", 3)):
        chain = []
        for own in made:
            statement = decode_statement(own.statement)
            if statement.subject == subject:
                assert isinstance(statement.chain, SubjectLink)
                chain.append((statement.chain, statement.hash))
        assert len(chain) == count
        assert walk_subject(chain).first_break is None


async def test_acts_stated_at_once_are_chained_like_those_stated_one_by_one(log: Log) -> None:
    acts = [OwnAct(NOTHING, f"urn:{n % 2}", ("urn:all",)) for n in range(5)]
    made = [
        await log.append_own(NOTHING, "urn:1"),
        *await log.append_own_acts(acts),
        *await log.append_own_acts([OwnAct(NOTHING, "urn:1")]),
    ]
    assert [own.index for own in made] == list(range(1, 8))
    for subject, count in (("urn:0", 3), ("urn:1", 4)):
        opened = [decode_statement(own.statement) for own in made]
        chain = [(each.chain, each.hash) for each in opened if each.subject == subject]
        assert len(chain) == count
        assert walk_subject(chain).first_break is None  # type: ignore[arg-type]  # our own
    assert [entry.index for entry in await log.entries_of("urn:all")] == [2, 3, 4, 5, 6]
    assert log.checkpoint().size == 8


async def test_of_acts_stated_at_once_all_are_logged_or_none(log: Log) -> None:
    too_long = AlarmRaised.model_construct(code="test", text="x" * (1 << 20))
    with pytest.raises(RecordError):
        await log.append_own_acts([OwnAct(NOTHING, "urn:a"), OwnAct(too_long, "urn:b")])
    with pytest.raises(InvalidError, match="513"):
        await log.append_own_acts([OwnAct(NOTHING, "urn:a")] * 513)
    assert await log.append_own_acts([]) == []
    assert log.checkpoint().size == 1
    assert await log.subject_head("urn:a") is None


async def test_own_records_name_the_checkpoint_the_gateway_knew(log: Log) -> None:
    known = log.checkpoint()
    own = await log.append_own(NOTHING, "urn:x")
    record = decode_record(own.record)
    assert record.checkpoint == CheckpointRef(size=known.size, root=known.root.hex())
    verify_record(decode_statement(own.statement), own.record)


async def test_a_trail_shows_what_also_concerns_its_subject(log: Log) -> None:
    await log.append_own(NOTHING, "urn:case", ["urn:clip", "urn:case"])
    await log.append_own(NOTHING, "urn:clip")
    await log.append_own(NOTHING, "urn:other")
    assert [row.index for row in await log.entries_of("urn:clip")] == [1, 2]
    assert [row.index for row in await log.entries_of("urn:case")] == [1]


# --- proofs ---------------------------------------------------------------------------


async def test_a_dock_accepts_every_receipt_with_its_checkpoint(log: Log) -> None:
    anchors, dock = log.anchors(), SimulatedDock()
    indices = await log.append(booted(dock, 9))
    at = log.checkpoint()
    await log.append_own(NOTHING, "urn:the-log-grew-meanwhile")
    proved = await log.proved(1, at=at)
    for entry, receipt in zip(dock.entries, await log.receipts(indices, at=at), strict=True):
        message = ReceiptMessage(entry.epoch, entry.seq, receipt, proved)
        accepted = accept_receipt(anchors, None, entry.statement, message)
        assert accepted == CheckpointRef(size=10, root=at.root.hex())


async def test_a_receipt_names_the_log_and_a_place_in_it(log: Log) -> None:
    own = await log.append_own(NOTHING, "urn:x")
    receipt = decode_receipt(await log.receipt(own.index))
    assert (receipt.size, receipt.index) == (2, 1)
    assert (receipt.issuer, receipt.subject) == (log.anchors().gateway, log.anchors().origin)
    root = verify_receipt(receipt, decode_statement(own.statement).leaf, log.anchors().receipt_key)
    assert root == log.checkpoint().root


async def test_receipts_at_one_checkpoint_share_a_signature_and_no_others(log: Log) -> None:
    own = [await log.append_own(NOTHING, subject) for subject in ("urn:x", "urn:y", "urn:x")]
    earlier = log.checkpoint()
    asked = [await log.receipt(entry.index) for entry in own]
    receipts = [decode_receipt(raw) for raw in asked]
    assert len({(each.protected, each.signature) for each in receipts}) == 1
    for entry, receipt in zip(own, receipts, strict=True):
        leaf = decode_statement(entry.statement).leaf
        root = verify_receipt(receipt, leaf, log.anchors().receipt_key)
        assert (receipt.index, root) == (entry.index, log.checkpoint().root)
    await log.append_own(NOTHING, "urn:x")
    grown = decode_receipt(await log.receipt(own[0].index))
    assert grown.signature != receipts[0].signature
    again = decode_receipt(await log.receipt(own[0].index, at=earlier))
    assert verify_receipt(again, decode_statement(own[0].statement).leaf, log.anchors().receipt_key)


async def test_a_shared_signature_lets_no_other_statement_pass(log: Log) -> None:
    first, second = [await log.append_own(NOTHING, "urn:x") for _ in range(2)]
    key = log.anchors().receipt_key
    receipt = decode_receipt(await log.receipt(first.index))
    verify_receipt(receipt, decode_statement(first.statement).leaf, key)
    with pytest.raises(HashingError):
        verify_receipt(receipt, decode_statement(second.statement).leaf, key)


async def test_every_entry_is_included_in_every_later_size(log: Log) -> None:
    await log.append(booted(SimulatedDock(), 20))
    roots = {size: await root_of(log, size) for size in range(1, 22)}
    for index in range(21):
        leaf = (await log.entry(index)).leaf
        for size in range(index + 1, 22):
            verify_inclusion(leaf, index, size, await log.inclusion(index, size), roots[size])


async def root_of(log: Log, size: int) -> bytes:
    return merkle.root([row.leaf for row in await log.entries(0, size)])


async def test_every_checkpoint_extends_every_earlier_one(log: Log) -> None:
    known = [log.checkpoint()]
    dock = SimulatedDock()
    for count in (1, 2, 3, 5, 8, 13):
        await log.append(booted(dock, count))
        known.append(log.checkpoint())
    for number, old in enumerate(known):
        for later in known[number:]:
            path = await log.consistency(old.size, later.size)
            verify_consistency(old.size, old.root, later.size, later.root, path)


async def test_a_dock_follows_the_log_from_any_size_it_has_accepted(log: Log) -> None:
    anchors, accepted = log.anchors(), None
    for _ in range(6):
        await log.append_own(NOTHING, "urn:x")
        proved = await log.proved(accepted.size if accepted else 1)
        accepted = accept_checkpoint(anchors, accepted, proved)
    assert accepted is not None
    assert accepted.size == 7


async def test_a_checkpoint_this_log_never_had_is_an_alarm(log: Log) -> None:
    await log.append_own(NOTHING, "urn:x")
    at = log.checkpoint()
    await log.confirm(at.size, at.root)
    with pytest.raises(LogRewoundError, match="another root"):
        await log.confirm(1, bytes(32))
    with pytest.raises(LogRewoundError, match="size 3"):
        await log.confirm(3, at.root)
    with pytest.raises(LogRewoundError, match="size 3"):
        await log.proved(3)


async def test_proofs_of_what_is_not_there_are_refused(log: Log) -> None:
    for attempt in (
        log.inclusion(1, 1),
        log.inclusion(0, 2),
        log.inclusion(0, 0),
        log.consistency(0, 2),
        log.consistency(1, 0),
        log.receipt(1),
        log.entry(1),
        log.entry(2**70),
    ):
        with pytest.raises(NotFoundError):
            await attempt


async def test_proofs_are_the_same_from_memory_and_from_the_database(
    log: Log, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await log.append(booted(SimulatedDock(), 40))
    remembered = [await log.inclusion(index, 41) for index in range(41)]
    monkeypatch.setattr(tree, "_KEPT", 4)
    forgetful = tree.StoredTree(database)
    for index in range(41):
        path = await forgetful.compute(partial(merkle.inclusion_proof, index=index, size=41))
        assert path == remembered[index]


# --- look-ups and objects -------------------------------------------------------------


async def test_a_docks_entries_and_head_are_found(log: Log) -> None:
    dock = SimulatedDock()
    assert await log.dock_head("dock7") is None
    await log.append(booted(dock, 4))
    dock.reopen()
    await log.append(booted(dock, 2))
    head = await log.dock_head("dock7")
    assert head is not None
    assert head == dock.head == DockHead(1, 1, head.hash)
    assert [row.seq for row in await log.dock_entries("dock7", 0, 1, 2)] == [1, 2]
    other = SimulatedDock("dock8")
    await log.append(booted(other, 3))
    both = {"dock7": dock.head, "dock8": other.head}
    assert await log.dock_heads(["dock7", "dock8", "dock9"]) == both
    assert await log.dock_heads([]) == {}
    assert await log.index_of(head.hash) == 6
    assert await log.index_of(bytes(32)) is None


async def test_the_store_holds_journal_tiles_and_checkpoint(log: Log, store: LocalStore) -> None:
    dock = SimulatedDock()
    entries = booted(dock, 300)
    for start in range(0, 300, 60):
        await log.append(entries[start : start + 60])
    keys = [key async for key in store.iterate("log")]
    assert [key for key in keys if "tile" in key] == [
        "log/tile/0/000",
        "log/tile/0/001.p/45",
        "log/tile/1/000.p/1",
        "log/tile/entries/000",
        "log/tile/entries/001.p/45",
    ]
    rows = await log.entries(0, 301)
    leaves = decode_tile(await store.get_bytes("log/tile/0/000"))
    assert leaves == [row.leaf for row in rows[:256]]
    bundle = decode_bundle(await store.get_bytes("log/tile/entries/001.p/45"))
    assert bundle == [row.statement for row in rows[256:]]
    assert await store.get_bytes("log/checkpoint") == log.checkpoint().note
    journal: list[tuple[bytes, bytes]] = []
    for key in keys:
        if key.startswith("log/journal/"):
            batch = decode_batch(int(key.rpartition("/")[2]), await store.get_bytes(key))
            assert batch.first == len(journal)
            journal += [(entry.statement, entry.record) for entry in batch.entries]
    assert journal == [(row.statement, row.record) for row in rows]


async def test_a_journalled_batch_comes_back_as_it_was(log: Log) -> None:
    entries = [
        replace(entry, extra_subjects=("urn:a", "urn:b")) for entry in booted(SimulatedDock(), 3)
    ]
    own = await log.append_own(NOTHING, "urn:x", ["urn:y"])
    entries.append(entry_of(own.statement, own.record, "alarm.raised", ["urn:y"]))
    batch = Batch(7, GatewayClock().now(), tuple(entries))
    assert decode_batch(7, encode_batch(batch)) == batch
