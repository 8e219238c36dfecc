"""What a hostile card can and cannot make the dock do."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from edge.bays import Bays
from edge.cameras import base, folder, mass_storage
from edge.cameras.base import Card, FileState, ThingKind
from edge.config import FolderSection
from edge.errors import CameraGone, Changed, Unreadable, Vanished
from tests.simulators.tools import needed
from tests.unit.edge.badcards import damage


def nothing(_: bytes) -> str | None:
    return None


def read(card: Card, path: bytes) -> bytes:
    descriptor = card.open(path)
    try:
        return os.read(descriptor, 1000)
    finally:
        os.close(descriptor)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "card"
    (root / "DCIM").mkdir(parents=True)
    (root / "DCIM" / "1.MP4").write_bytes(b"one")
    return root


def test_a_recording_is_opened_by_its_bytes(root: Path) -> None:
    raw = os.fsencode(root) + b"/DCIM/\xff\x01\n.MP4"
    Path(os.fsdecode(raw)).write_bytes(b"strange")
    assert read(Card(root), b"DCIM/\xff\x01\n.MP4") == b"strange"


@pytest.mark.parametrize(
    "path", [b"../secret", b"/etc/passwd", b"DCIM/../../secret", b"DCIM//1.MP4", b"", b".", b"a\0b"]
)
def test_no_path_leads_out_of_the_card(root: Path, path: bytes) -> None:
    (root.parent / "secret").write_text("secret")
    with pytest.raises((Unreadable, Vanished)):
        Card(root).open(path)


def test_links_are_not_followed_at_any_component(root: Path) -> None:
    (root.parent / "secret").write_text("secret")
    (root / "file").symlink_to(root.parent / "secret")
    (root / "directory").symlink_to(root.parent)
    with pytest.raises(Changed):
        Card(root).open(b"file")
    with pytest.raises((Vanished, Unreadable, Changed)):
        Card(root).open(b"directory/secret")


def test_a_named_pipe_does_not_block(root: Path) -> None:
    os.mkfifo(root / "pipe.mp4")
    with pytest.raises(Unreadable, match="not a regular file"):
        Card(root).open(b"pipe.mp4")


def test_reading_leaves_no_read_time_on_the_card(root: Path) -> None:
    at = root / "DCIM" / "1.MP4"
    os.utime(at, ns=(1, at.stat().st_mtime_ns))
    read(Card(root), b"DCIM/1.MP4")
    assert at.stat().st_atime_ns == 1


def test_a_directory_in_the_place_of_the_docked_one_is_another_card(root: Path) -> None:
    card = Card(root)
    root.rename(root.with_name("old"))
    shutil.copytree(root.with_name("old"), root)
    assert not card.alive()
    with pytest.raises(CameraGone):
        card.open(b"DCIM/1.MP4")


def test_a_missing_recording_has_vanished_and_a_missing_root_is_a_camera_gone(root: Path) -> None:
    card = Card(root)
    with pytest.raises(Vanished):
        card.open(b"DCIM/2.MP4")
    shutil.rmtree(root)
    with pytest.raises(CameraGone):
        card.open(b"DCIM/1.MP4")
    with pytest.raises(CameraGone):
        list(card.walk(nothing))
    with pytest.raises(CameraGone):
        Card(root)


def test_unlink_removes_only_the_file_that_was_compared(root: Path) -> None:
    card = Card(root)
    at = root / "DCIM" / "1.MP4"
    expect = FileState.of(at.stat())
    for other in (replace(expect, inode=expect.inode + 1), replace(expect, ctime_ns=1)):
        with pytest.raises(Changed):
            card.unlink(b"DCIM/1.MP4", other)
    with at.open("ab") as file:
        file.write(b"more")
    with pytest.raises(Changed):
        card.unlink(b"DCIM/1.MP4", expect)
    assert at.read_bytes() == b"onemore"
    expect = FileState.of(at.stat())
    card.unlink(b"DCIM/1.MP4", expect)
    assert not at.exists()
    with pytest.raises(Vanished):
        card.unlink(b"DCIM/1.MP4", expect)


def test_a_walk_names_what_it_does_not_take(root: Path) -> None:
    (root / "link").symlink_to("/")
    os.mkfifo(root / "pipe")
    (root / "skip").mkdir()
    (root / "skip" / "inside").write_text("x")
    things = Card(root).walk(lambda path: "unwanted" if path == b"skip" else None)
    found = {thing.path: (thing.kind, thing.reason) for thing in things}
    assert found == {
        b"DCIM/1.MP4": (ThingKind.FILE, ""),
        b"link": (ThingKind.REFUSED, "symbolic link; links are not followed"),
        b"pipe": (ThingKind.REFUSED, "named pipe"),
        b"skip": (ThingKind.SKIPPED, "unwanted"),
    }


def test_a_walk_stops_at_a_depth_and_says_so(root: Path) -> None:
    deep = root.joinpath(*["d"] * (base.MAX_DEPTH + 3))
    deep.mkdir(parents=True)
    (deep / "hidden.mp4").write_text("x")
    barred = [t for t in Card(root).walk(nothing) if t.kind is ThingKind.UNREADABLE]
    assert [thing.reason for thing in barred] == [
        f"directories nested deeper than {base.MAX_DEPTH}"
    ]


def test_a_walk_stops_at_a_number_of_names_and_says_so(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "MAX_THINGS", 10)
    for number in range(20):
        (root / f"empty{number}").mkdir()
    things = list(Card(root).walk(nothing))
    assert things[-1].kind is ThingKind.UNREADABLE
    assert "more than 10 names" in things[-1].reason


def test_names_are_shown_without_control_characters() -> None:
    assert base.shown(b"a\x1b[31m\n\xff.mp4") == "a\\x1b[31m\\n\\xff.mp4"


def test_a_folder_is_a_camera_while_its_directory_is_there(tmp_path: Path) -> None:
    section = FolderSection(path=tmp_path / "inbox", bay="3")
    assert folder.find(section) is None
    section.path.mkdir()
    camera = folder.find(section)
    assert camera is not None
    assert (camera.bay, camera.volume, camera.profile) == ("3", "folder:inbox", "folder")
    section.path.rmdir()
    section.path.write_text("no directory")
    assert folder.find(section) is None


def test_a_folder_that_leaves_while_it_is_looked_at_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever question to the system is the last one it answers."""
    section = FolderSection(path=tmp_path / "inbox")
    for last in ("stat", "scandir", "statvfs"):
        section.path.mkdir(exist_ok=True)
        assert folder.find(section) is not None
        with monkeypatch.context() as leaving:
            real = getattr(os, last)

            def leave(
                path: Path, *rest: object, real: Callable[..., object] = real, **more: object
            ) -> object:
                if path == section.path:
                    section.path.rmdir()
                return real(path, *rest, **more)

            leaving.setattr(os, last, leave)
            assert folder.find(section) is None


MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
40 22 0:40 / /media rw - tmpfs tmpfs rw
41 40 0:41 / /media/BWC\\0401 ro,nosuid shared:3 - vfat /dev/null ro
42 40 8:1 / /media/pulled rw - vfat /dev/evidock-no-such-device rw
43 40 0:43 / /media/auto rw - autofs systemd-1 rw
44 40 0:44 / /media/share rw - fuse.sshfs nas:/x rw
45 40 0:45 / /media/share rw - fuse.sshfs nas:/y rw
garbage
46 40 0:46
"""


def test_mounts_below_the_root_whose_device_is_there_are_cameras() -> None:
    mounts = mass_storage.below(mass_storage.parse_mounts(MOUNTS), Path("/media"))
    found = list(filter(mass_storage.present, mounts))
    assert len(mounts) == len(found) + 1
    assert [(mount.identity, str(mount.point)) for mount in found] == [
        (41, "/media/BWC 1"),
        (45, "/media/share"),
    ]
    camera = mass_storage.camera(found[1], Path("/media"), Bays())
    assert (camera.volume, camera.bay, camera.read_only) == ("fuse.sshfs:nas:/y", "share", False)
    assert found[0].read_only


def test_what_a_card_calls_itself_becomes_text_that_a_record_can_hold() -> None:
    mount = mass_storage.Mount(1, "0:1", Path("/media/\udcff\x1b"), False, "fuse", "x\ny")  # noqa: FBT003  # a literal mount
    camera = mass_storage.camera(mount, Path("/media"), Bays())
    assert camera.bay.encode() == "\ufffd?".encode()
    assert camera.volume == "fuse:x?y"


def test_an_unlink_is_waited_for_until_the_card_has_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[int, bool]] = []
    real = os.fsync
    at = root / "DCIM" / "1.MP4"

    def recorded(descriptor: int) -> None:
        synced.append((os.fstat(descriptor).st_ino, at.exists()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", recorded)
    Card(root).unlink(b"DCIM/1.MP4", FileState.of(at.stat()))
    assert synced == [(at.parent.stat().st_ino, False)]


def test_a_place_is_told_from_that_of_another_card(root: Path) -> None:
    card = Card(root)
    (root / "OTHER").mkdir()
    copy = root.with_name("copy")
    shutil.copytree(root, copy)
    places = {card.place(b"DCIM/1.MP4"), card.place(b"OTHER/1.MP4")}
    assert len({*places, Card(copy).place(b"DCIM/1.MP4")}) == 3
    assert Card(root).place(b"DCIM/2.MP4") in places
    with pytest.raises(Vanished):
        card.place(b"MISSING/1.MP4")


def test_what_stands_beside_a_recording_tells_its_folder_from_another(root: Path) -> None:
    card, path, other = Card(root), b"DCIM/new.MP4", root / "DCIM" / "zz.MP4"
    alone = card.beside(path)
    (root / "DCIM" / "new.MP4").write_bytes(b"itself")
    assert card.beside(path) == alone
    other.write_bytes(b"one")
    os.utime(other, ns=(0, 0))
    first = card.beside(path)
    other.write_bytes(b"two")
    os.utime(other, ns=(0, 2 * 10**9))
    assert len({alone, first, card.beside(path)}) == 3
    assert card.beside(b"MISSING/1.MP4") == ""
    (root / "EMPTY").mkdir()
    assert card.beside(b"EMPTY/1.MP4") == ""


def named(card: Card) -> dict[bytes, str]:
    things = sorted(card.walk(nothing), key=lambda thing: thing.path)
    return {thing.path: thing.reason for thing in things if thing.kind is ThingKind.UNREADABLE}


def test_a_folder_that_cannot_be_listed_is_named_and_the_rest_is_found(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "GOOD").mkdir()
    (root / "GOOD" / "2.MP4").write_bytes(b"two")
    damage(monkeypatch, root / "DCIM", after=0)
    things = list(Card(root).walk(nothing))
    assert {thing.path for thing in things} == {b"DCIM", b"GOOD/2.MP4"}
    assert "Input/output error" in named(Card(root))[b"DCIM"]


def test_a_root_that_cannot_be_listed_to_its_end_is_named_and_what_was_listed_is_found(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "2.MP4").write_bytes(b"two")
    (root / "3.MP4").write_bytes(b"three")
    damage(monkeypatch, root, after=2)
    things = list(Card(root).walk(nothing))
    assert len([thing for thing in things if thing.kind is ThingKind.FILE]) == 2
    assert list(named(Card(root))) == [b"."]


def test_a_name_that_is_listed_and_not_found_is_named(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage(monkeypatch, root / "DCIM", lost=["1.MP4"])
    assert named(Card(root)) == {b"DCIM/1.MP4": "listed, but not found"}


def test_a_name_that_stands_in_a_folder_twice_hides_a_file_and_that_is_said(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage(monkeypatch, root / "DCIM", twice=True)
    assert [thing.path for thing in Card(root).walk(nothing)] == [b"DCIM/1.MP4", b"DCIM"]
    assert "more than once" in named(Card(root))[b"DCIM"]
    assert "1.MP4" in named(Card(root))[b"DCIM"]


def test_a_folder_that_is_listed_and_not_found_is_named(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = base._open_quietly

    def opening(name: bytes, flags: int, directory: int) -> int:
        if name == b"DCIM":
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return real(name, flags, directory)

    monkeypatch.setattr(base, "_open_quietly", opening)
    assert named(Card(root)) == {b"DCIM": "listed, but not found"}


def test_what_is_deleted_while_it_is_looked_at_is_not_named(root: Path) -> None:
    gone = root / "gone"
    gone.mkdir()
    walk = Card(root).walk(lambda path: gone.rmdir() if path == b"gone" else None)
    assert [thing.path for thing in walk] == [b"DCIM/1.MP4"]


def test_a_time_no_database_can_hold_becomes_the_nearest_one(root: Path) -> None:
    at = root / "DCIM" / "1.MP4"
    # Few file systems hold such a time, so it is also handed in.
    for ns in (10**19, -(10**19)):
        found = cast("os.stat_result", SimpleNamespace(st_mtime_ns=ns))
        assert abs(base.changed_ns(found)) == 2**63 - 1
    os.utime(at, ns=(0, 10**19))
    (thing,) = Card(root).walk(nothing)
    assert thing.mtime_ns == min(at.stat().st_mtime_ns, 2**63 - 1)


def test_two_paths_too_long_to_be_followed_stay_two(root: Path) -> None:
    at = os.open(root, os.O_RDONLY)
    for _ in range(16):
        os.mkdir("d" * 250, dir_fd=at)
        inner = os.open("d" * 250, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    for name in ("e" * 90, "e" * 91, "f" * 200):
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT, dir_fd=at))
    os.close(at)
    long = named(Card(root))
    assert len(long) == 3
    assert all(len(path) > base.MAX_PATH for path in long)


def test_a_file_system_mounted_on_the_card_is_named_and_not_entered(root: Path) -> None:
    inside = root / "inside"
    inside.mkdir()
    mount = ["mount", "-t", "tmpfs", "tmpfs", str(inside)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount")
    try:
        (inside / "foreign.mp4").write_bytes(b"of another disk")
        card = Card(root)
        assert named(card) == {b"inside": "another file system is mounted here"}
        with pytest.raises(Unreadable, match="another file system"):
            card.open(b"inside/foreign.mp4")
    finally:
        subprocess.run(["umount", "-l", str(inside)], check=True)


def test_a_disk_with_another_number_is_another_card(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = root.stat().st_dev
    disk = tmp_path / "sys" / "disk"
    (disk / "partition").mkdir(parents=True)
    (disk / "diskseq").write_text("7\n")
    at = tmp_path / "sys" / f"{os.major(device)}:{os.minor(device)}"
    at.symlink_to(disk / "partition")
    monkeypatch.setattr(base, "_SYS_BLOCK", tmp_path / "sys")
    line = f"9 1 {os.major(device)}:{os.minor(device)} / /media/a rw - vfat none rw\n"
    (mount,) = mass_storage.parse_mounts(line)
    card, key = Card(root), mass_storage.key(mount)
    assert base.disk_number(device) == "7"
    assert card.alive()
    (disk / "diskseq").write_text("8\n")
    assert not card.alive()
    assert mass_storage.key(mount) != key


@pytest.mark.parametrize("strange", ["\u2028", "\x85", "\x0c", "\r", "\x1c"])
def test_no_character_of_a_mount_point_hides_the_camera(strange: str) -> None:
    text = f"9 1 8:1 / /media/A{strange}B rw - vfat none rw\n"
    assert [str(mount.point) for mount in mass_storage.parse_mounts(text)] == [
        f"/media/A{strange}B"
    ]


def ran(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def test_a_card_in_the_place_of_another_a_moment_ago_tells_its_own_number(tmp_path: Path) -> None:
    image, second = tmp_path / "first", tmp_path / "second"
    for each in (image, second):
        each.touch()
        os.truncate(each, 8 << 20)
        assert ran(needed("mkfs.ext4", "e2fsprogs"), "-q", "-F", str(each))
    for _ in range(10):
        device = looped(image)
        if device is None:
            pytest.skip("needs root and loop devices")
        first = mass_storage._blkid(device)["UUID"]
        assert ran("losetup", "-d", device)
        if ran("losetup", device, str(second)):
            break
    else:
        pytest.fail("somebody else takes every loop device that is let go")
    try:
        assert mass_storage._blkid(device)["UUID"] == mass_storage._blkid(str(second))["UUID"]
        assert mass_storage._blkid(device)["UUID"] != first
    finally:
        ran("losetup", "-d", device)


def looped(image: Path) -> str | None:
    command = ["losetup", "-f", "--show", str(image)]
    attached = subprocess.run(command, capture_output=True, check=False, text=True)
    return attached.stdout.strip() or None


def test_a_disk_swapped_under_the_same_mount_point_is_not_taken_for_the_old_one(
    tmp_path: Path,
) -> None:
    point = tmp_path / "media"
    point.mkdir()
    for name in ("first", "second"):
        image = tmp_path / name
        image.touch()
        os.truncate(image, 8 << 20)
        assert ran(needed("mkfs.ext4", "e2fsprogs"), "-q", "-F", str(image))
    if not ran("mount", "-o", "loop", str(tmp_path / "first"), str(point)):
        pytest.skip("needs the right to mount, and loop devices")
    try:
        if not base.disk_number(point.stat().st_dev):
            pytest.skip("this kernel does not number its disks")
        card = Card(point)
        assert card.alive()
        # Mostly the same device, inode and mount number again.
        assert ran("umount", str(point))
        assert ran("mount", "-o", "loop", str(tmp_path / "second"), str(point))
        assert not card.alive()
        with pytest.raises(CameraGone):
            list(card.walk(nothing))
    finally:
        ran("umount", "-l", str(point))
