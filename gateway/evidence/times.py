"""When a recording began and ended, as moments that a list can be searched and sorted by.

A record holds claims, measurements and bounds in words (docs/clocks.md); what stands here is
worked out from them once, when the row is made, and is nothing but an index: wide where little
is known, and left out where nothing is. Pure arithmetic, so a rebuilt database has the same.

* The camera's clock was measured: the dock's own interval, its two ends.
* It was not: the camera's claim, as it would be true of a right clock in any zone, and no
  later than the dock saw the recording.
* The claim cannot be true (``doubts``), or there is none: unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

WIDEST: Final = timedelta(days=4)
"""A start known less exactly than that is not known; so a search by time looks no further."""

# What local time is ahead of and behind UTC at most, on Earth.
_AHEAD, _BEHIND = timedelta(hours=14), timedelta(hours=12)
_DAY = timedelta(days=1)
# The hour that summer time repeats or leaves out.
_REPEATED = timedelta(hours=1)
_CENTURY: Final = 36_525 * 86_400_000
# How far a measured clock may have moved in a day (docs/clocks.md): unmeasured drift, both ways.
_DRIFT_A_DAY = timedelta(seconds=26)
_UNTRUE = frozenset(
    {"clock-unset", "clock-rollover", "before-cameras", "after-docking", "no-such-time"}
)
_CLAIM = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Times:
    """Bounds of a recording by the dock's clock, UTC.

    Attributes:
        started_earliest, started_latest: between which it began; both or neither.
        ended_latest: it had ended by then; None when even the dock's clock told no time.
    """

    started_earliest: datetime | None = None
    started_latest: datetime | None = None
    ended_latest: datetime | None = None


def moment_of(text: str | None) -> datetime | None:
    """A moment from a record's text in UTC, None for what no calendar holds."""
    if text is None or not text.endswith("Z"):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def around(text: str, error_ms: int) -> tuple[datetime, datetime] | None:
    """Between which moments something was that is said to have been then, right to an error.

    Returns:
        None for what no calendar holds, or wider than a search by time looks.
    """
    moment, error = moment_of(text), _ms(error_ms) or timedelta(0)
    if moment is None or 2 * error > WIDEST:
        return None
    try:
        return moment - error, moment + error
    except OverflowError:
        return None


def times_of(clock: Mapping[str, Any], duration_ms: int | None, sealed_at: str) -> Times:
    """What a clip's row says of when it was recorded.

    Args:
        clock: the record's ``camera_clock``.
        duration_ms: by its container, None when it does not say.
        sealed_at: when the dock sealed it, by the dock's clock.
    """
    sealed, lasted = moment_of(sealed_at), _ms(duration_ms)
    seen = moment_of((clock.get("interval") or {}).get("latest"))
    try:
        began = _began(clock, lasted or timedelta(0), sealed)
        ends = [seen, sealed]
        if began is not None and lasted is not None:
            ends.append(began[1] + lasted)
    except (OverflowError, ValueError):
        # The year 1 in China, a length of a century in the year 9999: no calendar has them.
        began, ends = None, [seen, sealed]
    ended = min((each for each in ends if each is not None), default=None)
    if began is None or began[1] < began[0] or began[1] - began[0] > WIDEST:
        return Times(ended_latest=ended)
    return Times(*began, ended)


def _began(
    clock: Mapping[str, Any], lasted: timedelta, sealed: datetime | None
) -> tuple[datetime, datetime] | None:
    interval = clock.get("interval") or {}
    first, last = moment_of(interval.get("earliest")), moment_of(interval.get("latest"))
    if first is not None and last is not None:
        return first, max(first, min(last - lasted, first + _slack(clock, lasted, first, sealed)))
    claimed = _claimed(clock)
    if claimed is None:
        return None
    return claimed[0], min(each for each in (claimed[1], last, sealed) if each is not None)


def _slack(
    clock: Mapping[str, Any], lasted: timedelta, first: datetime, sealed: datetime | None
) -> timedelta:
    """By how much a start carried over from a measured clock can be later than its bound.

    The dock's bounds are those of begin and end together; one zone in doubt is all the width that
    a begin has by itself, but for what the clock gained since and the errors stated.
    """
    errors = 2 * (_ms(clock.get("offset_error_ms")) or timedelta(0))
    since = timedelta(0) if sealed is None else max(sealed - first, timedelta(0))
    gained = _DRIFT_A_DAY * (since / _DAY)
    return _AHEAD + _BEHIND + 2 * _REPEATED + lasted + errors + gained


def _claimed(clock: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
    found = _CLAIM.fullmatch(clock.get("started") or "")
    doubts = {str(doubt).partition(":")[0] for doubt in clock.get("doubts") or ()}
    if found is None or doubts & _UNTRUE:
        return None
    measured = clock.get("offset_ms") is not None
    if measured and clock.get("interval"):
        # The dock held the claim against the measured clock, and it did not fit.
        return None
    day, time, zone = found.groups()
    at = datetime.fromisoformat(f"{day}T{time or '00:00:00'}").replace(tzinfo=UTC)
    if measured:
        at -= _ms(clock["offset_ms"]) or timedelta(0)
    error = _ms(clock.get("offset_error_ms")) or timedelta(0)
    if zone not in {None, "Z"}:
        at -= _shift(zone)
        return at - error, at + error
    # A local time, or one that says UTC and is local time in many cameras.
    grain = timedelta(0) if time else _DAY + _REPEATED
    return at - _AHEAD - error, at + _BEHIND + grain + error


def _shift(zone: str) -> timedelta:
    sign = -1 if zone[0] == "-" else 1
    return sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))


def _ms(number: int | None) -> timedelta | None:
    # Beyond a century it is a hostile number, and as good as any other such.
    return None if number is None else timedelta(milliseconds=max(-_CENTURY, min(number, _CENTURY)))
