"""When the premises hold, the true time is inside; always."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import assume, given
from hypothesis import strategies as st

from edge.timing.drift import Remembered, drift_of
from edge.timing.interval import Measured, Rate, between
from edge.timing.moments import DAY, HOUR, Claim, Shows, Span, hull, readings

# Milliseconds of the years 2005 to 2040; a camera may be wrong by decades.
TIMES = st.integers(1_104_537_600_000, 2_208_988_800_000)
OFFSETS = st.integers(-(40 * 365 * DAY), 40 * 365 * DAY)
AGES = st.integers(0, 400 * DAY)
RATES = st.integers(-60_000, 60_000)
ZONES = st.sampled_from(
    [
        ZoneInfo(name)
        for name in (
            *("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"),
            *("Pacific/Kiritimati", "Pacific/Apia", "Africa/Casablanca", "UTC"),
        )
    ]
)


def shown(docked_ms: int, offset_ms: int, rate: int, at_ms: int) -> int:
    """What a camera's clock said at a time, its gain rounded to the nearest millisecond."""
    return at_ms + offset_ms + round(rate * (at_ms - docked_ms) / DAY)


@given(TIMES, OFFSETS, st.integers(0, 5000), RATES, st.integers(0, 20_000), AGES, AGES, st.data())
def test_a_recording_lies_within_its_interval(
    docked: int,
    offset: int,
    error: int,
    rate: int,
    spread: int,
    age: int,
    length: int,
    data: st.DataObject,
) -> None:
    length = min(length, age)
    began, ended = docked - age, docked - age + length
    measured = Measured(
        docked,
        offset + data.draw(st.integers(-error, error)),
        # A millisecond for the rounding of the simulated clock.
        error + 1,
        Rate(rate + data.draw(st.integers(-spread, spread)), spread),
    )
    start, end = shown(docked, offset, rate, began), shown(docked, offset, rate, ended)
    grain = data.draw(st.sampled_from([1, 1000, 2000]))
    found = between(
        Span(start - start % grain, start - start % grain + grain),
        Span(end - end % grain, end - end % grain + grain),
        measured,
        docked + data.draw(st.integers(0, DAY)),
    )
    assert found is not None
    earliest, latest = found
    assert earliest is not None
    assert earliest <= began <= ended <= latest


@given(TIMES, OFFSETS, st.integers(0, 5000), AGES)
def test_a_better_measurement_never_widens_it(
    docked: int, offset: int, error: int, age: int
) -> None:
    claim = Span(docked + offset - age, docked + offset - age + 1000)
    wide = Measured(docked, offset, error + 1000, Rate(0, 10_000))
    narrow = Measured(docked, offset, error, Rate(0, 5_000))
    assert wide.earliest(claim.low_ms) <= narrow.earliest(claim.low_ms)
    assert wide.latest(claim.high_ms) >= narrow.latest(claim.high_ms)


@given(TIMES, st.integers(1, 400 * DAY))
def test_without_a_measured_clock_only_the_docking_bounds_it(docked: int, ahead: int) -> None:
    claim = Span(docked + ahead, docked + ahead)
    assert between(claim, claim, None, docked) == (None, docked)


@given(TIMES, st.integers(HOUR, 400 * DAY))
def test_claims_that_do_not_fit_the_clock_bound_nothing(docked: int, ahead: int) -> None:
    claim = Span(docked + ahead, docked + ahead)
    assert between(claim, claim, Measured(docked, 0, 500), docked) is None


@given(TIMES, ZONES, st.sampled_from([Shows.UTC, Shows.LOCAL]))
def test_one_reading_of_local_digits_is_what_was_meant(
    at: int, zone: ZoneInfo, meant: Shows
) -> None:
    at -= at % 1000
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)
    local = moment.astimezone(zone).replace(tzinfo=UTC)
    digits = at if meant is Shows.UTC else round(local.timestamp()) * 1000
    for shows in (meant, Shows.EITHER):
        claim = Claim(digits, shows)
        assert any(span.holds(at) for span in readings(claim, zone))
        assert any(span.holds(at) for span in readings(claim, None))
        assert hull(readings(claim, None)).low_ms <= hull(readings(claim, zone)).low_ms


@given(TIMES, st.integers(2 * HOUR, 400 * DAY), RATES, OFFSETS, st.data())
def test_the_drift_is_within_its_stated_error(
    first: int, between_ms: int, rate: int, offset: int, data: st.DataObject
) -> None:
    errors = st.integers(0, 2000)
    second = first + between_ms
    was: list[Remembered] = []
    now: list[Remembered] = []
    for at, kept in ((first, was), (second, now)):
        dock_error, error = data.draw(errors), data.draw(errors)
        dock = data.draw(st.integers(-dock_error, dock_error))
        camera = at + offset + round(rate * (at - first) / DAY)
        seen = at + dock
        off = camera - seen + data.draw(st.integers(-error, error))
        kept.append(
            Remembered(
                at_ms=seen, dock_error_ms=dock_error, offset_ms=off, offset_error_ms=error + 1
            )
        )
    drift = drift_of(was[0], now[0])
    assume(drift.rate is not None)
    assert drift.rate is not None
    assert drift.rate.low <= rate <= drift.rate.high


@given(st.one_of(st.text(max_size=200), st.binary(max_size=100).map(repr)))
def test_a_memory_that_is_none_is_no_memory(text: str) -> None:
    assert Remembered.read(text) is None


def test_a_clock_that_was_set_in_between_has_no_drift() -> None:
    was = Remembered(at_ms=0, dock_error_ms=5, offset_ms=0, offset_error_ms=500)
    now = Remembered(at_ms=DAY, dock_error_ms=5, offset_ms=HOUR, offset_error_ms=500)
    drift = drift_of(was, now)
    assert drift.rate is None
    assert "it was set in between" in drift.why


def test_why_there_is_no_drift_is_said() -> None:
    known = Remembered(at_ms=0, dock_error_ms=5, offset_ms=0, offset_error_ms=500)
    later = known.model_copy(update={"at_ms": DAY})
    loose = known.model_copy(update={"dock_error_ms": None})
    blind = known.model_copy(update={"offset_ms": None})
    soon = known.model_copy(update={"at_ms": 60_000})
    reasons = [
        drift_of(*each).why
        for each in ((None, later), (loose, later), (blind, later), (known, soon))
    ]
    assert reasons == [
        "not met before",
        "the dock's own clock was not synchronised both times",
        "not measured twice",
        "measured within the hour",
    ]
