"""When cameras come and go: complete looks, and a kernel list that wakes the dock."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from edge.cameras import folder, mass_storage
from edge.cameras.base import Camera
from edge.cameras.own import Own
from edge.config import CamerasSection, FolderSection
from edge.hotplug import Arrived, Hints, Hotplug, Left, Presence
from edge.mounter.client import Mounter
from edge.mounter.settings import MounterSection
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
        # Until it is watched, which takes a moment of a thread's.
        async with asyncio.timeout(10):
            while not told.is_set():
                (tmp_path / "first.mp4").write_text("first")
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
        told.clear()
        (tmp_path / "old.mp4").read_text()
        os.stat(tmp_path / "old.mp4")  # noqa: PTH116  # another way of looking
        await asyncio.sleep(0.3)
        assert not told.is_set()
        (tmp_path / "new.mp4").write_text("new")
        await asyncio.wait_for(told.wait(), 10)
    finally:
        hints.stop()


async def test_a_share_that_is_away_holds_up_its_hints_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, away, stopped = threading.Event(), threading.Event(), threading.Event()

    class Away:
        """A watcher whose first meeting with the share has no end."""

        def schedule(self, *_args: object, **_more: object) -> None:
            asked.set()
            away.wait(10)

        def start(self) -> None:
            """Nothing."""

        def stop(self) -> None:
            stopped.set()

    monkeypatch.setattr("edge.hotplug.Observer", Away)
    hints = Hints(lambda: None)
    began = time.monotonic()
    hints.watch(tmp_path)
    assert await asyncio.to_thread(asked.wait, 5)
    hints.stop()
    assert time.monotonic() - began < 5  # and not as long as the share is away
    away.set()
    assert await asyncio.to_thread(stopped.wait, 5)


async def test_hints_that_cannot_be_had_are_done_without(tmp_path: Path) -> None:
    hints = Hints(lambda: None)
    hints.watch(tmp_path / "missing")
    for thread in threading.enumerate():
        if thread.name == "hints":
            await asyncio.to_thread(thread.join, 5)
    hints.stop()


async def test_a_configured_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    section = CamerasSection(
        folders=(FolderSection(path=tmp_path), FolderSection(path=tmp_path / "misspelt"))
    )
    hotplug = Hotplug(section)
    await hotplug.look()
    assert hotplug.missing_folders() == [str(tmp_path / "misspelt")]


async def test_another_volume_in_the_same_place_is_another_camera(tmp_path: Path) -> None:
    presence = Presence()
    first = camera("a")
    presence.look([first])
    second = replace(first, volume="w")
    assert presence.look([second]) == [Left("a"), Arrived(second)]
    assert presence.look([second]) == []

    media = tmp_path / "media"
    media.mkdir()
    listed = tmp_path / "mountinfo"
    listed.write_text(f"7 1 0:7 / {media}/BWC1 rw - fuseblk none rw\n")
    hotplug = Hotplug(CamerasSection(mount_root=media), listed)
    (found,) = await hotplug.look()
    hotplug._presence.look([found])
    listed.write_text(f"7 1 0:7 / {media}/BWC1 rw - fuse.sshfs nas:/other rw\n")
    assert (await hotplug.look())[0] is found
    hotplug._presence.look([replace(found, volume="label of the first")])
    # What does not tell its volume now is believed to be what it was.
    (still,) = await hotplug.look(mounts_changed=True)
    assert still.volume == "label of the first"


async def test_a_volume_is_read_again_when_the_list_of_mounts_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = iter(["first", "second", "second"])
    monkeypatch.setattr(mass_storage, "_label_and_uuid", lambda _: (next(labels), None))
    media = tmp_path / "media"
    media.mkdir()
    listed = tmp_path / "mountinfo"
    listed.write_text(f"7 1 0:7 / {media}/BWC1 rw - vfat none rw\n")
    hotplug = Hotplug(CamerasSection(mount_root=media), listed)
    hotplug._presence.look(await hotplug.look())
    assert hotplug._presence.look(await hotplug.look()) == []
    left, arrived = hotplug._presence.look(await hotplug.look(mounts_changed=True))
    assert isinstance(left, Left)
    assert isinstance(arrived, Arrived)
    assert arrived.camera.volume == "second"
    assert hotplug._presence.look(await hotplug.look(mounts_changed=True)) == []


async def test_a_folder_that_hangs_keeps_no_other_camera_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hanging share cannot be had here; a look at it waits for the test instead."""
    hangs, real = threading.Event(), folder.find
    hangs.set()

    def find(section: FolderSection) -> Camera | None:
        if section.path.name == "a":
            hangs.wait(20)
        return real(section)

    monkeypatch.setattr(folder, "find", find)
    monkeypatch.setattr("edge.hotplug._PATIENCE_S", 0.05)
    for name in "ab":
        (tmp_path / name).mkdir()
    sections = tuple(FolderSection(path=tmp_path / name) for name in "ab")
    hotplug = Hotplug(CamerasSection(folders=sections, scan_s=0.02))
    events = hotplug.events()
    try:
        async with asyncio.timeout(15):
            assert {(await anext(events)) for _ in "ab"} == set(map(Arrived, await hotplug.look()))
            hangs.clear()
            (tmp_path / "b").rmdir()
            left = await anext(events)
            assert isinstance(left, Left)
            assert str(tmp_path / "b") in left.key
            # Whoever hangs is neither gone nor anew.
            assert [camera.root.name for camera in await hotplug.look()] == ["a"]
    finally:
        hangs.set()
        await events.aclose()


async def test_a_question_that_fails_ends_no_look_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = folder.find

    def find(section: FolderSection) -> Camera | None:
        if section.path.name == "a":
            raise RuntimeError("nobody thought of this")
        return real(section)

    for name in "ab":
        (tmp_path / name).mkdir()
    sections = tuple(FolderSection(path=tmp_path / name) for name in "ab")
    hotplug = Hotplug(CamerasSection(folders=sections))
    assert [camera.root.name for camera in await hotplug.look()] == ["a", "b"]
    monkeypatch.setattr(folder, "find", find)
    assert [camera.root.name for camera in await hotplug.look()] == ["a", "b"]
    (tmp_path / "b").rmdir()
    assert [camera.root.name for camera in await hotplug.look()] == ["a"]


async def test_a_card_that_fails_again_and_again_is_docked_more_and_more_seldom(
    tmp_path: Path,
) -> None:
    at = tmp_path / "inbox"
    at.mkdir()
    hotplug = Hotplug(CamerasSection(folders=(FolderSection(path=at),), scan_s=30.0))
    (found,) = await hotplug.look()
    hotplug.forget(found.key)
    assert await hotplug.look() == [found]
    hotplug.forget(found.key)
    assert await hotplug.look() == []
    pauses = []
    for _ in range(6):
        hotplug.forget(found.key)
        pauses.append(hotplug._suspects[found.key].pause_s)
    assert pauses == [60.0, 120.0, 240.0, 300.0, 300.0, 300.0]
    # Taken away and put back, it is as good as any other.
    at.rename(tmp_path / "away")
    assert await hotplug.look() == []
    (tmp_path / "away").rename(at)
    assert await hotplug.look() == [found]


async def test_a_folder_that_became_the_docks_own_is_no_camera_and_told_once(
    tmp_path: Path,
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "inbox").symlink_to("state")
    told: list[tuple[Path, str]] = []
    hotplug = Hotplug(
        CamerasSection(folders=(FolderSection(path=tmp_path / "inbox"),)),
        own=Own((tmp_path / "state",)),
        barred=lambda *each: told.append(each),
    )
    assert await hotplug.look() == []
    assert await hotplug.look() == []
    assert [root for root, _ in told] == [tmp_path / "inbox"]
    assert f"the dock's own {tmp_path}/state" in told[0][1]
    (tmp_path / "inbox").unlink()
    (tmp_path / "inbox").mkdir()
    assert len(await hotplug.look()) == 1


async def test_a_mount_that_holds_the_docks_state_is_no_camera(tmp_path: Path) -> None:
    """Another disk beside it is; what is mounted twice is known by the disk it is on."""
    media = tmp_path / "media"
    with contextlib.ExitStack() as closing:
        for name in ("BWC1", "USB"):
            point = media / name
            point.mkdir(parents=True)
            mount_or_skip(closing, "-t", "tmpfs", "tmpfs", str(point))
        state = media / "USB" / "evidock"
        state.mkdir()
        again = media / "again"
        again.mkdir()
        (media / "USB" / "elsewhere").mkdir()
        mount_or_skip(closing, "--bind", str(media / "USB" / "elsewhere"), str(again))
        told: list[Path] = []
        hotplug = Hotplug(
            CamerasSection(mount_root=media),
            own=Own((state,)),
            barred=lambda root, _: told.append(root),
        )
        cards = await hotplug.look()
        await hotplug.look()
    assert [each.root for each in cards] == [media / "BWC1"]
    assert sorted(told) == [media / "USB", again]


def mount_or_skip(closing: contextlib.ExitStack, *options: str) -> None:
    done = subprocess.run(["mount", *options], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("needs the right to mount")
    closing.callback(subprocess.run, ["umount", "-l", options[-1]], check=True)


async def test_a_camera_is_held_against_the_docks_own_places_again_only_when_mounts_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    monkeypatch.setattr(Own, "conflict", lambda _, root: asked.append(root))
    bay, mounts = tmp_path / "bay", tmp_path / "mountinfo"
    bay.mkdir()
    mounts.write_text("")
    hotplug = Hotplug(CamerasSection(folders=(FolderSection(path=bay),)), mounts)
    for _ in range(3):
        assert len(await hotplug.look()) == 1
    assert len(asked) == 1
    mounts.write_text("36 35 98:0 / /elsewhere rw - ext4 /dev/sdz rw\n")
    await hotplug.look(mounts_changed=True)
    bay.rmdir()
    await hotplug.look()
    (tmp_path / "in between").mkdir()
    bay.mkdir()
    await hotplug.look()
    assert len(asked) == 3


@pytest.mark.parametrize("when", ["all the time", "while it is asked"])
async def test_a_card_being_mounted_anew_is_neither_gone_nor_taken_for_the_docks_own_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """What shows in its place meanwhile is the directory below it, on the dock's own disk."""
    point = tmp_path / "cards" / "1" / "0.0"
    point.mkdir(parents=True)
    listed = tmp_path / "mountinfo"
    listed.write_text(f"7 1 0:7 / {point} ro - fuseblk none ro\n")
    mounter = Mounter(MounterSection(socket=tmp_path / "m.sock", root=tmp_path / "cards"))
    barred: list[Path] = []
    hotplug = Hotplug(
        CamerasSection(),
        listed,
        own=Own((tmp_path / "state",)),
        barred=lambda root, _: barred.append(root),
        mounter=mounter,
    )
    with monkeypatch.context() as before:
        before.setattr(Own, "conflict_of_mount", lambda *_: None)
        (card,) = await hotplug.look()
        hotplug._presence.look([card])
    if when == "all the time":
        monkeypatch.setattr(mounter, "holds", lambda mount: mount == point)
    else:
        turns = iter(range(100))
        monkeypatch.setattr(mounter, "turn", lambda _: next(turns))
    listed.write_text(f"8 1 0:7 / {point} ro - fuseblk none ro\n")
    assert await hotplug.look(mounts_changed=True) == [card]
    assert barred == []


async def test_a_mount_that_went_while_it_was_asked_is_not_taken_for_the_docks_own_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = tmp_path / "media" / "BWC1"
    point.mkdir(parents=True)
    listed = tmp_path / "mountinfo"
    listed.write_text(f"7 1 0:7 / {point} rw - fuseblk none rw\n")
    barred: list[Path] = []
    conflict = Own.conflict_of_mount

    def unmounted(own: Own, root: Path) -> str | None:
        listed.write_text("")
        return conflict(own, root)

    monkeypatch.setattr(Own, "conflict_of_mount", unmounted)
    hotplug = Hotplug(
        CamerasSection(mount_root=tmp_path / "media"),
        listed,
        own=Own((tmp_path / "state",)),
        barred=lambda root, _: barred.append(root),
    )
    assert await hotplug.look() == []
    assert barred == []
