"""Coverage of stages and the time of footage: pure, so every case of it is tried."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.cases.coverage import Covered, Stage, StageCoverage, cover
from gateway.cases.footage import Footage, footage_of

NOON = datetime(2026, 2, 25, 12, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def exact(name: str, start: float, end: float, error: float = 0) -> Footage:
    """Footage whose clock was measured, to so many minutes."""
    sure = (at(start + error), at(end - error)) if end - start >= 2 * error else None
    possible = at(start - error), at(end + error)
    return Footage(name, possible, (at(start), at(end)), sure, "measured")


def claimed(name: str, start: float, end: float) -> Footage:
    possible = at(start - 14 * 60), at(end + 12 * 60)
    return Footage(name, possible, (at(start), at(end)), None, "claimed")


def docked(name: str, before: float) -> Footage:
    return Footage(name, (None, at(before)), None, None, "docked")


def one(
    *footage: Footage, start: float | None = 0, end: float | None = 60, now: float = 600
) -> StageCoverage:
    stage = Stage("a", None if start is None else at(start), None if end is None else at(end))
    (found,) = cover([stage], footage, at(now), timedelta(seconds=10))
    return found


def minutes(found: StageCoverage) -> list[tuple[float, float, bool]]:
    return [
        (
            (gap.start - NOON) / timedelta(minutes=1),
            (gap.end - NOON) / timedelta(minutes=1),
            gap.sure,
        )
        for gap in found.gaps
    ]


@pytest.mark.parametrize(
    ("footage", "covered", "sure", "gaps"),
    [
        ((), Covered.MISSING, True, [(0, 60, True)]),
        ((exact("x", 0, 60),), Covered.COVERED, True, []),
        ((exact("x", -5, 90),), Covered.COVERED, True, []),
        ((exact("x", 0, 30), exact("y", 30, 60)), Covered.COVERED, True, []),
        ((exact("y", 30.1, 60), exact("x", -1, 30)), Covered.COVERED, True, []),
        ((exact("x", 0, 60, 1),), Covered.COVERED, False, []),
        ((exact("x", -2, 62, 1),), Covered.COVERED, True, []),
        ((exact("x", 10, 60),), Covered.LATE, True, [(0, 10, True)]),
        ((exact("x", 10, 60, 1),), Covered.LATE, True, [(0, 10, True)]),
        ((exact("x", 0.5, 61, 1),), Covered.LATE, False, [(0, 0.5, False)]),
        ((exact("x", 0, 50),), Covered.PARTLY, True, [(50, 60, True)]),
        ((exact("x", 10, 50),), Covered.PARTLY, True, [(0, 10, True), (50, 60, True)]),
        ((exact("x", 0, 20), exact("y", 40, 60)), Covered.PARTLY, True, [(20, 40, True)]),
        ((exact("x", 10, 20), exact("y", 15, 60)), Covered.LATE, True, [(0, 10, True)]),
        ((exact("x", 61, 90),), Covered.MISSING, True, [(0, 60, True)]),
        ((exact("x", 61, 90, 2),), Covered.MISSING, False, [(0, 60, True)]),
        ((exact("x", -30, 0),), Covered.MISSING, False, [(0, 60, True)]),
        ((claimed("x", 0, 60),), Covered.COVERED, False, []),
        ((claimed("x", 10, 60),), Covered.LATE, False, [(0, 10, False)]),
        ((claimed("x", 120, 180),), Covered.MISSING, False, [(0, 60, False)]),
        ((docked("x", 90),), Covered.MISSING, False, [(0, 60, False)]),
        ((docked("x", -1),), Covered.MISSING, True, [(0, 60, True)]),
        ((exact("x", 0, 30), docked("y", 90)), Covered.PARTLY, False, [(30, 60, False)]),
    ],
)
def test_a_stage_is_called_by_what_footage_there_is_and_says_whether_it_is_sure(
    footage: tuple[Footage, ...],
    covered: Covered,
    sure: bool,  # noqa: FBT001
    gaps: list[tuple[float, float, bool]],
) -> None:
    found = one(*footage)
    assert (found.covered, minutes(found)) == (covered, gaps)
    assert found.sure == sure


def test_a_stage_without_a_time_and_one_to_come_have_no_answer() -> None:
    assert one(exact("x", 0, 60), start=None).covered is Covered.UNTIMED
    assert one(exact("x", 0, 60), now=-1).covered is Covered.UPCOMING


def test_a_stage_that_goes_on_is_looked_at_until_now() -> None:
    assert one(exact("x", 0, 60), end=None, now=60).covered is Covered.COVERED
    assert minutes(one(exact("x", 0, 60), end=None, now=90)) == [(60, 90, True)]


def test_a_stage_of_one_moment_is_covered_or_missing() -> None:
    assert one(exact("x", -1, 1), end=0).covered is Covered.COVERED
    assert one(exact("x", 1, 2), end=0).covered is Covered.MISSING
    assert one(end=0).covered is Covered.MISSING


def test_clips_are_named_in_order_of_time_and_those_of_unknown_time_apart() -> None:
    found = one(exact("late", 40, 60), docked("when", 90), exact("early", 0, 40), docked("old", -9))
    assert (found.clips, found.perhaps) == (("early", "late"), ("when",))


# --- when a clip was recorded --------------------------------------------------------


@dataclass
class Row:
    started_earliest: datetime | None = None
    started_latest: datetime | None = None
    ended_latest: datetime | None = None
    started_claim: str | None = None
    corrected_started: str | None = None
    camera_clock: dict[str, Any] = field(default_factory=dict)
    media: dict[str, Any] = field(default_factory=dict)


MEASURED = {"interval": {"earliest": "2026-02-25T11:59:59.000Z", "latest": "x"}}
TEN = {"duration_ms": 600_000}


def test_a_measured_clip_is_laid_in_the_middle_of_what_is_possible() -> None:
    row = Row(at(-1), at(1), at(11), camera_clock=MEASURED, media=TEN)
    found = footage_of("x", row, ZONE)
    assert found == Footage("x", (at(-1), at(11)), (at(0), at(10)), (at(1), at(9)), "measured")
    vague = footage_of("x", Row(at(-8), at(8), at(18), camera_clock=MEASURED, media=TEN), ZONE)
    assert (vague.likely, vague.sure) == ((at(0), at(10)), None)


@pytest.mark.parametrize(
    ("claim", "likely"),
    [("20:03:00", 0), ("20:03:00Z", 480), ("08:00:00", 700), ("nonsense", 700)],
)
def test_a_measured_clip_of_wide_bounds_is_laid_where_its_clock_put_right_says(
    claim: str, likely: float
) -> None:
    clock = MEASURED | {"offset_ms": 180_000}
    said = f"2026-02-25T{claim}"
    row = Row(at(-5), at(1405), at(1415), said, camera_clock=clock, media=TEN)
    found = footage_of("x", row, ZONE)
    assert (found.likely, found.sure) == ((at(likely), at(likely + 10)), None)


def test_a_claim_without_a_zone_is_read_in_the_zone_of_cameras_and_is_never_sure() -> None:
    window = (at(-14 * 60), at(12 * 60), at(13 * 60))
    row = Row(*window, started_claim="2026-02-25T20:00:00", media=TEN)
    found = footage_of("x", row, ZONE)
    assert (found.likely, found.sure, found.basis) == ((at(0), at(10)), None, "claimed")
    zoned = Row(*window, started_claim="2026-02-25T12:00:00Z", media=TEN)
    assert footage_of("x", zoned, ZONE).likely == (at(0), at(10))


@pytest.mark.parametrize(
    "claim",
    [
        None,
        "",
        "soon",
        "2026-02-30T20:00:00",
        "@99999999999",
        "0001-01-01T00:00:00",
        "2027-01-01T00:00:00",
    ],
)
def test_a_claim_that_cannot_be_true_leaves_the_time_open(claim: str | None) -> None:
    row = Row(at(-14 * 60), at(12 * 60), at(13 * 60), started_claim=claim, media=TEN)
    found = footage_of("x", row, ZONE)
    assert (found.likely, found.basis) == (None, "docked")
    assert footage_of("x", Row(ended_latest=at(5)), ZONE).possible == (None, at(5))


def test_a_start_that_was_put_right_counts_and_is_not_called_sure() -> None:
    row = Row(at(-1), at(1), at(11), corrected_started="2026-02-25T13:00:00.000Z", media=TEN)
    found = footage_of("x", row, ZONE)
    assert (found.likely, found.sure, found.basis) == ((at(60), at(70)), None, "corrected")


@pytest.mark.parametrize(
    ("clock", "media", "lasted"),
    [
        ({}, {}, 0),
        ({"started": "2026-02-25T20:00:00", "ended": "2026-02-25T20:05:00"}, {}, 5),
        ({"started": "2026-02-25T20:00:00", "ended": "2026-02-25T19:05:00"}, {}, 0),
        ({"started": "2026-02-25T20:00:00", "ended": "2026-03-25T19:05:00"}, {}, 0),
        ({"started": "2026-02-25T20:00:00", "ended": "2026-02-25T20:05:00"}, TEN, 10),
        ({}, {"duration_ms": 10**30}, 24 * 60),
        ({"started": 5, "ended": None}, {"duration_ms": "x"}, 0),
    ],
)
def test_a_clip_lasts_as_its_container_says_or_its_cameras_clock(
    clock: dict[str, Any], media: dict[str, Any], lasted: float
) -> None:
    row = Row(at(0), at(0), at(9999), camera_clock=MEASURED | clock, media=media)
    likely = footage_of("x", row, ZONE).likely
    assert likely == (at(0), at(lasted))
