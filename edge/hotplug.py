"""Which cameras are docked: the list of mounts, the configured folders, again and again.

The truth is a complete look: the kernel's mount list, the device nodes behind it, and the
folders' directories. The kernel wakes us when its list changes or a disk leaves (``wakes``); a
periodic look finds everything else, a pulled disk's missing device node for one. A FUSE driver
that died tells nobody, so its mounts are asked more often. Watching
directories for changes only makes the next look at a card come sooner; nothing is decided by
such a hint, since network shares and pulled cards give none. Nothing on a card is opened
here beyond the root. Whatever may hang is asked in a thread of its own and waited for only
so long: a share that is away keeps no other bay from its camera.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

import structlog
from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from edge.bays import Bays
from edge.cameras import folder, mass_storage
from edge.cameras.base import Camera, Card
from edge.cameras.own import CODE, Own
from edge.config import CamerasSection, FolderSection
from edge.errors import CARD_GONE, CameraGone
from edge.mounter.client import Mounter
from edge.pulse import CAMERAS, Pulse
from edge.wakes import Wakes, Woken

log = structlog.get_logger()

_T = TypeVar("_T")

_PATIENCE_S: Final = 2.0
_ASKED_AT_ONCE: Final = 64
_FUSE_LOOK_S: Final = 0.4
# What one look may take on a busy board; each card is waited for only so long, see above.
_SLACK_S: Final = 60.0
# A card that answers and fails again and again is docked more and more seldom: each docking
# leaves entries in the ledger.
_PAUSE_S: Final = 300.0

# Reading a recording raises events too; only what changes a card is worth a look.
_CHANGES: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileModifiedEvent,
    FileClosedEvent,
    FileMovedEvent,
    DirCreatedEvent,
    DirMovedEvent,
]


@dataclass(frozen=True, slots=True)
class Arrived:
    """A camera was docked."""

    camera: Camera


@dataclass(frozen=True, slots=True)
class Left:
    """A camera is not there any more."""

    key: str


Event: TypeAlias = Arrived | Left


_Below: TypeAlias = list[tuple[mass_storage.Mount, Path]]


class Presence:
    """Remembers which cameras were there at the last look; makes changes out of two looks."""

    def __init__(self) -> None:
        self._present: dict[str, Camera] = {}

    def look(self, cameras: Iterable[Camera]) -> list[Event]:
        """Take a complete look; who left is said before who arrived."""
        now = {camera.key: camera for camera in cameras}
        stays = {key for key in now if self._is(now[key])}
        left = [Left(key) for key in self._present if key not in stays]
        arrived = [Arrived(camera) for key, camera in now.items() if key not in stays]
        self._present = now
        return [*left, *arrived]

    def _is(self, camera: Camera) -> bool:
        """Whether it was there; another volume in the same place is another camera."""
        known = self._present.get(camera.key)
        return known is not None and known.volume == camera.volume

    def known(self, key: str) -> Camera | None:
        """The camera of this key, if it was there at the last look."""
        return self._present.get(key)

    def held(self, holds: Callable[[Path], bool]) -> list[Camera]:
        """Cameras of the last look whose root is one of those."""
        return [camera for camera in self._present.values() if holds(camera.root)]

    def forget(self, key: str) -> None:
        """Let the next look find a camera anew, because its session found it gone."""
        self._present.pop(key, None)


class Hotplug:
    """Says when cameras come and go.

    Args:
        cameras: where they turn up.
        mounts: the kernel's list of mounts.
        own: what is the dock's own; whatever is that, holds it or lies in it is no camera.
        barred: told once, in a worker's thread, of each place that is no camera for that reason.
        pulse: told of every look that came to its end.
        mounter: the mount helper, whose cards are cameras too.
        bays: which port is which bay.
    """

    def __init__(
        self,
        cameras: CamerasSection,
        mounts: Path = mass_storage.MOUNTS,
        *,
        own: Own = Own(),  # noqa: B008  # frozen
        barred: Callable[[Path, str], None] = lambda *_: None,
        pulse: Pulse | None = None,
        mounter: Mounter | None = None,
        bays: Bays | None = None,
    ) -> None:
        self._config = cameras
        self._pulse = pulse or Pulse()
        self._mounter = mounter or Mounter()
        self._bays = bays or Bays()
        self._listed: list[mass_storage.Mount] = []
        # What the list of mounts said last, and what was found in it.
        self._below: tuple[tuple[list[Path], bytes], _Below] | None = None
        # Mounts whose disk was removed, for as long as they show.
        self._stale: set[tuple[int, str]] = set()
        self._mounts = mounts
        self._own = own
        self._tell_barred = barred
        self._barred: set[Path] = set()
        self._cleared: dict[Path, object] = {}
        self._presence = Presence()
        self._asked = _Asked()
        self._folders: dict[Path, Camera | None] = {}
        self._suspects: dict[str, _Suspect] = {}

    async def events(self) -> AsyncGenerator[Event, None]:
        """Arrivals and departures, for as long as one asks."""
        try:
            # Before the first look, so that nothing mounts unnoticed between the two.
            with Wakes(self._mounts, self._concerns) as wakes:
                cameras = await self.look()
                for path in self.missing_folders():
                    # Said once: a bay may be empty, but its path may also be misspelt.
                    log.warning("folder.missing", path=path)
                while True:
                    self._pulse.beat(CAMERAS, self._config.scan_s + _SLACK_S)
                    for event in self._presence.look(cameras):
                        yield event
                    woken = await wakes.wait(self._pause_s())
                    self._heed(woken)
                    cameras = await self.look(mounts_changed=woken.mounts)
        finally:
            self._asked.close()

    def missing_folders(self) -> list[str]:
        """Folders that the last look did not find, which is ordinary for an empty bay."""
        return [str(path) for path, camera in self._folders.items() if camera is None]

    async def look(self, *, mounts_changed: bool = False) -> list[Camera]:
        """Every camera that is there and answers; one that does not say stays what it was.

        Args:
            mounts_changed: whether another card may stand where one stood before, with
                everything alike but its volume: all are asked for that again.
        """
        mounts = await self._below_roots()
        stay = [] if mounts_changed else [self._as_before(mount) for mount, _ in mounts]
        ask = [each for each, camera in zip_longest(mounts, stay) if camera is None]
        answers = await asyncio.gather(
            *(self._folder(section) for section in self._config.folders),
            *(self._mount(mount, root, anew=mounts_changed) for mount, root in ask),
        )
        found = [camera for camera in (*stay, *answers) if camera is not None]
        # A card that is being made writable is there, whatever shows of it now.
        held = self._presence.held(self._mounter.holds)
        found = list({each.key: each for each in (*held, *found)}.values())
        keys = {camera.key for camera in found}
        self._suspects = {key: each for key, each in self._suspects.items() if key in keys}
        if not self._suspects:
            return found
        there = await asyncio.gather(*(self._answers(camera) for camera in found))
        return [camera for camera, answers in zip(found, there, strict=True) if answers]

    def lost(self, camera: Camera) -> bool:
        """Whether a camera's disk was removed while its mount still shows."""
        return any(
            (mount.identity, mount.device) in self._stale and mount.point == camera.root
            for mount in self._listed
        )

    def _concerns(self, disk: str) -> bool:
        return any(mount.device == disk for mount in self._listed)

    def _heed(self, woken: Woken) -> None:
        """Remember whose disk has left; one that comes again under its number is another."""
        self._stale = {each for each in self._stale if each[1] not in woken.came}
        self._stale |= {
            (mount.identity, mount.device) for mount in self._listed if mount.device in woken.gone
        }

    def _pause_s(self) -> float:
        fuse = any(mount.type.startswith("fuse") for mount in self._listed)
        return min(self._config.scan_s, _FUSE_LOOK_S) if fuse else self._config.scan_s

    async def _below_roots(self) -> _Below:
        """Mounts that a camera could be, each with the root it is below."""
        wanted = [root for root in (self._config.mount_root, self._mounter.root) if root]
        found = await asyncio.to_thread(self._present_below, wanted) if wanted else []
        self._listed = [mount for mount, _ in found]
        self._stale &= {(mount.identity, mount.device) for mount in self._listed}
        return [
            (mount, root)
            for mount, root in found
            if (mount.identity, mount.device) not in self._stale
        ]

    def _present_below(self, wanted: list[Path]) -> _Below:
        """Called in a thread, one look after the other."""
        # The kernel lists real paths; a root that is a link would match none of them.
        roots = [root.resolve() for root in wanted]
        try:
            # As bytes: reading text would make line ends of what a label holds.
            listed = self._mounts.read_bytes()
        except OSError as error:
            log.warning("mounts.unreadable", error=str(error))
            return []
        # An idle dock looks every second, and the list is the one it read before.
        if self._below is None or self._below[0] != (roots, listed):
            self._below = (roots, listed), _below(roots, listed)
        return [each for each in self._below[1] if mass_storage.present(each[0])]

    async def _folder(self, section: FolderSection) -> Camera | None:
        before = self._folders.get(section.path)
        camera = await self._asked.ask(
            f"folder:{section.path}",
            lambda: self._unless_own(folder.find(section), self._own.conflict),
            before,
        )
        self._folders[section.path] = camera
        return camera

    def _as_before(self, mount: mass_storage.Mount) -> Camera | None:
        """The camera of a mount that was there before; a FUSE driver has to be asked first."""
        if mount.type.startswith("fuse") or self._mounter.holds(mount.point):
            return None
        guarded = self._mounter.has(mount.point)
        return self._presence.known(mass_storage.key(mount, guarded=guarded))

    async def _mount(self, mount: mass_storage.Mount, root: Path, *, anew: bool) -> Camera | None:
        guarded = self._mounter.has(mount.point)
        key = mass_storage.key(mount, guarded=guarded)
        turn = self._mounter.turn(mount.point)
        if self._mounter.holds(mount.point):
            # Mounted anew just now: asked, the directory below it would answer for the card.
            return self._presence.known(key)
        if mount.type.startswith("fuse") and await self._asked.ask(
            f"fuse:{key}", lambda: _dead(mount.point), otherwise=False
        ):
            return None
        # Labels are read when something changed; a slow disk is not asked again and again.
        known = self._presence.known(key)
        if known is not None and not anew:
            return known
        camera = await self._asked.ask(
            key,
            lambda: self._unless_own(
                mass_storage.camera(mount, root, self._bays, guarded=guarded),
                self._own.conflict_of_mount,
                lambda: self._mounter.turn(mount.point) == turn and self._stands(mount),
            ),
            known,
        )
        if self._mounter.turn(mount.point) != turn:
            return known
        if known is None or camera is None:
            return camera
        same = camera.volume in {known.volume, mass_storage.nameless(mount)}
        return known if same else camera

    def _unless_own(
        self,
        camera: Camera | None,
        conflict: Callable[[Path], str | None],
        stands: Callable[[], bool] = lambda: True,
    ) -> Camera | None:
        seen = None if camera is None else (camera.key, self._mount_list())
        if camera is None or self._cleared.get(camera.root) == seen:
            return camera
        why = conflict(camera.root)
        if not stands():
            # Unmounted meanwhile: it may have been the directory below that was looked at.
            return None
        if why is None:
            # Comparing places costs milliseconds; an idle dock would do little else.
            self._cleared[camera.root] = seen
            return camera
        if camera.root not in self._barred:
            self._barred.add(camera.root)
            log.error(CODE, root=str(camera.root), reason=why)
            self._tell_barred(camera.root, why)
        return None

    def _stands(self, mount: mass_storage.Mount) -> bool:
        """Whether a mount is still listed as it was."""
        with contextlib.suppress(OSError):
            text = self._mounts.read_bytes().decode("utf-8", "surrogateescape")
            return mount in mass_storage.parse_mounts(text)
        return False

    def _mount_list(self) -> object:
        """Equal as long as nothing is mounted or unmounted; unlike anything when nobody knows."""
        try:
            return hash(self._mounts.read_bytes())
        except OSError:
            return object()

    def forget(self, key: str) -> None:
        """Treat a camera as left although it still shows; it arrives again when it answers.

        The first time at once, then after growing pauses.
        """
        self._presence.forget(key)
        suspect, now = self._suspects.get(key), time.monotonic()
        if suspect is None or now - suspect.until > 2 * _PAUSE_S:
            self._suspects[key] = _Suspect(0.0, now)
            return
        pause_s = min(max(2 * suspect.pause_s, self._config.scan_s), _PAUSE_S)
        self._suspects[key] = _Suspect(pause_s, now + pause_s)

    async def _answers(self, camera: Camera) -> bool:
        """Whether a camera that was found gone answers again; all others are believed."""
        suspect = self._suspects.get(camera.key)
        if suspect is None or suspect.cleared:
            return True
        if time.monotonic() < suspect.until:
            return False
        root = camera.root
        suspect.cleared = await self._asked.ask(
            f"alive:{camera.key}", lambda: _alive(root), otherwise=False
        )
        return suspect.cleared


@dataclass(slots=True)
class _Suspect:
    """A camera that was found gone although it shows; remembered for as long as it shows."""

    pause_s: float
    until: float
    cleared: bool = False


class _Asked:
    """Questions that may hang, each in a thread of its own, one of a kind at a time."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_ASKED_AT_ONCE, "look")
        self._open: dict[str, asyncio.Future[Any]] = {}

    async def ask(self, name: str, call: Callable[[], _T], otherwise: _T) -> _T:
        """The answer; or ``otherwise`` when none comes in time, or did not the last time.

        Also when the question itself fails: whatever is wrong with one card, the dock goes on
        looking for the others.
        """
        asked = self._open.get(name)
        patience_s = _PATIENCE_S if asked is None else 0.0
        if asked is None:
            asked = asyncio.get_running_loop().run_in_executor(self._pool, call)
            self._open[name] = asked
        await asyncio.wait({asked}, timeout=patience_s)
        if not asked.done():
            if patience_s:
                log.warning("camera.hangs", asked=name)
            return otherwise
        del self._open[name]
        if (error := asked.exception()) is not None:
            log.warning("camera.not-understood", asked=name, error=repr(error))
            return otherwise
        answer: _T = asked.result()
        return answer

    def close(self) -> None:
        """Let the threads end when they can, without waiting for them."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _below(roots: list[Path], listed: bytes) -> _Below:
    """Mounts below one of those roots that a camera could be, each with the root."""
    mounts = mass_storage.parse_mounts(listed.decode("utf-8", "surrogateescape"))
    found = {
        mount.point: (mount, root) for root in roots for mount in mass_storage.below(mounts, root)
    }
    return list(found.values())


def _alive(root: Path) -> bool:
    try:
        return Card(root).alive()
    except CameraGone:
        return False


def _dead(root: Path) -> bool:
    """Whether the driver behind a FUSE mount has ended; one that hangs does not say."""
    try:
        os.statvfs(root)
    except OSError as error:
        return error.errno in CARD_GONE
    return False


class Hints:
    """Says that something below a directory changed, when the system bothers to tell.

    Args:
        changed: called on the event loop's thread.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._lock = threading.Lock()
        self._stopped = False
        self._observer: BaseObserver | None = None

    def watch(self, root: Path) -> None:
        """Start; without hints (too many directories, say) the periodic look remains.

        Every directory has to be met first, which takes long on a large share and for ever on
        one that is away: that is waited for in a thread of its own.
        """
        handler = _Handler(asyncio.get_running_loop(), self._changed)
        threading.Thread(
            target=self._begin, args=(root, handler), name="hints", daemon=True
        ).start()

    def stop(self) -> None:
        """End without waiting for the watcher's thread."""
        with self._lock:
            self._stopped = True
            observer, self._observer = self._observer, None
        if observer is not None:
            observer.stop()

    def _begin(self, root: Path, handler: FileSystemEventHandler) -> None:
        observer = Observer()
        try:
            observer.schedule(handler, str(root), recursive=True, event_filter=_CHANGES)
            observer.start()
        except OSError as error:
            log.info("hints.unavailable", root=str(root), error=str(error))
            return
        with self._lock:
            if not self._stopped:
                self._observer = observer
                return
        observer.stop()


class _Handler(FileSystemEventHandler):
    def __init__(self, loop: asyncio.AbstractEventLoop, changed: Callable[[], None]) -> None:
        self._loop = loop
        self._call = changed

    def on_any_event(self, event: FileSystemEvent) -> None:  # noqa: ARG002  # the base class's call
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._call)
