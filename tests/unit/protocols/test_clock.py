"""A clock reading says where it comes from and how far off it may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.clock import ClockReading, ClockSource, reading, utc_text


def _reading(*, status: int, max_error_us: int = 1500, rtc: bool = False) -> ClockReading:
    return reading(
        epoch_ns=1_700_000_000_123_456_789,
        monotonic_ns=5,
        boot="b",
        kernel_status=status,
        max_error_us=max_error_us,
        rtc=rtc,
    )


def test_a_synchronised_clock_states_its_error_rounded_up() -> None:
    got = _reading(status=0x2001)
    assert (got.source, got.error_ms) == (ClockSource.NTP, 2)
    assert got.utc == "2023-11-14T22:13:20.123Z"


@pytest.mark.parametrize(("rtc", "source"), [(True, "rtc"), (False, "unsynchronised")])
def test_an_unsynchronised_clock_claims_no_error_bound(*, rtc: bool, source: str) -> None:
    got = _reading(status=0x40, rtc=rtc)
    assert (got.source, got.error_ms) == (source, None)


def test_the_year_one_keeps_four_digits() -> None:
    assert utc_text(-62135596800 * 10**9) == "0001-01-01T00:00:00.000Z"


@given(st.integers(-(2**70), 2**70))
def test_any_claimed_time_becomes_text(epoch_ns: int) -> None:
    text = utc_text(epoch_ns)
    assert text.endswith("Z") or int(text.removeprefix("@")) == epoch_ns // 10**9
    assert len(text) <= 40


def test_a_time_beyond_the_calendar_is_kept_as_seconds() -> None:
    assert utc_text(10**21) == "@1000000000000"
