"""LC Technology's USB relays (LCUS, CH340): ``A0 channel state sum``, 9600 8N1.

``FF`` asks for all channels. What comes back depends on the board: a byte 0 or 1 for each
channel, lines like ``CH1:ON``, or nothing at all; an operator says which.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from edge.wired.frames.framing import Fault, FrameError, Parser, Skip, Step, Took, seek

CHANNELS: Final = 16
QUERY: Final = b"\xff"
_START: Final = 0xA0
_SIZE: Final = 4
_LINE: Final = re.compile(rb"CH([1-9][0-9]?): ?(ON|OFF)")
_BEGINS: Final = re.compile(rb"C(H([1-9]([0-9]?(: ?(O(F?))?)?)?)?)?\Z")


@dataclass(frozen=True, slots=True)
class LcusState:
    """Whether one channel is switched on."""

    channel: int
    on: bool


class LcusParser(Parser[LcusState]):
    """Finds the four-byte frames, which some boards repeat as an answer."""

    limit = _SIZE

    def _next(self, held: bytes) -> Step[LcusState]:
        if noise := seek(held, bytes([_START])):
            return noise
        plausible = held[1:2] <= bytes([CHANNELS]) and held[2:3] <= b"\x01"
        if not plausible or held[1:2] == b"\x00":
            return Skip(1, Fault.MALFORMED)
        if len(held) < _SIZE:
            return None
        if sum(held[:3]) & 0xFF != held[3]:
            return Skip(1, Fault.CHECKSUM)
        return Took(_SIZE, LcusState(held[1], held[2] == 1))


class LcusTextParser(Parser[LcusState]):
    """Finds the lines of boards that answer ``FF`` in text."""

    limit = 12

    def _next(self, held: bytes) -> Step[LcusState]:
        if held[0] in b"\r\n ":
            return Skip(1, None)
        if line := _LINE.match(held):
            return Took(line.end(), LcusState(int(line[1]), line[2] == b"ON"))
        if _BEGINS.match(held):
            return None
        return Skip(1, Fault.MALFORMED if held[:1] == b"C" else Fault.NOISE)


class LcusBytesParser(Parser[tuple[LcusState, ...]]):
    """Takes the bytes of boards that answer ``FF`` with one for each channel.

    These have no frame: start with an empty line, and with as many channels as there are.
    """

    limit = CHANNELS

    def __init__(self, channels: int) -> None:
        super().__init__()
        self._channels = channels

    def _next(self, held: bytes) -> Step[tuple[LcusState, ...]]:
        states = held[: self._channels]
        for at, byte in enumerate(states):
            if byte > 1:
                return Skip(at + 1, Fault.NOISE)
        if len(states) < self._channels:
            return None
        found = (LcusState(channel, byte == 1) for channel, byte in enumerate(states, 1))
        return Took(self._channels, tuple(found))


def switch(channel: int, *, on: bool) -> bytes:
    """Switch a channel.

    Raises:
        FrameError: no such channel.
    """
    if not 1 <= channel <= CHANNELS:
        raise FrameError(f"channels are 1 to {CHANNELS}, not {channel}")
    frame = bytes([_START, channel, int(on)])
    return frame + bytes([sum(frame) & 0xFF])
