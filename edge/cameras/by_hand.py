"""Files that somebody brings by hand: a phone's video, an export, the card of a broken camera.

It is a docking like any other, because only a dock seals; but no camera stands in a bay, and
its records say who brought the files, why and from where. What is brought is only read: nothing
here can erase it, whatever the dock's own rules are. What the kernel shows of itself is no
footage: files there have no end, hang, or hold what the dock's user alone may read.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.cameras.base import Camera, Card, FileState, Skip, Thing, shown, word
from edge.cameras.mass_storage import MOUNTS, Mount, around, parse_mounts
from edge.cameras.own import FileIds
from edge.errors import ImportRefused, Unreadable
from protocols.kinds import CameraClaim, Imported

_KERNELS: Final = tuple(map(Path, ("/proc", "/sys", "/dev")))
_SHARED: Final = Path("/dev/shm")  # noqa: S108  # people's files lie there, in memory
_SHOWN_BY_KERNEL: Final = frozenset(
    {
        *("autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts"),
        *("devtmpfs", "efivarfs", "fusectl", "hugetlbfs", "mqueue", "nsfs", "proc", "pstore"),
        *("rpc_pipefs", "securityfs", "selinuxfs", "sysfs", "tracefs"),
    }
)
PROFILE = "by-hand"
BAY = "by hand"
_NAME = 100


class Brought(Card):
    """What was brought, read-only for good.

    Args:
        root: the folder.
        own: the dock's own files, which stay its own under a second name (hard links).
    """

    def __init__(self, root: Path, own: FileIds = frozenset()) -> None:
        super().__init__(root)
        self._own_files = own

    def open(self, path: bytes) -> int:
        """Open a file that is not the dock's own.

        Raises:
            Unreadable: it is, or as ``Card.open``. CameraGone: as there.
        """
        descriptor = super().open(path)
        found = os.fstat(descriptor)
        if (found.st_dev, found.st_ino) in self._own_files:
            os.close(descriptor)
            raise Unreadable(f"{shown(path)} is the dock's own file under a second name")
        return descriptor

    def unlink(self, path: bytes, expect: FileState) -> None:
        """Refuse: nothing is erased on what somebody brought.

        Raises:
            Unreadable: always.
        """
        del expect
        raise Unreadable(f"{shown(path)} was brought by hand; nothing is erased there")


class OneFile(Brought):
    """One file of a folder, whose other files are nobody's business."""

    def __init__(self, root: Path, only: bytes, own: FileIds = frozenset()) -> None:
        super().__init__(root, own)
        self._only = only

    def walk(self, skip: Skip) -> Iterator[Thing]:
        """List that file, if it is still there."""
        for thing, _ in self._list(b"", skip):
            if thing.path == self._only:
                yield thing


@dataclass(frozen=True, slots=True)
class Bringing:
    """What is brought, by whom and what for.

    Attributes:
        path: a folder, or one file.
        imported: as records say it.
        officer, unit: of the recordings, as whoever brings them claims.
        bay: what the docking is called on screens and records.
        own: the dock's own files, which are not given away.
    """

    path: Path
    imported: Imported
    officer: str | None = None
    unit: str | None = None
    bay: str = BAY
    own: FileIds = frozenset()


def source(bringing: Bringing) -> Camera:
    """The docking's camera, which is none; blocks.

    Raises:
        ImportRefused: there is no such folder or file, or this dock's user cannot read it.
    """
    path = bringing.path
    try:
        # The way there is the operator's; links below it are not followed.
        real = path.resolve(strict=True)
        _refuse_kernels(path, real)
        found = real.stat()
        single = stat.S_ISREG(found.st_mode)
        if not single and not stat.S_ISDIR(found.st_mode):
            raise ImportRefused(f"{path} is neither a folder nor a file")
        root = real.parent if single else real
        around = root.stat()
        # A folder that can be opened and not listed would look empty.
        with os.scandir(root) as entries:
            next(entries, None)
        where = os.statvfs(root).f_fsid
    except (OSError, RuntimeError) as error:
        why = error.strerror if isinstance(error, OSError) else "a ring of links"
        raise ImportRefused(
            f"{path} cannot be read by this dock's user: {why}; it has to lie where that user "
            "and the service may read, and not in anybody's home"
        ) from error
    return Camera(
        key=f"by-hand:{real}:{around.st_dev}:{around.st_ino}",
        root=root,
        volume=_volume(real, where, around.st_ino),
        bay=word(bringing.bay),
        profile=PROFILE,
        claim=CameraClaim(),
        read_only=True,
        brought=bringing,
        only=os.fsencode(real.name) if single else None,
    )


def card_of(camera: Camera) -> Card:
    """Access to a camera's card, by what it is.

    Raises:
        CameraGone: there is no readable directory.
    """
    if camera.brought is None:
        return Card(camera.root)
    own = camera.brought.own
    if camera.only is None:
        return Brought(camera.root, own)
    return OneFile(camera.root, camera.only, own)


def _refuse_kernels(path: Path, real: Path) -> None:
    mounts: list[Mount] = []
    # Without the kernel's list, its places are still known by name.
    with contextlib.suppress(OSError):
        mounts = parse_mounts(MOUNTS.read_bytes().decode("utf-8", "surrogateescape"))
    mount = around(mounts, real)
    named = any(place in (real, *real.parents) for place in _KERNELS)
    named = named and _SHARED not in (real, *real.parents)
    if named or (mount is not None and mount.type in _SHOWN_BY_KERNEL):
        raise ImportRefused(f"{path} is what the kernel shows of itself, and no footage")


def _volume(real: Path, file_system: int, inode: int) -> str:
    """What names the same folder when it is brought again; another one in its place does not.

    What is known by that is read again and compared before it counts as known.
    """
    said = f"{file_system}\0{inode}\0".encode() + os.fsencode(real)
    name = shown(os.fsencode(real.name))[:_NAME]
    return word(f"by-hand:{name}:{hashlib.sha256(said).hexdigest()[:16]}")
