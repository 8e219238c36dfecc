"""Which volumes are mounted below the helper's root: read-only, each in its bay's directory.

A directory is made of the bay's name and two numbers of the kernel's, ``1/0.1`` for disk 0,
partition 1; nothing a device says of itself names one. Only what is in this table can be made
writable or be let go of. Everything here blocks: a card that hangs, hangs the thread that
asked, and the lock of its own volume.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from edge.bays import Bays
from edge.cameras.base import disk_number
from edge.cameras.mass_storage import MOUNTS, parse_mounts
from edge.codes import Stays, Unmounted
from edge.errors import ConfigError, MountRefused
from edge.mounter import kernel
from edge.mounter.ports import Volume
from edge.mounter.settings import FsType, MounterSection

log = structlog.get_logger()

_OTHERS_WRITE: Final = 0o022
_STICKY: Final = 0o1000
# A recorder with two cards of two partitions has four; each of a card that hangs holds a thread.
_MOST_OF_A_BAY: Final = 8
_TRIES: Final = 3
# However often an asker says that it still needs a card.
_AT_MOST_S: Final = 1800.0
# How long a card that its camera wrote to has to be left alone: the longer, the more often.
_STILL_S: Final = 30.0
_STEP_S: Final = 0.5


class Look(Enum):
    """What a card says when it is asked for its first page."""

    ANSWERS = "answers"
    SILENT = "silent"
    CHANGED = "changed"


class Why(NamedTuple):
    """Why a volume is not mounted."""

    code: Unmounted
    text: str


@dataclass(slots=True)
class Mounted:
    """One volume that is mounted.

    Attributes:
        ended: it is being let go of, or was; another card may soon be in its place.
        until: it is writable until then, ``time.monotonic()``.
        last: ``until`` is never moved beyond this.
        page: the medium's first page when the dock last had to do with it; another one means
            that somebody else writes to the card.
        lock: of whoever asks it something or changes it; a card that hangs, hangs its holder.
        changing: held while it is mounted otherwise, and never for long, so ``end`` can wait.
    """

    volume: Volume
    point: Path
    fuse: bool
    disk: str
    writable: bool = False
    ended: bool = False
    until: float = 0.0
    last: float = 0.0
    page: bytes = b""
    lock: threading.Lock = field(default_factory=threading.Lock)
    changing: threading.Lock = field(default_factory=threading.Lock)


class Mounts:
    """The helper's mounts.

    Args:
        settings: where, and what.
        bays: which port is which bay.
        reader: whose the files on a card look like.
    """

    def __init__(self, settings: MounterSection, bays: Bays, reader: kernel.Reader) -> None:
        self._settings = settings
        self._bays = bays
        self._reader = reader
        self._mounted: dict[str, Mounted] = {}
        # Of two volumes for one place only one may come to be mounted, whoever is the sooner.
        self._places: set[Path] = set()
        self._placing = threading.Lock()
        self._changes: Counter[tuple[str, str]] = Counter()

    def __iter__(self) -> Iterator[Mounted]:
        return iter(list(self._mounted.values()))

    def of(self, number: str) -> Mounted | None:
        """What is mounted of a device."""
        return self._mounted.get(number)

    def at(self, point: str) -> Mounted:
        """A mount by its place, which has to be written as the helper writes it.

        Raises:
            MountRefused: it is not one of the helper's.
        """
        for each in list(self._mounted.values()):
            if str(each.point) == point and not each.ended:
                return each
        raise MountRefused(f"{point[:200]} is not a mount of this helper", Stays.NO_HELPER)

    def place(self, volume: Volume) -> Path | None:
        """Where a volume belongs; None for one in no bay."""
        bay = self._bays.at(volume.port)
        return None if bay is None else self._settings.root / bay / volume.place

    # --- at the start ---------------------------------------------------------------

    def prepare(self) -> None:
        """Make the root, and the directory of the socket.

        Raises:
            ConfigError: somebody but root could put something else in its place.
        """
        _only_roots("root", self._settings.root, "what is mounted over")
        # Root changes the mode of what is there by the socket's name.
        _only_roots("socket", self._settings.socket.parent, "what everybody may then write to")

    def adopt(self, volumes: Iterable[Volume]) -> None:
        """Go on with what a run before left, if it is what this one would mount; else end it."""
        by_number = {volume.number: volume for volume in volumes}
        left = parse_mounts(MOUNTS.read_bytes().decode("utf-8", "surrogateescape"))
        for mount in left:
            if self._settings.root not in mount.point.parents:
                continue
            volume = by_number.get(mount.device)
            fits = volume is not None and self.place(volume) == mount.point
            if volume is None or not fits or not self._take_over(volume, mount.type):
                log.warning("mount.ended", point=str(mount.point), why="left by a run before")
                self._end(mount.point)

    def _take_over(self, volume: Volume, kind: str) -> bool:
        point = self.place(volume)
        if point is None or volume.number in self._mounted:
            return False
        mounted = Mounted(volume, point, kind.startswith("fuse"), _disk(volume))
        try:
            flags = os.statvfs(point).f_flag
            if not flags & os.ST_RDONLY:
                kernel.make_readonly(volume, point, self._reader, fuse=mounted.fuse)
            # A run that was cut while it mounted may not have come to the end of its flags.
            kernel.make_sure(volume, point, os.ST_RDONLY)
        except (OSError, MountRefused):
            return False
        mounted.page = self._page(mounted)
        self._mounted[volume.number] = mounted
        self._places.add(point)
        log.info("mount.adopted", device=str(volume.node), point=str(point))
        return True

    # --- coming and going -----------------------------------------------------------

    def mount(self, volume: Volume) -> Why | None:
        """Mount a volume that has come, unless it is; why not, if not.

        A medium that was changed is another one: what was mounted of the one before ends.
        """
        known = self._mounted.get(volume.number)
        if known is not None:
            if known.disk == _disk(volume) and volume.type:
                return None
            self.end(volume.number)
        point = self.place(volume)
        if point is None:
            no_bay = Why(Unmounted.NO_BAY, "no bay in the dock's settings is this port")
            return no_bay if volume.usb else None
        if not volume.type:
            unknown = Why(Unmounted.NO_FILE_SYSTEM, "no file system is known on it")
            return unknown if volume.holds else None
        if volume.type not in self._settings.types:
            other = f"file systems of type {volume.type} are not mounted here"
            return Why(Unmounted.OTHER_FILE_SYSTEM, other)
        if (why := self._taken(point)) is not None:
            return why
        return self._mount(volume, FsType(volume.type), point)

    def _taken(self, point: Path) -> Why | None:
        """Take a place; why not, if not."""
        with self._placing:
            if point in self._places:
                text = f"something else of its bay is mounted as {point}"
                return Why(Unmounted.PLACE_TAKEN, text)
            if sum(each.parent == point.parent for each in self._places) >= _MOST_OF_A_BAY:
                text = f"{_MOST_OF_A_BAY} volumes of its bay are mounted, and no more than that"
                return Why(Unmounted.TOO_MANY, text)
            self._places.add(point)
        return None

    def _mount(self, volume: Volume, kind: FsType, point: Path) -> Why | None:
        try:
            _made(point)
            # Before, so that what is written while it is mounted is not missed.
            page = kernel.first_page(volume, point, fuse=False)
            fuse = kernel.mount(volume, kind, point, self._reader)
        except (OSError, MountRefused) as error:
            self._tidy(point)
            self._places.discard(point)
            log.warning("mount.failed", device=str(volume.node), reason=str(error))
            return Why(Unmounted.FAILED, str(error))
        mounted = Mounted(volume, point, fuse, _disk(volume), page=page)
        self._mounted[volume.number] = mounted
        log.info("mount.made", device=str(volume.node), point=str(point), fuse=fuse)
        return None

    def end(self, number: str) -> None:
        """Let go of what is mounted of a device, at once; harmless when nothing is."""
        mounted = self._mounted.get(number)
        if mounted is None or mounted.ended:
            return
        mounted.ended = True
        # Whoever is changing it would else mount over its end, and later over another card.
        with mounted.changing:
            self._end(mounted.point)
        self._places.discard(mounted.point)
        self._mounted.pop(number, None)
        log.info("mount.ended", point=str(mounted.point))

    def _end(self, point: Path) -> None:
        with contextlib.suppress(OSError):
            kernel.detach(point)
        self._tidy(point)

    def _tidy(self, point: Path) -> None:
        # The bay's directory goes with its last card.
        with contextlib.suppress(OSError):
            point.rmdir()
            point.parent.rmdir()

    # --- the moment of erasing ------------------------------------------------------

    def open(self, mounted: Mounted) -> None:
        """Make a card writable.

        Raises:
            MountRefused: it cannot be.
        """
        with mounted.lock:
            with mounted.changing:
                # A card that hung may have kept this waiting, and be another one by now.
                if mounted.ended:
                    raise MountRefused("the card was taken out meanwhile", Stays.TAKEN_OUT)
                if mounted.writable:
                    raise MountRefused("the card is writable for another asker", Stays.IN_USE)
                refusal = self._left_alone(mounted) or self._opened(mounted)
            if refusal is not None:
                self._still_there(mounted)
                raise refusal
            now = time.monotonic()
            mounted.until, mounted.last = now + self._settings.writable_s, now + _AT_MOST_S

    def _opened(self, mounted: Mounted) -> MountRefused | None:
        try:
            kernel.make_writable(mounted.volume, mounted.point, self._reader, fuse=mounted.fuse)
        except MountRefused as error:
            return error
        mounted.writable = True
        return None

    def longer(self, mounted: Mounted) -> None:
        """Let a card be writable for longer: a whole recording is read meanwhile.

        Raises:
            MountRefused: the kernel's own driver needs the moment of one unlink and no longer.
        """
        if not mounted.fuse:
            raise MountRefused("only a card behind a FUSE driver is writable for longer")
        mounted.until = min(time.monotonic() + self._settings.writable_s, mounted.last)

    def close(self, mounted: Mounted) -> None:
        """Make a card read-only again; one that cannot be is let go of rather than left so."""
        with mounted.lock:
            try:
                with mounted.changing:
                    if not mounted.writable or mounted.ended:
                        return
                    mounted.writable = False
                    kernel.make_readonly(
                        mounted.volume, mounted.point, self._reader, fuse=mounted.fuse
                    )
                    mounted.page = self._page(mounted)
            except (OSError, MountRefused) as error:
                log.error("mount.stays-writable", point=str(mounted.point), reason=str(error))  # noqa: TRY400  # said in full
                self.end(mounted.volume.number)

    def look(self, mounted: Mounted) -> Look:
        """Ask a card for its first page; one being mounted anew is not asked."""
        if not mounted.lock.acquire(blocking=False):
            return Look.ANSWERS
        try:
            page = self._page(mounted)
            if not page:
                return Look.SILENT
            if mounted.writable or not self._is_other(mounted, page):
                return Look.ANSWERS
            return Look.CHANGED
        finally:
            mounted.lock.release()

    def written_behind(self, mounted: Mounted) -> None:
        """Let go of a card that its camera writes to, and wait until it has been left alone.

        The kernel's drivers keep what they once read of a card: sizes, folders, names. The first
        page holds what most cameras touch when they write (the FAT's count of free clusters, the
        marks of a volume in use), and is read past the caches.
        """
        seen = (mounted.volume.number, mounted.disk)
        self._changes[seen] += 1
        log.warning("mount.written-behind", point=str(mounted.point), times=self._changes[seen])
        self.end(mounted.volume.number)
        kernel.until_let_go(mounted.volume)
        still_s = min(2.0 ** self._changes[seen], _STILL_S)
        page, since = _bare(mounted), time.monotonic()
        while page and time.monotonic() - since < still_s:
            time.sleep(_STEP_S)
            before, page = page, _bare(mounted)
            since = since if page == before else time.monotonic()

    def _page(self, mounted: Mounted) -> bytes:
        return kernel.first_page(mounted.volume, mounted.point, fuse=mounted.fuse)

    def _is_other(self, mounted: Mounted, page: bytes) -> bool:
        mounted.page = mounted.page or page
        return page != mounted.page

    def _left_alone(self, mounted: Mounted) -> MountRefused | None:
        page = self._page(mounted)
        if page and self._is_other(mounted, page):
            text = "the camera itself writes to its card; nothing is erased on it"
            return MountRefused(text, Stays.WRITTEN)
        return None

    def _still_there(self, mounted: Mounted) -> None:
        with contextlib.suppress(OSError):
            device = mounted.point.stat().st_dev
            if f"{os.major(device)}:{os.minor(device)}" == mounted.volume.number:
                return
        self.end(mounted.volume.number)


def _bare(mounted: Mounted) -> bytes:
    return kernel.first_page(mounted.volume, mounted.point, fuse=False)


def _only_roots(setting: str, directory: Path, what: str) -> None:
    """Make a directory, and see that nobody but root could put another one in its place."""
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    for each in (directory, *directory.parents):
        found = each.lstat()
        loose = found.st_mode & _OTHERS_WRITE and not found.st_mode & _STICKY
        if found.st_uid != os.geteuid() or loose or each.is_symlink():
            raise ConfigError(
                f"mounter.{setting}: others than root could replace {each}, and so choose {what}; "
                "take a directory in one that only root writes to"
            )


def _made(point: Path) -> None:
    """Make the directories of a mount."""
    for left in reversed(range(_TRIES)):
        try:
            for each in (point.parent, point):
                each.mkdir(exist_ok=True)
                # The unit's umask would keep the dock's user out.
                each.chmod(0o755)
        except FileNotFoundError:
            # Another volume of the bay failed in between, and took the bay's directory away.
            if not left:
                raise
        else:
            return


def _disk(volume: Volume) -> str:
    major, _, minor = volume.number.partition(":")
    return disk_number(os.makedev(int(major), int(minor)))
