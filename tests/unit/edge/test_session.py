"""Sessions with a real ledger, spool, probe and folder; the test plays camera and gateway."""

from __future__ import annotations

import itertools
import os
import shutil
import time
from pathlib import Path

import pytest

from edge import inventory, words
from edge.cameras.base import Card
from edge.errors import LedgerError, Unreadable
from edge.hallmark import Hallmark, Holder
from edge.inventory import Found
from edge.ledger import ClipState, Ledger
from protocols.kinds import (
    AlarmRaised,
    ClipErased,
    ClipSealed,
    SessionClosed,
    SessionInventory,
)
from tests.unit.edge.bayside import Bayside, said, until
from tests.unit.edge.dockside import open_ledger


def sealed(bay: Bayside) -> list[str]:
    return sorted(body.source.name for body in bay.bodies(ClipSealed))


async def test_a_session_opens_lists_seals_waits_for_releases_and_closes(bay: Bayside) -> None:
    (bay.folder / "a.mp4").write_bytes(b"a" * 100)
    (bay.folder / "b.mp4").write_bytes(b"b" * 100)
    async with bay.docked() as docking:
        await until(lambda: said(docking) == "copied")
        assert not bay.bodies(SessionClosed)
        bay.release_all()
        await until(lambda: said(docking) == "safe")
    assert bay.kinds() == [
        "session.opened",
        "session.inventory",
        "clip.sealed",
        "clip.sealed",
        "session.closed",
    ]
    (closed,) = bay.bodies(SessionClosed)
    assert (closed.reason, closed.sealed, closed.released, closed.leftovers_total) == (
        "released",
        2,
        2,
        0,
    )


async def test_it_is_never_called_safe_before_every_clip_is_released(bay: Bayside) -> None:
    for name in "abc":
        (bay.folder / f"{name}.mp4").write_bytes(name.encode())
    heard = []
    async with bay.docked() as docking:
        await until(lambda: said(docking) == "copied")
        for body in bay.bodies(ClipSealed)[:2]:
            row = bay.ledger.known_clip(
                "folder:cam1",
                body.source.path_bytes(),
                body.content.size,
                (bay.folder / body.source.name).stat().st_mtime_ns,
            )
            assert row is not None
            bay.release(row.clip)
            heard.append(words.message(docking, full=False).safe)
        bay.release_all()
        await until(lambda: said(docking) == "safe")
    assert heard == [False, False]


async def test_an_empty_folder_or_one_with_rubbish_opens_no_session(bay: Bayside) -> None:
    (bay.folder / "Thumbs.db").write_text("rubbish")
    async with bay.docked() as docking:
        await until(lambda: docking.roster.looked)
        await until(lambda: said(docking) == "empty")
        assert words.message(docking, full=False) == words.NO_RECORDING
        (bay.folder / "Thumbs.db").unlink()
        await until(lambda: words.message(docking, full=False) == words.EMPTY)
    assert bay.ledger.head() is None


async def test_a_card_with_nothing_but_links_and_pipes_is_not_called_empty(bay: Bayside) -> None:
    (bay.folder / "a.mp4").symlink_to("/etc/hostname")
    os.mkfifo(bay.folder / "b.mp4")
    async with bay.docked() as docking:
        await until(lambda: docking.roster.looked)
        await until(lambda: words.message(docking, full=False) == words.NO_RECORDING)
    assert words.NO_RECORDING.safe


def test_officers_are_told_in_chinese_punctuation() -> None:
    told = [each for each in vars(words).values() if isinstance(each, words.Message)]
    assert told
    assert not [each.zh for each in told if set(each.zh) & set(",;:!?()")]


async def test_a_camera_that_leaves_before_it_was_read_is_on_record_with_what_it_held(
    tmp_path: Path,
) -> None:
    bay = Bayside(tmp_path, settle_s=60.0)
    (bay.folder / "a.mp4").write_bytes(b"a")
    async with bay.docked() as docking:
        await until(lambda: docking.roster.looked)
    bay.close()
    ledger = open_ledger(tmp_path / "ledger.db")
    bay.ledger = ledger
    (closed,) = bay.bodies(SessionClosed)
    assert closed.reason == "removed"
    assert [(left.path, left.outcome) for left in closed.leftovers] == [("a.mp4", "growing")]
    ledger.close()


async def test_a_folder_that_is_taken_away_while_waiting_ends_the_session(bay: Bayside) -> None:
    (bay.folder / "a.mp4").write_bytes(b"a")
    async with bay.docked() as docking:
        await until(lambda: said(docking) == "copied")
        shutil.rmtree(bay.folder)
        await until(lambda: bay.bodies(SessionClosed))
    (closed,) = bay.bodies(SessionClosed)
    assert (closed.reason, closed.sealed, closed.released) == ("removed", 1, 0)


async def test_a_known_recording_is_read_again_and_not_sealed_again(bay: Bayside) -> None:
    (bay.folder / "a.mp4").write_bytes(b"a" * 1000)
    async with bay.docked() as docking:
        await until(lambda: said(docking) == "copied")
    bay.release_all()
    async with bay.docked() as docking:
        await until(lambda: said(docking) == "safe")
        assert [item.compared for item in docking.roster] == [True]
    assert len(bay.bodies(ClipSealed)) == 1
    files = [file for page in bay.bodies(SessionInventory) for file in page.files]
    assert [str(file.disposition) for file in files] == ["ingest", "known"]


async def test_a_known_name_with_other_bytes_becomes_a_clip_of_its_own_and_says_so(
    bay: Bayside,
) -> None:
    at = bay.folder / "a.mp4"
    at.write_bytes(b"a" * 1000)
    async with bay.docked() as docking:
        await until(lambda: said(docking) == "copied")
    bay.release_all()
    before = at.stat()
    at.write_bytes(b"b" * 1000)
    os.utime(at, ns=(before.st_atime_ns, before.st_mtime_ns))
    async with bay.docked() as docking:
        await until(lambda: len(bay.bodies(ClipSealed)) == 2)
        await until(lambda: said(docking) == "copied")
        assert [alarm.code for alarm in bay.ledger.alarms()] == ["recording-differs"]
        bay.release_all()
        await until(lambda: said(docking) == "safe")
    assert len({body.content.sha256 for body in bay.bodies(ClipSealed)}) == 2
    assert bay.ledger.alarms() == []


async def test_new_files_of_an_open_session_go_on_further_pages(bay: Bayside) -> None:
    (bay.folder / "a.mp4").write_bytes(b"a")
    async with bay.docked() as docking:
        await until(lambda: said(docking) == "copied")
        (bay.folder / "later.mp4").write_bytes(b"later")
        await until(lambda: sealed(bay) == ["a.mp4", "later.mp4"])
        await until(lambda: said(docking) == "copied")
        bay.release_all()
        await until(lambda: said(docking) == "safe")
    names = [[file.path for file in page.files] for page in bay.bodies(SessionInventory)]
    # It may be seen growing first; then it has one more row.
    assert names[0] == ["a.mp4"]
    assert {name for page in names[1:] for name in page} == {"later.mp4"}
    assert [page.page for page in bay.bodies(SessionInventory)] == list(range(len(names)))
    assert len(bay.bodies(SessionClosed)) == 1


async def test_a_folder_gets_a_session_for_what_comes_after_the_last_one_closed(
    bay: Bayside,
) -> None:
    (bay.folder / "a.mp4").write_bytes(b"a")
    async with bay.docked() as docking:
        await until(lambda: said(docking) == "copied")
        bay.release_all()
        await until(lambda: said(docking) == "safe")
        (bay.folder / "b.mp4").write_bytes(b"b")
        await until(lambda: said(docking) == "copied")
        bay.release_all()
        await until(lambda: said(docking) == "safe")
    reasons = [body.reason for body in bay.bodies(SessionClosed)]
    assert reasons == ["released", "released"]
    files = [file for page in bay.bodies(SessionInventory) for file in page.files]
    assert {"a.mp4", "b.mp4"} == {file.path for file in files if file.clip is None}


async def test_released_recordings_are_erased_and_said_to_be(erasing: Bayside) -> None:
    (erasing.folder / "a.mp4").write_bytes(b"a")
    async with erasing.docked() as docking:
        await until(lambda: said(docking) == "copied")
        assert (erasing.folder / "a.mp4").exists()
        erasing.release_all()
        await until(lambda: said(docking) == "safe")
    assert not (erasing.folder / "a.mp4").exists()
    assert len(erasing.bodies(ClipErased)) == 1
    assert erasing.bodies(SessionClosed)[0].erased == 1


async def test_what_a_power_cut_kept_from_being_said_is_said_at_the_next_docking(
    erasing: Bayside,
) -> None:
    at = erasing.folder / "a.mp4"
    at.write_bytes(b"a")
    (erasing.folder / "b.mp4").write_bytes(b"b")
    async with erasing.docked() as docking:
        await until(lambda: said(docking) == "copied")
    (session,) = [row.session for row in erasing.ledger.sessions()]
    row = erasing.ledger.known_clip("folder:cam1", b"a.mp4", 1, at.stat().st_mtime_ns)
    assert row is not None
    erasing.release_all()
    erasing.ledger.intend_erase(row.clip, session)
    card = Card(erasing.folder)
    mark = Hallmark(Holder(fixed=True), card.place(b"a.mp4"), card.beside(b"a.mp4"))
    erasing.ledger.note_compared(row.clip, row.sha256, mark.text())
    at.unlink()
    async with erasing.docked() as docking:
        await until(lambda: said(docking) == "safe")
    assert str(row.clip) in {body.clip for body in erasing.bodies(ClipErased)}


async def test_a_recording_that_cannot_be_read_is_left_over_and_the_others_are_taken(
    bay: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The one error no ordinary file system gives on demand.
    real = Card.open

    def failing(card: Card, path: bytes) -> int:
        if path == b"bad.mp4":
            raise Unreadable("bad.mp4: Input/output error")
        return real(card, path)

    monkeypatch.setattr(Card, "open", failing)
    monkeypatch.setattr("edge.copying._RETRY_S", 0.01)
    (bay.folder / "bad.mp4").write_bytes(b"bad")
    (bay.folder / "good.mp4").write_bytes(b"good")
    async with bay.docked() as docking:
        await until(lambda: bay.ledger.unreleased() and docking.roster.all_read)
        bay.release_all()
        await until(lambda: bay.bodies(SessionClosed))
        assert said(docking) == "attention"
    assert sealed(bay) == ["good.mp4"]
    (closed,) = bay.bodies(SessionClosed)
    assert [left.path for left in closed.leftovers] == ["bad.mp4"]


async def test_a_recording_that_never_is_what_a_look_says_is_given_up(
    bay: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Card.open
    other = bay.home / "other"
    other.write_bytes(b"another file")

    def lying(card: Card, path: bytes) -> int:
        return os.open(other, os.O_RDONLY) if path == b"a.mp4" else real(card, path)

    monkeypatch.setattr(Card, "open", lying)
    (bay.folder / "a.mp4").write_bytes(b"a")
    async with bay.docked():
        await until(lambda: bay.bodies(SessionClosed))
    assert [left.outcome for left in bay.bodies(SessionClosed)[0].leftovers] == ["changed"]


async def test_a_ledger_that_refuses_for_a_while_loses_nothing(
    bay: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[int] = []
    real = bay.ledger.open_session

    def refusing(*arguments: object) -> object:
        if len(refused) < 2:
            refused.append(1)
            raise LedgerError("disk full")
        return real(*arguments)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(bay.ledger, "open_session", refusing)
    monkeypatch.setattr("edge.session._LEDGER_RETRY_S", 0.01)
    (bay.folder / "a.mp4").write_bytes(b"a")
    async with bay.docked() as docking:
        await until(lambda: said(docking) == "copied")
    assert refused == [1, 1]
    assert sealed(bay) == ["a.mp4"]


async def test_a_failing_seal_is_tried_again_and_then_given_up(
    bay: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    def failing(*_: object) -> object:
        tries.append(1)
        raise LedgerError("refused")

    monkeypatch.setattr(Ledger, "seal_clip", failing)
    monkeypatch.setattr("edge.copying._RETRY_S", 0.01)
    (bay.folder / "a.mp4").write_bytes(b"a")
    async with bay.docked():
        await until(lambda: bay.bodies(SessionClosed))
    assert len(tries) == 3
    assert [left.outcome for left in bay.bodies(SessionClosed)[0].leftovers] == ["incomplete"]


async def test_a_lost_clip_is_sealed_anew_from_the_card(bay: Bayside) -> None:
    (bay.folder / "a.mp4").write_bytes(b"a")
    async with bay.docked() as docking:
        await until(lambda: said(docking) == "copied")
        (row,) = bay.ledger.spooled(ClipState.SEALED)
        bay.ledger.mark_lost(row.clip, "test")
        bay.signals.lose(row.clip)
        await until(lambda: len(bay.bodies(ClipSealed)) == 2)
        await until(lambda: said(docking) == "copied")
        bay.release_all()
        await until(lambda: said(docking) == "safe")
    assert bay.bodies(AlarmRaised) == []


async def test_a_release_that_was_not_heard_of_is_found_in_the_ledger(
    bay: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.session._RECONCILE_S", 0.05)
    (bay.folder / "a.mp4").write_bytes(b"a")
    async with bay.docked() as docking:
        await until(lambda: said(docking) == "copied")
        monkeypatch.setattr(bay.signals, "release", lambda _: None)
        bay.release_all()
        await until(lambda: said(docking) == "safe")


async def test_a_card_at_rest_is_looked_at_less_often_until_something_happens(
    bay: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    scan = inventory.scan

    def counted(card: Card) -> list[Found]:
        looks.append(time.monotonic())
        return scan(card)

    monkeypatch.setattr("edge.session.scan", counted)
    async with bay.docked() as docking:
        await until(lambda: len(looks) == 8)
        pauses = [after - before for before, after in itertools.pairwise(looks)]
        assert pauses[-1] > 8 * bay.config.cameras.scan_s
        (bay.folder / "a.mp4").write_bytes(b"a")
        await until(lambda: len(looks) > 8)
        assert looks[8] - looks[7] < 2 * pauses[-1]
        await until(lambda: said(docking) == "copied")
