"""What wakes the dock at once: the kernel's list of mounts, and disks that come or go.

Both are the kernel's own words, heard without any right and without a udevd; where one of
them cannot be had, the periodic look remains. A disk that is pulled leaves its mount in the
list, so its removal is remembered here by its number until the look has dealt with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import structlog

log = structlog.get_logger()

_GONE: Final = frozenset({"remove", "offline"})
# More than any burst of a dock's hubs; what is left is heard at the next turn.
_AT_ONCE: Final = 1000


@dataclass(slots=True)
class Woken:
    """What happened since the last time.

    Attributes:
        mounts: whether the list of mounts changed.
        gone: ``major:minor`` of disks that were removed.
        came: of those that were added or changed after that.
    """

    mounts: bool = False
    gone: set[str] = field(default_factory=set)
    came: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return self.mounts or bool(self.gone) or bool(self.came)


class Wakes:
    """Waits for the kernel; use within an event loop, in one ``with`` block.

    Args:
        mounts: the kernel's list.
        concerns: whether a disk of this number (``major:minor``) is in a bay now; of others only
            the list of mounts is news, and a hub tells of each disk several times.
    """

    def __init__(self, mounts: Path, concerns: Callable[[str], bool] = lambda _: True) -> None:
        self._path = mounts
        self._concerns = concerns
        self._rung = asyncio.Event()
        self._woken = Woken()
        self._closing = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._closing.enter_context(self._watching_mounts())
        self._closing.enter_context(self._watching_disks())
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    async def wait(self, seconds: float) -> Woken:
        """What happened; waits for at most so long when nothing did."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        self._rung.clear()
        woken, self._woken = self._woken, Woken()
        return woken

    @contextlib.contextmanager
    def _watching_mounts(self) -> Iterator[None]:
        with self._path.open("rb") as file, select.epoll() as poll:
            try:
                # The list always is readable; a change shows as priority (proc(5)). So it is
                # watched through a poll of its own, which is readable when it changed.
                poll.register(file, select.EPOLLPRI)
            except PermissionError:
                log.info("mounts.unwatched", path=str(self._path))
                yield
                return

            def changed() -> None:
                poll.poll(0)
                self._woken.mounts = True
                self._rung.set()

            with _read_by_loop(poll.fileno(), changed):
                yield

    @contextlib.contextmanager
    def _watching_disks(self) -> Iterator[None]:
        try:
            import pyudev  # type: ignore[import-untyped]  # noqa: PLC0415  # it loads a C library

            monitor = pyudev.Monitor.from_netlink(pyudev.Context(), source="kernel")
            monitor.filter_by("block")
            monitor.start()
        except (ImportError, OSError) as error:
            log.warning("disks.unwatched", reason=str(error))
            yield
            return
        with _read_by_loop(monitor.fileno(), lambda: self._heard(monitor)):
            yield

    def _heard(self, monitor: Any) -> None:  # noqa: ANN401  # pyudev has no types
        try:
            for _ in range(_AT_ONCE):
                device = monitor.poll(timeout=0)
                if device is None:
                    break
                number = device.device_number
                self._note(f"{os.major(number)}:{os.minor(number)}", device.action)
        except OSError:
            # Events were lost, and nobody knows of what; the look finds what they said.
            self._rung.set()

    def _note(self, number: str, action: str | None) -> None:
        if action in _GONE:
            self._woken.gone.add(number)
            self._woken.came.discard(number)
        else:
            self._woken.came.add(number)
        if self._concerns(number):
            self._rung.set()


@contextlib.contextmanager
def _read_by_loop(descriptor: int, call: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, call)
    try:
        yield
    finally:
        loop.remove_reader(descriptor)
