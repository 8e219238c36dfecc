"""The mount helper's program: hears the kernel, keeps the mounts true, answers the dock.

Everything that may hang is done in threads, one of a device at a time: so a card that hangs
keeps no other bay waiting. The truth is a complete look at the devices every few seconds;
what udev says in between only makes it sooner. A card is asked twice a second whether it
still gives its first page, because not every card that is pulled is announced: one in a
reader is not for seconds, and one whose FUSE driver has died never.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

import pyudev  # type: ignore[import-untyped]  # it ships no types
import structlog

from edge.bays import Bays
from edge.codes import Stays, Unmounted
from edge.errors import ConfigError, MountRefused
from edge.mounter import ports, wire
from edge.mounter.again import Again
from edge.mounter.authorize import Guard
from edge.mounter.mounts import Look, Mounted, Mounts, Why
from edge.mounter.settings import MounterSection

log = structlog.get_logger()

_T = TypeVar("_T")

_LOOK_S: Final = 5.0
_PULSE_S: Final = 0.4
_THREADS: Final = 64
_BACKLOG: Final = 16
# Anybody on the board may connect, and each holds a descriptor: without one the helper could
# not ask cards for their first page, and would take all of them for pulled.
_STRANGERS: Final = 16
_GONE_ACTIONS: Final = frozenset({"remove", "offline"})
_CONTROL: Final = Path("/run/udev/control")


class Service:
    """The helper.

    Args:
        settings: where it listens.
        bays: which port is which bay.
        mounts: what it mounts.
        guard: what USB devices may be; None for any.
        allowed: user ids that may ask.
    """

    def __init__(
        self,
        settings: MounterSection,
        bays: Bays,
        mounts: Mounts,
        guard: Guard | None,
        allowed: frozenset[int],
    ) -> None:
        self._settings = settings
        self._bays = bays
        self._mounts = mounts
        self._guard = guard
        self._allowed = allowed
        self._context = pyudev.Context()
        self._pool = ThreadPoolExecutor(_THREADS, "card")
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._unplaced: dict[str, wire.Unplaced] = {}
        self._again = Again()
        self._changed = asyncio.Event()
        self._strangers = 0
        self._group: asyncio.TaskGroup

    async def run(self) -> None:
        """Serve until cancelled; mounts outlast the end, and are adopted at the next start.

        Raises:
            ConfigError: no udev runs, or the socket or root cannot be had.
        """
        if not _CONTROL.exists():
            raise ConfigError("udev does not run here; the mount helper learns of cards from it")
        self._mounts.prepare()
        with self._listening() as listener, self._monitoring() as monitor:
            self._mounts.adopt(ports.volumes(self._context))
            if self._guard is not None:
                self._guard.begin()
            server = await asyncio.start_unix_server(self._serve, sock=listener, limit=wire.LINE)
            async with server, asyncio.TaskGroup() as self._group:
                self._group.create_task(self._hear(monitor))
                self._group.create_task(self._look_again())
                self._group.create_task(self._pulses())
                log.info("mounter.ready", socket=str(self._settings.socket))

    # --- what the kernel says -------------------------------------------------------

    @contextlib.contextmanager
    def _monitoring(self) -> Iterator[pyudev.Monitor]:
        monitor = pyudev.Monitor.from_netlink(self._context)
        monitor.filter_by("block")
        if self._guard is not None:
            monitor.filter_by("usb", "usb_device")
            monitor.filter_by("usb", "usb_interface")
        monitor.start()
        yield monitor

    async def _hear(self, monitor: pyudev.Monitor) -> None:
        readable = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(monitor.fileno(), readable.set)
        try:
            while True:
                await readable.wait()
                readable.clear()
                # Events that were lost are made up for by the next complete look.
                with contextlib.suppress(OSError):
                    while (device := monitor.poll(timeout=0)) is not None:
                        self._heard(device)
        finally:
            loop.remove_reader(monitor.fileno())

    def _heard(self, device: pyudev.Device) -> None:
        if device.subsystem == "usb":
            if self._guard is not None:
                self._heard_usb(self._guard, device)
            return
        volume = ports.volume(device)
        if volume is None:
            return
        if device.action in _GONE_ACTIONS:
            self._group.create_task(self._gone(volume.number))
        else:
            self._group.create_task(self._there(volume))

    def _heard_usb(self, guard: Guard, device: pyudev.Device) -> None:
        name, _, interface = device.sys_name.partition(":")
        if not interface:
            gone = device.action in _GONE_ACTIONS
            self._group.create_task(self._judge(guard, name, gone=gone))
        elif device.action == "bind":
            # A driver took something, and it may not be one of a camera's.
            self._group.create_task(self._judge(guard, name, gone=False))

    async def _judge(self, guard: Guard, name: str, *, gone: bool) -> None:
        async with self._locks["usb"]:
            if gone:
                guard.gone(name)
            else:
                await self._apart(lambda: guard.judge(name))
        self._tell()

    async def _there(self, volume: ports.Volume) -> None:
        async with self._locks[volume.number]:
            why = await self._apart(lambda: self._mounts.mount(volume))
        if why is None:
            self._unplaced.pop(volume.number, None)
            self._again.forget(volume.number)
            self._tell()
        else:
            self._again.failed(volume.number, why.code, time.monotonic())
            self._leave_out(volume, why)

    def _leave_out(self, volume: ports.Volume, why: Why) -> None:
        self._unplaced[volume.number] = wire.Unplaced(
            device=volume.node.name,
            port=volume.port,
            bay=self._bays.at(volume.port) or "",
            reason=why.text[:500],
            code=why.code,
        )
        self._tell()

    async def _gone(self, number: str) -> None:
        async with self._locks[number]:
            await self._apart(lambda: self._mounts.end(number))
        self._unplaced.pop(number, None)
        self._again.forget(number)
        self._tell()

    async def _look_again(self) -> None:
        while True:
            there = await self._apart(lambda: list(ports.volumes(self._context)))
            numbers = {volume.number for volume in there}
            gone = {each.volume.number for each in self._mounts} | set(self._unplaced)
            for number in gone - numbers:
                self._group.create_task(self._gone(number))
            for volume in there:
                if self._is_due(volume.number):
                    self._group.create_task(self._there(volume))
            if self._guard is not None:
                for name in await self._apart(self._guard.unjudged):
                    await self._judge(self._guard, name, gone=False)
            await asyncio.sleep(_LOOK_S)

    def _is_due(self, number: str) -> bool:
        """Whether to try a volume: a new one, or one that failed long enough ago."""
        if self._mounts.of(number) is not None:
            return False
        return number not in self._unplaced or self._again.due(number, time.monotonic())

    async def _pulses(self) -> None:
        asked: set[str] = set()
        while True:
            for mounted in self._mounts:
                if mounted.volume.number not in asked:
                    asked.add(mounted.volume.number)
                    self._group.create_task(self._pulse(mounted, asked))
            await asyncio.sleep(_PULSE_S)

    async def _pulse(self, mounted: Mounted, asked: set[str]) -> None:
        number = mounted.volume.number
        try:
            look = await self._apart(lambda: self._mounts.look(mounted))
            if look is Look.SILENT:
                # Once may be a bad moment of the bus.
                look = await self._apart(lambda: self._mounts.look(mounted))
        finally:
            asked.discard(number)
        if look is Look.ANSWERS or self._mounts.of(number) is not mounted:
            return
        if look is Look.CHANGED:
            await self._read_anew(mounted)
            return
        await self._gone(number)
        text = "it stopped answering; take the card out and put it in again"
        self._leave_out(mounted.volume, Why(Unmounted.SILENT, text))

    async def _read_anew(self, mounted: Mounted) -> None:
        text = "the camera itself writes to it; it is read once it has been left alone"
        self._leave_out(mounted.volume, Why(Unmounted.WRITTEN, text))
        async with self._locks[mounted.volume.number]:
            # Two may have seen the same; the second must not end what came after.
            if not mounted.ended:
                await self._apart(lambda: self._mounts.written_behind(mounted))
        await self._there(mounted.volume)

    # --- what the dock asks ---------------------------------------------------------

    @contextlib.contextmanager
    def _listening(self) -> Iterator[socket.socket]:
        path = self._settings.socket
        try:
            path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(str(path))
            # Anybody may connect; who it is, the kernel says, and others are not answered.
            path.chmod(0o666)
            listener.listen(_BACKLOG)
        except OSError as error:
            raise ConfigError(f"mounter.socket: {path}: {error.strerror}") from error
        with listener:
            try:
                yield listener
            finally:
                path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held: list[Mounted] = []
        try:
            if _peer(writer) not in self._allowed:
                await self._turn_away(reader, writer)
                return
            while line := await self._line(reader, held):
                asked = wire.question(line)
                if isinstance(asked, str):
                    await _send(writer, _no(Stays.NOT_UNDERSTOOD, asked))
                elif asked.verb is wire.Verb.WATCH and not held:
                    await self._tell_all(writer)
                else:
                    await _send(writer, await self._answer(asked, held))
        except (OSError, ValueError) as error:
            log.info("mounter.closed", reason=str(error))
        finally:
            # However it ended, no card stays writable.
            for mounted in held:
                await self._apart(lambda each=mounted: self._mounts.close(each))  # type: ignore[misc]  # the loop's own value
            writer.close()

    async def _turn_away(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._strangers >= _STRANGERS:
            return
        self._strangers += 1
        try:
            # A question left unread would break the connection before the answer is heard.
            async with asyncio.timeout(_LOOK_S):
                await reader.readline()
            await _send(writer, _no(Stays.NOT_ALLOWED, "this user may not ask the mount helper"))
        finally:
            self._strangers -= 1

    async def _line(self, reader: asyncio.StreamReader, held: list[Mounted]) -> bytes:
        """The next line; a card that was asked for is taken back when its time is over.

        However much is said meanwhile: the time runs from when the card became writable, or from
        when it was last said to be needed still.
        """
        until = min((each.until for each in held), default=None)
        try:
            async with asyncio.timeout(None if until is None else until - time.monotonic()):
                # So that it ends even where the next line is here already.
                await asyncio.sleep(0)
                return await reader.readline()
        except TimeoutError:
            log.warning("mount.writable-too-long", point=[str(each.point) for each in held])
            raise

    async def _answer(self, asked: wire.Question, held: list[Mounted]) -> wire.Reply:
        try:
            mounted = self._mounts.at(asked.mount)
            match asked.verb:
                case wire.Verb.WRITABLE:
                    await self._open(mounted, held)
                case wire.Verb.NEEDED if mounted in held:
                    self._mounts.longer(mounted)
                case wire.Verb.READONLY if mounted in held:
                    await self._apart(lambda: self._mounts.close(mounted))
                    held.remove(mounted)
                case wire.Verb.LEAVE:
                    await self._gone(mounted.volume.number)
                case _:
                    return _no(Stays.NOT_HELD, "this connection did not make the card writable")
        except MountRefused as error:
            return _no(error.stays, str(error))
        return wire.Reply(ok=True)

    async def _open(self, mounted: Mounted, held: list[Mounted]) -> None:
        await self._apart(lambda: self._mounts.open(mounted))
        held.append(mounted)
        log.info("mount.writable", point=str(mounted.point))

    # --- what the dock is told ------------------------------------------------------

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _tell_all(self, writer: asyncio.StreamWriter) -> None:
        while True:
            changed = self._changed
            refused = self._guard.refused if self._guard else ()
            told = wire.Told(
                mounted=tuple(sorted(str(each.point) for each in self._mounts)),
                unplaced=tuple(self._unplaced.values()),
                refused=tuple(refused),
            )
            await _send(writer, told)
            await changed.wait()

    def _apart(self, call: Callable[[], _T]) -> asyncio.Future[_T]:
        return asyncio.get_running_loop().run_in_executor(self._pool, call)


def _no(code: str, reason: str) -> wire.Reply:
    return wire.Reply(ok=False, code=code, reason=reason)


async def _send(writer: asyncio.StreamWriter, line: wire.Line) -> None:
    writer.write(wire.telling(line) if isinstance(line, wire.Told) else wire.encode(line))
    async with asyncio.timeout(_LOOK_S):
        await writer.drain()


def _peer(writer: asyncio.StreamWriter) -> int:
    """The user at the other end (SO_PEERCRED, unix(7))."""
    peer: socket.socket = writer.get_extra_info("socket")
    raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    uid: int = struct.unpack("3i", raw)[1]
    return uid
