"""Cameras that show themselves as a mounted disk: what is mounted below one directory.

Mounting is the system's business (udev, a desktop, an operator); this module reads the
kernel's own list of mounts and says which of them are cameras. A disk whose device node has
left is no camera any more although its mount stays in the list: that is what pulling a USB
camera looks like.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pyudev  # type: ignore[import-untyped]  # it ships no types

from edge.bays import Bays
from edge.cameras.base import Camera, disk_number, word
from edge.mounter.ports import disk_of, port_of
from protocols.kinds import CameraClaim

PROFILE = "generic"
MOUNTS = Path("/proc/self/mountinfo")

_ESCAPE = re.compile(r"\\([0-7]{3})")
_NO_CAMERA = frozenset({"autofs", "proc", "sysfs", "devtmpfs", "devpts", "cgroup2", "tracefs"})
_DEVICES = Path("/dev")
_BLKID_S = 10
_SYS_BLOCK = Path("/sys/dev/block")


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of ``/proc/self/mountinfo`` (proc_pid_mountinfo(5))."""

    identity: int
    device: str
    point: Path
    read_only: bool
    type: str
    source: str


def parse_mounts(text: str) -> list[Mount]:
    """Read ``/proc/self/mountinfo``; lines of another shape are passed over."""
    # A label, and so a mount point, may hold what other ways of cutting take for a line's end.
    return [mount for line in text.split("\n") if (mount := _parse(line))]


def mounted_parts(text: str) -> list[tuple[str, str, Path]]:
    """Device, directory on that device, and mount point of each line of ``mountinfo``."""
    found = []
    for line in text.split("\n"):
        mount = _parse(line)
        if mount is not None:
            found.append((mount.device, _unescaped(line.split(" ")[3]), mount.point))
    return found


def below(mounts: list[Mount], root: Path) -> list[Mount]:
    """The mounts strictly below a directory that a camera could be, if its disk is ``present``."""
    visible: dict[Path, Mount] = {}
    for mount in mounts:
        # Of several mounts on one directory the last one is what one sees there.
        visible[mount.point] = mount
    return [
        mount
        for mount in visible.values()
        if root in mount.point.parents and mount.type not in _NO_CAMERA
    ]


def around(mounts: list[Mount], place: Path) -> Mount | None:
    """The mount in which a place lies, all links of its path followed; None when none is known."""
    # Of several mounts on one directory the last one is what one sees there.
    within = (place, *place.parents)
    known = [mount for mount in reversed(mounts) if mount.point in within]
    return max(known, key=lambda mount: len(mount.point.parts), default=None)


def present(mount: Mount) -> bool:
    """Whether its device node is there, if it has one; asked every second for every bay."""
    if not mount.source.startswith(f"{_DEVICES}/"):
        return True
    return os.path.exists(mount.source)  # noqa: PTH110  # a path object costs more than the question


def key(mount: Mount, *, guarded: bool = False) -> str:
    """Identity of a mounted disk until it is unmounted, or another is put in its place."""
    major, _, minor = mount.device.partition(":")
    known = major.isdecimal() and minor.isdecimal()
    disk = disk_number(os.makedev(int(major), int(minor))) if known else ""
    # The mount helper mounts anew what a FUSE driver holds, to make it writable for a moment.
    identity = "" if guarded else mount.identity
    return f"mount:{identity}:{mount.device}:{disk}:{mount.point}"


def nameless(mount: Mount) -> str:
    """What stands for a volume that has neither name nor number, or does not tell them now."""
    return word(f"{mount.type}:{mount.source}")


def camera(mount: Mount, root: Path, bays: Bays, *, guarded: bool = False) -> Camera:
    """Describe a mounted disk; reads labels, so call it once per arrival.

    Args:
        mount: the mount.
        root: what it was found below.
        bays: which port is which bay.
        guarded: whether it is the mount helper's: its directory is named by the bay, and
            what it mounts read-only can be erased.
    """
    label, uuid = _label_and_uuid(mount)
    place = mount.point.relative_to(root)
    volume = word(uuid or label or "") or nameless(mount)
    port, disk = _plugged(mount)
    bay = place.parts[0] if guarded else bays.at(port) or _by_path(mount) or str(place)
    return Camera(
        key=key(mount, guarded=guarded),
        root=mount.point,
        volume=volume,
        bay=word(bay),
        profile=PROFILE,
        claim=CameraClaim(name=word(label or str(place))),
        read_only=_write_protected(mount) if guarded else mount.read_only,
        port=port,
        guarded=guarded,
        disk=disk,
    )


def _parse(line: str) -> Mount | None:
    head, separator, tail = line.partition(" - ")
    fields, more = head.split(" "), tail.split(" ")
    if not separator or len(fields) < 6 or len(more) < 3 or not fields[0].isdigit():  # noqa: PLR2004  # proc(5)
        return None
    options = {*fields[5].split(","), *more[2].split(",")}
    return Mount(
        identity=int(fields[0]),
        device=fields[2],
        point=Path(_unescaped(fields[4])),
        read_only="ro" in options,
        type=more[0],
        source=_unescaped(more[1]),
    )


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 8)), text)  # only ASCII is escaped


def _label_and_uuid(mount: Mount) -> tuple[str | None, str | None]:
    if _DEVICES not in Path(mount.source).parents:
        return None, None
    label, uuid = _link_to(mount, "by-label"), _link_to(mount, "by-uuid")
    if uuid is None:
        found = _blkid(mount.source)
        label, uuid = label or found.get("LABEL"), found.get("UUID")
    return label, uuid


def _plugged(mount: Mount) -> tuple[str | None, str | None]:
    """Where its disk is plugged in, and the disk's number."""
    try:
        context = pyudev.Context()
        return port_of(context, mount.device), disk_of(context, mount.device)
    except (ImportError, OSError):
        return None, None


def _write_protected(mount: Mount) -> bool:
    """Whether the disk itself can be read only, by a switch on its card for one."""
    try:
        said = (_SYS_BLOCK / mount.device / "ro").read_text(encoding="ascii")
    except (OSError, ValueError):
        return False
    return said.strip() == "1"


def _by_path(mount: Mount) -> str | None:
    """The socket a USB disk sits in, which is the bay; udev alone knows."""
    return _link_to(mount, "by-path")


def _link_to(mount: Mount, directory: str) -> str | None:
    try:
        device = Path(mount.source).resolve()
        for link in (_DEVICES / "disk" / directory).iterdir():
            if link.resolve() == device:
                return _udev_unescaped(link.name)
    except OSError:
        return None
    return None


def _udev_unescaped(name: str) -> str:
    raw = re.sub(
        rb"\\x([0-9a-fA-F]{2})", lambda found: bytes([int(found[1], 16)]), name.encode("utf-8")
    )
    return raw.decode("utf-8", "replace")


def _blkid(device: str) -> dict[str, str]:
    # Without udev the label has to be read from the disk, which only root may. Not from the
    # cache, which for two seconds gives the card that was in this place before.
    try:
        answer = subprocess.run(  # noqa: S603  # an absolute program, a device path of the kernel's
            ["/usr/sbin/blkid", "-c", "/dev/null", "-o", "export", "--", device],
            capture_output=True,
            timeout=_BLKID_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    lines = answer.stdout.decode("utf-8", "replace").split("\n")
    return {name: value for name, _, value in (line.partition("=") for line in lines)}
