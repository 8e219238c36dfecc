"""Cards that lie, fail and change: what a session says of them, and what it never does."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from edge.cameras import folder, mass_storage
from edge.cameras.base import Camera, Card
from edge.clock import DockClock
from edge.config import FolderSection
from edge.daemon import Dock
from edge.errors import CameraGone, LedgerDamaged, Unreadable
from edge.inventory import Found, scan
from edge.ledger import ClipRow
from edge.profiles.reading import CardReading
from edge.recordings import same_bytes, task_for
from edge.session import FAILED, Docking
from edge.timing.watch import ClockWatch
from protocols.ids import EntryId
from protocols.kinds import (
    CameraClaim,
    ClipErased,
    ClipSealed,
    Disposition,
    SessionClosed,
    SessionInventory,
)
from tests.unit.edge.badcards import damage
from tests.unit.edge.bayside import Bayside, said, until
from tests.unit.edge.dockside import SIGNER


def rewrite(at: Path, data: bytes) -> None:
    """Other bytes under the same name, of the same size and time."""
    before = at.stat()
    at.write_bytes(data)
    os.utime(at, ns=(before.st_atime_ns, before.st_mtime_ns))


def leftovers(bay: Bayside) -> list[list[tuple[str | None, str, str]]]:
    return [
        [(left.path, left.outcome, left.reason) for left in closed.leftovers]
        for closed in bay.bodies(SessionClosed)
    ]


async def sealed_and_released(bay: Bayside, **files: bytes) -> None:
    for name, data in files.items():
        (bay.folder / f"{name}.mp4").write_bytes(data)
    async with bay.docked() as docking:
        await until(lambda: said(docking) == "copied")
    bay.release_all()


# --- read anew at each docking ----------------------------------------------------------


async def test_a_card_that_was_away_is_read_again_by_the_same_run_of_the_dock(
    bay: Bayside,
) -> None:
    await sealed_and_released(bay, a=b"a" * 1000)
    rewrite(bay.folder / "a.mp4", b"b" * 1000)
    (bay.folder / "new.mp4").write_bytes(b"n")
    async with bay.docked() as docking:
        await until(lambda: len(bay.bodies(ClipSealed)) == 3)
        await until(lambda: said(docking) == "copied")
    assert [alarm.code for alarm in bay.ledger.alarms()] == ["recording-differs"]


BOUND = """[binding]
recorder_serial={serial}
recorder_model=DSJ-X
user_no=016042
user_name=Li
dept_code=1
dept_name=Third
bound_at=2026-06-01 08:00:00
signature={signature}
"""


@pytest.mark.parametrize("how", ["claim", "card"])
async def test_a_cloned_volume_of_another_camera_is_not_listed_as_a_known_clip(
    bay: Bayside, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Same volume, name, size and time; what tells them is the camera's number."""
    at, real = bay.folder / "MOV_0001.MP4", folder.find

    def as_camera(serial: str) -> None:
        if how == "claim":
            claim = CameraClaim(name="cam1", serial=serial)
            monkeypatch.setattr(bay, "camera", lambda: replace(_there(real, bay), claim=claim))
        else:
            text = BOUND.format(serial=serial, signature="0" * 64)
            (bay.folder / "station_bind.ini").write_text(text)

    as_camera("36NCC000001")
    at.write_bytes(b"a" * 1000)
    async with bay.docked(profile="generic") as docking:
        await until(lambda: said(docking) == "copied")
    as_camera("36NCC000002")
    rewrite(at, b"b" * 1000)
    async with bay.docked(profile="generic") as docking:
        await until(lambda: said(docking) == "copied")
    as_camera("36NCC000001")
    rewrite(at, b"a" * 1000)
    async with bay.docked(profile="generic") as docking:
        await until(lambda: said(docking) == "copied")
    files = [file for page in bay.bodies(SessionInventory) for file in page.files]
    listed = [file.disposition for file in files if file.path == at.name]
    assert listed == [Disposition.INGEST, Disposition.INGEST, Disposition.KNOWN]
    clips = [clip for clip in bay.bodies(ClipSealed) if clip.source.path == at.name]
    assert [clip.source.camera.serial for clip in clips] == ["36NCC000001", "36NCC000002"]
    assert bay.ledger.alarms() == []


def _there(find: Callable[[FolderSection], Camera | None], bay: Bayside) -> Camera:
    camera = find(bay.config.cameras.folders[0])
    assert camera is not None
    return camera


async def test_a_file_that_was_away_is_read_again_in_the_same_docking(bay: Bayside) -> None:
    at = bay.folder / "a.mp4"
    at.write_bytes(b"a" * 1000)
    async with bay.docked() as docking:
        await until(lambda: said(docking) == "copied")
        rewrite(at, b"b" * 1000)
        at.rename(bay.home / "away")
        await until(lambda: not docking.roster.has(b"a.mp4"))
        (bay.home / "away").rename(at)
        await until(lambda: len(bay.bodies(ClipSealed)) == 2)


async def test_what_was_left_to_the_erasing_is_compared_when_the_card_refuses_that(
    erasing: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sealed_and_released(erasing, a=b"a" * 1000, b=b"b" * 1000, c=b"c" * 1000)
    rewrite(erasing.folder / "c.mp4", b"Z" * 1000)

    def refuse(*_: object) -> None:
        raise Unreadable("read-only") from OSError(errno.EACCES, "refused")

    monkeypatch.setattr(Card, "unlink", refuse)
    async with erasing.docked() as docking:
        await until(lambda: len(erasing.bodies(ClipSealed)) == 4)
        await until(lambda: said(docking) == "copied")
        assert {item.found.path for item in docking.roster if item.compared} == {
            b"a.mp4",
            b"b.mp4",
            b"c.mp4",
        }
    assert [alarm.code for alarm in erasing.ledger.alarms()] == ["recording-differs"]


async def test_a_recording_that_was_not_compared_when_the_camera_left_is_left_over(
    bay: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sealed_and_released(bay, a=b"a")

    def pulled(*_: object) -> bool:
        raise CameraGone("pulled while it was read again")

    monkeypatch.setattr("edge.rereading.same_bytes", pulled)
    async with bay.docked():
        await until(lambda: len(bay.bodies(SessionClosed)) == 2)
    (clip,) = {file.clip for page in bay.bodies(SessionInventory) for file in page.files} - {None}
    assert leftovers(bay)[1] == [("a.mp4", "incomplete", f"looks like {clip}; not compared")]


# --- erasing that is not wanted ---------------------------------------------------------


async def test_nothing_is_erased_while_erasing_is_off_although_it_was_begun_before(
    bay: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sealed_and_released(bay, a=b"a" * 1000)
    (session,) = (row.session for row in bay.ledger.sessions())
    (row,) = bay.ledger.clips_of_session(session)
    bay.ledger.intend_erase(row.clip, session)
    (bay.folder / "b.mp4").write_bytes(b"b")

    def blind(card: Card) -> list[Found]:
        return [found for found in scan(card) if found.path != b"a.mp4"]

    monkeypatch.setattr("edge.session.scan", blind)
    async with bay.docked() as docking:
        await until(lambda: said(docking) == "copied")
    assert (bay.folder / "a.mp4").read_bytes() == b"a" * 1000
    assert bay.bodies(ClipErased) == []


# --- what a card lists and does not give ------------------------------------------------


async def test_a_name_that_is_not_found_is_left_over_and_the_bay_asks_for_help(
    bay: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bay.folder / "a.mp4").write_bytes(b"a")
    (bay.folder / "b.mp4").write_bytes(b"b")
    damage(monkeypatch, bay.folder, lost=["b.mp4"])
    async with bay.docked() as docking:
        await until(lambda: bay.ledger.unreleased() and docking.roster.all_read)
        bay.release_all()
        await until(lambda: bay.bodies(SessionClosed))
        assert said(docking) == "attention"
    assert leftovers(bay) == [[("b.mp4", "unreadable", "listed, but not found")]]


async def test_a_root_that_ends_in_an_error_is_named_and_what_it_listed_is_taken(
    bay: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        (bay.folder / f"{name}.mp4").write_bytes(name.encode())
    damage(monkeypatch, bay.folder, after=2)
    async with bay.docked() as docking:
        await until(lambda: len(bay.bodies(ClipSealed)) == 2 and docking.roster.all_read)
        bay.release_all()
        await until(lambda: bay.bodies(SessionClosed))
    ((path, outcome, reason),) = leftovers(bay)[0]
    assert (path, outcome) == (".", "unreadable")
    assert "Input/output error" in reason


async def test_a_camera_that_fails_before_its_first_look_is_on_record(
    bay: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bay.folder / "a.mp4").write_bytes(b"a")

    def fails(_: Card) -> list[Found]:
        raise CameraGone("the card stopped answering")

    monkeypatch.setattr("edge.session.scan", fails)
    async with bay.docked(mass_storage.PROFILE):
        await until(lambda: bay.bodies(SessionClosed))
    assert bay.kinds() == ["session.opened", "session.closed"]
    ((path, outcome, _),) = leftovers(bay)[0]
    assert (path, outcome) == (".", "unreadable")


async def test_an_empty_disk_that_leaves_at_once_is_on_record_and_an_empty_folder_is_not(
    tmp_path: Path,
) -> None:
    bay = Bayside(tmp_path, settle_s=60.0)
    async with bay.docked() as docking:
        await until(lambda: docking.roster.looked)
    assert bay.kinds() == []
    async with bay.docked(mass_storage.PROFILE) as docking:
        await until(lambda: docking.roster.looked)
    assert bay.kinds() == ["session.opened", "session.inventory", "session.closed"]
    assert leftovers(bay) == [[]]
    bay.close()


async def test_a_file_that_goes_before_the_session_opens_is_named(tmp_path: Path) -> None:
    bay = Bayside(tmp_path, settle_s=0.4)
    (bay.folder / "a.mp4").write_bytes(b"a")
    (bay.folder / "gone.mp4").write_bytes(b"g")
    async with bay.docked() as docking:
        await until(lambda: docking.roster.has(b"gone.mp4"))
        (bay.folder / "gone.mp4").unlink()
        await until(lambda: bay.bodies(ClipSealed))
    names = {file.path for page in bay.bodies(SessionInventory) for file in page.files}
    assert names == {"a.mp4", "gone.mp4"}
    assert [(path, outcome) for path, outcome, _ in leftovers(bay)[0]] == [("gone.mp4", "vanished")]
    bay.close()


# --- values that no record or database holds --------------------------------------------


async def test_a_recording_of_a_year_beyond_all_databases_is_sealed_once(bay: Bayside) -> None:
    at = bay.folder / "a.mp4"
    at.write_bytes(b"a")
    os.utime(at, ns=(0, 10**19))
    if at.stat().st_mtime_ns < 2**63:
        pytest.skip("this file system holds no such time")
    async with bay.docked() as docking:
        await until(lambda: said(docking) == "copied")
    async with bay.docked() as docking:
        await until(lambda: said(docking) == "copied")
    assert len(bay.bodies(ClipSealed)) == 1


async def test_a_recording_with_an_endless_path_that_cannot_be_read_is_named(
    bay: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = os.open(bay.folder, os.O_RDONLY)
    for _ in range(10):
        os.mkdir("d" * 240, dir_fd=at)
        inner = os.open("d" * 240, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    file = os.open("x.mp4", os.O_WRONLY | os.O_CREAT, dir_fd=at)
    os.write(file, b"footage")
    os.close(file)
    os.close(at)
    # A chain of clusters that ends before its size.
    monkeypatch.setattr("edge.ingest._read", lambda *_: b"")
    monkeypatch.setattr("edge.copying._RETRY_S", 0.01)
    async with bay.docked():
        await until(lambda: bay.bodies(SessionClosed))
    ((path, outcome, reason),) = leftovers(bay)[0]
    assert path is not None
    assert (len(path), outcome) == (10 * 241 + 5, "unreadable")
    assert "ended at 0 of 7 bytes" in reason


def test_a_name_that_grows_when_it_is_written_down_is_cut(bay: Bayside) -> None:
    found = Found(b"\xff" * 1000, Disposition.INGEST, 1, 1)
    session = EntryId(bay.ledger.dock, 0, 0)
    camera, reading = bay.camera(), CardReading(bay.tools.profiles)
    stand = bay.tools.clocks.stand(camera, found)
    task = task_for(camera, Card(bay.folder), session, found, reading, stand)
    assert task.source.path_bytes() == found.path
    assert len(task.source.name) == 2048


def test_closing_a_file_of_a_pulled_card_is_no_failure(
    bay: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bay.folder / "a.mp4").write_bytes(b"a")
    card, real = Card(bay.folder), os.close
    opened: list[int] = []
    real_open = card.open

    def opening(path: bytes) -> int:
        opened.append(real_open(path))
        return opened[-1]

    def closing(descriptor: int) -> None:
        real(descriptor)
        if descriptor in opened:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))

    monkeypatch.setattr(card, "open", opening)
    monkeypatch.setattr(os, "close", closing)
    row = ClipRow(*[None] * 15)  # type: ignore[arg-type]  # no clip is compared with
    assert not same_bytes(card, b"a.mp4", row)


# --- one docking that fails -------------------------------------------------------------


def dock_of(bay: Bayside) -> Dock:
    clock, anchors = DockClock(), bay.log.anchors
    watch = ClockWatch(clock, bay.ledger)
    return Dock(
        bay.config, "test", bay.ledger, bay.spool, bay.prober, clock, anchors, watch, SIGNER
    )


async def served(bay: Bayside, dock: Dock) -> None:
    docking = Docking(bay.camera(), bay.tools)
    dock._dockings[docking.camera.key] = docking
    async with asyncio.timeout(20):
        await dock._serve(docking)


def raising(error: Exception) -> Callable[[Card], list[Found]]:
    looks: list[int] = []

    def scanning(card: Card) -> list[Found]:
        looks.append(1)
        if len(looks) > 4:
            raise error
        return scan(card)

    return scanning


async def test_a_docking_that_fails_ends_alone_with_an_alarm_and_a_closed_session(
    bay: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bay.folder / "a.mp4").write_bytes(b"a")
    monkeypatch.setattr("edge.session.scan", raising(RuntimeError("nobody thought of this")))
    with structlog.testing.capture_logs() as lines:
        await served(bay, dock_of(bay))
    (alarm,) = bay.ledger.alarms()
    assert (alarm.code, alarm.about) == (FAILED, "folder:cam1")
    assert "nobody thought of this" in alarm.text
    assert [closed.reason for closed in bay.bodies(SessionClosed)] == ["removed"]
    (line,) = [line for line in lines if line["event"] == "camera.failed"]
    assert line["exc_info"]


async def test_a_close_that_cannot_be_stated_is_stated_without_what_was_left(
    bay: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bay.folder / "a.mp4").write_bytes(b"a")
    monkeypatch.setattr("edge.session.scan", raising(RuntimeError("nobody thought of this")))

    def fails(_: object) -> list[object]:
        raise ValueError("no record holds this")

    monkeypatch.setattr("edge.roster.Roster.leftovers", fails)
    await served(bay, dock_of(bay))
    assert leftovers(bay) == [[]]


async def test_a_damaged_ledger_still_ends_the_dock(
    bay: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.session.scan", raising(LedgerDamaged("entry 7 was altered")))
    (bay.folder / "a.mp4").write_bytes(b"a")
    with pytest.raises(ExceptionGroup) as raised:
        await served(bay, dock_of(bay))
    assert raised.group_contains(LedgerDamaged)


async def test_a_camera_that_is_gone_before_its_card_was_reached_is_on_record(
    bay: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_: Camera) -> Card:
        raise CameraGone("the card does not answer")

    monkeypatch.setattr("edge.session.by_hand.card_of", gone)
    async with bay.docked(mass_storage.PROFILE):
        await until(lambda: bay.bodies(SessionClosed))
    assert bay.kinds() == ["session.opened", "session.closed"]
