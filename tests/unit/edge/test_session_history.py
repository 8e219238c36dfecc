"""Dockings of one card after the other: what each says of the one before, and who is refused."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge.cameras import mass_storage
from edge.cards import CODE
from edge.errors import CameraGone, LedgerError
from edge.registry import BROKEN, Registry
from edge.session import Docking
from protocols.kinds import (
    CardHistory,
    ClipSealed,
    NumberGap,
    SessionClosed,
    SessionInventory,
    SessionOpened,
)
from tests.simulators.cards import chain
from tests.unit.edge.bayside import Bayside, said, until

DISK = mass_storage.PROFILE


@pytest.fixture
def emptying(tmp_path: Path) -> Iterator[Bayside]:
    """A bay that erases what is released."""
    side = Bayside(tmp_path, erase=True)
    yield side
    side.close()


def put(bay: Bayside, *names: str) -> None:
    for name in names:
        path = bay.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"footage of {name}".encode())


async def shift_end(bay: Bayside) -> None:
    """One docking from which everything is released."""
    before = len(bay.bodies(SessionClosed))

    def closed() -> bool:
        bay.release_all()
        return len(bay.bodies(SessionClosed)) > before

    async with bay.docked(DISK):
        await until(closed)


@contextlib.asynccontextmanager
async def inventoried(bay: Bayside) -> AsyncIterator[Docking]:
    """One docking that ends when its inventory is signed and nothing is sealed."""
    before = len(bay.bodies(SessionInventory))
    await bay.tools.copying.acquire()
    async with bay.docked(DISK) as docking:
        await until(lambda: len(bay.bodies(SessionInventory)) > before)
        yield docking
        docking.leave()
        bay.tools.copying.release()


async def cut_short(bay: Bayside) -> None:
    async with inventoried(bay):
        pass


def histories(bay: Bayside) -> list[CardHistory | None]:
    return [opened.card for opened in bay.bodies(SessionOpened)]


def gaps(bay: Bayside) -> list[NumberGap]:
    return [gap for page in bay.bodies(SessionInventory) for gap in page.gaps]


def alarms(bay: Bayside) -> list[str]:
    return [alarm.code for alarm in bay.ledger.alarms()]


# --- the card -----------------------------------------------------------------------


async def test_a_card_that_was_emptied_by_the_dock_is_known_and_nothing_is_missed(
    emptying: Bayside,
) -> None:
    put(emptying, "DCIM/a.mp4", "DCIM/b.mp4")
    await shift_end(emptying)
    await shift_end(emptying)
    first, second = histories(emptying)
    assert first is not None
    assert second is not None
    assert (first.seen, first.last_session) == ("first", None)
    assert (second.seen, second.last_session) == ("known", "dock7.0.0")
    assert second.reason is None
    assert alarms(emptying) == []


async def test_a_released_card_that_was_wiped_between_dockings_is_ordinary(bay: Bayside) -> None:
    put(bay, "DCIM/a.mp4")
    await shift_end(bay)
    (bay.folder / "DCIM/a.mp4").unlink()
    await shift_end(bay)
    assert alarms(bay) == []
    assert bay.bodies(SessionClosed)[1].leftovers == ()


async def test_recordings_that_were_never_sealed_and_are_gone_are_named(bay: Bayside) -> None:
    put(bay, "DCIM/a.mp4", "DCIM/b.mp4")
    await cut_short(bay)
    (bay.folder / "DCIM/a.mp4").unlink()
    await shift_end(bay)
    (alarm,) = bay.ledger.alarms()
    assert (alarm.code, alarm.about) == (CODE, "folder:cam1")
    assert "DCIM/a.mp4 (21 bytes)" in alarm.text
    assert "missing: 1 recording" in str(histories(bay)[1])
    left = [(one.path, one.outcome) for one in bay.bodies(SessionClosed)[1].leftovers]
    assert left == [("DCIM/a.mp4", "vanished")]


async def test_an_empty_card_that_had_recordings_is_not_called_ready_for_a_moment(
    bay: Bayside,
) -> None:
    put(bay, "DCIM/a.mp4")
    await cut_short(bay)
    (bay.folder / "DCIM/a.mp4").unlink()
    before, heard = len(bay.bodies(SessionClosed)), set()

    def closed() -> bool:
        heard.add(said(docking))
        return len(bay.bodies(SessionClosed)) > before

    async with bay.docked(DISK) as docking:
        await until(closed)
        await until(lambda: said(docking) == "missing")
    assert heard.isdisjoint({"empty", "safe"})
    # Said once; the alarm stands until it is back, or a person has seen to it.
    await shift_end(bay)
    assert alarms(bay) == [CODE]


async def test_an_alarm_ends_when_the_recordings_are_back(bay: Bayside) -> None:
    put(bay, "DCIM/a.mp4", "DCIM/b.mp4")
    await cut_short(bay)
    (bay.folder / "DCIM/a.mp4").rename(bay.home / "away")
    await shift_end(bay)
    assert alarms(bay) == [CODE]
    await shift_end(bay)
    assert alarms(bay) == [CODE]
    (bay.home / "away").rename(bay.folder / "DCIM/a.mp4")
    await shift_end(bay)
    assert alarms(bay) == []


async def test_recordings_that_are_sealed_and_gone_before_their_release_are_said_without_alarm(
    bay: Bayside,
) -> None:
    put(bay, "DCIM/a.mp4")
    async with bay.docked(DISK) as docking:
        await until(lambda: said(docking) == "copied")
    (bay.folder / "DCIM/a.mp4").unlink()
    await cut_short(bay)
    assert alarms(bay) == []
    assert "sealed and not released yet" in str(histories(bay)[1])


async def test_what_a_power_cut_left_of_a_docking_is_compared_all_the_same(
    bay: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bay, "DCIM/a.mp4", "DCIM/b.mp4")

    def never(*_: object) -> None:
        raise LedgerError("no power")

    async with inventoried(bay) as docking:
        # What is kept at the end of the docking is lost with it.
        monkeypatch.setattr(docking._opening, "_keep", never)
    (bay.folder / "DCIM/a.mp4").unlink()
    await shift_end(bay)
    assert alarms(bay) == [CODE]


async def test_a_card_that_was_never_listed_is_compared_with_nothing(
    bay: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(bay, "DCIM/a.mp4")
    await cut_short(bay)

    def gone(_: object) -> list[object]:
        raise CameraGone("pulled")

    with monkeypatch.context() as patched:
        patched.setattr("edge.session.scan", gone)
        async with bay.docked(DISK):
            await until(lambda: len(bay.bodies(SessionClosed)) == 2)
    assert histories(bay)[1] is None
    assert alarms(bay) == []
    (bay.folder / "DCIM/a.mp4").unlink()
    await shift_end(bay)
    assert alarms(bay) == [CODE]


# --- the camera's numbers -----------------------------------------------------------


async def test_numbers_that_are_missing_stand_on_the_inventory(emptying: Bayside) -> None:
    put(emptying, "DCIM/100GOPRO/GX010012.MP4", "DCIM/100GOPRO/GX010018.MP4")
    await shift_end(emptying)
    (gap,) = gaps(emptying)
    assert (gap.path, gap.after, gap.before, gap.missing) == ("DCIM/100GOPRO", 12, 18, 5)
    put(emptying, "DCIM/100GOPRO/GX010019.MP4")
    await shift_end(emptying)
    assert gaps(emptying) == [gap]
    put(emptying, "DCIM/100GOPRO/GX010022.MP4")
    await shift_end(emptying)
    assert [(each.after, each.before, each.missing) for each in gaps(emptying)[1:]] == [(19, 22, 2)]


async def test_a_counter_that_began_anew_is_a_formatted_card(emptying: Bayside) -> None:
    put(emptying, "DCIM/100GOPRO/GX010012.MP4", "DCIM/100GOPRO/GX010013.MP4")
    await shift_end(emptying)
    put(emptying, "DCIM/100GOPRO/GX010001.MP4")
    await shift_end(emptying)
    second = histories(emptying)[1]
    assert second is not None
    assert (second.seen, gaps(emptying)) == ("formatted", [])


# --- the operator's list ------------------------------------------------------------


async def test_a_lost_camera_is_on_record_and_nothing_on_it_is_touched(
    emptying: Bayside,
) -> None:
    bay = emptying
    path = bay.home / "cameras.toml"
    path.write_text('[[camera]]\nvolume = "folder:cam1"\nstate = "lost"\n')
    bay.tools = replace(bay.tools, registry=Registry(path))
    put(bay, "DCIM/a.mp4")
    async with bay.docked(DISK) as docking:
        await until(lambda: bay.bodies(SessionInventory))
        await until(lambda: docking.doing == "refused")
        assert said(docking) == "refused"
    (opened,) = bay.bodies(SessionOpened)
    assert opened.registered == "lost"
    assert alarms(bay) == ["camera-lost"]
    assert bay.bodies(ClipSealed) == []
    (closed,) = bay.bodies(SessionClosed)
    ((left),) = closed.leftovers
    assert (left.path, left.outcome) == ("DCIM/a.mp4", "incomplete")
    assert left.reason.startswith("not taken: card folder:cam1 was reported lost")
    # The operator found out, and says so.
    path.write_text('[[camera]]\nvolume = "folder:cam1"\nunit = "3rd squad"\nofficer = "0815"\n')
    await shift_end(bay)
    assert alarms(bay) == []
    assert len(bay.bodies(ClipSealed)) == 1
    again = bay.bodies(SessionOpened)[1]
    assert (again.registered, again.unit, again.officer) == ("in-use", "3rd squad", "0815")


async def test_a_folder_that_was_refused_is_taken_once_the_list_says_so(
    bay: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody takes a folder out and puts it in again."""
    monkeypatch.setattr("edge.session._REFUSED_S", 0.05)
    path = bay.home / "cameras.toml"
    path.write_text('[[camera]]\nvolume = "folder:cam1"\nstate = "lost"\n')
    bay.tools = replace(bay.tools, registry=Registry(path))
    put(bay, "DCIM/a.mp4")
    async with bay.docked() as docking:
        await until(lambda: docking.doing == "refused")
        # A list that is being written says nothing yet.
        path.write_text("[[camera")
        await asyncio.sleep(0.3)
        assert bay.bodies(SessionClosed) == []
        path.write_text('[[camera]]\nvolume = "folder:cam1"\n')
        await until(lambda: docking.left and bay.bodies(SessionClosed))
    assert bay.bodies(ClipSealed) == []
    # The hotplug finds it anew once its docking has ended.
    async with bay.docked():
        await until(lambda: bay.bodies(ClipSealed))


async def test_a_camera_that_leaves_before_its_number_could_be_read_is_no_unknown_one(
    bay: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = bay.home / "cameras.toml"
    path.write_text('[[camera]]\nserial = "36NCC009910"\n')
    bay.tools = replace(bay.tools, registry=Registry(path, "refuse"))
    put(bay, "DCIM/Media/Video/DSJ_36NCC009910_016042_20260619_100324.mp4")

    def gone(*_args: object) -> None:
        raise CameraGone("pulled")

    with monkeypatch.context() as pulled:
        pulled.setattr("edge.session.scan", gone)
        async with bay.docked(DISK) as docking:
            await until(lambda: docking.left or bay.bodies(SessionClosed))
    assert alarms(bay) == []
    assert bay.bodies(SessionOpened)[0].registered == "unknown"
    await shift_end(bay)
    assert alarms(bay) == []
    assert bay.bodies(SessionOpened)[1].registered == "in-use"


async def test_a_broken_list_is_an_alarm_until_it_is_mended(bay: Bayside) -> None:
    path = bay.home / "cameras.toml"
    path.write_text("")
    bay.tools = replace(bay.tools, registry=Registry(path))
    path.write_text("[[camera")
    put(bay, "DCIM/a.mp4")
    await shift_end(bay)
    assert alarms(bay) == [BROKEN]
    assert bay.bodies(SessionOpened)[0].registered == "unknown"
    path.write_text("# mended")
    await shift_end(bay)
    assert alarms(bay) == []


async def test_a_binding_says_whether_its_signature_could_be_checked(bay: Bayside) -> None:
    put(bay, "DCIM/a.mp4")
    (bay.folder / "station_bind.ini").write_text("[binding]\nuser_no=0815\nsm3=" + "0" * 64)
    await shift_end(bay)
    (opened,) = bay.bodies(SessionOpened)
    assert (opened.binding, opened.officer) == ("no key", "0815")


# --- what stands beside recordings --------------------------------------------------


async def test_a_cameras_own_digests_are_checked_when_a_recording_is_sealed(bay: Bayside) -> None:
    files = {f"seg_{1_767_225_600 + n}.mp4": b"footage %d" % n for n in range(4)}
    (bay.folder / "manifest.sha256").write_bytes(chain(files))
    files["seg_1767225602.mp4"] = b"something else"
    del files["seg_1767225603.mp4"]
    for name, data in files.items():
        (bay.folder / name).write_bytes(data)
    (bay.folder / "seg_1767225700.mp4").write_bytes(b"not on the list")
    await shift_end(bay)
    states = {
        clip.source.path: clip.source.camera_digest and clip.source.camera_digest.state
        for clip in bay.bodies(ClipSealed)
    }
    assert states == {
        "manifest.sha256": None,
        "seg_1767225600.mp4": "holds",
        "seg_1767225601.mp4": "holds",
        "seg_1767225602.mp4": "broken",
        "seg_1767225700.mp4": "not-listed",
    }
    (page,) = bay.bodies(SessionInventory)
    assert [(one.path, one.count, one.files) for one in page.absent] == [
        ("manifest.sha256", 1, ("seg_1767225603.mp4",))
    ]


async def test_previews_tracks_and_logs_are_clips_that_name_their_recording(bay: Bayside) -> None:
    folder = "BlackVue/Record/20260619_100324_E"
    put(bay, f"{folder}F.mp4", f"{folder}R.mp4", f"{folder}F.thm", f"{folder}.gps", "notes.bin")
    await shift_end(bay)
    beside = {
        clip.source.path: [one.path for one in clip.source.sidecar_of]
        for clip in bay.bodies(ClipSealed)
    }
    views = [f"{folder}F.mp4", f"{folder}R.mp4"]
    assert beside == {
        f"{folder}F.mp4": [],
        f"{folder}R.mp4": [],
        f"{folder}F.thm": views,
        f"{folder}.gps": views,
        "notes.bin": [],
    }


async def test_the_read_only_attribute_marks_where_the_camera_knows_it(bay: Bayside) -> None:
    names = [f"DCIM/Movie/2026_0619_10032{n}_00{n}F.MP4" for n in range(3)]
    put(bay, *names)
    (bay.folder / names[1]).chmod(0o444)
    await shift_end(bay)
    marked = {clip.source.path: clip.source.marked for clip in bay.bodies(ClipSealed)}
    assert marked == {names[0]: False, names[1]: True, names[2]: False}


async def test_a_card_on_which_nobody_may_write_marks_nothing(bay: Bayside) -> None:
    names = [f"DCIM/Movie/2026_0619_10032{n}_00{n}F.MP4" for n in range(2)]
    put(bay, *names)
    for name in names:
        (bay.folder / name).chmod(0o444)
    await shift_end(bay)
    assert [clip.source.marked for clip in bay.bodies(ClipSealed)] == [False, False]
