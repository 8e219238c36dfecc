"""When a clip was recorded, as far as that is known: surely, likely, possibly. Pure, all in UTC.

The row's window of the start is wide where nobody measured the camera's clock (docs/clocks.md).
Then its claim says when it was likely: read as a time of the zone that cameras show, and never
called sure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from gateway.evidence.times import moment_of

_LONGEST: Final = timedelta(hours=24)
_CLAIM: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?", re.ASCII)

Span = tuple[datetime, datetime]


class Dated(Protocol):
    """What is read of a clip's row."""

    started_earliest: datetime | None
    started_latest: datetime | None
    ended_latest: datetime | None
    started_claim: str | None
    corrected_started: str | None
    camera_clock: dict[str, Any]
    media: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Footage:
    """One clip on the time line.

    Attributes:
        clip: its name.
        possible: nothing of it was recorded outside; no begin where nothing bounds it.
        likely: when it ran, by what is known; None when nobody can tell.
        sure: when it ran whatever the errors are; None when they are larger than it is long.
        basis: ``measured``, ``corrected``, ``claimed`` or ``docked`` (it was on the card then).
    """

    clip: str
    possible: tuple[datetime | None, datetime | None]
    likely: Span | None
    sure: Span | None
    basis: str

    def may_touch(self, span: Span) -> bool:
        """Whether any of it may have been recorded then."""
        first, last = self.possible
        return (first is None or first <= span[1]) and (last is None or last >= span[0])


def footage_of(clip: str, row: Dated, zone: ZoneInfo) -> Footage:
    """What a clip's row says of when it was recorded.

    Args:
        clip: its name.
        row: of the clip.
        zone: what cameras show that do not say.
    """
    lasted = _lasted(row)
    corrected = moment_of(row.corrected_started)
    if corrected is not None:
        span = corrected, corrected + lasted
        return Footage(clip, span, span, None, "corrected")
    first, last = row.started_earliest, row.started_latest
    if first is None or last is None:
        return Footage(clip, (None, row.ended_latest), None, None, "docked")
    possible = first, last + lasted
    measured = moment_of((row.camera_clock.get("interval") or {}).get("earliest")) is not None
    start = _claimed(row.started_claim, zone)
    if measured:
        start = _put_right(start, row.camera_clock.get("offset_ms"))
        # Wide bounds have a middle that nobody ever claimed.
        start = start if start and first <= start <= last else first + (last - first) / 2
    if start is None or not first <= start <= last:
        return Footage(clip, possible, None, None, "docked")
    sure = (last, first + lasted) if measured and last <= first + lasted else None
    likely = start, start + lasted
    return Footage(clip, possible, likely, sure, "measured" if measured else "claimed")


def _put_right(claim: datetime | None, offset_ms: object) -> datetime | None:
    """What a right clock would have shown."""
    if claim is None or not isinstance(offset_ms, int):
        return None
    try:
        return claim - timedelta(milliseconds=offset_ms)
    except OverflowError:
        return None


def _lasted(row: Dated) -> timedelta:
    """How long it runs: by its container, else by the two claims of the camera's one clock."""
    told = row.media.get("duration_ms")
    if isinstance(told, int):
        return min(timedelta(milliseconds=min(told, 10**10)), _LONGEST)
    clock = row.camera_clock
    start, end = _digits(clock.get("started")), _digits(clock.get("ended"))
    if start is None or end is None or not start <= end <= start + _LONGEST:
        return timedelta(0)
    return end - start


def _claimed(text: str | None, zone: ZoneInfo) -> datetime | None:
    if text is None:
        return None
    digits = _digits(text)
    try:
        if digits is not None:
            return digits.replace(tzinfo=zone).astimezone(UTC)
        moment = datetime.fromisoformat(text)
        # Many cameras call local time UTC; what says so is not believed to be anything else.
        return moment.astimezone(UTC) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _digits(text: object) -> datetime | None:
    """A claim without a zone, as digits."""
    if not isinstance(text, str) or _CLAIM.fullmatch(text) is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
