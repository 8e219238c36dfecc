"""How far off a camera's clock is, with a bound that holds.

Pure arithmetic over readings. Whoever asks a clock knows when the question went out and
when the answer came; the clock was read somewhere between. It also says whole seconds only,
so it stood somewhere in that second. Both together bound the offset, nothing else does;
several readings bound it better, since all bounds hold at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edge.wired.errors import ClockUnsteady

_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading, in nanoseconds since 1970.

    Attributes:
        asked_ns: the dock's clock when the question went out.
        answered_ns: the dock's clock when the answer was there.
        said_ns: the camera's clock, in its zone's time taken back to UTC.
        grain_ns: the camera's clock stood less than this after what it said.
    """

    asked_ns: int
    answered_ns: int
    said_ns: int
    grain_ns: int = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Offset:
    """Camera's clock minus dock's clock: within ``offset_ms`` ± ``error_ms``.

    The error of the dock's own clock is not in it; that is in the dock's clock reading.
    """

    offset_ms: int
    error_ms: int


def offset_of(samples: Sequence[Sample]) -> Offset:
    """The offset that all samples agree on.

    Raises:
        ValueError: no samples.
        ClockUnsteady: they cannot all be right; a clock was set, or runs wild.
    """
    low = max(sample.said_ns - sample.answered_ns for sample in samples)
    high = min(sample.said_ns + sample.grain_ns - sample.asked_ns for sample in samples)
    if low > high:
        raise ClockUnsteady(f"readings of a clock contradict each other by {low - high} ns")
    offset_ms = (low + high) // 2 // _MS
    # Rounded away from the middle, so that both ends stay inside.
    error_ns = max(high - offset_ms * _MS, offset_ms * _MS - low)
    return Offset(offset_ms, -(-error_ns // _MS))
