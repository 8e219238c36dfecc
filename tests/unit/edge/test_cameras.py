"""What a hostile card can and cannot make the dock do."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from edge.cameras import base, folder, mass_storage
from edge.cameras.base import Card, ThingKind
from edge.config import FolderSection
from edge.errors import CameraGone, Changed, Unreadable, Vanished


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
    inode = at.stat().st_ino
    with pytest.raises(Changed):
        card.unlink(b"DCIM/1.MP4", inode + 1)
    assert at.exists()
    card.unlink(b"DCIM/1.MP4", inode)
    assert not at.exists()
    with pytest.raises(Vanished):
        card.unlink(b"DCIM/1.MP4", inode)


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
    found = mass_storage.below(mass_storage.parse_mounts(MOUNTS), Path("/media"))
    assert [(mount.identity, str(mount.point)) for mount in found] == [
        (41, "/media/BWC 1"),
        (45, "/media/share"),
    ]
    camera = mass_storage.camera(found[1], Path("/media"))
    assert (camera.volume, camera.bay, camera.read_only) == ("fuse.sshfs:nas:/y", "share", False)
    assert found[0].read_only


def test_what_a_card_calls_itself_becomes_text_that_a_record_can_hold() -> None:
    mount = mass_storage.Mount(1, "0:1", Path("/media/\udcff\x1b"), False, "fuse", "x\ny")  # noqa: FBT003  # a literal mount
    camera = mass_storage.camera(mount, Path("/media"))
    assert camera.bay.encode() == "\ufffd?".encode()
    assert camera.volume == "fuse:x?y"
