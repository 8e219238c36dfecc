"""Builds everything on serial lines from the configuration, and runs it.

What fails here fails alone: a dock whose reader or relay is away takes cameras as before,
says so on its screens, and goes on when the device is back. Nothing here decides about
footage; the officer of a session is what a card said, and only that.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from edge.clock import DockClock
from edge.signals import Bell
from edge.timing.visit import Duty
from edge.tones import Tone
from edge.wired.battery import Batteries
from edge.wired.control import CameraControl
from edge.wired.desk import Desk
from edge.wired.lamps import Lamp, Lamps, Shows
from edge.wired.port import Line, Port, PortState
from edge.wired.reader import BadgeReader
from edge.wired.relays import (
    BayLights,
    BayPower,
    Board,
    KtaBoard,
    LcusBoard,
    ModbusBoard,
    Place,
)
from edge.wired.settings import BoardKind, BoardSection, ControlSection, SerialSection

log = structlog.get_logger()

_LAMPS_S: Final = 1.0
_LAMPS_RETRY_S: Final = 5.0


class Wired:
    """All serial devices of a dock.

    Args:
        section: of the configuration.
        clock: the dock's.
        occupied: bays that have a camera now; asked at each tap.
        tones: how every bay with a camera stands now; asked several times a second.

    Attributes:
        power: the bays' power; everything is switched on at the start.
        lights: the bays' lights; those of bays that wait for a camera are lit.
        duties: control lines by bay, and what is to be done on them.
        lamps: those that show how the bays stand.
        batteries: what cameras say of their charge.
        changed: rings at each tap, and when a claim was taken.
    """

    def __init__(
        self,
        section: SerialSection,
        clock: DockClock,
        occupied: Callable[[], Collection[str]],
        tones: Callable[[], Mapping[str, Tone]] = dict,
    ) -> None:
        self._occupied = occupied
        self._ports: dict[str, Port] = {}
        self._boards: dict[str, Board] = {}
        places = [board for board in section.lights if board.shows is Shows.PLACE]
        lit = [bay for board in places for bay in board.channels.values()]
        self._desk = Desk(section.claim_s, lit)
        self._readers = [
            BadgeReader(
                self._port(each.path, each.speed), each.driver, bay=each.bay, held_s=each.held_s
            )
            for each in section.readers
        ]
        sizes = _sizes(section)
        self.power = BayPower(self._places(section.power, sizes))
        self.lights = BayLights(self._places(places, sizes))
        self.lamps = Lamps(
            [
                Lamp(bay, board.shows, place)
                for board in section.lights
                if board.shows is not Shows.PLACE
                for bay, place in self._places([board], sizes).items()
            ],
            tones,
        )
        self.duties: Mapping[str, Duty] = {
            each.bay: self._duty(each, clock) for each in section.control
        }
        self.batteries = Batteries({bay: duty.control for bay, duty in self.duties.items()})
        self.changed = Bell()

    def states(self) -> list[PortState]:
        """How every device stands, for screens."""
        return [port.state for port in self._ports.values()]

    def officer(self, bay: str) -> str | None:
        """Who tapped for the camera that was docked in this bay; each tap counts once.

        Returns:
            What ``SessionOpened.officer`` states: kind of reader and raw number of the card.
        """
        tap = self._desk.take(bay, time.monotonic())
        self.changed.ring()
        return None if tap is None else tap.badge.name

    def left(self, bay: str) -> None:
        """Say that this bay's camera was taken: a tap that waits here is not for the next."""
        self._desk.left(bay)
        self.changed.ring()

    async def run(self) -> None:
        """Run all devices until cancelled."""
        async with asyncio.TaskGroup() as group:
            for port in self._ports.values():
                group.create_task(port.run())
            for board in self._boards.values():
                group.create_task(board.run())
            for reader in self._readers:
                group.create_task(self._listen(reader))
            group.create_task(self._power())
            group.create_task(self._lamps())
            group.create_task(self.lamps.run())
            group.create_task(self.batteries.run())

    async def _listen(self, reader: BadgeReader) -> None:
        async for tap in reader:
            bay = self._desk.tap(tap, self._occupied())
            log.info("officer.tapped", reader=tap.reader, bay=bay)
            self.changed.ring()

    async def _power(self) -> None:
        for bay, error in (await self.power.switch_all(on=True)).items():
            # Boards that are away now are told when they come.
            log.warning("power.unconfirmed", bay=bay, error=str(error))

    async def _lamps(self) -> None:
        """Let the lights show which bays wait for a camera; by state, not by event."""
        # Nothing is known of them at first, so all are switched.
        lit: dict[str, bool] = {}
        retry_at_s = 0.0
        while self.lights.bays:
            rung = self.changed.listen()
            now_s = time.monotonic()
            waiting = self._desk.waiting(now_s)
            wrong = [bay for bay in self.lights.bays if lit.get(bay) != (bay in waiting)]
            if wrong and now_s >= retry_at_s:
                for bay in sorted(wrong):
                    if await self.lights.show(bay, on=bay in waiting):
                        lit[bay] = bay in waiting
                    else:
                        retry_at_s = now_s + _LAMPS_RETRY_S
                continue
            await self.changed.wait(_LAMPS_S, rung)

    def _duty(self, each: ControlSection, clock: DockClock) -> Duty:
        zone = ZoneInfo(each.zone)
        control = CameraControl(
            self._port(each.path, each.speed),
            clock,
            zone,
            password=each.password,
            login=each.login,
            read_clock=each.read_clock,
            read_battery=each.read_battery,
        )
        return Duty(control, zone, set_clock=each.set_clock, disk_mode=each.disk_mode)

    def _port(self, path: str, speed: int) -> Port:
        if path not in self._ports:
            self._ports[path] = Port(Line(path, speed))
        return self._ports[path]

    def _places(
        self, sections: Iterable[BoardSection], sizes: Mapping[str, int]
    ) -> dict[str, Place]:
        return {
            bay: Place(self._board(section, sizes[section.path]), channel)
            for section in sections
            for channel, bay in section.channels.items()
        }

    def _board(self, section: BoardSection, channels: int) -> Board:
        """The board at this path, made once."""
        if section.path not in self._boards:
            port = self._port(section.path, section.bits_per_second)
            self._boards[section.path] = _board(section, port, channels)
        return self._boards[section.path]


def _board(section: BoardSection, port: Port, channels: int) -> Board:
    match section.driver:
        case BoardKind.KTA:
            return KtaBoard(port)
        case BoardKind.LCUS:
            return LcusBoard(port, section.status, channels)
        case BoardKind.MODBUS:
            return ModbusBoard(port, section.unit)


def _sizes(section: SerialSection) -> dict[str, int]:
    """How many channels each board has at least."""
    sizes: dict[str, int] = {}
    for board in section.boards():
        sizes[board.path] = max(sizes.get(board.path, 0), *board.channels)
    return sizes
