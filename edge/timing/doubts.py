"""What cannot be true of a camera's claims of time: named, never repaired.

Each doubt is a stable code, a colon and words, so that a program can count the one and a
person read the other. No doubt keeps a recording from being taken. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from edge.timing.moments import (
    AHEAD,
    BEHIND,
    DAY,
    SECOND,
    Claim,
    Shows,
    Span,
    hull,
    offsets,
    readings,
)
from protocols.clock import utc_text

_MOST: Final = 16
_LONGEST: Final = 200
# What clocks stand at that never were set, or lost their battery; any zone, and the next day.
_UNSET: Final = {
    0: "1970-01-01, where clocks stand that were never set",
    315_532_800_000: "1980-01-01, where clocks stand that were never set",
    946_684_800_000: "2000-01-01, where clocks stand that lost their battery",
}
# 2^32 s after 1900 and after 1904, 2^31 s after and before 1970.
_ROLLOVERS: Final = {
    2_085_978_496_000: "2036-02-07, where 32 bits of network time begin again",
    2_147_483_648_000: "2038-01-19, where 32 bits of Unix time end",
    2_212_122_496_000: "2040-02-06, where 32 bits of time since 1904 end",
    -2_147_483_648_000: "1901-12-13, where 32 bits of Unix time begin",
}
_FIRST_CAMERAS: Final = 1_104_537_600_000  # 2005-01-01
_TOLERANCE: Final = 5 * SECOND


@dataclass(frozen=True, slots=True)
class Claimed:
    """One claim and who makes it: ``its name``, ``its file time``, ``its container``."""

    by: str
    claim: Claim


@dataclass(frozen=True, slots=True)
class Seen:
    """When the dock saw a recording.

    Attributes:
        at_ms: by the dock's clock.
        error_ms: of that; None when the clock was not synchronised.
        ahead_ms: how far the camera's clock was ahead at most, as measured; 0 unmeasured.
    """

    at_ms: int
    error_ms: int | None = None
    ahead_ms: int = 0


def doubts(
    claims: tuple[Claimed, ...],
    zone: tzinfo | None,
    seen: Seen,
    *,
    start: Claimed | None = None,
    end: Claimed | None = None,
    container: Claimed | None = None,
    duration_ms: int = 0,
) -> tuple[str, ...]:
    """Everything that speaks against what a camera claims of one recording.

    Args:
        claims: all there are.
        zone: what the camera's clock shows.
        seen: when the recording was there.
        start: the claim of its begin, in its name.
        end: the claim of its end, its file's time.
        container: what is written inside it, begin or end.
        duration_ms: how long it plays.
    """
    found = [doubt for each in claims for doubt in _implausible(each, zone, seen)]
    if start and end and not _fits(start, end, zone, longest=None):
        found.append(_pair("ends-before-start", start, end))
    if start and container and not _fits(start, container, zone, longest=duration_ms):
        found.append(_pair("times-disagree", start, container))
    return tuple(text[:_LONGEST] for text in dict.fromkeys(found))[:_MOST]


def digits(claim: Claim) -> str:
    """The digits of a claim, as it made them."""
    return utc_text(claim.digits_ms * 1_000_000).removesuffix("Z").removesuffix(".000")


def _implausible(each: Claimed, zone: tzinfo | None, seen: Seen) -> Iterator[str]:
    at = each.claim.digits_ms
    said = f"{each.by} says {digits(each.claim)}"
    for moment, meaning in _UNSET.items():
        if -AHEAD <= at - moment < DAY + BEHIND:
            yield f"clock-unset: {said}; {meaning}"
            return
    for moment, meaning in _ROLLOVERS.items():
        if abs(at - moment) <= DAY + AHEAD:
            yield f"clock-rollover: {said}; {meaning}"
            break
    if at < _FIRST_CAMERAS - AHEAD:
        yield f"before-cameras: {said}, before there were such cameras"
    span = hull(readings(each.claim, zone))
    if span.low_ms - seen.ahead_ms > seen.at_ms + (seen.error_ms or 0):
        yield f"after-docking: {said}, later than it was seen at the dock{_late(span, seen)}"
    if zone is not None and each.claim.shows is Shows.LOCAL and each.claim.grain_ms < DAY:
        yield from _summer(each, zone, said)


def _late(span: Span, seen: Seen) -> str:
    late = (span.low_ms - seen.ahead_ms - seen.at_ms) // SECOND
    source = "" if seen.error_ms is not None else "; the dock's clock was not synchronised"
    return f", by {late} s at least{source}"


def _summer(each: Claimed, zone: tzinfo, said: str) -> Iterator[str]:
    """An hour that the zone has twice or not at all (PEP 495)."""
    shifts = offsets(each.claim, zone)
    if shifts[0] > shifts[-1]:
        yield f"hour-twice: {said}, an hour that {zone} has twice on that day"
    elif shifts[0] < shifts[-1]:
        yield f"hour-missing: {said}, an hour that {zone} leaves out on that day"


def _fits(first: Claimed, second: Claimed, zone: tzinfo | None, longest: int | None) -> bool:
    """Whether one may be followed by the other within ``longest`` ms, by any reading of both."""
    for a in readings(first.claim, zone):
        for b in readings(second.claim, zone):
            too_late = longest is not None and b.low_ms > a.high_ms + longest + _TOLERANCE
            if b.high_ms + _TOLERANCE >= a.low_ms and not too_late:
                return True
    return False


def _pair(code: str, first: Claimed, second: Claimed) -> str:
    return f"{code}: {first.by} says {digits(first.claim)}, {second.by} says {digits(second.claim)}"
