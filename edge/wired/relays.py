"""Relays that switch what stands in a bay: its power, its light.

A board is told one thing at a time, no faster than it can take, and asked afterwards where
it can answer: a relay that clicked is not the same as a command that was sent. What was
wished last is remembered and told again when a board comes back, since it comes back with
everything switched off.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final, TypeVar

import structlog

from edge.wired.errors import NoAnswer, Refused, SwitchMismatch, Unsupported, WiredError
from edge.wired.frames import kta, lcus, modbus
from edge.wired.frames.framing import Parser
from edge.wired.port import Port

log = structlog.get_logger()

F = TypeVar("F")

_TRIES: Final = 2


class Outcome(StrEnum):
    """How much is known of a switch: the board said so itself, or took the command."""

    CONFIRMED = "confirmed"
    SENT = "sent"


class LcusStatus(StrEnum):
    """What an LCUS board answers when it is asked."""

    NONE = "none"
    BYTES = "bytes"
    TEXT = "text"


class Board(ABC):
    """One relay board on one port, whose ``run`` runs elsewhere.

    Attributes:
        gap_s: no command sooner after the one before.
        answers: whether it can be asked how it stands.
    """

    gap_s: ClassVar[float] = 0.1
    answers = True

    def __init__(self, port: Port, answer_s: float = 1.0) -> None:
        self.port = port
        self._answer_s = answer_s
        self._lock = asyncio.Lock()
        self._free_at_s = 0.0
        self._wished: dict[int, bool] = {}

    async def run(self) -> None:
        """Tell a board that came back what was wished of it, until cancelled."""
        told = 0
        while True:
            rung = self.port.changed.listen()
            state = self.port.state
            if state.connected and state.opened != told:
                told = state.opened
                await self._restore()
            else:
                await rung.wait()

    def wish(self, channel: int, *, on: bool) -> None:
        """Keep what a channel should be, without telling it now: said when the board comes."""
        self._wished[channel] = on

    async def switch(self, channel: int, *, on: bool) -> Outcome:
        """Switch a channel; the wish is kept even when this fails.

        Raises:
            PortAway: the board is not there; it is told when it comes back.
            NoAnswer: it was told, twice, and did not say how it stands.
            Refused: it refused.
            SwitchMismatch: it was told, twice, and stands the other way.
            FrameError: it has no such channel.
        """
        self._wished[channel] = on
        async with self._lock:
            return await self._switch(channel, on=on)

    async def is_on(self, channel: int) -> bool:
        """Ask a channel.

        Raises:
            PortAway: the board is not there.
            NoAnswer: it did not say.
            Refused: it refused.
            Unsupported: it cannot be asked.
            FrameError: it has no such channel.
        """
        if not self.answers:
            raise Unsupported(f"{self.port.line.path}: this board cannot be asked")
        async with self._lock:
            return await self._query(channel)

    async def _switch(self, channel: int, *, on: bool) -> Outcome:
        for again in range(_TRIES):
            last = again == _TRIES - 1
            try:
                await self._set(channel, on=on)
                if not self.answers:
                    return Outcome.SENT
                if await self._query(channel) == on:
                    return Outcome.CONFIRMED
            except NoAnswer:
                if last:
                    raise
        raise SwitchMismatch(self.port.line.path, channel, wanted=on, found=not on)

    async def _restore(self) -> None:
        for channel in sorted(self._wished):
            try:
                async with self._lock:
                    # Taken under the lock: a newer wish may have been told meanwhile.
                    await self._switch(channel, on=self._wished[channel])
            except WiredError as error:
                log.warning("relay.not_restored", channel=channel, error=str(error))

    async def _tell(self, command: bytes) -> None:
        """Send a command in its turn, with nothing unread before it."""
        await asyncio.sleep(max(0.0, self._free_at_s - time.monotonic()))
        self.port.discard()
        try:
            await self.port.send(command)
        finally:
            self._free_at_s = time.monotonic() + self.gap_s

    async def _ask(self, command: bytes, parser: Parser[F], size: int = 1) -> list[F]:
        """Send a command and wait for so many frames of whatever kind."""
        await self._tell(command)
        frames: list[F] = []
        try:
            async with asyncio.timeout(self._answer_s):
                while len(frames) < size:
                    frames += parser.feed(await self.port.receive())
        except TimeoutError as error:
            skipped = sum(parser.faults.values())
            said = f"nothing it should ({skipped} faults)" if skipped or frames else "nothing"
            raise NoAnswer(f"{self.port.line.path}: answered {said}") from error
        return frames

    @abstractmethod
    async def _set(self, channel: int, *, on: bool) -> None: ...

    @abstractmethod
    async def _query(self, channel: int) -> bool: ...


class KtaBoard(Board):
    """The relay of KTA's dock."""

    async def _set(self, channel: int, *, on: bool) -> None:
        await self._tell(kta.switch(channel, on=on))

    async def _query(self, channel: int) -> bool:
        for status in await self._ask(kta.query(channel), kta.KtaParser()):
            if status.channel == channel:
                return status.on
        raise NoAnswer(f"{self.port.line.path}: answered for another channel than {channel}")


class LcusBoard(Board):
    """LC Technology's boards; most cannot be asked.

    Args:
        status: what it answers.
        channels: how many it has, for boards that answer with one byte for each.
    """

    def __init__(
        self, port: Port, status: LcusStatus, channels: int, answer_s: float = 1.0
    ) -> None:
        super().__init__(port, answer_s)
        self._status = status
        self._channels = channels
        self.answers = status is not LcusStatus.NONE

    async def _set(self, channel: int, *, on: bool) -> None:
        await self._tell(lcus.switch(channel, on=on))

    async def _query(self, channel: int) -> bool:
        if self._status is LcusStatus.TEXT:
            found = await self._ask(lcus.QUERY, lcus.LcusTextParser(), self._channels)
        else:
            (states,) = (await self._ask(lcus.QUERY, lcus.LcusBytesParser(self._channels)))[:1]
            found = list(states)
        for state in found:
            if state.channel == channel:
                return state.on
        raise NoAnswer(f"{self.port.line.path}: said nothing of channel {channel}")


class ModbusBoard(Board):
    """Relays behind Modbus RTU; channel 1 is coil 0."""

    def __init__(self, port: Port, unit: int, answer_s: float = 1.0) -> None:
        super().__init__(port, answer_s)
        self._unit = unit

    async def _set(self, channel: int, *, on: bool) -> None:
        request = modbus.write_coil(self._unit, channel - 1, on=on)
        match await self._reply(request):
            case modbus.CoilWritten(coil, state) if (coil, state) == (channel - 1, on):
                return
            case other:
                raise NoAnswer(f"{self.port.line.path}: answered {other} to another request")

    async def _query(self, channel: int) -> bool:
        match await self._reply(modbus.read_coils(self._unit, channel - 1, 1)):
            case modbus.CoilsRead(states) if len(states) == 8:  # noqa: PLR2004 -- one byte
                return states[0]
            case other:
                raise NoAnswer(f"{self.port.line.path}: answered {other} to another request")

    async def _reply(self, request: bytes) -> modbus.Reply:
        reply = (await self._ask(request, modbus.ModbusParser(self._unit)))[0]
        if isinstance(reply, modbus.ModbusException):
            raise Refused(f"{self.port.line.path}: {reply.meaning}")
        return reply


@dataclass(frozen=True, slots=True)
class Place:
    """A channel of a board."""

    board: Board
    channel: int


class BaySwitches:
    """One switch for each bay that has one."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        self._places = dict(places)

    @property
    def bays(self) -> frozenset[str]:
        """Bays that can be switched."""
        return frozenset(self._places)

    async def switch(self, bay: str, *, on: bool) -> Outcome:
        """Switch what stands in a bay.

        Raises:
            Unsupported: nothing of this kind is wired to this bay.
            WiredError: as ``Board.switch``.
        """
        place = self._of(bay)
        return await place.board.switch(place.channel, on=on)

    async def is_on(self, bay: str) -> bool:
        """Ask how a bay stands.

        Raises:
            Unsupported: nothing is wired to this bay, or it cannot be asked.
            WiredError: as ``Board.is_on``.
        """
        place = self._of(bay)
        return await place.board.is_on(place.channel)

    async def switch_all(self, *, on: bool) -> dict[str, WiredError]:
        """Switch every bay; those where it failed, and why."""
        failed: dict[str, WiredError] = {}
        for bay in sorted(self._places):
            try:
                await self.switch(bay, on=on)
            except WiredError as error:
                failed[bay] = error
        return failed

    def _of(self, bay: str) -> Place:
        if bay not in self._places:
            raise Unsupported(f"nothing is wired to bay {bay}")
        return self._places[bay]


class BayPower(BaySwitches):
    """Power of the bays: a camera that hangs is restarted by taking it away."""

    async def restart(self, bay: str, off_s: float = 5.0) -> Outcome:
        """Switch a bay off and, after so many seconds, on again, even if this is cancelled.

        Raises:
            WiredError: as ``switch``.
        """
        try:
            await self.switch(bay, on=False)
            await asyncio.sleep(off_s)
        finally:
            outcome = await self.switch(bay, on=True)
        return outcome


class BayLights(BaySwitches):
    """Lights of the bays; they show people a place and never are evidence of anything."""

    async def show(self, bay: str, *, on: bool) -> bool:
        """Switch a light; False when it could not be, which stops nobody's work."""
        try:
            await self.switch(bay, on=on)
        except WiredError as error:
            log.warning("light.failed", bay=bay, on=on, error=str(error))
            return False
        return True

    async def blink(self, bay: str, times: int = 3, half_s: float = 0.3) -> bool:
        """Blink and end lit; no faster than the board takes commands."""
        for _ in range(times):
            if not (await self.show(bay, on=True)):
                return False
            await asyncio.sleep(half_s)
            await self.show(bay, on=False)
            await asyncio.sleep(half_s)
        return await self.show(bay, on=True)
