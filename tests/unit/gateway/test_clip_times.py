"""When a recording began, as a list can be searched by it: never narrower than what is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.evidence.times import WIDEST, Times, around, moment_of, times_of

SEALED = "2026-06-19T12:00:00.000Z"
MADE = datetime(2026, 6, 19, 2, 3, 24, tzinfo=UTC)
"""10:03:24 in China."""


def claim(started: str | None = "2026-06-19T10:03:24", **more: object) -> dict[str, Any]:
    return {"started": started, "method": "x", **more}


def seen(latest: str = "2026-06-19T11:00:00.000Z", earliest: str | None = None) -> dict[str, str]:
    return {"basis": "x", "latest": latest} | ({} if earliest is None else {"earliest": earliest})


def test_a_measured_clock_bounds_both_ends() -> None:
    clock = claim(
        offset_ms=-213365,
        offset_error_ms=119,
        interval=seen("2026-06-19T02:33:10.758Z", "2026-06-19T01:40:52.609Z"),
    )
    times = times_of(clock, 600_000, SEALED)
    assert times.started_earliest == moment_of("2026-06-19T01:40:52.609Z")
    assert times.started_latest == moment_of("2026-06-19T02:23:10.758Z")
    assert times.ended_latest == moment_of("2026-06-19T02:33:10.758Z")


def test_a_measured_begin_is_no_wider_than_a_zone_although_the_docking_was_days_later() -> None:
    clock = claim(
        offset_ms=0,
        offset_error_ms=1000,
        interval=seen("2026-06-29T12:00:00.000Z", "2026-06-19T02:03:00.000Z"),
    )
    times = times_of(clock, None, "2026-06-29T12:00:01.000Z")
    assert times.started_earliest == moment_of("2026-06-19T02:03:00.000Z")
    assert times.started_latest is not None
    assert timedelta(hours=28) < times.started_latest - MADE < timedelta(hours=29)


def test_a_claim_without_a_measured_clock_is_read_in_every_zone_but_not_after_the_docking() -> None:
    times = times_of(claim(interval=seen()), 60_000, SEALED)
    assert times.started_earliest == datetime(2026, 6, 18, 20, 3, 24, tzinfo=UTC)
    assert times.started_latest == times.ended_latest == moment_of("2026-06-19T11:00:00.000Z")
    assert times_of(claim("2026-06-19T10:03:24Z", interval=seen()), 60_000, SEALED) == times


def test_a_claim_with_its_zone_is_one_moment() -> None:
    times = times_of(claim("2026-06-19T10:03:24+08:00", interval=seen()), 60_000, SEALED)
    assert times == Times(MADE, MADE, MADE + timedelta(minutes=1))


def test_a_day_alone_is_any_time_of_it() -> None:
    times = times_of(claim("2026-06-18"), None, SEALED)
    assert times.started_earliest == datetime(2026, 6, 17, 10, tzinfo=UTC)
    assert times.started_latest == moment_of(SEALED)


@pytest.mark.parametrize(
    "clock",
    [
        claim(None, interval=seen()),
        claim("yesterday", interval=seen()),
        claim("1980-01-01T00:00:00", interval=seen(), doubts=["clock-unset: 1980-01-01"]),
        claim("2027-01-01T00:00:00", interval=seen()),
        claim("2026-06-19T10:03:24", interval=seen(), offset_ms=5, offset_error_ms=1),
        claim("0001-01-01T00:00:00", interval=seen()),
        claim("2026-13-01T00:00:00", interval=seen()),
        claim("2026-06-19T10:03:24", interval=seen(), offset_error_ms=2**62),
    ],
)
def test_a_claim_that_cannot_be_true_leaves_the_begin_unknown(clock: dict[str, Any]) -> None:
    assert times_of(clock, 2**62, SEALED) == Times(
        ended_latest=moment_of("2026-06-19T11:00:00.000Z")
    )


def test_a_clock_that_told_no_time_at_all_leaves_everything_unknown() -> None:
    assert times_of(claim(None), None, "@-999999999999") == Times()
    assert moment_of("2026-06-19 10:00:00") is None
    assert moment_of(None) is None


def test_a_correction_is_right_to_its_error_or_says_nothing() -> None:
    assert around("2026-06-19T02:03:24.000Z", 500) == (
        MADE - timedelta(milliseconds=500),
        MADE + timedelta(milliseconds=500),
    )
    for text, error in ((SEALED, 2**63 - 1), ("0001-01-01T00:00:00.000Z", 1), ("later", 1)):
        assert around(text, error) is None


WHEN = st.datetimes(timezones=st.just(UTC)).map(
    lambda at: at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
)
NUMBERS = st.integers(-(2**63), 2**63 - 1)


@given(
    started=st.one_of(st.none(), st.text(max_size=30), WHEN, WHEN.map(lambda text: text[:19])),
    offset=st.one_of(st.none(), NUMBERS, st.integers(-(10**9), 10**9)),
    error=st.one_of(st.none(), st.integers(0, 2**63 - 1), st.integers(0, 10**6)),
    earliest=st.one_of(st.none(), WHEN, st.text(max_size=9)),
    latest=st.one_of(st.none(), WHEN, st.just("@17")),
    duration=st.one_of(st.none(), st.integers(0, 2**63 - 1), st.integers(0, 10**7)),
    sealed=st.one_of(WHEN, st.text(max_size=9)),
)
def test_whatever_a_record_says_the_bounds_are_both_or_neither_and_close(
    started: str | None,
    offset: int | None,
    error: int | None,
    earliest: str | None,
    latest: str | None,
    duration: int | None,
    sealed: str,
) -> None:
    clock: dict[str, Any] = {"started": started, "offset_ms": offset, "offset_error_ms": error}
    if latest is not None:
        clock["interval"] = {"latest": latest, "earliest": earliest}
    times = times_of(clock, duration, sealed)
    if times.started_earliest is None or times.started_latest is None:
        assert times.started_earliest == times.started_latest
        return
    assert timedelta(0) <= times.started_latest - times.started_earliest <= WIDEST
