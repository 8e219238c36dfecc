"""Which stages of a case have footage, and where it is missing. Pure; all moments are UTC.

Footage is laid on the time line where it likely was. Whatever that rests on may be wrong by the
errors of clocks, so each answer says whether it is sure: whether it would be the same for
every reading of the clocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.cases.footage import Footage, Span


class Covered(StrEnum):
    """What footage there is of a stage."""

    COVERED = "covered"
    """from its begin to its end"""
    LATE = "late"
    """to its end, but not from its begin"""
    PARTLY = "partly"
    MISSING = "missing"
    UPCOMING = "upcoming"
    """it has not begun"""
    UNTIMED = "untimed"
    """the case does not say when it was"""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage as the case has it; ``end`` is None while it goes on."""

    name: str
    start: datetime | None
    end: datetime | None


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without footage; sure when none of the clips can have been recorded then."""

    start: datetime
    end: datetime
    sure: bool


@dataclass(frozen=True, slots=True)
class StageCoverage:
    """What footage there is of one stage.

    Attributes:
        stage: as the case has it.
        covered: what there is.
        sure: whether no error of a clock changes that.
        clips: those that likely show it, in order of time. perhaps: those that only may.
        gaps: where there is likely none, longer than what is overlooked.
    """

    stage: Stage
    covered: Covered
    sure: bool
    clips: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()


def cover(
    stages: Iterable[Stage], footage: Sequence[Footage], now: datetime, overlooked: timedelta
) -> list[StageCoverage]:
    """Lay footage on the stages of a case.

    Args:
        stages: in the case's order.
        footage: of the clips that are linked to it.
        now: until when a stage that goes on has to have footage.
        overlooked: gaps that are no longer are none, such as those between two files.
    """
    return [_stage(stage, footage, now, overlooked) for stage in stages]


def _stage(
    stage: Stage, footage: Sequence[Footage], now: datetime, overlooked: timedelta
) -> StageCoverage:
    if stage.start is None:
        return StageCoverage(stage, Covered.UNTIMED, sure=True)
    if stage.start > now:
        return StageCoverage(stage, Covered.UPCOMING, sure=True)
    window = stage.start, max(stage.start, stage.end or now)
    likely = [each for each in footage if each.likely and _touch(each.likely, window)]
    perhaps = [each for each in footage if each not in likely and each.may_touch(window)]
    left = _missing(window, [each.likely for each in likely if each.likely], overlooked)
    gaps = tuple(Gap(*gap, sure=_is_sure(gap, footage, overlooked)) for gap in left)
    covered = _called(window, likely, gaps)
    return StageCoverage(
        stage,
        covered,
        _stands(covered, window, footage, gaps, overlooked),
        tuple(each.clip for each in sorted(likely, key=lambda each: each.likely or window)),
        tuple(each.clip for each in perhaps),
        gaps,
    )


def _called(window: Span, likely: Sequence[Footage], gaps: Sequence[Gap]) -> Covered:
    if not likely or [(gap.start, gap.end) for gap in gaps] == [window]:
        return Covered.MISSING
    if not gaps:
        return Covered.COVERED
    only_first = len(gaps) == 1 and gaps[0].start == window[0]
    return Covered.LATE if only_first else Covered.PARTLY


def _stands(
    covered: Covered,
    window: Span,
    footage: Sequence[Footage],
    gaps: Sequence[Gap],
    overlooked: timedelta,
) -> bool:
    """Whether it would be called so for every reading of the clocks."""
    if covered is Covered.MISSING:
        return not any(each.may_touch(window) for each in footage)
    sure = [each.sure for each in footage if each.sure and _touch(each.sure, window)]
    if covered is Covered.COVERED:
        return bool(sure) and not _missing(window, sure, overlooked)
    return bool(sure) and all(gap.sure for gap in gaps)


def _is_sure(gap: Span, footage: Sequence[Footage], overlooked: timedelta) -> bool:
    """Whether some of it stays without footage whatever the errors are."""
    may = [
        (each.possible[0] or gap[0], each.possible[1] or gap[1])
        for each in footage
        if each.may_touch(gap)
    ]
    return bool(_missing(gap, may, overlooked))


def _missing(window: Span, spans: Iterable[Span], overlooked: timedelta) -> list[Span]:
    """What the spans leave of a window, but for pieces that are overlooked.

    A window of no length is left whole when no span touches it.
    """
    first, last = window
    inside = sorted(span for span in spans if _touch(span, window))
    if not inside:
        return [window]
    gaps, at = [], first
    for start, end in inside:
        if start - at > overlooked:
            gaps.append((at, start))
        at = max(at, end)
    if last - at > overlooked:
        gaps.append((at, last))
    return gaps


def _touch(span: Span, window: Span) -> bool:
    return span[0] <= window[1] and span[1] >= window[0]
