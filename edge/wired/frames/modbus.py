"""Relays that speak Modbus RTU: write one coil (05), read coils (01), exceptions.

``Modbus over serial line`` 1.02: unit, function, data, CRC-16 with the low byte first. On
the wire a frame ends with a pause; what comes through USB has lost its pauses, so frames
are told by their length and their CRC.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, TypeAlias

from edge.wired.frames.framing import Fault, FrameError, Parser, Skip, Step, Took

COILS: Final = 64
_READ: Final = 0x01
_WRITE: Final = 0x05
_EXCEPTION: Final = 0x80
_HEAD: Final = 3
_ON: Final = 0xFF00
_UNITS: Final = range(1, 248)
_MEANINGS: Final = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledged, not done yet",
    6: "busy",
}


@dataclass(frozen=True, slots=True)
class CoilWritten:
    """The unit repeated what it was told."""

    coil: int
    on: bool


@dataclass(frozen=True, slots=True)
class CoilsRead:
    """States in the order they were asked for, filled up to eighths with False."""

    states: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class ModbusException:
    """The unit refused."""

    function: int
    code: int

    @property
    def meaning(self) -> str:
        """The standard's name for the code."""
        return _MEANINGS.get(self.code, f"code {self.code}")


Reply: TypeAlias = CoilWritten | CoilsRead | ModbusException


class ModbusParser(Parser[Reply]):
    """Finds the replies of one unit to functions 01 and 05.

    Args:
        unit: whose.
        coils: how many were asked for; a reply with another number of bytes is none.
    """

    limit = 5 + COILS // 8

    def __init__(self, unit: int, coils: int = 1) -> None:
        super().__init__()
        self._unit = unit
        self._bytes = -(-coils // 8)

    def _next(self, held: bytes) -> Step[Reply]:
        size = self._size(held)
        if size is None:
            return None
        if size == 0:
            return Skip(1, Fault.NOISE)
        if len(held) < size:
            return None
        frame = held[:size]
        if crc(frame[:-2]) != int.from_bytes(frame[-2:], "little"):
            return Skip(1, Fault.CHECKSUM)
        return Took(size, _reply(frame))

    def _size(self, held: bytes) -> int | None:
        """Length of the frame that may begin here; 0 if none does, None if not yet known."""
        if held[0] != self._unit:
            return 0
        if len(held) < _HEAD:
            return None if held[1:] in {b"", b"\x01", b"\x05", b"\x81", b"\x85"} else 0
        match held[1]:
            case 0x01:
                return 5 + held[2] if held[2] == self._bytes else 0
            case 0x05:
                # A coil's number and state leave few bytes free; noise seldom looks so.
                rest = held[2:6]
                fits = rest[0] == 0 and rest[2:3] in {b"", b"\x00", b"\xff"}
                return 8 if fits and rest[3:4] in {b"", b"\x00"} else 0
            case 0x81 | 0x85:
                return 5
            case _:
                return 0


def _reply(frame: bytes) -> Reply:
    match frame[1]:
        case 0x01:
            bits = int.from_bytes(frame[3:-2], "little")
            return CoilsRead(tuple(bool(bits >> at & 1) for at in range(8 * frame[2])))
        case 0x05:
            return CoilWritten(int.from_bytes(frame[2:4], "big"), frame[4] != 0)
        case function:
            return ModbusException(function & ~_EXCEPTION, frame[2])


def crc(data: bytes) -> int:
    """CRC-16 of the Modbus specification (polynomial A001 reflected, start FFFF)."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return value


def write_coil(unit: int, coil: int, *, on: bool) -> bytes:
    """Function 05.

    Raises:
        FrameError: no such unit or coil.
    """
    return _request(unit, _WRITE, coil, _ON if on else 0)


def read_coils(unit: int, first: int, count: int) -> bytes:
    """Function 01.

    Raises:
        FrameError: no such unit or coils.
    """
    if count < 1 or first + count > COILS:
        raise FrameError(f"{count} coils from {first} are not within {COILS}")
    return _request(unit, _READ, first, count)


def _request(unit: int, function: int, coil: int, value: int) -> bytes:
    if unit not in _UNITS or not 0 <= coil < COILS:
        raise FrameError(f"unit {unit}, coil {coil}: units are 1 to 247, coils 0 to {COILS - 1}")
    frame = struct.pack(">BBHH", unit, function, coil, value)
    return frame + crc(frame).to_bytes(2, "little")
