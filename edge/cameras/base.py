"""A docked camera, and safe access to its card.

A card is hostile: names may hold anything, links may point anywhere, a FIFO may block a
reader for ever, a directory may contain itself. So every path is walked component by
component through directory descriptors without following links. At each step from the root
the root is checked: the same file system and directory, on a disk that the kernel has not
numbered anew, so that a disk swapped under the same mount point is not taken for the old one.
What is no disk (a network share, a FUSE driver, memory) has no such number, and a swap that
also repeats the numbers of file system and directory is not seen there until the volume is
read again. Reading leaves the card's time stamps alone where the kernel allows it. This
module decides nothing about what a file is; ``unlink`` is called by ``edge.erase`` only.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import (
    CameraError,
    CameraGone,
    Changed,
    Unreadable,
    Unsynced,
    Vanished,
    camera_error,
)
from protocols.kinds import CameraClaim

if TYPE_CHECKING:
    from edge.cameras.by_hand import Bringing

MAX_DEPTH = 32
MAX_THINGS = 100_000
# As long as a word of a record may be.
WORD = 200
MAX_PATH = 4096
_MAX_NS = 2**63 - 1
# Each costs a look at the card, at every erasure.
_LOOKED_BESIDE = 256
_SYS_BLOCK = Path("/sys/dev/block")
_NUMBER = 64

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


_WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
_SPECIAL = {
    stat.S_IFLNK: "symbolic link; links are not followed",
    stat.S_IFIFO: "named pipe",
    stat.S_IFSOCK: "socket",
}


@dataclass(frozen=True, slots=True)
class Camera:
    """One docked camera.

    Attributes:
        key: identity while it is docked; docking it again gives another one.
        root: directory that holds its files.
        volume: what names the card across dockings, as well as the card can tell.
        bay: where it stands.
        profile: ``folder`` or ``generic``.
        claim: what camera or card say they are; proves nothing.
        read_only: whether the dock can erase nothing on it.
        port: where it is plugged in, as udev says it (``ID_PATH``).
        guarded: mounted read-only by the mount helper, which makes it writable for erasing
            (``edge.mounter.client``).
        disk: the number of its disk, as udev says it; of the reader where a reader holds it.
        brought: who brings it, where no camera is docked (``edge.cameras.by_hand``).
        only: the one file that was brought; None for all below the root.
    """

    key: str
    root: Path
    volume: str
    bay: str
    profile: str
    claim: CameraClaim
    read_only: bool
    port: str | None = None
    guarded: bool = False
    disk: str | None = None
    brought: Bringing | None = None
    only: bytes | None = None


@dataclass(frozen=True, slots=True)
class Space:
    """Room on a card, in bytes; ``free`` is what a camera can still write."""

    size: int
    free: int


class ThingKind(StrEnum):
    """What stands under a name on a card.

    REFUSED is never a recording (a link, a pipe); UNREADABLE may be or hide one; SKIPPED is
    what the caller does not want looked at.
    """

    FILE = "file"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Thing:
    """Something on a card; size and time only where the card answered for them.

    The path is whole even where it is too long to be followed: two paths never look alike.
    """

    path: bytes
    kind: ThingKind
    size: int | None = None
    mtime_ns: int | None = None
    reason: str = ""
    ctime_ns: int | None = None
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class FileState:
    """What tells whether a file is the same and was left alone between two looks.

    A file system may invent some of it (FAT has neither inode numbers nor times of status
    change); equal twice means that nothing was seen to happen. The time of reading is not in
    it, since reading itself may set that.
    """

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, found: os.stat_result) -> FileState:
        """From what ``fstat`` or ``stat`` answered."""
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def changed_ns(found: os.stat_result) -> int:
    """Time of last change, as any database can hold it.

    A card may claim a year beyond 2262, or before 1678; the nearest nanosecond of 64 bits
    stands for it.
    """
    return max(-_MAX_NS, min(found.st_mtime_ns, _MAX_NS))


def disk_number(device: int) -> str:
    """The number the kernel gave to a disk when it, or the card in its reader, was put in.

    Args:
        device: as in ``st_dev``.

    Returns:
        Empty for what is no disk, or where the kernel does not say (before Linux 5.15).
    """
    at = f"{_SYS_BLOCK}/{os.major(device)}:{os.minor(device)}"
    # A partition has the number of its disk, the folder above.
    for place in (f"{at}/diskseq", f"{at}/../diskseq"):
        try:
            with open(place, "rb", buffering=0) as file:  # noqa: PTH123  # asked every second
                return file.read(_NUMBER).decode("ascii").strip()
        except (OSError, ValueError):
            continue
    return ""


# Says why a path is not looked at further, or None.
Skip = Callable[[bytes], str | None]


class Card:
    """Everything below one root, reached without following links.

    Methods block and may be called from any thread.
    """

    def __init__(self, root: Path) -> None:
        """Remember which directory this is.

        Raises:
            CameraGone: there is no readable directory.
        """
        self._root = os.fsencode(root)
        try:
            # The way to the root is the operator's; only what is below it is the card's.
            found = os.stat(self._root)  # noqa: PTH116  # a path in bytes
        except OSError as error:
            raise CameraGone(f"the card does not answer: {error.strerror}") from error
        self._identity = _identity(found)

    @property
    def device(self) -> int:
        """Number of the file system the root lies in, as in ``st_dev``."""
        return self._identity[0]

    def open(self, path: bytes) -> int:
        """Open a recording for reading.

        Args:
            path: relative to the root, as ``walk`` gave it.

        Returns:
            A descriptor of a regular file; the caller closes it.

        Raises:
            CameraGone: the card does not answer.
            Vanished: nothing stands under this name any more.
            Unreadable: it cannot be opened, or is no regular file.
        """
        with self._parent(path) as (parent, name), self._sorted(path, "opening"):
            descriptor = _open_quietly(name, _FILE, parent)
            try:
                regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
            except OSError:
                os.close(descriptor)
                raise
        if not regular:
            os.close(descriptor)
            raise Unreadable(f"{shown(path)} is not a regular file")
        return descriptor

    def unlink(self, path: bytes, expect: FileState) -> None:
        """Remove a recording that still is what was compared, and make that durable.

        Args:
            path: relative to the root.
            expect: of the descriptor whose bytes were compared; keep that open.

        Raises:
            CameraGone: the card does not answer.
            Vanished: nothing stands under this name.
            Changed: another file stands under this name, or it was written to meanwhile.
            Unreadable: the card refuses to remove it; the cause is the ``OSError``.
            Unsynced: it is removed, but the card does not confirm that this lasts.
        """
        with self._parent(path) as (parent, name):
            with self._sorted(path, "erasing"):
                found = os.stat(name, dir_fd=parent, follow_symlinks=False)
                if FileState.of(found) != expect or not stat.S_ISREG(found.st_mode):
                    raise Changed(f"{shown(path)} was replaced or written to")
                os.unlink(name, dir_fd=parent)
            try:
                _sync_directory(parent)
            except OSError as error:
                said = f"{shown(path)} was unlinked, but: {error.strerror or error}"
                raise (Unsynced if self.alive() else CameraGone)(said) from error

    def place(self, path: bytes) -> str:
        """What tells the folder of a recording from one on another card, across dockings.

        The numbers of the card's root and of the folder, and the card's size; no device
        number, which changes from docking to docking. On FAT the kernel makes up the numbers
        of folders, and that of the root is always the same: there the same folder may look like
        another one, and another one like the same. ``hallmark`` says what else it takes.

        Raises:
            CameraGone: the card does not answer.
            CameraError: there is no such folder, or it cannot be opened.
        """
        with self._parent(path) as (parent, _), self._sorted(path, "looking at the folder of"):
            space = os.fstatvfs(parent)
            folder = os.fstat(parent).st_ino
            return f"{self._identity[1]}:{folder}:{space.f_frsize * space.f_blocks}"

    def beside(self, path: bytes) -> str:
        """A digest of what else stands in the folder of a recording, whether that is there or not.

        Of every name; of size and time as well for as many as is quickly asked, the last ones by
        name, which cameras give to what is newest.

        Returns:
            Empty when nothing else stands there, or it cannot be listed.

        Raises:
            CameraGone: the card does not answer.
        """
        try:
            with self._parent(path) as (parent, name), self._sorted(path, "looking beside"):
                with os.scandir(parent) as entries:
                    names = sorted({os.fsencode(each.name) for each in entries} - {name})
                rows = [_beside(parent, each) for each in names[-_LOOKED_BESIDE:]]
        except CameraGone:
            raise
        except CameraError:
            return ""
        told = [b"%d %s" % (len(each), each) for each in names]
        return hashlib.sha256(b"\0".join((*told, *rows))).hexdigest() if names else ""

    def space(self) -> Space | None:
        """Room on the card; None where its file system does not say.

        Raises:
            CameraGone: the card does not answer.
        """
        root = self._open_root()
        try:
            found = os.fstatvfs(root)
        except OSError:
            return None
        finally:
            with contextlib.suppress(OSError):  # as of any descriptor of a pulled FUSE card
                os.close(root)
        size, free = found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize
        return Space(size, free) if 0 <= free <= size and size else None

    def alive(self) -> bool:
        """Whether the card that was docked still answers."""
        try:
            root = self._open_root()
            try:
                with os.scandir(root) as entries:
                    next(entries, None)
            finally:
                os.close(root)
        except (CameraGone, OSError):
            return False
        return True

    def walk(self, skip: Skip) -> Iterator[Thing]:
        """List everything below the root, without following anything.

        Args:
            skip: names what is not looked into; such a thing is still listed.

        Raises:
            CameraGone: the card stopped answering.
        """
        count = 0
        pending: list[bytes] = [b""]
        while pending:
            directory = pending.pop()
            for thing, descend in self._list(directory, skip):
                # Directories count too: a damaged card may contain itself many times over.
                count += 1
                if count > MAX_THINGS:
                    reason = f"more than {MAX_THINGS} names on one card; the rest is not looked at"
                    yield Thing(directory or b".", ThingKind.UNREADABLE, reason=reason)
                    return
                if descend:
                    pending.append(thing.path)
                else:
                    yield thing

    def _list(self, directory: bytes, skip: Skip) -> Iterator[tuple[Thing, bool]]:
        missed: list[bytes] = []
        twice: set[str] = set()
        try:
            with self._directory(directory) as descriptor, os.scandir(descriptor) as entries:
                home = os.fstat(descriptor).st_dev
                for entry in _once(entries, twice):
                    path = _join(directory, os.fsencode(entry.name))
                    thing = _look(entry, path, home, skip)
                    if thing is None:
                        missed.append(path)
                    else:
                        yield thing
        except CameraGone:
            raise
        except Vanished:
            missed = [directory]
        except (CameraError, OSError) as error:
            if not self.alive():
                raise CameraGone("the card stopped answering") from error
            reason = f"directory cannot be read: {error}"
            yield Thing(directory or b".", ThingKind.UNREADABLE, reason=reason), False
        if twice:
            yield _hidden(directory, twice), False
        # What was deleted between listing and looking is not listed a second time.
        for path in missed:
            if self._lists(path):
                reason = "listed, but not found"
                yield Thing(path or b".", ThingKind.UNREADABLE, reason=reason), False

    def _lists(self, path: bytes) -> bool:
        """Whether a folder still lists a name, or the nearest folder that is found its folder.

        A damaged card, or one mounted with the wrong characters, lists what it cannot find.
        """
        while path:
            folder, _, name = path.rpartition(b"/")
            try:
                with self._directory(folder) as descriptor, os.scandir(descriptor) as entries:
                    return any(os.fsencode(entry.name) == name for entry in entries)
            except Vanished:
                path = folder
            except (CameraError, OSError) as error:
                if not self.alive():
                    raise CameraGone("the card stopped answering") from error
                return True
        return True

    @contextlib.contextmanager
    def _parent(self, path: bytes) -> Iterator[tuple[int, bytes]]:
        directory, _, name = path.rpartition(b"/")
        with self._directory(directory) as descriptor:
            yield descriptor, _component(name, path)

    @contextlib.contextmanager
    def _directory(self, path: bytes) -> Iterator[int]:
        """A descriptor of a directory below the root, opened step by step."""
        with self._sorted(path or b".", "opening"), contextlib.ExitStack() as opened:
            descriptor = self._open_root()
            opened.callback(os.close, descriptor)
            for part in path.split(b"/") if path else ():
                descriptor = _open_quietly(_component(part, path), _DIRECTORY, descriptor)
                opened.callback(os.close, descriptor)
                # Something mounted on the card from elsewhere is not the card's.
                if os.fstat(descriptor).st_dev != self._identity[0]:
                    raise Unreadable(f"{shown(path)} belongs to another file system")
            kept = os.dup(descriptor)
        try:
            yield kept
        finally:
            with contextlib.suppress(OSError):  # close() of a pulled FUSE card fails too
                os.close(kept)

    @contextlib.contextmanager
    def _sorted(self, path: bytes, doing: str) -> Iterator[None]:
        """Turn what the kernel answers into the errors of this package."""
        try:
            yield
        except OSError as error:
            raise camera_error(error, f"{doing} {shown(path)}", alive=self.alive) from error

    def _open_root(self) -> int:
        try:
            descriptor = os.open(self._root, _DIRECTORY & ~os.O_NOFOLLOW)
        except OSError as error:
            raise CameraGone(f"the card does not answer: {error.strerror}") from error
        try:
            found = os.fstat(descriptor)
        except OSError as error:
            os.close(descriptor)
            raise CameraGone(f"the card does not answer: {error.strerror}") from error
        if _identity(found) != self._identity:
            os.close(descriptor)
            raise CameraGone("the card was replaced or unmounted")
        return descriptor


def _identity(root: os.stat_result) -> tuple[int, int, str]:
    return root.st_dev, root.st_ino, disk_number(root.st_dev)


def _open_quietly(name: bytes, flags: int, directory: int) -> int:
    """Open without leaving a read time on the card; who may not ask for that does without."""
    try:
        return os.open(name, flags | os.O_NOATIME, dir_fd=directory)
    except PermissionError:
        return os.open(name, flags, dir_fd=directory)


def _look(entry: os.DirEntry[str], path: bytes, home: int, skip: Skip) -> tuple[Thing, bool] | None:
    """What stands under a name, and whether to go into it; None when nothing is found there."""
    try:
        found = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Thing(path, ThingKind.UNREADABLE, reason=error.strerror or str(error)), False
    skipped = skip(path)
    if skipped is not None:
        return Thing(path, ThingKind.SKIPPED, reason=skipped), False
    if stat.S_ISREG(found.st_mode) and len(path) <= MAX_PATH:
        changed = found.st_ctime_ns
        thing = Thing(
            path,
            ThingKind.FILE,
            found.st_size,
            changed_ns(found),
            ctime_ns=changed,
            # FAT's read-only attribute takes away the right to write from everybody.
            read_only=not found.st_mode & _WRITABLE,
        )
        return thing, False
    kind = stat.S_IFMT(found.st_mode)
    if kind not in {stat.S_IFDIR, stat.S_IFREG}:
        reason = _SPECIAL.get(kind, "device node")
        return Thing(path, ThingKind.REFUSED, reason=reason), False
    barred = _barred(path, found, home)
    thing = Thing(path, ThingKind.UNREADABLE, reason=barred or "")
    return thing, barred is None


def _once(entries: Iterable[os.DirEntry[str]], twice: set[str]) -> Iterator[os.DirEntry[str]]:
    met: set[str] = set()
    for entry in entries:
        if entry.name in met:
            twice.add(entry.name)
        else:
            met.add(entry.name)
            yield entry


def _hidden(directory: bytes, names: set[str]) -> Thing:
    """Files that cannot be read because others have their names.

    A damaged FAT lists a name twice, and so does a sound one whose names its driver cannot
    show: whoever opens it gets the first. The folder stands for what is behind, since the name
    is the other file's.
    """
    some = ", ".join(shown(os.fsencode(name)) for name in sorted(names)[:3])
    reason = f"{len(names)} names stand in it more than once, and only one each can be read: {some}"
    return Thing(directory or b".", ThingKind.UNREADABLE, reason=reason)


def _barred(path: bytes, found: os.stat_result, home: int) -> str | None:
    """Why recordings may be hidden under a name; None for an ordinary directory."""
    if len(path) > MAX_PATH:
        return f"path of {len(path)} bytes; {MAX_PATH} are followed"
    if found.st_dev != home:
        return "another file system is mounted here"
    deep = path.count(b"/") >= MAX_DEPTH
    return f"directories nested deeper than {MAX_DEPTH}" if deep else None


def _beside(directory: int, name: bytes) -> bytes:
    """What a file of a folder is known by; of a folder only that it is one."""
    found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    if not stat.S_ISREG(found.st_mode):
        return b"%d" % stat.S_IFMT(found.st_mode)
    return b"%d %d" % (found.st_size, found.st_mtime_ns)


def _sync_directory(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        # FUSE drivers without fsyncdir answer EINVAL or ENOSYS; the unlink went to the driver.
        if error.errno not in {errno.EINVAL, errno.ENOSYS}:
            raise


def _component(name: bytes, path: bytes) -> bytes:
    if name in {b"", b".", b".."} or b"\0" in name:
        raise Unreadable(f"{shown(path)} is not a path below the card's root")
    return name


def _join(directory: bytes, name: bytes) -> bytes:
    return directory + b"/" + name if directory else name


def shown(path: bytes) -> str:
    """A path for people: no control characters, not endless."""
    text = path.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)[:200]


def word(text: str) -> str:
    """What a card says, as any record and screen can hold it: it may say anything, endlessly."""
    raw = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "?" for c in raw)[:WORD]
