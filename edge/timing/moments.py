"""Which moments a claimed time may mean, in milliseconds since 1970 by the claiming clock.

A camera tells digits, rarely what they are: local time of a zone nobody names, UTC, or local
time stored as if it were UTC. So a claim is read in every way it may have been meant, and
what is said of it later has to hold for all of them. Pure: nothing is read here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Final

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 -- of digits, which tell no zone
_MS: Final = timedelta(milliseconds=1)
# Local time was never further from UTC: 14 hours ahead (Kiritimati), 12 behind (Baker).
AHEAD: Final = 14 * HOUR
BEHIND: Final = 12 * HOUR
_FORM: Final = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ](?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]{1,9})?"
    r"(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)


class Shows(StrEnum):
    """What the digits of a claim are."""

    LOCAL = "local"
    UTC = "utc"
    EITHER = "either"
    """UTC, or local time that was stored as if it were UTC"""


@dataclass(frozen=True, slots=True)
class Span:
    """All moments from ``low_ms`` to ``high_ms``, both included; milliseconds since 1970."""

    low_ms: int
    high_ms: int

    def holds(self, at_ms: int) -> bool:
        """Whether a moment is in it."""
        return self.low_ms <= at_ms <= self.high_ms


@dataclass(frozen=True, slots=True)
class Claim:
    """A claimed time.

    Attributes:
        digits_ms: the digits as if they were UTC, milliseconds since 1970.
        shows: what they are.
        grain_ms: the clock stood up to this much after the digits.
        slack_ms: and up to this much before, where whoever wrote them may round up.
    """

    digits_ms: int
    shows: Shows
    grain_ms: int = SECOND
    slack_ms: int = 0


def read_claim(text: str) -> Claim | None:
    """The claim in a text of the form ``2026-06-19T10:03:24``, with or without time and zone.

    Returns:
        None for what is no time of any calendar.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    try:
        at = datetime.fromisoformat(f"{found['day']}T{found['time'] or '00:00:00'}")
    except ValueError:
        return None
    digits_ms = (at - _EPOCH) // _MS
    if found["time"] is None:
        return Claim(digits_ms, Shows.LOCAL, grain_ms=DAY + HOUR)
    match found["zone"]:
        case None:
            return Claim(digits_ms, Shows.LOCAL)
        case "Z":
            return Claim(digits_ms, Shows.EITHER)
        case zone:
            sign = -1 if zone[0] == "-" else 1
            shift = sign * (int(zone[1:3]) * HOUR + int(zone[-2:]) * MINUTE)
            return Claim(digits_ms - shift, Shows.UTC)


def readings(claim: Claim, zone: tzinfo | None) -> tuple[Span, ...]:
    """Every way to read a claim, as the claiming clock's own UTC.

    Args:
        claim: the claim.
        zone: what the clock shows; None when nobody knows.
    """
    low, high = claim.digits_ms - claim.slack_ms, claim.digits_ms + claim.grain_ms
    spans = [] if claim.shows is Shows.LOCAL else [Span(low, high)]
    if claim.shows is not Shows.UTC:
        if zone is None:
            spans.append(Span(low - AHEAD, high + BEHIND))
        else:
            spans += [Span(low - shift, high - shift) for shift in offsets(claim, zone)]
    return tuple(spans)


def offsets(claim: Claim, zone: tzinfo) -> tuple[int, ...]:
    """What local time may have been ahead of UTC, ms; two where a clock was put back or on.

    An hour that comes twice, and one that is left out, are read in both ways: a camera may
    know nothing of summer time. Of an hour that comes twice the first is the larger one, of
    one that is left out the smaller (PEP 495).
    """
    at = _EPOCH + claim.digits_ms * _MS
    both = (zone.utcoffset(at.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    return tuple(dict.fromkeys((shift or timedelta()) // _MS for shift in both))


def hull(spans: Iterable[Span]) -> Span:
    """The smallest span that holds all of these; there is at least one."""
    held = tuple(spans)
    return Span(min(span.low_ms for span in held), max(span.high_ms for span in held))
