"""One transaction makes one step; the ledger is a chain that proves itself."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge.errors import LedgerDamaged, LedgerError
from edge.ledger import ClipState, Ledger
from edge.ledger_check import check_file
from hashing.digest import digest_bytes
from hashing.keys import Es256Signer
from hashing.ledger import DockHead
from hashing.statement import decode_statement, verify_record, verify_statement
from protocols.ids import ClipId, EntryId, SessionId
from protocols.kinds import (
    ClipSealed,
    ClipTagged,
    Disposition,
    DockBooted,
    InventoryFile,
    LedgerReopened,
    Leftover,
    SessionClosed,
    SessionInventory,
)
from protocols.messages import Retry
from protocols.records import CheckpointRef, decode_record
from tests.simulators.log import SimulatedLog
from tests.unit.edge.dockside import (
    DOCK,
    MTIME_NS,
    SIGNER,
    VOLUME,
    camera_opened,
    draft_of,
    open_ledger,
    release,
)

BOOTED = DockBooted(version="1", ledger_check="empty")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    opened = open_ledger(path)
    yield opened
    opened.close()


@pytest.fixture
def session(ledger: Ledger) -> SessionId:
    return ledger.open_session(camera_opened())


@pytest.fixture
def log() -> SimulatedLog:
    return SimulatedLog()


def seal(ledger: Ledger, session: SessionId, data: bytes, path: bytes = b"1.MP4") -> ClipId:
    return ledger.seal_clip(draft_of(session, data, path=path))


def released(ledger: Ledger, log: SimulatedLog, clip: ClipId) -> None:
    assert ledger.record_release(clip, *release(ledger, log, clip))


def tamper(path: Path, statement: str, *values: object) -> None:
    with sqlite3.connect(path) as database:
        database.execute(statement, values)
    database.close()


# --- chain ---------------------------------------------------------------------------


def test_an_empty_ledger_has_no_head_and_checks_clean(ledger: Ledger) -> None:
    assert ledger.head() is None
    assert ledger.epoch == 0
    assert ledger.check().entries == 0


def test_entries_are_numbered_from_zero_without_gaps(ledger: Ledger) -> None:
    entries = [ledger.append(BOOTED) for _ in range(5)]
    assert [entry.seq for entry in entries] == [0, 1, 2, 3, 4]
    head = ledger.head()
    assert head is not None
    assert (head.epoch, head.seq) == (0, 4)
    assert ledger.check().entries == 5


def test_an_entry_is_a_statement_over_its_record(ledger: Ledger) -> None:
    ledger.append(BOOTED)
    (entry,) = ledger.entries(0, 0, 10)
    statement = decode_statement(entry.statement)
    verify_statement(statement, SIGNER.public)
    verify_record(statement, entry.record)
    assert statement.issuer == statement.subject == "urn:evidock:dock:dock7"
    assert isinstance(decode_record(entry.record).body, DockBooted)


def test_the_chain_goes_on_after_a_restart(path: Path) -> None:
    first = open_ledger(path)
    first.append(BOOTED)
    first.close()
    second = open_ledger(path)
    assert second.append(BOOTED).seq == 1
    assert second.check().entries == 2
    second.close()


def test_what_is_stated_together_is_there_whole_or_not_at_all(path: Path) -> None:
    ledger = open_ledger(path)
    with ledger.together():
        ledger.append(BOOTED)
        with pytest.raises(LedgerError, match="no session"):
            ledger.close_session(EntryId(DOCK, 0, 9), "removed")
        ledger.append(BOOTED)
        # Another reader of the file sees none of it yet.
        assert check_file(path, dock=DOCK, key=SIGNER.public).entries == 0
    assert check_file(path, dock=DOCK, key=SIGNER.public).entries == 2
    with pytest.raises(RuntimeError), ledger.together():
        raise RuntimeError(str(ledger.append(BOOTED)))
    assert ledger.check().entries == 2
    ledger.append(BOOTED)
    assert ledger.check().entries == 3
    ledger.close()


def test_a_step_taken_back_takes_only_its_own_with_it(ledger: Ledger) -> None:
    session = ledger.open_session(camera_opened())
    poisoned = replace(draft_of(session, b"b", path=b"2.MP4", name="b" * 32), mtime_ns=2**63)
    with ledger.together():
        ledger.seal_clip(draft_of(session, b"a", name="a" * 32))
        with pytest.raises(LedgerError):
            ledger.seal_clip(poisoned)
        ledger.seal_clip(draft_of(session, b"c", path=b"3.MP4", name="c" * 32))
    assert ledger.check().clips == 2


def test_nothing_is_stated_after_the_disk_took_the_whole_back(ledger: Ledger) -> None:

    def fail() -> None:
        ledger.append(BOOTED)
        # As SQLite does by itself when a disk fails.
        ledger._connection.execute("ROLLBACK")
        with pytest.raises(LedgerError, match="earlier step"):
            ledger.append(BOOTED)

    with pytest.raises(LedgerError), ledger.together():
        fail()
    assert ledger.check().entries == 0
    ledger.append(BOOTED)
    assert ledger.check().entries == 1


def test_threads_never_get_the_same_number(ledger: Ledger) -> None:
    got: list[EntryId] = []
    threads = [
        threading.Thread(target=lambda: got.extend(ledger.append(BOOTED) for _ in range(10)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(entry.seq for entry in got) == list(range(40))
    ledger.check()


def test_two_programs_on_one_file_make_no_fork(path: Path) -> None:
    first, second = open_ledger(path), open_ledger(path)
    seqs = [ledger.append(BOOTED).seq for ledger in (first, second, second, first)]
    assert seqs == [0, 1, 2, 3]
    first.check()
    first.close()
    second.close()


def test_a_reopened_ledger_begins_a_new_epoch(ledger: Ledger) -> None:
    ledger.append(BOOTED)
    entry = ledger.reopen(3, "operator 7", EntryId(DOCK, 2, 9))
    assert (entry.epoch, entry.seq, ledger.epoch) == (3, 0, 3)
    assert isinstance(decode_record(ledger.entries(3, 0, 0)[0].record).body, LedgerReopened)
    assert ledger.append(BOOTED).seq == 1
    ledger.check()
    with pytest.raises(LedgerError, match="not beyond"):
        ledger.reopen(3, "again", None)


def test_a_page_stops_at_its_limits_but_never_before_one_entry(ledger: Ledger) -> None:
    for _ in range(5):
        ledger.append(BOOTED)
    assert [e.seq for e in ledger.entries(0, 1, 3)] == [1, 2, 3]
    assert [e.seq for e in ledger.entries(0, 0, 99, max_entries=2)] == [0, 1]
    assert [e.seq for e in ledger.entries(0, 2, 99, max_bytes=1)] == [2]
    assert ledger.entries(1, 0, 9) == []


def test_a_record_too_large_is_refused_and_nothing_is_written(
    ledger: Ledger, session: SessionId
) -> None:
    files = [
        InventoryFile(path="x" * 8000, disposition=Disposition.IGNORED, reason="y" * 300)
        for _ in range(40)
    ]
    with pytest.raises(LedgerError, match="record of"):
        ledger.add_inventory(session, files, last=True)
    assert ledger.head() == DockHead(0, 0, ledger.check().walk.head.hash)  # type: ignore[union-attr]  # one entry: the session


def test_a_text_no_record_may_hold_is_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="cannot state"):
        ledger.raise_alarm("disk", "\ud800")
    assert ledger.head() is None


# --- damage --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE entries SET record = CAST(replace(record, 'empty', 'fully') AS BLOB)", "entry"),
        ("UPDATE entries SET hash = zeroblob(32) WHERE seq = 1", "hash or subject"),
        ("UPDATE entries SET subject = 'urn:x' WHERE seq = 1", "hash or subject"),
        ("DELETE FROM entries WHERE seq = 1", "gap at epoch 0 seq 1"),
        ("UPDATE entries SET statement = x'00' WHERE seq = 2", "entry dock7.0.2"),
        ("UPDATE entries SET seq = 9 WHERE seq = 2", "says epoch 0 seq 2"),
    ],
)
def test_any_change_is_found_and_named(path: Path, change: str, told: str) -> None:
    ledger = open_ledger(path)
    for _ in range(3):
        ledger.append(BOOTED)
    ledger.close()
    tamper(path, change)
    ledger = open_ledger(path)
    with pytest.raises(LedgerDamaged, match=told):
        ledger.check()
    ledger.close()


def test_a_clip_row_that_differs_from_its_entry_is_found(path: Path) -> None:
    ledger = open_ledger(path)
    seal(ledger, ledger.open_session(camera_opened()), b"footage")
    ledger.close()
    for change in (
        "UPDATE clips SET size = 8",
        "UPDATE clips SET sha256 = zeroblob(32)",
        "UPDATE leaves SET leaves = zeroblob(32)",
        "DELETE FROM leaves",
    ):
        copy = path.with_name("copy.db")
        copy.write_bytes(path.read_bytes())
        tamper(copy, change)
        with pytest.raises(LedgerDamaged, match=r"clip dock7\.0\.1"):
            check_file(copy, dock=DOCK, key=SIGNER.public)


def test_a_sealing_that_its_row_calls_something_else_is_found(path: Path) -> None:
    ledger = open_ledger(path)
    seal(ledger, ledger.open_session(camera_opened()), b"footage")
    ledger.close()
    tamper(path, "UPDATE entries SET kind = 'clip.tagged' WHERE seq = 1")
    tamper(path, "DELETE FROM leaves")
    tamper(path, "DELETE FROM clips")
    with pytest.raises(LedgerDamaged, match="another kind"):
        check_file(path, dock=DOCK, key=SIGNER.public)


def test_statements_of_another_key_are_found(path: Path) -> None:
    ledger = open_ledger(path)
    ledger.append(BOOTED)
    ledger.close()
    with pytest.raises(LedgerDamaged, match=r"dock7\.0\.0"):
        check_file(path, dock=DOCK, key=Es256Signer.generate().public)
    assert check_file(path, dock=None, key=SIGNER.public).signatures == 1


def test_a_cut_tail_is_found_against_a_head_known_from_before(path: Path) -> None:
    ledger = open_ledger(path)
    for _ in range(3):
        ledger.append(BOOTED)
    head = ledger.head()
    ledger.close()
    tamper(path, "DELETE FROM entries WHERE seq = 2")
    assert check_file(path, dock=DOCK, key=SIGNER.public).entries == 2
    with pytest.raises(LedgerDamaged, match="cut at epoch 0 seq 2"):
        check_file(path, dock=DOCK, key=SIGNER.public, expect_head=head)


def test_a_quick_check_verifies_the_newest_signatures_and_walks_all(path: Path) -> None:
    ledger = open_ledger(path)
    for _ in range(6):
        ledger.append(BOOTED)
    report = ledger.check(newest_signatures=2)
    assert (report.entries, report.signatures) == (6, 2)
    ledger.close()


def test_a_file_that_is_no_database_is_damage(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(LedgerDamaged):
        open_ledger(path)
    with pytest.raises(LedgerDamaged):
        check_file(path, dock=DOCK, key=SIGNER.public)


def test_a_ledger_of_a_newer_program_is_left_alone(path: Path) -> None:
    open_ledger(path).close()
    tamper(path, "PRAGMA user_version = 99")
    with pytest.raises(LedgerDamaged, match="version 99"):
        open_ledger(path)


def test_another_docks_or_keys_ledger_is_refused(path: Path) -> None:
    open_ledger(path).close()
    with pytest.raises(LedgerError, match="begun with kid"):
        open_ledger(path, Es256Signer.generate())


def test_checking_leaves_nothing_beside_the_file(path: Path) -> None:
    ledger = open_ledger(path)
    ledger.append(BOOTED)
    assert check_file(path, dock=DOCK, key=SIGNER.public).entries == 1
    ledger.append(BOOTED)
    assert check_file(path, dock=DOCK, key=SIGNER.public).entries == 2
    ledger.close()
    assert check_file(path, dock=DOCK, key=SIGNER.public).entries == 2
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_missing_ledger_is_not_made_by_checking(path: Path) -> None:
    with pytest.raises(LedgerError, match="no ledger"):
        check_file(path, dock=DOCK, key=SIGNER.public)
    assert not path.exists()


def test_the_database_is_for_its_owner_alone(path: Path) -> None:
    open_ledger(path).close()
    assert path.stat().st_mode & 0o077 == 0


# --- sessions ------------------------------------------------------------------------


def test_a_docking_is_opened_listed_and_closed_with_counts(
    ledger: Ledger, session: SessionId
) -> None:
    files = [InventoryFile(path="1.MP4", size=7, disposition=Disposition.INGEST)]
    ledger.add_inventory(session, files, last=False)
    ledger.add_inventory(session, files, last=True)
    seal(ledger, session, b"footage")
    head = ledger.head()
    left = [Leftover(path="2.MP4", outcome="unreadable", reason="EIO")]
    closed = ledger.close_session(session, "removed", left)
    pages = [decode_record(ledger.entries(0, n, n)[0].record).body for n in (1, 2)]
    assert [(p.page, p.last) for p in pages if isinstance(p, SessionInventory)] == [
        (0, False),
        (1, True),
    ]
    body = decode_record(ledger.entries(0, closed.seq, closed.seq)[0].record).body
    assert isinstance(body, SessionClosed)
    assert (body.sealed, body.released, body.erased) == (1, 0, 0)
    assert (body.inventory_pages, body.inventory_files) == (2, 2)
    assert (body.leftovers, body.leftovers_total) == (tuple(left), 1)
    assert head is not None
    assert (body.head, body.head_hash) == (f"dock7.0.{head.seq}", head.hash.hex())
    assert ledger.sessions(open_only=True) == []


def test_closing_twice_states_it_once(ledger: Ledger, session: SessionId) -> None:
    first = ledger.close_session(session, "removed")
    assert ledger.close_session(session, "power") == first
    assert ledger.head() == ledger.head()
    with pytest.raises(LedgerError, match="was closed: removed"):
        ledger.add_inventory(session, [], last=True)


def test_a_daily_close_leaves_the_session_open(ledger: Ledger, session: SessionId) -> None:
    ledger.close_session(session, "daily")
    assert [row.session for row in ledger.sessions(open_only=True)] == [session]


def test_leftovers_that_fit_no_record_are_counted(ledger: Ledger, session: SessionId) -> None:
    left = [
        Leftover(path=f"{n:05}" + "x" * 4000, outcome="incomplete", reason="pulled")
        for n in range(2000)
    ]
    closed = ledger.close_session(session, "removed", left)
    body = decode_record(ledger.entries(0, closed.seq, closed.seq)[0].record).body
    assert isinstance(body, SessionClosed)
    assert body.leftovers_total == 2000
    assert 10 < len(body.leftovers) < 1000


def test_an_unknown_session_is_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="no session"):
        ledger.close_session(EntryId(DOCK, 0, 5), "power")


# --- clips ---------------------------------------------------------------------------


def test_a_sealed_clip_is_entry_row_and_leaves_at_once(ledger: Ledger, session: SessionId) -> None:
    data = b"\x01" * 2_500_000
    clip = seal(ledger, session, data, b"DCIM/1.MP4")
    row = ledger.clip(clip.epoch, clip.seq)
    content = digest_bytes(data)
    assert row is not None
    assert (row.size, row.sha256, row.root) == (content.size, content.sha256, content.root)
    assert (row.leaf_count, row.state, row.release_index) == (3, ClipState.SEALED, None)
    assert ledger.leaves(clip.epoch, clip.seq) == b"".join(content.leaves)
    (entry,) = ledger.entries(clip.epoch, clip.seq, clip.seq)
    statement = decode_statement(entry.statement)
    assert statement.subject == clip.clip_urn
    assert statement.hash == row.statement_hash
    body = decode_record(entry.record).body
    assert isinstance(body, ClipSealed)
    assert body.session == str(session)
    assert [each.clip for each in ledger.clips_of_session(session)] == [clip]


def test_an_empty_recording_is_sealed_too(ledger: Ledger, session: SessionId) -> None:
    clip = seal(ledger, session, b"")
    assert ledger.leaves(clip.epoch, clip.seq) == b""
    ledger.check()


def test_sealing_the_same_spool_file_again_gives_the_same_clip(
    ledger: Ledger, session: SessionId
) -> None:
    assert seal(ledger, session, b"footage") == seal(ledger, session, b"footage")
    assert ledger.check().clips == 1


def test_a_failed_seal_leaves_nothing(ledger: Ledger) -> None:
    with pytest.raises(LedgerError):
        seal(ledger, EntryId(DOCK, 0, 77), b"footage")
    assert ledger.head() is None
    assert ledger.spool_names() == set()


def test_a_card_is_recognised_by_its_cheap_key_alone(ledger: Ledger, session: SessionId) -> None:
    clip = seal(ledger, session, b"footage", b"\xff\xfe.MP4".decode("latin-1").encode())
    path = "\u00ff\u00fe.MP4".encode()
    known = ledger.known_clip(VOLUME, path, 7, MTIME_NS)
    assert known is not None
    assert known.clip == clip
    assert ledger.known_clip(VOLUME, path, 8, MTIME_NS) is None
    assert ledger.known_clip(VOLUME, path, 7, MTIME_NS + 1) is None
    assert ledger.known_clip("other", path, 7, MTIME_NS) is None


def test_a_lost_clip_is_no_longer_known_and_no_longer_asked_for(
    ledger: Ledger, session: SessionId
) -> None:
    clip = seal(ledger, session, b"footage")
    assert ledger.mark_lost(clip, "disk") is not None
    assert ledger.mark_lost(clip, "disk") is None
    assert ledger.known_clip(VOLUME, b"1.MP4", 7, MTIME_NS) is None
    assert ledger.unreleased() == []
    assert ledger.spool_names() == set()
    again = ledger.seal_clip(draft_of(session, b"footage", path=b"1.MP4", name="a" * 32))
    assert again != clip


def test_unreleased_clips_are_told_as_ranges(
    ledger: Ledger, session: SessionId, log: SimulatedLog
) -> None:
    clips = [seal(ledger, session, b"%d" % n, b"%d.MP4" % n) for n in range(4)]
    ledger.append(BOOTED)
    clips.append(seal(ledger, session, b"x", b"x.MP4"))
    assert ledger.unreleased() == [(0, clips[0].seq, clips[4].seq)]
    released(ledger, log, clips[1])
    released(ledger, log, clips[4])
    assert ledger.unreleased() == [
        (0, clips[0].seq, clips[0].seq),
        (0, clips[2].seq, clips[3].seq),
    ]


# --- proofs --------------------------------------------------------------------------


def test_a_release_is_kept_once_with_its_checkpoint(
    ledger: Ledger, session: SessionId, log: SimulatedLog
) -> None:
    clip = seal(ledger, session, b"footage")
    proof, message = release(ledger, log, clip)
    assert ledger.record_release(clip, proof, message)
    assert not ledger.record_release(clip, proof, message)
    row = ledger.clip(clip.epoch, clip.seq)
    assert row is not None
    assert (row.state, row.release_index) == (ClipState.RELEASED, proof.index)
    assert row.released_ns is not None
    assert ledger.release(clip.epoch, clip.seq) == message
    assert ledger.accepted() == proof.accepted


def test_a_release_of_another_clip_is_refused(
    ledger: Ledger, session: SessionId, log: SimulatedLog
) -> None:
    one, two = (seal(ledger, session, data, data) for data in (b"1", b"2"))
    proof, message = release(ledger, log, one)
    with pytest.raises(LedgerError, match="is none of"):
        ledger.record_release(two, proof, message)


def test_the_accepted_checkpoint_never_goes_back(ledger: Ledger) -> None:
    big, small = (CheckpointRef(size=n, root="ab" * 32) for n in (9, 3))
    assert ledger.set_accepted(big)
    assert not ledger.set_accepted(small)
    assert not ledger.set_accepted(big)
    assert ledger.accepted() == big


def test_every_record_names_the_checkpoint_accepted_before_it(ledger: Ledger) -> None:
    ledger.append(BOOTED)
    ledger.set_accepted(CheckpointRef(size=9, root="ab" * 32))
    ledger.append(BOOTED)
    named = [decode_record(entry.record).checkpoint for entry in ledger.entries(0, 0, 1)]
    assert named == [None, CheckpointRef(size=9, root="ab" * 32)]


def test_a_receipt_is_kept_once_and_clears_the_refusal(ledger: Ledger) -> None:
    entry = ledger.append(BOOTED)
    ledger.refusal(0, 0, "key-unknown", "enrol the dock", Retry.OPERATOR)
    assert [(r.entry, r.code, r.retry) for r in ledger.refusals()] == [
        (entry, "key-unknown", "operator")
    ]
    ref = CheckpointRef(size=1, root="ab" * 32)
    assert ledger.record_receipt(0, 0, b"receipt", ref)
    assert not ledger.record_receipt(0, 0, b"receipt", ref)
    assert not ledger.record_receipt(0, 5, b"receipt", ref)
    assert ledger.refusals() == []


def test_only_released_bytes_may_leave_the_spool(
    ledger: Ledger, session: SessionId, log: SimulatedLog
) -> None:
    clip = seal(ledger, session, b"footage")
    with pytest.raises(LedgerError, match="stay in the spool"):
        ledger.spool_dropped(clip)
    released(ledger, log, clip)
    (name,) = ledger.spool_names()
    assert [row.clip for row in ledger.spooled(ClipState.RELEASED)] == [clip]
    assert ledger.spool_dropped(clip) == name
    assert ledger.spool_dropped(clip) is None
    assert ledger.spooled() == []


# --- erasing -------------------------------------------------------------------------


def test_nothing_unreleased_may_be_about_to_be_erased(ledger: Ledger, session: SessionId) -> None:
    clip = seal(ledger, session, b"footage")
    with pytest.raises(LedgerError, match="without a release"):
        ledger.intend_erase(clip, session)
    with pytest.raises(LedgerError, match="was not about to be"):
        ledger.clip_erased(clip, session, bytes(32))


def test_an_erasure_is_stated_once_per_docking_and_ended_once(
    ledger: Ledger, session: SessionId, log: SimulatedLog
) -> None:
    clip = seal(ledger, session, b"footage")
    released(ledger, log, clip)
    assert ledger.intend_erase(clip, session) is not None
    assert ledger.intend_erase(clip, session) is None
    other = ledger.open_session(camera_opened())
    assert ledger.intend_erase(clip, other) is not None
    assert [row.clip for row in ledger.unfinished_erasures(VOLUME)] == [clip]
    assert ledger.unfinished_erasures("other") == []
    assert ledger.clip_erased(clip, other, bytes(32)) is not None
    assert ledger.clip_erased(clip, other, bytes(32)) is None
    assert ledger.unfinished_erasures(VOLUME) == []
    assert ledger.known_clip(VOLUME, b"1.MP4", 7, MTIME_NS) is None
    ledger.check()


# --- alarms and numbers --------------------------------------------------------------


def test_an_alarm_is_raised_once_and_cleared_once(ledger: Ledger) -> None:
    assert ledger.raise_alarm("spool-full", "no room") is not None
    assert ledger.raise_alarm("spool-full", "no room") is None
    assert ledger.raise_alarm("spool-full", "no room", about="bay 2") is not None
    assert [(alarm.code, alarm.about) for alarm in ledger.alarms()] == [
        ("spool-full", None),
        ("spool-full", "bay 2"),
    ]
    assert ledger.clear_alarm("spool-full") is not None
    assert ledger.clear_alarm("spool-full") is None
    assert len(ledger.alarms()) == 1


def test_the_numbers_for_the_status_page_add_up(
    ledger: Ledger, session: SessionId, log: SimulatedLog
) -> None:
    clips = [seal(ledger, session, b"x" * n, b"%d" % n) for n in (1, 2, 3)]
    released(ledger, log, clips[0])
    ledger.append(ClipTagged(clip=str(clips[1]), case_no="7"), clips[1].clip_urn)
    stats = ledger.stats()
    assert stats["clips"] == {"sealed": 2, "released": 1, "erased": 0, "lost": 0}
    assert stats["bytes"]["sealed"] == 5
    assert stats["entries"] == 5
    assert stats["newest_release"]["clip"] == str(clips[0])
    assert stats["open_sessions"] == [str(session)]


def test_a_closed_ledger_says_so(path: Path) -> None:
    ledger = open_ledger(path)
    ledger.close()
    with pytest.raises(LedgerError):
        ledger.append(BOOTED)


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_what_nobody_could_read_back_is_never_signed(ledger: Ledger, text: str) -> None:
    with pytest.raises(LedgerError):
        ledger.raise_alarm("x", text)
    assert (ledger.head(), ledger.alarms()) == (None, [])


def test_a_commit_waits_for_the_disk(ledger: Ledger) -> None:
    # FULL; anything less may forget the newest commits in a power cut.
    assert ledger._one("PRAGMA synchronous") == (2,)
    assert ledger._one("PRAGMA journal_mode") == ("wal",)


def test_a_ledger_of_the_first_version_is_brought_up_to_date(path: Path) -> None:
    ledger = open_ledger(path)
    session = ledger.open_session(camera_opened())
    clip = ledger.seal_clip(draft_of(session, b"footage"))
    ledger.record_release(clip, *release(ledger, SimulatedLog(), clip))
    ledger.intend_erase(clip, session)
    ledger.close()
    tamper(path, "ALTER TABLE erasures DROP COLUMN place")
    tamper(path, "DROP TABLE memories")
    tamper(path, "PRAGMA user_version = 1")
    assert check_file(path, dock=DOCK, key=SIGNER.public).entries == 3
    ledger = open_ledger(path)
    begun = ledger.erasure(clip)
    assert begun is not None
    assert begun.place is None
    ledger.note_compared(clip, b"digest", "here")
    ledger.close()
    ledger = open_ledger(path)
    begun = ledger.erasure(clip)
    assert begun is not None
    assert (begun.compared, begun.place) == (b"digest", "here")
    ledger.forget_compared(clip)
    begun = ledger.erasure(clip)
    assert begun is not None
    assert (begun.compared, begun.place) == (None, None)
    ledger.remember("card", "volume", "{}")
    ledger.close()


def test_what_is_remembered_between_dockings_outlives_the_program(path: Path) -> None:
    ledger = open_ledger(path)
    assert ledger.recall("card", "A") is None
    ledger.remember("card", "A", "first")
    ledger.remember("card", "A", "second")
    ledger.remember("clock", "A", "other")
    ledger.close()
    ledger = open_ledger(path)
    assert ledger.recall("card", "A") == "second"
    ledger.remember("card", "A", None)
    assert (ledger.recall("card", "A"), ledger.recall("clock", "A")) == (None, "other")
    assert ledger.head() is None
    ledger.close()


def test_a_number_beyond_64_bits_is_refused_and_harms_nothing(path: Path) -> None:
    ledger = open_ledger(path)
    session = ledger.open_session(camera_opened())
    with pytest.raises(LedgerError, match="int"):
        ledger.known_clip("v", b"p", 1, 2**63)
    with pytest.raises(LedgerError, match="int"):
        ledger.seal_clip(replace(draft_of(session, b"footage"), mtime_ns=2**63))
    ledger.seal_clip(draft_of(session, b"footage"))
    assert ledger.check().entries == 2
    ledger.close()
