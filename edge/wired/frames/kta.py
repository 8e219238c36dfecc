"""The relay of KTA's eight-bay dock: ``ESC "C n" CR`` on, ``S`` off, ``L`` asks.

19200 8N1; at least 100 ms between two commands. The answer to ``L n`` is ``L n 0`` or
``L n 1``, spaces optional, with nothing sure to end it. Whether a 1 means "on" was read from
a program's source, not seen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from edge.wired.frames.framing import Fault, FrameError, Parser, Skip, Step, Took

CHANNELS: Final = 8
_ANSWER: Final = re.compile(rb"L {0,2}([1-8]) {0,2}([01])")
_BEGINS: Final = re.compile(rb"L {0,2}([1-8] {0,2})?\Z")
_BLANK: Final = b"\r\n \x1b"


@dataclass(frozen=True, slots=True)
class KtaStatus:
    """Whether one channel is switched on."""

    channel: int
    on: bool


class KtaParser(Parser[KtaStatus]):
    """Finds answers to ``L``; a board that echoes commands does no harm."""

    limit = 8

    def _next(self, held: bytes) -> Step[KtaStatus]:
        if held[0] in _BLANK:
            return Skip(1, None)
        if answer := _ANSWER.match(held):
            return Took(answer.end(), KtaStatus(int(answer[1]), answer[2] == b"1"))
        if _BEGINS.match(held):
            return None
        return Skip(1, Fault.MALFORMED if held[:1] == b"L" else Fault.NOISE)


def switch(channel: int, *, on: bool) -> bytes:
    """Switch a channel.

    Raises:
        FrameError: no such channel.
    """
    return _command("C" if on else "S", channel)


def query(channel: int) -> bytes:
    """Ask for a channel.

    Raises:
        FrameError: no such channel.
    """
    return _command("L", channel)


def _command(letter: str, channel: int) -> bytes:
    if not 1 <= channel <= CHANNELS:
        raise FrameError(f"the board has channels 1 to {CHANNELS}, not {channel}")
    return b"\x1b" + f"{letter} {channel}".encode("ascii") + b"\r"
