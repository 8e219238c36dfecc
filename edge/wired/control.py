"""Talking to a camera that has a control line: who it is, its clock, its disk.

The clock is read before it is set, because recordings on the card were stamped by the clock
as it stood then: setting it first would destroy the only evidence of how wrong they are.
Nothing here erases anything or reads a recording.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from edge.clock import DockClock
from edge.wired.errors import NoAnswer, PortAway, Refused, Unsupported
from edge.wired.frames import amba
from edge.wired.frames.amba import AmbaFrame, AmbaParser
from edge.wired.frames.framing import FrameError
from edge.wired.offset import Offset, Sample, offset_of
from edge.wired.port import Port
from protocols.clock import ClockReading

log = structlog.get_logger()

METHOD: Final = "amba-ascii"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SAMPLES: Final = 5
# Spread over the second, so that each reading meets another part of it.
_BETWEEN_S: Final = 0.23
_LEAD: Final = timedelta(milliseconds=200)
_BEFORE_MIDNIGHT: Final = timedelta(seconds=5)
_REFUSALS: Final = re.compile(r"ERR|FAIL|NO\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ClockChange:
    """What became of a camera's clock.

    Attributes:
        before: how far off it was; None where it cannot be read.
        after: how far off it is now.
        at: the dock's clock when ``before`` was measured, or the clock was set without.
    """

    before: Offset | None
    after: Offset | None
    at: ClockReading


class DiskMode(StrEnum):
    """How a camera took the request to become a disk."""

    ANSWERED = "answered"
    LEFT = "left"


class CameraControl:
    """One camera's control line, Ambarella's ASCII grammar.

    Args:
        port: its port, whose ``run`` runs elsewhere.
        clock: the dock's.
        zone: what the camera's clock shows; it tells no zone itself.
        password: as the maker set it; the known ones are public, so it protects nothing.
        login: first word of a connection.
        read_clock: the command that reads the clock, where a maker names one. None is known
            from public sources.
        read_battery: likewise for the battery, answered with percent.
    """

    def __init__(
        self,
        port: Port,
        clock: DockClock,
        zone: ZoneInfo,
        *,
        password: str = "12345678",  # noqa: S107 -- every maker's default, and public
        login: str = "00000000",
        read_clock: str | None = None,
        read_battery: str | None = None,
        answer_s: float = 3.0,
    ) -> None:
        self.port = port
        self._clock = clock
        self._zone = zone
        self._password = password
        self._login = login
        self._read_clock = read_clock
        self._read_battery = read_battery
        self._answer_s = answer_s
        self._lock = asyncio.Lock()
        self._greeted = -1

    async def identify(self) -> str:
        """Log in and ask for the number the camera is known by; a claim, nothing more.

        Raises:
            PortAway: nothing is connected.
            NoAnswer: no answer, or none that fits.
            Refused: it refused, the password for one.
        """
        async with self._lock:
            await self._log_in()
            frame = await self._ask("Gdv", amba.get_device_id(self._password))
        if not frame.data.strip():
            raise NoAnswer(f"{self.port.line.path}: an empty device number")
        return frame.data.strip()

    @property
    def tells_battery(self) -> bool:
        """Whether a command that asks for the battery is known."""
        return self._read_battery is not None

    async def battery(self) -> int:
        """Ask how far the camera is charged, in percent; a claim, nothing more.

        Raises:
            Unsupported: no command to ask it is known.
            WiredError: as ``identify``.
        """
        if self._read_battery is None:
            raise Unsupported(f"{self.port.line.path}: no command to read its battery is known")
        async with self._lock:
            await self._log_in()
            question = amba.command(self._read_battery, self._password)
            frame = await self._ask(self._read_battery, question)
        try:
            return amba.percent_of(frame.data)
        except FrameError as error:
            raise NoAnswer(f"{self.port.line.path}: {error}") from error

    async def clock_offset(self) -> Offset:
        """Measure how far off the camera's clock is.

        Raises:
            Unsupported: no command to read it is known.
            ClockUnsteady: it moved meanwhile.
            WiredError: as ``identify``.
        """
        async with self._lock:
            await self._log_in()
            return await self._offset()

    async def set_clock(self) -> ClockChange:
        """Measure the offset if that can be done, then set the clock, then measure again.

        Raises:
            WiredError: as ``clock_offset``, but for Unsupported; the clock may have been set.
        """
        async with self._lock:
            await self._log_in()
            at = self._clock.read()
            before = await self._offset() if self._read_clock else None
            await self._set()
            after = await self._offset() if self._read_clock else None
        log.info("camera.clock_set", path=self.port.line.path, before=before, after=after)
        return ClockChange(before, after, at)

    async def enter_disk_mode(self) -> DiskMode:
        """Let the camera show itself as a disk; many leave the line without an answer.

        Raises:
            PortAway: nothing is connected.
            NoAnswer: no answer, and it stays where it is.
            Refused: it refused.
        """
        async with self._lock:
            await self._log_in()
            # Only a camera that was there until now can have left because of this.
            self.port.discard()
            try:
                await self._ask("ATH", amba.disk_mode(self._password))
            except PortAway:
                return DiskMode.LEFT
        return DiskMode.ANSWERED

    async def _log_in(self) -> None:
        """Say the first word, once for each time that the camera turned up."""
        opened = self.port.state.opened
        if self._greeted != opened:
            await self._ask("Ver", amba.login(self._login))
            self._greeted = opened

    async def _offset(self) -> Offset:
        samples = [await self._sample()]
        for _ in range(_SAMPLES - 1):
            await asyncio.sleep(_BETWEEN_S)
            samples.append(await self._sample())
        return offset_of(samples)

    async def _sample(self) -> Sample:
        if self._read_clock is None:
            raise Unsupported(f"{self.port.line.path}: no command to read its clock is known")
        question = amba.command(self._read_clock, self._password)
        started_ns = time.monotonic_ns()
        before = self._clock.read()
        frame = await self._ask(self._read_clock, question)
        # By the monotonic clock: the dock's wall clock may be stepped meanwhile. A reading
        # is cut to milliseconds, so the answer came up to one later.
        took_ns = time.monotonic_ns() - started_ns
        asked_ns = _epoch_ns(datetime.fromisoformat(before.utc))
        try:
            said = amba.clock_of(frame.data).replace(tzinfo=self._zone)
        except FrameError as error:
            raise NoAnswer(f"{self.port.line.path}: {error}") from error
        return Sample(asked_ns, asked_ns + took_ns + 1_000_000, _epoch_ns(said))

    async def _set(self) -> None:
        moment = await self._next_second()
        await self._ask("Sdt", amba.set_date(moment))
        moment = await self._next_second()
        await self._ask("Stm", amba.set_time(moment))
        # Once more: the camera's old time may have passed midnight between the two.
        await self._ask("Sdt", amba.set_date(moment))

    async def _next_second(self) -> datetime:
        """Wait until a second begins, but for the last ones of a day; that second."""
        now = self._now()
        target = (now + _LEAD).replace(microsecond=0) + timedelta(seconds=1)
        if (target + _BEFORE_MIDNIGHT).date() != now.date():
            target = (now + _BEFORE_MIDNIGHT + timedelta(seconds=2)).replace(microsecond=0)
        await asyncio.sleep((target.astimezone(UTC) - now.astimezone(UTC)).total_seconds())
        return target

    def _now(self) -> datetime:
        return datetime.fromisoformat(self._clock.read().utc).astimezone(self._zone)

    async def _ask(self, name: str, command: bytes) -> AmbaFrame:
        """Send a command and wait for the answer that names it."""
        self.port.discard()
        await self.port.send(command)
        parser = AmbaParser()
        try:
            async with asyncio.timeout(self._answer_s):
                while True:
                    for frame in parser.feed(await self.port.receive()):
                        if frame.command.lower() == name.lower():
                            return self._accepted(frame)
        except TimeoutError as error:
            faults = sum(parser.faults.values())
            raise NoAnswer(
                f"{self.port.line.path}: no answer to {name} ({faults} faults)"
            ) from error

    def _accepted(self, frame: AmbaFrame) -> AmbaFrame:
        if _REFUSALS.match(frame.data):
            raise Refused(f"{self.port.line.path}: {frame.command} answered {frame.data[:60]!r}")
        return frame


def _epoch_ns(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000
