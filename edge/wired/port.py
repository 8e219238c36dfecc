"""One serial device, kept open by its stable path for as long as the daemon runs.

A device may be pulled, come back under another number, answer garbage or nothing, or hang
the kernel in ``open`` and ``close``. So opening and closing happen in threads that may be
left behind; reading and writing never block and happen on the event loop, since a tap or a
relay's answer is a few bytes. pyserial opens and sets up the line. Its own ``read`` and
``write`` are not used: the first cannot watch more than 1024 descriptors, the second spins
when a device takes no more bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import random
import stat
import termios
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

import serial  # type: ignore[import-untyped]  # pyserial brings no types
import structlog

from edge.signals import Bell
from edge.wired.errors import NoAnswer, PortAway

log = structlog.get_logger()

_T = TypeVar("_T")
_V = TypeVar("_V")

_HELD: Final = 1 << 16
_AT_ONCE: Final = 4096
_OPEN_PATIENCE_S: Final = 5.0
_CLOSE_PATIENCE_S: Final = 0.5
_STEADY_S: Final = 10.0
_LOOK_S: Final = 0.3


@dataclass(frozen=True, slots=True)
class Line:
    """How a device is reached.

    Attributes:
        path: a name that stays, from ``/dev/serial/by-path`` for one.
        speed: bits per second, always 8N1.
        min_backoff_s: first pause before it is opened again.
        max_backoff_s: longest pause before that.
    """

    path: str
    speed: int
    min_backoff_s: float = 0.2
    max_backoff_s: float = 5.0


@dataclass(frozen=True, slots=True)
class PortState:
    """What a screen says of a device.

    Attributes:
        problem: why it is not connected; None when it is.
        opened: how often it was opened; another number means that it was away meanwhile.
        dropped: bytes that nobody fetched in time.
    """

    path: str
    connected: bool
    problem: str | None
    opened: int
    dropped: int


class Port:
    """One device; ``run`` keeps it open, one reader and one writer at a time use it.

    Attributes:
        changed: rings when the device comes or goes.
    """

    def __init__(self, line: Line, opener: Callable[[Line], serial.Serial] | None = None) -> None:
        self.line = line
        self.changed = Bell()
        self._opener = opener or open_line
        self._wire: _Wire | None = None
        self._problem = "not opened yet"
        self._opened = 0
        self._dropped = 0

    @property
    def state(self) -> PortState:
        """How it stands now."""
        wire = self._wire
        dropped = self._dropped + (0 if wire is None else wire.dropped)
        problem = self._problem if wire is None else None
        return PortState(self.line.path, wire is not None, problem, self._opened, dropped)

    async def run(self) -> None:
        """Keep the device open until cancelled."""
        pause_s = self.line.min_backoff_s
        while True:
            since = time.monotonic()
            await self._serve()
            if time.monotonic() - since >= _STEADY_S:
                pause_s = self.line.min_backoff_s
            # Jitter, so that the devices of a hub that came back do not knock all at once.
            came = await self._came_within(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 -- no secret
            # A camera's control line may stay for seconds only, and its clock is asked first.
            pause_s = self.line.min_backoff_s if came else min(2 * pause_s, self.line.max_backoff_s)

    async def _came_within(self, seconds: float) -> bool:
        """Wait so long, or until a device that was not there shows up; whether it did."""
        until, away = time.monotonic() + seconds, not self._shows()
        while (left_s := until - time.monotonic()) > 0:
            await asyncio.sleep(min(left_s, _LOOK_S))
            if away and self._shows():
                return True
        return False

    def _shows(self) -> bool:
        return os.path.lexists(self.line.path)

    async def connected(self) -> None:
        """Wait until the device is there."""
        while self._wire is None:
            rung = self.changed.listen()
            await rung.wait()

    async def receive(self) -> bytes:
        """Wait for bytes; no more than 64 KiB are kept, the oldest go first.

        Raises:
            PortAway: the device is not there, or left while waiting.
        """
        return await self._there().read()

    def discard(self) -> None:
        """Drop what came unasked.

        Raises:
            PortAway: the device is not there.
        """
        self._there().discard()

    async def send(self, data: bytes, timeout_s: float = 1.0) -> None:
        """Hand bytes to the device's driver, which is not yet the device.

        Raises:
            PortAway: the device is not there.
            NoAnswer: it takes no more bytes.
        """
        wire = self._there()
        try:
            async with asyncio.timeout(timeout_s):
                await wire.write(data)
        except TimeoutError as error:
            raise NoAnswer(f"{self.line.path}: takes no bytes") from error

    def _there(self) -> _Wire:
        if self._wire is None:
            raise PortAway(f"{self.line.path}: {self._problem}")
        return self._wire

    async def _serve(self) -> None:
        """Open the device and stay until it leaves."""
        opening = _Aside(lambda: self._opener(self.line), _close)
        try:
            device = await self._open(opening)
        except (OSError, ValueError, termios.error) as error:
            self._say(_reason(error))
            return
        finally:
            opening.abandon()
        wire = self._wire = _Wire(device.fileno(), self.line.path)
        self._opened += 1
        log.info("port.opened", path=self.line.path)
        try:
            with wire.watched():
                self.changed.ring()
                reason = await wire.ended()
            self._say(reason)
        finally:
            self._wire = None
            self._dropped += wire.dropped
            self.changed.ring()
            closing = _Aside(lambda: _close(device), lambda _: None)
            await asyncio.wait({closing.result}, timeout=_CLOSE_PATIENCE_S)

    async def _open(self, opening: _Aside[serial.Serial]) -> serial.Serial:
        while not (await asyncio.wait({opening.result}, timeout=_OPEN_PATIENCE_S))[0]:
            self._say("opening it does not end")
        return await opening.result

    def _say(self, problem: str) -> None:
        if problem != self._problem:
            log.warning("port.away", path=self.line.path, reason=problem)
            self._problem = problem
            self.changed.ring()


class _Wire:
    """An open device on the event loop."""

    def __init__(self, descriptor: int, path: str) -> None:
        self._fd = descriptor
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._in = bytearray()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._gone = asyncio.Event()
        self._reason = ""
        self.dropped = 0

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Read while this lasts."""
        self._loop.add_reader(self._fd, self._readable)
        try:
            yield
        finally:
            self._lose("closed")

    async def ended(self) -> str:
        """Wait until the device leaves; why it did."""
        await self._gone.wait()
        return self._reason

    async def read(self) -> bytes:
        while not self._in:
            if self._gone.is_set():
                raise PortAway(f"{self._path}: {self._reason}")
            self._news.clear()
            await self._news.wait()
        data = bytes(self._in)
        self._in.clear()
        return data

    def discard(self) -> None:
        """Drop what has arrived, even what the kernel holds."""
        self._readable()
        self._in.clear()

    async def write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            if self._gone.is_set():
                raise PortAway(f"{self._path}: {self._reason}")
            try:
                left = left[os.write(self._fd, left) :]
            except BlockingIOError:
                await self._writable()
            except OSError as error:
                self._lose(_reason(error))

    async def _writable(self) -> None:
        self._room.clear()
        self._loop.add_writer(self._fd, self._room.set)
        try:
            await self._room.wait()
        finally:
            # The number may belong to another file once this one was given up.
            if not self._gone.is_set():
                self._loop.remove_writer(self._fd)

    def _readable(self) -> None:
        if self._gone.is_set():
            return
        try:
            data = os.read(self._fd, _AT_ONCE)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(_reason(error))
            return
        if not data:
            self._lose("unplugged")
            return
        self._in += data
        excess = len(self._in) - _HELD
        if excess > 0:
            del self._in[:excess]
            self.dropped += excess
        self._news.set()

    def _lose(self, reason: str) -> None:
        if self._gone.is_set():
            return
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._reason = reason
        for event in (self._gone, self._news, self._room):
            event.set()


class _Aside(Generic[_T]):
    """A call that may hang, in a thread that nobody ever waits for."""

    def __init__(self, call: Callable[[], _T], late: Callable[[_T], object]) -> None:
        self._loop = asyncio.get_running_loop()
        self._call = call
        self._late = late
        self.result: asyncio.Future[_T] = self._loop.create_future()
        threading.Thread(target=self._work, name="port", daemon=True).start()

    def abandon(self) -> None:
        """Do not wait any longer; what comes out later is handed to ``late``."""
        self.result.cancel()

    def _work(self) -> None:
        try:
            value = self._call()
        except Exception as error:  # noqa: BLE001 -- whoever waits gets it
            self._tell(self._fail, error)
        else:
            if not self._tell(self._settle, value):
                self._late(value)

    def _tell(self, settle: Callable[[_V], None], what: _V) -> bool:
        try:
            self._loop.call_soon_threadsafe(settle, what)
        except RuntimeError:
            # The call outlived the program's event loop.
            return False
        return True

    def _fail(self, error: Exception) -> None:
        if not self.result.done():
            self.result.set_exception(error)

    def _settle(self, value: _T) -> None:
        if self.result.done():
            threading.Thread(target=self._late, args=(value,), name="port", daemon=True).start()
        else:
            self.result.set_result(value)


def open_line(line: Line) -> serial.Serial:
    """Open a device for this program alone; may block.

    Raises:
        OSError: it cannot be opened.
        ValueError: the speed is none.
    """
    # A path may lead to anything; some of it does harm when it is opened.
    if not stat.S_ISCHR(Path(line.path).stat().st_mode):
        raise OSError(errno.ENOTTY, "no serial device")
    # With an inter-byte timeout pyserial asks the kernel for at least one byte: only then an
    # empty read means that the device left, and not just that there is nothing to read.
    device = serial.Serial(line.path, line.speed, timeout=0, inter_byte_timeout=0, exclusive=True)
    with contextlib.suppress(OSError):
        # The lock above holds against programs that ask for it; this against all but root's.
        fcntl.ioctl(device.fileno(), termios.TIOCEXCL)
    return device


def _close(device: serial.Serial) -> None:
    """May block for as long as the driver likes to wait for bytes nobody takes."""
    with contextlib.suppress(OSError, termios.error):
        device.reset_output_buffer()
    with contextlib.suppress(OSError):
        fcntl.ioctl(device.fileno(), termios.TIOCNXCL)
    with contextlib.suppress(OSError):
        device.close()


_REASONS: Final = {
    errno.ENOENT: "not plugged in",
    errno.EIO: "unplugged",
    errno.ENODEV: "unplugged",
    errno.ENXIO: "unplugged",
    errno.ENOTTY: "not a serial device",
    errno.EACCES: "not allowed to open it; is the service in the group dialout?",
    errno.EPERM: "not allowed to open it; is the service in the group dialout?",
    errno.EAGAIN: "in use by another program",
    errno.EBUSY: "in use by another program",
}


def _reason(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if not isinstance(number, int):
        return str(error)[:200]
    return _REASONS.get(number) or os.strerror(number)
