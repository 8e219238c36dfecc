"""The log when something was lost: it comes back whole, or says why it stays shut."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.clock import GatewayClock
from gateway.db import Database
from gateway.errors import (
    GatewayError,
    InvalidError,
    LogBehindStoreError,
    LogBusyError,
    LogDamagedError,
    LogIdentityError,
    LogRewoundError,
    NotFoundError,
    StoreBehindLogError,
    StoreFullError,
)
from gateway.keys import load_or_make
from gateway.log.journal import (
    HEAD,
    MAX_BATCH,
    Batch,
    count_of,
    encode_batch,
    entry_of,
    journal_key,
)
from gateway.log.models import LogEntry
from gateway.log.rewound import clear
from gateway.log.service import Confronted, Log, NewEntry
from gateway.storage.local import LocalStore
from hashing.keys import Es256Signer
from hashing.ledger import next_dock_link
from hashing.note import Checkpoint, sign_checkpoint
from protocols.ids import dock_urn
from protocols.kinds import AlarmRaised, DockEnrolled
from protocols.records import decode_record
from tests.simulators.dock import SimulatedDock
from tests.simulators.migrated import database_in

NOTHING = AlarmRaised(code="test", text="nothing")


class FailingStore(LocalStore):
    """A store whose disk is full for one object, once."""

    fails_at: str | None = None

    async def put_bytes(self, key: str, data: bytes) -> None:
        """Write, or fail once at the chosen kind of object."""
        if self.fails_at is not None and key.startswith(self.fails_at):
            self.fails_at = None
            msg = f"{key}: no space"
            raise StoreFullError(msg)
        await super().put_bytes(key, data)


@dataclass
class Place:
    """A folder with a gateway's log that can be shut, opened, copied and damaged.

    Attributes:
        effects: what recovery said of each entry it added, by position.
    """

    folder: Path
    name: str = "county"
    effects: dict[int, str] = field(default_factory=dict)
    dock: SimulatedDock = field(default_factory=SimulatedDock)

    def __post_init__(self) -> None:
        self.store = FailingStore(self.folder / "store")
        self.database = self._database()

    def _database(self) -> Database:
        return Database(f"sqlite+aiosqlite:///{self.folder}/gateway.db")

    async def open(self) -> Log:
        """Open it, as a start of the gateway does."""
        keys = load_or_make(self.folder / "keys")
        log = Log(self.database, self.store, keys, GatewayClock(), name=self.name)
        log.on_recover(self._effect)
        self.effects.clear()
        await database_in(self.folder)
        await self.database.upgrade()
        await log.open()
        return log

    async def shut(self, log: Log) -> None:
        """Shut it, and leave nothing open."""
        log.close()
        await self.database.close()
        self.database = self._database()

    async def _effect(self, _session: AsyncSession, entry: NewEntry, index: int) -> None:
        self.effects[index] = entry.kind

    async def enrol(self, log: Log, dock: SimulatedDock | None = None) -> None:
        """State a dock's key in the log."""
        dock = dock or self.dock
        kid = dock.signer.public.kid.hex()
        body = DockEnrolled(dock=dock.id, statement_key=dock.public_pem, kid=kid, how="test")
        await log.append_own(body, dock_urn(dock.id))

    def entries(self, count: int) -> list[NewEntry]:
        """The dock's next entries."""
        first = len(self.dock.entries)
        for _ in range(count):
            self.dock.boot()
        return [
            entry_of(e.statement, e.record, decode_record(e.record).kind, ())
            for e in self.dock.entries[first:]
        ]

    def journal(self) -> list[Path]:
        """The batches, in order."""
        return sorted((self.folder / "store/objects/log/journal").iterdir())

    def keep(self, what: str) -> Callable[[], None]:
        """Back ``store`` or ``gateway.db`` up; the result restores it."""
        source, copy = self.folder / what, self.folder / f"{what}.yesterday"
        if source.is_dir():
            shutil.copytree(source, copy)
        else:
            shutil.copy(source, copy)

        def restore() -> None:
            for left in self.folder.glob(f"{what}*"):
                if left != copy:
                    shutil.rmtree(left) if left.is_dir() else left.unlink()
            copy.rename(source)

        return restore


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """A log of 11 entries in 7 batches, shut."""
    made = Place(tmp_path)
    log = await made.open()
    await made.enrol(log)
    await log.append(made.entries(2))
    await log.append_own(NOTHING, "urn:x")
    await log.append(made.entries(4))
    await log.append_own(NOTHING, "urn:x", ["urn:y"])
    await log.append_own(NOTHING, "urn:z")
    await made.shut(log)
    yield made
    await made.database.close()


async def sql(place: Place, statement: str) -> None:
    async with place.database.session() as session:
        await session.execute(text(statement))
    await place.database.close()


async def refused(place: Place, error: type[GatewayError], match: str) -> None:
    """It stays shut, and again; nothing was signed."""
    signed = (place.folder / "store/objects/log/checkpoint").read_bytes()
    for _ in range(2):
        with pytest.raises(error, match=match):
            await place.open()
    assert (place.folder / "store/objects/log/checkpoint").read_bytes() == signed


# --- it comes back --------------------------------------------------------------------


async def test_a_log_that_is_opened_again_goes_on_where_it_was(place: Place) -> None:
    log = await place.open()
    assert log.checkpoint().size == 11
    assert place.effects == {}
    assert await log.append(place.entries(1)) == [11]
    await place.shut(log)


async def test_the_store_alone_rebuilds_the_database(place: Place) -> None:
    log = await place.open()
    before = [(row.index, row.statement, row.record) for row in await log.entries(0, 99)]
    note, about = log.checkpoint().note, await log.entries_of("urn:y")
    await place.shut(log)
    for left in place.folder.glob("gateway.db*"):
        left.unlink()
    log = await place.open()
    assert [(row.index, row.statement, row.record) for row in await log.entries(0, 99)] == before
    assert [row.index for row in await log.entries_of("urn:y")] == [row.index for row in about]
    assert log.checkpoint().note == note
    assert place.effects == {index: row.kind for index, row in enumerate(await log.entries(0, 99))}
    assert [row.admitted_at for row in about] == [
        row.admitted_at for row in await log.entries_of("urn:y")
    ]
    await log.receipts(range(11))
    await place.shut(log)


async def test_a_database_of_yesterday_catches_up_with_the_store(place: Place) -> None:
    restore = place.keep("gateway.db")
    log = await place.open()
    await log.append(place.entries(5))
    own = await log.append_own(NOTHING, "urn:x")
    note = log.checkpoint().note
    await place.shut(log)
    restore()
    log = await place.open()
    assert log.checkpoint().note == note
    assert place.effects == dict.fromkeys(range(11, 16), "dock.booted") | {16: "alarm.raised"}
    assert (await log.entry(16)).statement == own.statement
    await place.shut(log)


async def test_a_checkpoint_that_was_not_signed_yet_is_signed_at_the_next_start(
    place: Place,
) -> None:
    checkpoint = place.folder / "store/objects/log/checkpoint"
    old = checkpoint.read_bytes()
    log = await place.open()
    await log.append(place.entries(1))
    await place.shut(log)
    checkpoint.write_bytes(old)
    log = await place.open()
    assert log.checkpoint().size == 12
    await place.shut(log)


@pytest.mark.parametrize("kind", ["log/journal", "log/tile/0", "log/tile/entries"])
async def test_a_full_disk_in_the_middle_loses_and_doubles_nothing(place: Place, kind: str) -> None:
    log = await place.open()
    entries = place.entries(3)
    place.store.fails_at = kind
    with pytest.raises(StoreFullError):
        await log.append(entries)
    await log.append_own(NOTHING, "urn:x")
    assert await log.append(entries) == ([12, 13, 14] if kind == "log/journal" else [11, 12, 13])
    assert log.checkpoint().size == 15
    await place.shut(log)
    log = await place.open()
    assert log.checkpoint().size == 15
    await place.shut(log)


async def test_what_was_journalled_before_the_disk_was_full_has_its_effects(place: Place) -> None:
    log = await place.open()
    place.store.fails_at = "log/tile/0"
    with pytest.raises(StoreFullError):
        await log.append(place.entries(2))
    await log.append([])
    assert place.effects == {11: "dock.booted", 12: "dock.booted"}
    await place.shut(log)


async def test_a_checkpoint_that_could_not_be_stored_is_made_up_for(place: Place) -> None:
    log = await place.open()
    entries = place.entries(2)
    place.store.fails_at = "log/checkpoint"
    with pytest.raises(StoreFullError):
        await log.append(entries)
    assert log.checkpoint().size == 11
    assert await log.append(entries) == [11, 12]
    assert log.checkpoint().size == 13
    assert place.effects == {}
    await place.shut(log)


async def test_a_foreign_file_in_the_journal_is_no_entry(place: Place) -> None:
    (place.journal()[0].parent / "lost-and-found").write_bytes(b"?")
    log = await place.open()
    assert log.checkpoint().size == 11
    await place.shut(log)


async def test_the_journals_names_are_made_durable_before_anything_rests_on_them(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    real_fsync, real_read = os.fsync, place.store.get_bytes

    def fsync(descriptor: int) -> None:
        real_fsync(descriptor)
        order.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)

    async def get_bytes(key: str) -> bytes:
        order.append(key)
        return await real_read(key)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(place.store, "get_bytes", get_bytes)
    log = await place.open()
    first = order.index(journal_key(10))
    assert "journal" in order[:first]
    await place.shut(log)


async def test_a_batch_that_somebody_else_wrote_meanwhile_is_not_overwritten(place: Place) -> None:
    log = await place.open()
    theirs = b"what another gateway wrote"
    await place.store.put_bytes(journal_key(11), theirs)
    with pytest.raises(LogDamagedError, match="in the store already"):
        await log.append(place.entries(1))
    assert await place.store.get_bytes(journal_key(11)) == theirs
    await place.shut(log)


# --- it stays shut --------------------------------------------------------------------


async def test_a_store_of_yesterday_is_refused(place: Place) -> None:
    restore = place.keep("store")
    log = await place.open()
    await log.append(place.entries(2))
    await place.shut(log)
    restore()
    await refused(place, StoreBehindLogError, "journal ends at 11, the database at 13")


async def test_a_store_without_journal_is_refused(place: Place) -> None:
    shutil.rmtree(place.folder / "store/objects/log/journal")
    await refused(place, StoreBehindLogError, "no journal")


async def test_an_old_checkpoint_in_the_store_is_refused(place: Place) -> None:
    checkpoint = place.folder / "store/objects/log/checkpoint"
    old = checkpoint.read_bytes()
    log = await place.open()
    await log.append(place.entries(1))
    await log.append(place.entries(1))
    await place.shut(log)
    checkpoint.write_bytes(old)
    await refused(place, StoreBehindLogError, "size 11, 12 was signed")


async def test_a_store_without_its_checkpoint_is_refused(place: Place) -> None:
    (place.folder / "store/objects/log/checkpoint").unlink()
    for _ in range(2):
        with pytest.raises(StoreBehindLogError, match="lacks the checkpoint of size 10"):
            await place.open()


async def test_a_checkpoint_that_this_log_did_not_sign_is_refused(
    place: Place, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = Place(tmp_path / "other")
    theirs = await other.open()
    note = theirs.checkpoint().note
    await other.shut(theirs)
    (place.folder / "store/objects/log/checkpoint").write_bytes(note)
    await refused(place, LogDamagedError, "does not verify")


async def test_a_log_that_begins_with_something_else_is_refused(place: Place) -> None:
    log = await place.open()
    foreign, garbled = (await log.entry(1)).record, b"{}"
    await place.shut(log)
    for record, match in ((foreign, "entry 0 is a dock.enrolled"), (garbled, "entry 0: ")):
        async with place.database.session() as session:
            await session.execute(update(LogEntry).where(LogEntry.index == 0).values(record=record))
        await place.database.close()
        await refused(place, LogDamagedError, match)


async def test_a_hole_in_the_journal_is_refused(place: Place) -> None:
    place.journal()[3].unlink()
    for left in place.folder.glob("gateway.db*"):
        left.unlink()
    await refused(place, LogBehindStoreError, "none for entry 4")


@pytest.mark.parametrize("lost", [1, 2, 4, 5])
async def test_a_batch_that_is_gone_is_missed_although_the_database_has_it(
    place: Place, lost: int
) -> None:
    batches = place.journal()
    first, after = (int(path.name) for path in batches[lost : lost + 2])
    batches[lost].unlink()
    await refused(place, StoreBehindLogError, f"lacks entries {first} to {after - 1}; restore")


async def test_a_journal_without_its_beginning_is_refused(place: Place) -> None:
    place.journal()[0].unlink()
    await refused(place, StoreBehindLogError, "begins with entry 1")


async def test_batches_that_overlap_are_refused(place: Place) -> None:
    extra = place.journal()[2].read_bytes()
    await place.store.put_bytes(journal_key(7), extra)
    await refused(place, LogDamagedError, "overlap")


@pytest.mark.parametrize("count", [1, 2, 23, 24, 255, 256, MAX_BATCH])
def test_the_head_of_a_batch_tells_how_many_entries_it_has(count: int) -> None:
    dock = SimulatedDock()
    dock.boot()
    said = dock.entries[0]
    entry = entry_of(said.statement, said.record, "dock.booted", ())
    raw = encode_batch(Batch(7, GatewayClock().now(), (entry,) * count))
    assert count_of(raw[:HEAD]) == count
    assert count_of(raw[:40]) is None


@pytest.mark.parametrize(
    "head", [b"", b"gentries", b"gentries\x99\x01", b"gentries\x9f", b"x" * 128]
)
def test_a_head_that_tells_nothing_is_said_to(head: bytes) -> None:
    assert count_of(head) is None


async def test_entries_below_a_signed_checkpoint_that_are_gone_are_refused(place: Place) -> None:
    place.journal()[-1].unlink()
    for left in place.folder.glob("gateway.db*"):
        left.unlink()
    await refused(place, LogBehindStoreError, "size 11 was signed; only 10")


async def test_a_checkpoint_without_any_entry_is_refused(place: Place) -> None:
    for batch in place.journal():
        batch.unlink()
    for left in place.folder.glob("gateway.db*"):
        left.unlink()
    await refused(place, LogBehindStoreError, "signed checkpoint, but no journal")


@pytest.mark.parametrize("at", [5, 300, -40, -1])
async def test_a_changed_byte_in_the_journal_is_refused(place: Place, at: int) -> None:
    batch = place.journal()[-1]
    raw = bytearray(batch.read_bytes())
    raw[at] ^= 1
    batch.chmod(0o600)
    batch.write_bytes(raw)
    for left in place.folder.glob("gateway.db*"):
        left.unlink()
    signed = (place.folder / "store/objects/log/checkpoint").read_bytes()
    with pytest.raises(LogDamagedError):
        await place.open()
    assert (place.folder / "store/objects/log/checkpoint").read_bytes() == signed


async def test_a_journal_that_tells_another_story_than_the_database_is_refused(
    place: Place,
) -> None:
    last = place.journal()[-1]
    other = SimulatedDock("other")
    other.boot()
    entry = entry_of(other.entries[0].statement, other.entries[0].record, "dock.booted", ())
    last.write_bytes(encode_batch(Batch(10, GatewayClock().now(), (entry,))))
    await refused(place, LogDamagedError, "is not what the database has")


async def test_a_journalled_entry_out_of_its_chain_is_refused(place: Place) -> None:
    place.entries(2)
    skipped = place.dock.entries[-1]
    entry = entry_of(skipped.statement, skipped.record, "dock.booted", ())
    batch = Batch(11, GatewayClock().now(), (entry,))
    await place.store.put_bytes(journal_key(11), encode_batch(batch))
    await refused(place, LogDamagedError, "epoch 0 seq 6: entry 6 is missing")


async def test_a_journalled_statement_by_another_gateway_is_refused(
    place: Place, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = Place(tmp_path / "other")
    theirs = await other.open()
    own = await theirs.append_own(NOTHING, "urn:new")
    await other.shut(theirs)
    entry = entry_of(own.statement, own.record, "alarm.raised", ())
    batch = Batch(11, GatewayClock().now(), (entry,))
    await place.store.put_bytes(journal_key(11), encode_batch(batch))
    await refused(place, LogDamagedError, "signature|key")


async def test_a_journalled_entry_by_another_key_than_the_docks_is_refused(place: Place) -> None:
    head = place.dock.head
    place.entries(1)
    forged = place.dock.forge(
        decode_record(place.dock.entries[-1].record).body,
        next_dock_link(head),
        signer=Es256Signer.generate(),
    )
    entry = entry_of(forged.statement, forged.record, "dock.booted", ())
    batch = Batch(11, GatewayClock().now(), (entry,))
    await place.store.put_bytes(journal_key(11), encode_batch(batch))
    await refused(place, LogDamagedError, f"{journal_key(11)}: entry 11: .*key")
    # The genuine dock goes on as if nothing had been.
    (place.folder / "store/objects" / journal_key(11)).unlink()
    log = await place.open()
    genuine = place.dock.entries[-1]
    entry = entry_of(genuine.statement, genuine.record, "dock.booted", ())
    assert await log.append([entry]) == [11]
    await place.shut(log)


async def test_a_journalled_entry_of_a_dock_that_is_not_enrolled_is_refused(place: Place) -> None:
    stranger = SimulatedDock("dock9")
    stranger.boot()
    said = stranger.entries[0]
    entry = entry_of(said.statement, said.record, "dock.booted", ())
    batch = Batch(11, GatewayClock().now(), (entry,))
    await place.store.put_bytes(journal_key(11), encode_batch(batch))
    await refused(place, LogDamagedError, "entry 11: urn:evidock:dock:dock9 was not enrolled")


async def test_a_dock_that_was_enrolled_in_the_same_batch_is_known(place: Place) -> None:
    log = await place.open()
    stranger = SimulatedDock("dock9")
    stranger.boot()
    said = stranger.entries[0]
    entry = entry_of(said.statement, said.record, "dock.booted", ())
    restore = place.keep("gateway.db")
    await place.enrol(log, stranger)
    enrolled = await log.entry(11)
    await place.shut(log)
    restore()
    first = entry_of(enrolled.statement, enrolled.record, enrolled.kind, ())
    batch = Batch(11, GatewayClock().now(), (first, entry))
    await place.store.put_bytes(journal_key(11), encode_batch(batch))
    log = await place.open()
    assert log.checkpoint().size == 13
    await place.shut(log)


@pytest.mark.parametrize(
    ("statement", "match"),
    [
        ('UPDATE log_node SET hash = zeroblob(32) WHERE level = 3 AND "index" = 0', "root signed"),
        ('DELETE FROM log_node WHERE level = 1 AND "index" = 4', "lacks node 4 of level 1"),
    ],
)
async def test_a_database_that_leads_to_another_root_is_refused(
    place: Place, statement: str, match: str
) -> None:
    await sql(place, statement)
    await refused(place, LogDamagedError, match)


async def test_a_hole_in_the_database_is_refused(place: Place) -> None:
    await sql(place, 'DELETE FROM log_entry_subject WHERE "index" = 5')
    await sql(place, 'DELETE FROM log_entry WHERE "index" = 5')
    await refused(place, LogDamagedError, "10 entries, the last numbered 10")


async def test_other_keys_or_another_name_are_refused(place: Place) -> None:
    place.name = "city"
    await refused(place, LogIdentityError, "another gateway name")
    place.name = "county"
    shutil.rmtree(place.folder / "keys")
    await refused(place, LogIdentityError, "another statement key")


async def test_a_receipt_is_not_made_over_a_database_that_was_tampered_with(
    place: Place,
) -> None:
    await sql(place, 'UPDATE log_entry SET leaf = zeroblob(32) WHERE "index" = 2')
    log = await place.open()
    with pytest.raises(LogDamagedError, match="entry 2 does not lead to the root"):
        await log.receipt(2)
    await place.shut(log)


# --- a checkpoint of its own that the log has lost --------------------------------------


async def gone_back(place: Place) -> tuple[Log, bytes]:
    """The log opened on an old copy of store and database, and what it signed since."""
    restores = place.keep("store"), place.keep("gateway.db")
    log = await place.open()
    await log.append(place.entries(2))
    note = log.checkpoint().note
    await place.shut(log)
    for restore in restores:
        restore()
    return await place.open(), note


async def test_a_checkpoint_that_the_log_contains_changes_nothing(place: Place) -> None:
    log = await place.open()
    old = log.checkpoint().note
    await log.append_own(NOTHING, "urn:x")
    for note, size in ((old, 11), (log.checkpoint().note, 12)):
        assert await log.confront(note) == Confronted(size, 12, contained=True)
    await log.append_own(NOTHING, "urn:x")
    await place.shut(log)


@pytest.mark.parametrize("grown", [0, 2, 3])
async def test_a_log_that_meets_a_checkpoint_it_has_lost_appends_nothing_more(
    place: Place, grown: int
) -> None:
    log, lost = await gone_back(place)
    for _ in range(grown):
        await log.append_own(NOTHING, "urn:other")
    signed = log.checkpoint()
    assert await log.confront(lost) == Confronted(13, 11 + grown, contained=False)
    with pytest.raises(LogRewoundError, match="does not contain"):
        await log.append_own(NOTHING, "urn:x")
    with pytest.raises(LogRewoundError, match="does not contain"):
        await log.append([])
    assert log.checkpoint() == signed
    await log.receipts(range(11))
    await place.shut(log)
    await refused(place, LogRewoundError, "log/rewound: bring back the newer store")


async def test_an_operator_lets_it_go_on_and_the_proof_is_kept(place: Place) -> None:
    log, lost = await gone_back(place)
    await log.confront(lost)
    with pytest.raises(LogBusyError):
        await clear(place.store)
    await place.shut(log)
    kept_as = await clear(place.store)
    assert await place.store.get_bytes(kept_as) == lost
    with pytest.raises(NotFoundError):
        await clear(place.store)
    log = await place.open()
    assert (await log.append_own(NOTHING, "urn:x")).index == 11
    # The same once more does not undo what was decided.
    assert await log.confront(lost) == Confronted(13, 12, contained=False)
    await log.append_own(NOTHING, "urn:x")
    await place.shut(log)


async def test_it_stops_even_when_the_proof_cannot_be_kept(place: Place) -> None:
    log, lost = await gone_back(place)
    place.store.fails_at = "log/rewound"
    with pytest.raises(StoreFullError):
        await log.confront(lost)
    with pytest.raises(LogRewoundError):
        await log.append_own(NOTHING, "urn:x")
    await log.confront(lost)
    await place.shut(log)
    await refused(place, LogRewoundError, "bring back")


async def test_what_this_log_has_not_signed_proves_nothing(place: Place, tmp_path: Path) -> None:
    log = await place.open()
    (tmp_path / "other").mkdir()
    other = Place(tmp_path / "other")
    theirs = await other.open()
    foreign = theirs.checkpoint().note
    await other.shut(theirs)
    ours = log.checkpoint().note
    forged = ours.replace(b"\n11\n", b"\n99\n")
    named = sign_checkpoint(
        Checkpoint("elsewhere", 99, bytes(32)),
        load_or_make(place.folder / "keys").checkpoint,
        log.anchors().origin,
    )
    for note in (foreign, forged, named, b"", b"x" * 70_000, ours[:-40]):
        with pytest.raises(InvalidError):
            await log.confront(note)
    await log.append_own(NOTHING, "urn:x")
    await place.shut(log)
