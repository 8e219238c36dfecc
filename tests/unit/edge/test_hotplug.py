"""When cameras come and go: complete looks, and a kernel list that wakes the dock."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from edge.cameras.base import Camera
from edge.config import CamerasSection, FolderSection
from edge.hotplug import Arrived, Hints, Hotplug, Left, Presence
from protocols.kinds import CameraClaim


def camera(key: str) -> Camera:
    return Camera(key, Path("/nowhere"), "v", "1", "folder", CameraClaim(), read_only=False)


def test_changes_are_the_difference_of_two_looks() -> None:
    presence = Presence()
    assert presence.look([camera("a"), camera("b")]) == [
        Arrived(camera("a")),
        Arrived(camera("b")),
    ]
    assert presence.look([camera("b"), camera("c")]) == [Left("a"), Arrived(camera("c"))]
    assert presence.look([camera("b"), camera("c")]) == []


def test_a_forgotten_camera_arrives_again() -> None:
    presence = Presence()
    presence.look([camera("a")])
    presence.forget("a")
    assert presence.look([camera("a")]) == [Arrived(camera("a"))]


async def test_a_folder_arrives_leaves_and_comes_back_as_another_camera(tmp_path: Path) -> None:
    at = tmp_path / "inbox"
    section = CamerasSection(folders=(FolderSection(path=at),), scan_s=0.02)
    events = Hotplug(section).events()
    async with asyncio.timeout(20):
        at.mkdir()
        first = await anext(events)
        at.rename(tmp_path / "away")
        assert isinstance(first, Arrived)
        assert await anext(events) == Left(first.camera.key)
        at.mkdir()
        second = await anext(events)
        assert isinstance(second, Arrived)
        assert second.camera.key != first.camera.key
    await events.aclose()


async def test_mounts_come_from_the_list_and_labels_are_read_once(tmp_path: Path) -> None:
    media = tmp_path / "media"
    media.mkdir()
    listed = tmp_path / "mountinfo"
    listed.write_text(f"7 1 0:7 / {media}/BWC1 rw - fuseblk none rw\n")
    hotplug = Hotplug(CamerasSection(mount_root=media), listed)
    (found,) = await hotplug.look()
    assert (found.bay, found.profile) == ("BWC1", "generic")
    hotplug._presence.look([found])
    assert (await hotplug.look())[0] is found


async def test_a_mount_root_that_is_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "media").symlink_to("run")
    listed = tmp_path / "mountinfo"
    listed.write_text(f"7 1 0:7 / {tmp_path}/run/BWC1 rw - fuseblk none rw\n")
    hotplug = Hotplug(CamerasSection(mount_root=tmp_path / "media"), listed)
    assert [found.bay for found in await hotplug.look()] == ["BWC1"]


async def test_a_camera_found_gone_is_believed_again_only_when_it_answers(tmp_path: Path) -> None:
    media, card = tmp_path / "media", tmp_path / "media" / "BWC1"
    media.mkdir()
    listed = tmp_path / "mountinfo"
    listed.write_text(f"7 1 0:7 / {card} rw - fuseblk none rw\n")
    hotplug = Hotplug(CamerasSection(mount_root=media), listed)
    (found,) = await hotplug.look()
    hotplug.forget(found.key)
    assert await hotplug.look() == []
    card.mkdir()
    assert [each.key for each in await hotplug.look()] == [found.key]


async def test_a_change_below_a_folder_is_hinted_and_a_read_is_not(tmp_path: Path) -> None:
    (tmp_path / "old.mp4").write_text("old")
    told = asyncio.Event()
    hints = Hints(told.set)
    hints.watch(tmp_path)
    try:
        (tmp_path / "old.mp4").read_text()
        os.stat(tmp_path / "old.mp4")  # noqa: PTH116  # another way of looking
        await asyncio.sleep(0.3)
        assert not told.is_set()
        (tmp_path / "new.mp4").write_text("new")
        await asyncio.wait_for(told.wait(), 10)
    finally:
        hints.stop()


async def test_hints_that_cannot_be_had_are_done_without(tmp_path: Path) -> None:
    hints = Hints(lambda: None)
    hints.watch(tmp_path / "missing")
    hints.stop()


async def test_a_configured_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    section = CamerasSection(
        folders=(FolderSection(path=tmp_path), FolderSection(path=tmp_path / "misspelt"))
    )
    hotplug = Hotplug(section)
    await hotplug.look()
    assert hotplug.missing_folders() == [str(tmp_path / "misspelt")]
