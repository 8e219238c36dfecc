"""Keeps the dock's own files from being taken for a camera.

Whatever lies on a camera is uploaded and, once released, erased. A folder that holds the
dock's private key or its ledger, by a slip in the configuration or because somebody mounted
it, would make the dock give away the one and erase the other. So places are compared before
a camera is opened, in three ways, since no single one sees them all: by path with all links
followed, by what the file system calls the directory, and by where it lies on its device,
which shows a directory that is mounted in two places (proc_pid_mountinfo(5)).
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.cameras.mass_storage import MOUNTS, mounted_parts

CODE: Final = "camera-is-the-dock"

FileIds = frozenset[tuple[int, int]]
"""Files by number of their file system and inode, under whatever names they stand."""


@dataclass(frozen=True, slots=True)
class Own:
    """Where the dock keeps what is its own.

    Attributes:
        state: directories that are the dock's with everything in them.
        files: files and folders that no camera may hold.
    """

    state: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()

    def conflict(self, root: Path) -> str | None:
        """Why a directory cannot be a camera; None when it can. Looks at the disk, may hang."""
        mounts = _mounts()
        names, within = _names(root, mounts), _within(root, mounts)
        for place in self.state:
            if _names(place, mounts) & within:
                return f"it is, or lies in, the dock's own {place}"
        for place in (*self.state, *self.files):
            if names & _within(place, mounts):
                return f"it holds the dock's own {place}"
        return None

    def conflict_of_mount(self, root: Path) -> str | None:
        """As ``conflict``, and for a mounted disk also when the dock's state is on that disk."""
        device = None
        # Of a card that does not answer, what is around it says nothing.
        with contextlib.suppress(OSError):
            device = root.stat().st_dev
        for place in self.state:
            if device is not None and device == _device(place):
                return f"it is the disk that holds the dock's own {place}"
        return self.conflict(root)

    def linked(self) -> FileIds:
        """Its files that have a second name somewhere; looks at the disk, may take a while."""
        below = (
            Path(at) / name
            for place in self.state
            for at, _, names in os.walk(place)
            for name in names
        )
        found: set[tuple[int, int]] = set()
        for each in (*self.files, *below):
            with contextlib.suppress(OSError):
                is_ = each.lstat()
                if is_.st_nlink > 1 and stat.S_ISREG(is_.st_mode):
                    found.add((is_.st_dev, is_.st_ino))
        return frozenset(found)


def _mounts() -> list[tuple[str, str, Path]]:
    # Without the kernel's list, places are still compared by path and by inode.
    with contextlib.suppress(OSError):
        return mounted_parts(MOUNTS.read_bytes().decode("utf-8", "surrogateescape"))
    return []


def _real(path: Path) -> Iterator[Path]:
    """Where a name leads, and where the name itself stands: a link may be either."""
    # What leads nowhere, or round in a ring, cannot be opened as a camera either.
    with contextlib.suppress(OSError, RuntimeError):
        yield path.resolve()
        yield path.parent.resolve() / path.name


def _names(path: Path, mounts: list[tuple[str, str, Path]]) -> set[object]:
    """Everything one place is called."""
    return {name for real in _real(path) for name in _called(real, mounts)}


def _within(path: Path, mounts: list[tuple[str, str, Path]]) -> set[object]:
    """What the place and every directory around it are called."""
    found: set[object] = set()
    for real in _real(path):
        for each in (real, *real.parents):
            found.update(_called(each, mounts))
        # Around it on its device may be more than what is mounted here shows.
        for device, on_device in _on_device(real, mounts):
            found.update((device, each) for each in on_device.parents)
    return found


def _called(real: Path, mounts: list[tuple[str, str, Path]]) -> Iterator[object]:
    yield real
    yield from _on_device(real, mounts)
    # What is not there yet has a path only.
    with contextlib.suppress(OSError):
        found = real.stat()
        yield found.st_dev, found.st_ino


def _on_device(real: Path, mounts: list[tuple[str, str, Path]]) -> Iterator[tuple[str, Path]]:
    # A set: a long list of mounts is gone through for every directory on the way to the root.
    places = {real, *real.parents}
    around = [mount for mount in mounts if mount[2] in places]
    if around:
        # Of several mounts on one directory the last one is what one sees there.
        device, part, point = max(reversed(around), key=lambda mount: len(mount[2].parts))
        yield device, Path(part) / real.relative_to(point)


def _device(path: Path) -> int | None:
    """The file system of the nearest directory that is there."""
    for each in (path, *path.parents):
        with contextlib.suppress(OSError):
            return os.stat(each).st_dev  # noqa: PTH116  # one call for the number alone
    return None
