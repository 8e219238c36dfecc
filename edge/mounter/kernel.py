"""mount(2) and umount2(2), read-only and harmless by default; a FUSE driver where none is built in.

The system calls are made directly: the ``mount`` program would read ``/etc/fstab``, look for
helpers by the file system's name and take options from a string. Only exFAT has a second way,
for kernels without it: ``mount.exfat-fuse`` with fixed arguments. After each mount the kernel
is asked whether all that was asked for holds; what is less is taken away again.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import mmap
import os
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from edge.codes import Stays
from edge.errors import MountRefused
from edge.mounter.ports import Volume
from edge.mounter.settings import CODEPAGE, FsType

log = structlog.get_logger()

_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND = 1, 2, 4, 8, 32, 4096
_DETACH, _NOFOLLOW = 2, 8
_HARMLESS: Final = _NOSUID | _NODEV | _NOEXEC
_HELD: Final = os.ST_NOSUID | os.ST_NODEV | os.ST_NOEXEC
_FUSE: Final = "/usr/sbin/mount.exfat-fuse"
_FUSE_S: Final = 20.0
_BUSY_S: Final = 3.0
_PAGE: Final = 4096

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Reader:
    """Whose files they look like, on file systems that know no owners."""

    uid: int
    gid: int
    codepage: int = CODEPAGE

    def options(self, kind: FsType) -> tuple[str, ...]:
        """What a file system is told, best first; nothing of it comes from a device."""
        owned = f"uid={self.uid},gid={self.gid},fmask=0177,dmask=0077"
        match kind:
            case FsType.VFAT:
                # Without utf8 two names that differ in an emoji alone both read as "??"; with
                # iocharset=utf8 beside it, two that differ in case alone stay two. Times are
                # then the very digits that the camera wrote (``timing.filetimes``).
                plain = f"{owned},iocharset=utf8,utf8=1,errors=remount-ro,tz=UTC"
                # A kernel may lack the table; a card with unreadable names beats none at all.
                return f"{plain},codepage={self.codepage}", plain
            case FsType.EXFAT:
                # It knows no ``tz``; ``time_offset`` is not known before Linux 6.2, and does
                # not count for a file that states its own.
                return (f"{owned},iocharset=utf8,errors=remount-ro",)
            case FsType.EXT4:
                # Its journal is not played back: that would write to the card.
                return ("noload,errors=remount-ro",)


def mount(volume: Volume, kind: FsType, point: Path, reader: Reader) -> bool:
    """Mount read-only; blocks.

    Returns:
        Whether a FUSE driver does it.

    Raises:
        MountRefused: it cannot be mounted so; nothing is.
    """
    fuse = False
    try:
        with _aside(point) as aside:
            _by_kernel(volume, kind, aside, reader.options(kind))
            # Read-only from here on is the file system alone, not this view of it: that is
            # what can be changed for a moment in every service's view at once.
            _mount(None, aside, None, _REMOUNT | _BIND | _HARMLESS, None)
            _mount(str(aside), point, None, _BIND, None)
    except OSError as error:
        fuse = error.errno == errno.ENODEV and kind is FsType.EXFAT and Path(_FUSE).exists()
        if not fuse:
            raise MountRefused(f"mounting {volume.node} as {kind}: {error.strerror}") from error
        _by_driver(volume, point, reader, "ro")
    make_sure(volume, point, os.ST_RDONLY)
    return fuse


def _by_kernel(volume: Volume, kind: FsType, aside: Path, options: tuple[str, ...]) -> None:
    for number, each in enumerate(options, start=1):
        try:
            _mount(str(volume.node), aside, kind.value, _RDONLY | _HARMLESS, each)
        except OSError as error:
            if error.errno != errno.EINVAL or number == len(options):
                raise
        else:
            if number > 1:
                log.warning("mount.without-codepage", device=str(volume.node), instead=each)
            return


@contextlib.contextmanager
def _aside(point: Path) -> Iterator[Path]:
    """Where a mount is made ready before it shows in its place.

    A service with a mount namespace of its own gets a copy of each new mount, with the flags
    it has at that time; what is changed in this namespace later never reaches it
    (mount_namespaces(7)). So a mount appears in its place with its flags right, or not at all.
    """
    folder = point.parents[1].with_name(f".{point.parents[1].name}.aside")
    place = folder / f"{point.parent.name}.{point.name}"
    for each in (folder, place):
        with contextlib.suppress(FileExistsError):
            each.mkdir(mode=0o700)
        found = each.lstat()
        # A run before may have ended with a mount on it, which shows the card's own mode.
        if not stat.S_ISDIR(found.st_mode) or (each == folder and found.st_uid != os.geteuid()):
            raise MountRefused(f"{each} is not a folder of the helper's own")
    detach(place)
    try:
        yield place
    finally:
        with contextlib.suppress(OSError):
            detach(place)
            # The folder stays: another bay's card may be about to use it.
            place.rmdir()


def make_writable(volume: Volume, point: Path, reader: Reader, *, fuse: bool) -> None:
    """Let a mount be written to; blocks.

    Raises:
        MountRefused: it is in use or write-protected; it is read-only, or gone if not even
            that could be had again.
    """
    if fuse:
        _anew(volume, point, reader, "rw")
    else:
        try:
            _mount(None, point, None, _REMOUNT | _HARMLESS, None)
        except OSError as error:
            text = f"the card cannot be written to: {error.strerror}"
            refused = error.errno in {errno.EROFS, errno.EACCES}
            raise MountRefused(text, Stays.PROTECTED if refused else Stays.REFUSED) from error
    try:
        protected = os.statvfs(point).f_flag & os.ST_RDONLY
    except OSError as error:
        # It may be writable and cannot be asked: nobody is to find it so.
        with contextlib.suppress(OSError):
            detach(point)
        text = f"the card does not answer any more: {error.strerror}"
        raise MountRefused(text, Stays.SILENT) from error
    if protected:
        raise MountRefused("the card is write-protected", Stays.PROTECTED)


def make_readonly(volume: Volume, point: Path, reader: Reader, *, fuse: bool) -> None:
    """Let a mount not be written to any more; waits a little for who still writes. Blocks.

    Raises:
        MountRefused: it could not be had; let go of it.
    """
    if fuse:
        _anew(volume, point, reader, "ro")
        return
    try:
        _patiently(lambda: _mount(None, point, None, _REMOUNT | _HARMLESS | _RDONLY, None))
    except OSError as error:
        raise MountRefused(f"the card cannot be made read-only: {error.strerror}") from error


def detach(point: Path) -> None:
    """Take a mount out of sight at once, whatever is open on it; harmless where none is."""
    if _libc.umount2(os.fsencode(point), _DETACH | _NOFOLLOW) != 0:
        number = ctypes.get_errno()
        if number not in {errno.EINVAL, errno.ENOENT}:
            raise OSError(number, os.strerror(number), str(point))


def first_page(volume: Volume, point: Path, *, fuse: bool) -> bytes:
    """The medium's own first page, past all caches; empty if it gives none. Blocks, may hang."""
    try:
        if fuse:
            os.statvfs(point)
        descriptor = os.open(volume.node, os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC)
        try:
            with mmap.mmap(-1, _PAGE) as page:
                return page[: os.preadv(descriptor, [page], 0)]
        finally:
            os.close(descriptor)
    except OSError:
        return b""


def until_let_go(volume: Volume) -> None:
    """Wait a little until nothing is open on a mount that was taken out of sight; blocks.

    Until then the kernel keeps what it knew of the card, and would go on with that.
    """
    # Whoever asks for a disk alone is refused while it is mounted (O_EXCL, open(2)).
    with contextlib.suppress(OSError):
        _patiently(lambda: os.close(os.open(volume.node, os.O_RDONLY | os.O_EXCL | os.O_CLOEXEC)))


def _anew(volume: Volume, point: Path, reader: Reader, how: str) -> None:
    """A driver that was started read-only stays so: it has to be started again."""
    try:
        _patiently(lambda: _unmount(point))
    except OSError as error:
        raise MountRefused(f"a file of the card is open: {error.strerror}", Stays.IN_USE) from error
    try:
        _by_driver(volume, point, reader, how)
    except MountRefused:
        if how == "rw":
            _by_driver(volume, point, reader, "ro")
        raise
    make_sure(volume, point, os.ST_RDONLY if how == "ro" else 0)


def _by_driver(volume: Volume, point: Path, reader: Reader, how: str) -> None:
    owned = f"uid={reader.uid},gid={reader.gid},fmask=0177,dmask=0077"
    options = f"{how},nosuid,nodev,noexec,{owned}"

    def start(aside: Path) -> None:
        command = [_FUSE, "-o", options, str(volume.node), str(aside)]
        done = subprocess.run(  # noqa: S603  # an absolute program; device and place are the kernel's and ours
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            cwd="/",
            timeout=_FUSE_S,
        )
        if done.returncode:
            # Its driver before may not have let go of the disk yet.
            raise OSError(errno.EBUSY, f"{_FUSE} ended with {done.returncode}")

    try:
        with _aside(point) as aside:
            _patiently(lambda: start(aside))
            # This driver's library leaves noexec out.
            flags = _HARMLESS | (_RDONLY if how == "ro" else 0)
            _mount(None, aside, None, _REMOUNT | _BIND | flags, None)
            _mount(str(aside), point, None, _BIND, None)
    except (OSError, subprocess.TimeoutExpired) as error:
        # A driver that died while it began leaves a mount behind that answers nothing.
        with contextlib.suppress(OSError):
            detach(point)
        raise MountRefused(f"mounting {volume.node} as exfat: {error}") from error


def make_sure(volume: Volume, point: Path, wanted: int) -> None:
    """See that the mount is that disk's and as harmless as asked for."""
    try:
        flags, device = os.statvfs(point).f_flag, point.stat().st_dev
        held = flags & (_HELD | wanted) == _HELD | wanted
        ours = f"{os.major(device)}:{os.minor(device)}" == volume.number
    except OSError:
        held = ours = False
    if not held or not ours:
        with contextlib.suppress(OSError):
            detach(point)
        raise MountRefused(f"{volume.node} did not come up as it must; it was unmounted again")


def _mount(
    source: str | None, point: Path, kind: str | None, flags: int, options: str | None
) -> None:
    given = [None if each is None else each.encode() for each in (source, kind, options)]
    if _libc.mount(given[0], os.fsencode(point), given[1], ctypes.c_ulong(flags), given[2]) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(point))


def _unmount(point: Path) -> None:
    if _libc.umount2(os.fsencode(point), _NOFOLLOW) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(point))


def _patiently(call: Callable[[], None]) -> None:
    """Do what is refused while something is in use again and again, for a little while."""
    deadline = time.monotonic() + _BUSY_S
    while True:
        try:
            call()
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
