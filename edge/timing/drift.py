"""How a camera's clock moved between two dockings, from what was remembered of the first.

The memory is a small JSON text of this dock's own, but a disk may give back anything, so it
is read like any other input. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.timing.interval import ABSURD_MS_PER_DAY, Rate
from edge.timing.moments import DAY, HOUR

# Two readings an hour apart say nothing of a day.
_SHORTEST: Final = HOUR
_MAX_MS: Final = 2**53

Ms = Annotated[int, Field(strict=True, ge=-_MAX_MS, le=_MAX_MS)]


class Remembered(BaseModel):
    """How a camera's clock was left at a docking.

    Attributes:
        at_ms: when, by the dock's clock.
        dock_error_ms: of that clock; None when it was not synchronised.
        offset_ms: camera minus dock when the dock was done with it; None when not known.
        offset_error_ms: of that.
        was_set: whether the dock set it then.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    at_ms: Ms
    dock_error_ms: Ms | None = None
    offset_ms: Ms | None = None
    offset_error_ms: Ms | None = None
    was_set: Annotated[bool, Field(strict=True)] = False

    @classmethod
    def read(cls, text: str | None) -> Remembered | None:
        """What was remembered; None for nothing, and for what is none."""
        if text is None:
            return None
        try:
            return cls.model_validate_json(text)
        except ValidationError:
            return None


@dataclass(frozen=True, slots=True)
class Drift:
    """How a clock moved; ``rate`` is None when that cannot be said, and ``why`` says why."""

    rate: Rate | None
    why: str


UNKNOWN: Final = Drift(None, "not measured")


def drift_of(before: Remembered | None, now: Remembered) -> Drift:
    """What a clock gained in a day since it was met last.

    Args:
        before: how it was left then.
        now: how it was found, before it was set.
    """
    if before is None:
        return Drift(None, "not met before")
    if before.offset_ms is None or now.offset_ms is None:
        return Drift(None, "not measured twice")
    if before.dock_error_ms is None or now.dock_error_ms is None:
        return Drift(None, "the dock's own clock was not synchronised both times")
    elapsed = now.at_ms - before.at_ms
    if elapsed < _SHORTEST:
        return Drift(None, "measured within the hour")
    errors = (before.offset_error_ms or 0) + (now.offset_error_ms or 0)
    errors += before.dock_error_ms + now.dock_error_ms
    gained = now.offset_ms - before.offset_ms
    # The dock's clock may have been off by its error at either end of the time as well.
    shortest = max(elapsed - before.dock_error_ms - now.dock_error_ms, 1)
    per_day = gained * DAY // elapsed
    error = -(-errors * DAY // shortest) + 1 + abs(per_day) * (elapsed - shortest) // shortest
    if abs(per_day) - error > ABSURD_MS_PER_DAY:
        return Drift(None, f"{per_day / 1000:+.0f} s a day is no drift: it was set in between")
    return Drift(Rate(per_day, error), "measured at two dockings")
