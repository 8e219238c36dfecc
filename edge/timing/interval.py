"""Between which times of the dock's clock a recording was made.

Two things are known without a measured clock: a recording was there when the dock saw it,
and nothing else. With one, a claim of the camera's clock can be carried over: so long before
the measuring by the camera's clock was so long before it by any, but for what the camera's
clock gains or loses. Both ends hold for every offset, every rate and every reading of the
claim that is allowed for. Pure arithmetic in whole milliseconds, rounded outwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from edge.timing.moments import DAY, SECOND, Span

# A quartz clock that is worse than 115 ppm is broken; what is expected of one, 3 s a day, is
# not proved of any.
UNMEASURED_MS_PER_DAY: Final = 10 * SECOND
# A measured rate is that of some days; heat and cold move a quartz by up to 35 ppm.
WEATHER_MS_PER_DAY: Final = 3 * SECOND
# Beyond this a clock was set, not drifting.
ABSURD_MS_PER_DAY: Final = 60 * SECOND


@dataclass(frozen=True, slots=True)
class Rate:
    """What a clock gains in a day: ``ms_per_day`` ± ``error_ms_per_day``."""

    ms_per_day: int
    error_ms_per_day: int

    @property
    def low(self) -> int:
        """The least it gains in a day, ms."""
        return self.ms_per_day - self.error_ms_per_day

    @property
    def high(self) -> int:
        """The most it gains in a day, ms."""
        return self.ms_per_day + self.error_ms_per_day


UNMEASURED: Final = Rate(0, UNMEASURED_MS_PER_DAY)


@dataclass(frozen=True, slots=True)
class Measured:
    """A camera's clock held against the dock's.

    Attributes:
        at_ms: when, by the dock's clock.
        offset_ms: camera minus dock.
        error_ms: of that.
        rate: how it moves.
    """

    at_ms: int
    offset_ms: int
    error_ms: int
    rate: Rate = UNMEASURED

    @property
    def camera(self) -> Span:
        """What the camera's clock said at ``at_ms``."""
        middle = self.at_ms + self.offset_ms
        return Span(middle - self.error_ms, middle + self.error_ms)

    def earliest(self, claimed_ms: int) -> int:
        """The dock's time before which the camera's clock cannot have said this."""
        elapsed = self.camera.high_ms - claimed_ms
        return self.at_ms - _longest(elapsed, self.rate)

    def latest(self, claimed_ms: int) -> int:
        """The dock's time after which the camera's clock cannot have said this."""
        elapsed = self.camera.low_ms - claimed_ms
        return self.at_ms + _longest(-elapsed, self.rate)


def between(
    start: Span | None, end: Span | None, measured: Measured | None, seen_ms: int
) -> tuple[int | None, int] | None:
    """The bounds of a recording by the dock's clock.

    Args:
        start: what the camera's clock may have said when it began.
        end: and when it ended.
        measured: that clock; None when nobody measured it.
        seen_ms: when the dock saw the recording, whole.

    Returns:
        Earliest begin, None when nothing bounds it, and latest end; None when the claims
        cannot be true.
    """
    if measured is None:
        return None, seen_ms
    earliest = None if start is None else measured.earliest(start.low_ms)
    latest = seen_ms if end is None else min(seen_ms, measured.latest(end.high_ms))
    if earliest is not None and earliest > latest:
        return None
    return earliest, latest


def _longest(elapsed_ms: int, rate: Rate) -> int:
    """The most time that can have passed while the clock went on by so much; never too little."""
    # A clock that loses shows less than what passed; going backwards in time, one that gains.
    gained = rate.low if elapsed_ms >= 0 else rate.high
    return -(-elapsed_ms * DAY // (DAY + gained))
