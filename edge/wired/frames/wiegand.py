"""Wiegand's 26 bits, the number that many cards have printed on them.

Even parity over the first half, facility (8 bits), number (16), odd parity over the second
half. The printed number drops the rest of what a card holds, so two cards may share it: it
is for people to compare, never the name of a badge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from edge.wired.frames.framing import FrameError

BITS: Final = 26
_PRINTED: Final = 3


@dataclass(frozen=True, slots=True)
class Wiegand26:
    """What 26 bits hold."""

    facility: int
    number: int

    @property
    def printed(self) -> str:
        """As cards show it, for example ``008,27885``."""
        return f"{self.facility:03d},{self.number:05d}"


def decode(bits: int) -> Wiegand26:
    """Check both parities.

    Args:
        bits: the first bit received is the highest of 26.

    Raises:
        FrameError: more than 26 bits, or a parity is wrong.
    """
    if not 0 <= bits < 1 << BITS:
        raise FrameError("not 26 bits")
    if (bits >> 13).bit_count() % 2 != 0:
        raise FrameError("the even parity is wrong")
    if (bits & 0x1FFF).bit_count() % 2 != 1:
        raise FrameError("the odd parity is wrong")
    data = bits >> 1 & 0xFFFFFF
    return Wiegand26(data >> 16, data & 0xFFFF)


def encode(card: Wiegand26) -> int:
    """The 26 bits of a card.

    Raises:
        FrameError: facility or number do not fit.
    """
    if not (0 <= card.facility < 1 << 8 and 0 <= card.number < 1 << 16):
        raise FrameError("facility has 8 bits, number 16")
    data = card.facility << 16 | card.number
    even = (data >> 12).bit_count() % 2
    odd = 1 - (data & 0xFFF).bit_count() % 2
    return even << 25 | data << 1 | odd


def of_em4100(raw: str) -> Wiegand26:
    """What a card of this raw number has printed on it: its lowest 24 bits.

    Args:
        raw: hex as ``Badge.raw`` of an EM4100 card.

    Raises:
        FrameError: not hex, or fewer than 24 bits.
    """
    try:
        data = bytes.fromhex(raw)
    except ValueError as error:
        raise FrameError(f"{raw!r} is not hex") from error
    if len(data) < _PRINTED:
        raise FrameError(f"{raw!r} has fewer than 24 bits")
    return Wiegand26(data[-3], int.from_bytes(data[-2:], "big"))
