"""Which cameras are docked: the list of mounts, the configured folders, again and again.

The truth is a complete look: the kernel's mount list, the device nodes behind it, and the
folders' directories. The kernel wakes us when its list changes (proc_pid_mountinfo(5)); a
periodic look finds everything else, a pulled disk's missing device node for one. Watching
directories for changes only makes the next look at a card come sooner; nothing is decided by
such a hint, since network shares and pulled cards give none. Nothing on a card is opened
here beyond the root.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

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

from edge.cameras import folder, mass_storage
from edge.cameras.base import Camera, Card
from edge.config import CamerasSection
from edge.errors import CameraGone

log = structlog.get_logger()

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


class Presence:
    """Remembers which cameras were there at the last look; makes changes out of two looks."""

    def __init__(self) -> None:
        self._present: dict[str, Camera] = {}

    def look(self, cameras: Iterable[Camera]) -> list[Event]:
        """Take a complete look; who left is said before who arrived."""
        now = {camera.key: camera for camera in cameras}
        left = [Left(key) for key in self._present if key not in now]
        arrived = [Arrived(camera) for key, camera in now.items() if key not in self._present]
        self._present = now
        return [*left, *arrived]

    def known(self, key: str) -> Camera | None:
        """The camera of this key, if it was there at the last look."""
        return self._present.get(key)

    def forget(self, key: str) -> None:
        """Let the next look find a camera anew, because its session found it gone."""
        self._present.pop(key, None)


class Hotplug:
    """Says when cameras come and go."""

    def __init__(self, cameras: CamerasSection, mounts: Path = mass_storage.MOUNTS) -> None:
        self._config = cameras
        self._mounts = mounts
        self._presence = Presence()
        self._suspects: set[str] = set()

    def missing_folders(self) -> list[str]:
        """Configured folders that are not there, which is ordinary for an empty bay; blocks."""
        sections = self._config.folders
        return [str(section.path) for section in sections if folder.find(section) is None]

    async def events(self) -> AsyncGenerator[Event, None]:
        """Arrivals and departures, for as long as one asks."""
        for path in await asyncio.to_thread(self.missing_folders):
            # Said once: a bay may be empty, but its path may also be misspelt.
            log.warning("folder.missing", path=path)
        with _MountPoll(self._mounts) as poll:
            while True:
                cameras = await asyncio.to_thread(self._answering)
                for event in self._presence.look(cameras):
                    yield event
                await asyncio.to_thread(poll.wait, self._config.scan_s)

    def _answering(self) -> list[Camera]:
        found = self.find()
        self._suspects &= {camera.key for camera in found}
        return [camera for camera in found if self._answers(camera)]

    def find(self) -> list[Camera]:
        """Every camera that is there now; blocks."""
        folders = (folder.find(section) for section in self._config.folders)
        found = [camera for camera in folders if camera is not None]
        root = self._config.mount_root
        if root is None:
            return found
        try:
            # The kernel lists real paths; a root that is a link would match none of them.
            root = root.resolve()
            mounts = mass_storage.parse_mounts(
                self._mounts.read_text(encoding="utf-8", errors="surrogateescape")
            )
        except OSError as error:
            log.warning("mounts.unreadable", error=str(error))
            return found
        for mount in mass_storage.below(mounts, root):
            # Labels are read once per arrival; a hung disk must not be asked again and again.
            known = self._presence.known(mass_storage.key(mount))
            found.append(known or mass_storage.camera(mount, root))
        return found

    def forget(self, key: str) -> None:
        """Treat a camera as left although it still shows; it arrives again when it answers."""
        self._presence.forget(key)
        self._suspects.add(key)

    def _answers(self, camera: Camera) -> bool:
        """Whether a camera that was found gone answers again; all others are believed."""
        if camera.key not in self._suspects:
            return True
        try:
            answers = Card(camera.root).alive()
        except CameraGone:
            answers = False
        if answers:
            self._suspects.discard(camera.key)
        return answers


class _MountPoll:
    """Waits until the kernel's mount list changes or a time passes; blocks."""

    def __init__(self, mounts: Path) -> None:
        self._path = mounts

    def __enter__(self) -> Self:
        self._file = self._path.open("rb")
        self._poll = select.poll()
        # The list always is readable; a change shows as priority and error (proc(5)).
        self._poll.register(self._file, select.POLLPRI)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def wait(self, seconds: float) -> None:
        self._poll.poll(seconds * 1000)


class Hints:
    """Says that something below a directory changed, when the system bothers to tell.

    Args:
        changed: called on the event loop's thread.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._observer: BaseObserver | None = None

    def watch(self, root: Path) -> None:
        """Start; without hints (too many directories, say) the periodic look remains."""
        observer = Observer()
        try:
            handler = _Handler(asyncio.get_running_loop(), self._changed)
            observer.schedule(handler, str(root), recursive=True, event_filter=_CHANGES)
            observer.start()
        except OSError as error:
            log.info("hints.unavailable", root=str(root), error=str(error))
            return
        self._observer = observer

    def stop(self) -> None:
        """End without waiting for the watcher's thread."""
        if self._observer is not None:
            self._observer.stop()
            self._observer = None


class _Handler(FileSystemEventHandler):
    def __init__(self, loop: asyncio.AbstractEventLoop, changed: Callable[[], None]) -> None:
        self._loop = loop
        self._call = changed

    def on_any_event(self, event: FileSystemEvent) -> None:  # noqa: ARG002  # the base class's call
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._call)
