"""A docked card is read by its camera's profile: whose it is, what is marked, what stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edge.cameras import folder, mass_storage
from edge.profiles import library
from protocols.kinds import ClipSealed, Disposition, SessionClosed, SessionInventory, SessionOpened
from tests.unit.edge.bayside import Bayside, until

DSJ = "DCIM/Media/Video/DSJ_36NCC009910_016042_20260619_100324.mp4"
MARKED = "DCIM/Media/Video/DSJ_36NCC009910_016042_20260619_101037_IMP.mp4"


def put(bay: Bayside, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        path = bay.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


async def shift_end(bay: Bayside, clips: int, *, profile: str = mass_storage.PROFILE) -> None:
    async with bay.docked(profile):
        await until(lambda: len(bay.bodies(ClipSealed)) == clips)
        bay.release_all()
        await until(lambda: bay.bodies(SessionClosed))


async def test_names_say_whose_camera_it_is_when_it_began_and_what_is_marked(
    bay: Bayside,
) -> None:
    put(bay, {DSJ: b"one", MARKED: b"two"})
    await shift_end(bay, 2)
    (opened,) = bay.bodies(SessionOpened)
    assert (opened.profile, opened.officer, opened.camera.serial) == (
        "dsj",
        "016042",
        "36NCC009910",
    )
    first, second = bay.bodies(ClipSealed)
    assert (first.source.marked, second.source.marked) == (True, False)
    assert first.source.profile == "dsj"
    assert second.source.officer == "016042"
    assert second.source.camera.serial == "36NCC009910"
    assert second.camera_clock.started == "2026-06-19T10:03:24"
    assert second.camera_clock.method.startswith("start in the file's name")


async def test_a_cameras_own_small_files_are_listed_read_and_left_where_they_are(
    tmp_path: Path,
) -> None:
    bay = Bayside(tmp_path, erase=True)
    put(bay, {"sn.txt": b"014032\r\n", "DCIM/a.mp4": b"one"})
    async with bay.docked(mass_storage.PROFILE):
        await until(lambda: len(bay.bodies(ClipSealed)) == 1)
        bay.release_all()
        await until(lambda: bay.bodies(SessionClosed))
    assert (bay.folder / "sn.txt").exists()
    assert not (bay.folder / "DCIM/a.mp4").exists()
    (opened,) = bay.bodies(SessionOpened)
    assert (opened.profile, opened.officer) == ("dams", "014032")
    rows = {row.path: row for page in bay.bodies(SessionInventory) for row in page.files}
    assert rows["sn.txt"].disposition is Disposition.IGNORED
    assert rows["sn.txt"].reason
    (closed,) = bay.bodies(SessionClosed)
    assert closed.leftovers == ()
    bay.close()


async def test_what_a_card_says_endlessly_or_with_controls_still_fits_a_record(
    bay: Bayside,
) -> None:
    put(bay, {"sn.txt": b"\x00\x1b[2J" + b"9" * 5000, "DCIM/a.mp4": b"one"})
    await shift_end(bay, 1)
    (opened,) = bay.bodies(SessionOpened)
    assert opened.officer is None or opened.officer.isprintable()


async def test_whoever_tapped_a_badge_is_the_officer_and_only_once(bay: Bayside) -> None:
    taps = ["rdm6300:62E3086CED"]
    bay.tools = replace(bay.tools, officer=lambda _bay: taps.pop() if taps else None)
    put(bay, {DSJ: b"one"})
    await shift_end(bay, 1)
    (bay.folder / DSJ).write_bytes(b"another")
    async with bay.docked(mass_storage.PROFILE):
        await until(lambda: len(bay.bodies(ClipSealed)) == 2)
    first, second = bay.bodies(SessionOpened)
    assert (first.officer, second.officer) == ("rdm6300:62E3086CED", "016042")


async def test_a_folder_is_read_anew_for_each_session(bay: Bayside) -> None:
    put(bay, {DSJ: b"one"})
    async with bay.docked(folder.PROFILE):
        await until(lambda: len(bay.bodies(ClipSealed)) == 1)
        bay.release_all()
        await until(lambda: bay.bodies(SessionClosed))
        (bay.folder / DSJ).unlink()
        put(bay, {"DCIM/100GOPRO/GX010007.MP4": b"two", "DCIM/100GOPRO/GX020007.MP4": b"three"})
        await until(lambda: len(bay.bodies(ClipSealed)) == 3)
    assert [opened.profile for opened in bay.bodies(SessionOpened)] == ["dsj", "gopro"]


async def test_an_operators_profile_is_read_too(bay: Bayside, tmp_path: Path) -> None:
    own = tmp_path / "profiles"
    own.mkdir()
    (own / "county.toml").write_text(
        """name = "county"
title = "the county's own recorders"
source = "their manual"

[card]
folders = ['REC']

[[file]]
folder = 'REC'
pattern = '(?P<user>[^_]+)_(?P<date>\\d{8})_(?P<time>\\d{6})'
extensions = ["mp4"]
"""
    )
    bay.tools = replace(bay.tools, profiles=library.load(own))
    put(bay, {"REC/0815_20260619_100324.mp4": b"one"})
    await shift_end(bay, 1)
    (opened,) = bay.bodies(SessionOpened)
    assert (opened.profile, opened.officer) == ("county", "0815")
