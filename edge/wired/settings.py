"""The ``[serial]`` table of the dock's configuration.

A device that is wired to another bay than the file says would credit footage to the wrong
officer or cut the wrong camera's power, so everything that can be checked without the
devices is refused here: a path that changes at each plug, one path used twice, one bay or
channel given twice.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import chain
from typing import Annotated, Final, Self, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    field_validator,
    model_validator,
)

from edge.wired.frames import kta, lcus, modbus
from edge.wired.frames.badges import ReaderKind
from edge.wired.lamps import Shows
from edge.wired.relays import LcusStatus

_T = TypeVar("_T")

Bay = Annotated[str, Field(min_length=1, max_length=100)]
Speed = Annotated[int, Field(strict=True, ge=300, le=4_000_000)]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        msg = f"unknown time zone {name!r}"
        raise ValueError(msg) from error
    return name


Zone = Annotated[str, AfterValidator(_known_zone)]

_NUMBERED: Final = re.compile(r"/dev/tty(USB|ACM)[0-9]+\Z")


class BoardKind(StrEnum):
    """Which relay board."""

    KTA = "kta"
    LCUS = "lcus"
    MODBUS = "modbus"


_SPEEDS: Final = {BoardKind.KTA: 19200, BoardKind.LCUS: 9600, BoardKind.MODBUS: 9600}
_CHANNELS: Final = {
    BoardKind.KTA: kta.CHANNELS,
    BoardKind.LCUS: lcus.CHANNELS,
    BoardKind.MODBUS: modbus.COILS,
}


class _Table(BaseModel):
    """One table of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class _Device(_Table):
    """Anything on a serial line."""

    path: str = Field(description="a name that stays, from /dev/serial/by-path for one")

    @field_validator("path")
    @classmethod
    def _stable(cls, path: str) -> str:
        if not path.startswith("/"):
            msg = "must be absolute"
            raise ValueError(msg)
        if _NUMBERED.match(path):
            msg = "this number changes when something is plugged; take /dev/serial/by-path/..."
            raise ValueError(msg)
        return path


class ReaderSection(_Device):
    """A badge reader."""

    driver: ReaderKind = Field(description="rdm6300, em18, dual, idteck or line")
    speed: Speed = Field(default=9600, description="bits per second, 8N1")
    bay: Bay | None = Field(
        default=None, description="the bay it belongs to; default: it serves the whole dock"
    )
    held_s: Annotated[float, Field(strict=True, gt=0, le=10)] = Field(
        default=0.22, description="a card not seen for so long was taken away"
    )


class BoardSection(_Device):
    """A relay board, or the part of one that switches one kind of thing."""

    driver: BoardKind = Field(description="kta, lcus or modbus")
    speed: Speed | None = Field(
        default=None, description="bits per second, 8N1; default: 19200 for kta, else 9600"
    )
    channels: dict[int, Bay] = Field(description="which bay each channel switches, from 1 on")
    unit: Annotated[int, Field(strict=True, ge=1, le=247)] = Field(
        default=1, description="modbus: its address"
    )
    status: LcusStatus = Field(
        default=LcusStatus.NONE, description="lcus: how it answers FF; none, bytes or text"
    )

    @property
    def bits_per_second(self) -> int:
        """The speed in force."""
        return self.speed or _SPEEDS[self.driver]

    @property
    def same_board(self) -> tuple[object, ...]:
        """What two tables of one path must agree on."""
        return (self.driver, self.bits_per_second, self.unit, self.status)

    @model_validator(mode="after")
    def _channels_are_there(self) -> Self:
        if not self.channels:
            msg = "channels is empty"
            raise ValueError(msg)
        most = _CHANNELS[self.driver]
        wrong = [channel for channel in self.channels if not 1 <= channel <= most]
        if wrong:
            msg = f"channels of {self.driver} are 1 to {most}, not {wrong[0]}"
            raise ValueError(msg)
        return self


class LightSection(BoardSection):
    """A relay board's channels that light lamps, all for the same."""

    shows: Shows = Field(
        default=Shows.PLACE,
        description="place: the bay waits for an officer who tapped; ready, waiting, busy or "
        "attention: how the camera in it stands; state: all of that with one lamp that blinks",
    )
    blink: StrictBool = Field(
        default=False, description="these channels may blink all day: no mechanical relays"
    )

    @model_validator(mode="after")
    def _may_blink(self) -> Self:
        if self.shows is Shows.STATE and not self.blink:
            msg = (
                'shows = "state" blinks, which wears mechanical relays out within weeks: say '
                "blink = true where they are none, or give each state a channel of its own"
            )
            raise ValueError(msg)
        return self


class ControlSection(_Device):
    """The control line of the cameras in one bay."""

    bay: Bay = Field(description="the bay it belongs to")
    speed: Speed = Field(default=115200, description="bits per second, 8N1")
    zone: Zone = Field(description="what the cameras' clocks show, for example Asia/Shanghai")
    password: Annotated[str, Field(pattern=r"^[!-~]{1,64}$")] = Field(
        default="12345678", description="as the maker set it; it protects nothing"
    )
    login: Annotated[str, Field(pattern=r"^[!-~]{1,64}$")] = Field(
        default="00000000", description="first word of a connection"
    )
    read_clock: Annotated[str, Field(pattern=r"^[A-Za-z]{2,8}$")] | None = Field(
        default=None, description="the maker's command that reads the clock; default: none known"
    )
    read_battery: Annotated[str, Field(pattern=r"^[A-Za-z]{2,8}$")] | None = Field(
        default=None, description="the maker's command for the battery; default: none known"
    )
    set_clock: StrictBool = Field(default=False, description="set the clock of every docked camera")
    disk_mode: StrictBool = Field(
        default=False, description="ask every camera to show its disk, once its clock is seen to"
    )

    @field_validator("password", "login")
    @classmethod
    def _fits_a_frame(cls, word: str) -> str:
        if set(word) & set("@;#"):
            msg = "must be without @ ; #"
            raise ValueError(msg)
        return word


class SerialSection(_Table):
    """Everything on serial lines; nothing by default."""

    readers: tuple[ReaderSection, ...] = Field(default=(), description="badge readers")
    power: tuple[BoardSection, ...] = Field(default=(), description="relays of the bays' power")
    lights: tuple[LightSection, ...] = Field(default=(), description="relays of the bays' lights")
    control: tuple[ControlSection, ...] = Field(default=(), description="cameras' control lines")
    claim_s: Annotated[float, Field(strict=True, gt=0, le=3600)] = Field(
        default=60.0, description="how long a tapped badge waits for a camera"
    )

    hangs_s: Annotated[float, Field(strict=True, ge=300, le=86_400)] | None = Field(
        default=None,
        description="take the power of a bay, for some seconds, whose card has not got on for so "
        "long; default: never",
    )

    @model_validator(mode="after")
    def _wired_once(self) -> Self:
        boards = {board.path: board for board in self.boards()}
        others = (device.path for device in (*self.readers, *self.control))
        for path in _twice(chain(others, boards)):
            msg = f"{path} is given to two devices"
            raise ValueError(msg)
        for board in self.boards():
            if board.same_board != boards[board.path].same_board:
                msg = f"{board.path}: power and lights tell different boards of it"
                raise ValueError(msg)
        for path, channel in _twice(
            (board.path, channel) for board in self.boards() for channel in board.channels
        ):
            msg = f"{path}: channel {channel} is given twice"
            raise ValueError(msg)
        for what, bays in self._wired_bays():
            for bay in _twice(bays):
                msg = f"{what}: bay {bay} is given twice"
                raise ValueError(msg)
        return self

    def boards(self) -> Iterator[BoardSection]:
        """All relay boards; one that switches power and lights twice."""
        yield from self.power
        yield from self.lights

    def _wired_bays(self) -> Iterator[tuple[str, Iterator[str]]]:
        yield "power", _bays_of(self.power)
        for shows in Shows:
            of_a_kind = (board for board in self.lights if board.shows is shows)
            yield f"lights for {shows}", _bays_of(of_a_kind)
        yield "control", (section.bay for section in self.control)


def _bays_of(boards: Iterable[BoardSection]) -> Iterator[str]:
    return (bay for board in boards for bay in board.channels.values())


def _twice(things: Iterable[_T]) -> list[_T]:
    return [thing for thing, count in Counter(things).items() if count > 1]
