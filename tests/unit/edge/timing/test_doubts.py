"""What cannot be true of a camera's time is named, and nothing of it changed."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.timing.dated import Said, Stand, dated
from edge.timing.filetimes import PLAIN, UNKNOWN, file_times
from edge.timing.interval import Measured
from edge.timing.moments import Shows, read_claim
from protocols.clock import ClockReading, ClockSource
from protocols.kinds import CameraClock

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
NS = 1_000_000_000
# 2026-06-19T10:30:00Z
DOCKED = 1_781_865_000
SEEN = ClockReading(
    utc="2026-06-19T10:30:00.000Z", source=ClockSource.NTP, error_ms=20, boot="b", monotonic_ns=1
)
LOCAL = file_times("36 1 8:1 / /card rw - vfat /dev/sda1 rw,tz=UTC,iocharset=utf8", "/card")


def judged(
    name: str | None = None,
    mtime_s: int | None = None,
    *,
    container: str | None = None,
    duration_ms: int | None = None,
    stand: Stand | None = None,
) -> CameraClock:
    said = Said(name, None if mtime_s is None else mtime_s * NS, container, duration_ms)
    claims = CameraClock(started=name, method="as told")
    return dated(claims, said, stand or Stand(SEEN, SHANGHAI, times=LOCAL))


def codes(clock: CameraClock) -> list[str]:
    return [doubt.partition(":")[0] for doubt in clock.doubts]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("1970-01-01T00:00:10", "clock-unset"),
        ("1970-01-01T08:00:10", "clock-unset"),
        ("1980-01-01T00:00:00", "clock-unset"),
        ("2000-01-01T00:00:00", "clock-unset"),
        ("2000-01-05T00:00:00", "before-cameras"),
        ("2038-01-19T03:14:07", "clock-rollover"),
        ("2036-02-07T06:28:16", "clock-rollover"),
        ("2040-02-06T06:28:16", "clock-rollover"),
        ("1901-12-13T20:45:52", "clock-rollover"),
        ("2026-02-30T10:00:00", "no-such-time"),
        ("2026-06-19T25:00:00", "no-such-time"),
        ("2026-06-19T18:31:00", "after-docking"),
        ("2027-01-01T00:00:00", "after-docking"),
    ],
)
def test_an_implausible_start_is_doubted_and_kept(name: str, code: str) -> None:
    clock = judged(name)
    assert code in codes(clock)
    assert clock.started == name


def test_a_plausible_recording_has_no_doubts() -> None:
    # 18:03 in Shanghai, written to FAT as local digits; the container says the same in UTC.
    clock = judged(
        "2026-06-19T18:03:24",
        DOCKED - 26 * 60 + 8 * 3600,
        container="2026-06-19T10:03:24.000Z",
        duration_ms=36_000,
    )
    assert clock.doubts == ()


def test_claims_that_contradict_each_other_are_named() -> None:
    clock = judged(
        "2026-06-19T18:03:24",
        DOCKED + 6 * 3600,
        container="2026-06-18T23:00:00.000Z",
        duration_ms=36_000,
    )
    assert codes(clock) == ["ends-before-start", "times-disagree"]


def test_a_container_may_be_dated_at_its_end_and_in_local_time() -> None:
    for text in ("2026-06-19T18:04:24.000Z", "2026-06-19T10:04:24.000Z", "2026-06-19 18:03:24"):
        clock = judged("2026-06-19T18:03:24", container=text, duration_ms=60_000)
        assert clock.doubts == (), text


def test_hours_of_summer_time_are_named() -> None:
    berlin = Stand(SEEN, BERLIN, times=LOCAL)
    assert codes(judged("2025-10-26T02:30:00", stand=berlin)) == ["hour-twice"]
    assert codes(judged("2026-03-29T02:30:00", stand=berlin)) == ["hour-missing"]
    assert codes(judged("2026-03-29T03:30:00", stand=berlin)) == []


def test_a_measured_offset_explains_a_start_after_docking() -> None:
    measured = Measured(DOCKED * 1000, 3_600_000, 500)
    ahead = Stand(SEEN, SHANGHAI, measured, times=LOCAL)
    clock = judged("2026-06-19T19:20:00", stand=ahead)
    assert clock.doubts == ()
    assert (clock.offset_ms, clock.offset_error_ms) == (3_600_000, 500)
    assert codes(judged("2026-06-19T19:31:00", stand=ahead)) == ["after-docking"]


def test_an_interval_carries_the_claim_over_to_the_docks_clock() -> None:
    stand = Stand(SEEN, SHANGHAI, Measured(DOCKED * 1000, 120_000, 500), times=LOCAL)
    # By the camera: 18:02:00 to 18:07:02; truly two minutes earlier.
    interval = judged("2026-06-19T18:02:00", DOCKED - 23 * 60 + 8 * 3600, stand=stand).interval
    assert interval is not None
    assert interval.earliest is not None
    assert interval.latest is not None
    assert "2026-06-19T09:59:59.1" <= interval.earliest <= "2026-06-19T09:59:59.5"
    assert "2026-06-19T10:05:02.4" <= interval.latest <= "2026-06-19T10:05:02.9"
    assert "off by 120000 ±500 ms" in interval.basis
    assert "Asia/Shanghai" in interval.basis
    assert "if nobody set the clock" in interval.basis


def test_without_an_offset_only_the_docking_bounds_it() -> None:
    interval = judged("2026-06-19T18:02:00", DOCKED).interval
    assert interval is not None
    assert (interval.earliest, interval.latest) == (None, "2026-06-19T10:30:00.020Z")
    assert "not measured" in interval.basis


def test_an_unsynchronised_dock_says_so() -> None:
    seen = SEEN.model_copy(update={"source": ClockSource.UNSYNCHRONISED, "error_ms": None})
    clock = judged("2027-06-19T18:02:00", stand=Stand(seen, SHANGHAI))
    assert clock.interval is not None
    assert "unsynchronised" in clock.interval.basis
    assert "the dock's clock was not synchronised" in clock.doubts[0]


def test_claims_that_do_not_fit_a_measured_clock_leave_the_docking_alone() -> None:
    stand = Stand(SEEN, SHANGHAI, Measured(DOCKED * 1000, 0, 500), times=LOCAL)
    interval = judged("2026-06-20T18:02:00", stand=stand).interval
    assert interval is not None
    assert (interval.earliest, interval.latest) == (None, "2026-06-19T10:30:00.020Z")
    assert "do not fit" in interval.basis


def test_an_unknown_zone_widens_the_interval_and_is_named() -> None:
    stand = Stand(SEEN, None, Measured(DOCKED * 1000, 0, 500))
    interval = judged("2026-06-19T10:02:00", stand=stand).interval
    assert interval is not None
    assert interval.earliest is not None
    assert interval.earliest < "2026-06-18T20:02:00"
    assert "zone not known" in interval.basis


def test_two_words_are_enough_for_any_claim() -> None:
    clock = judged("x" * 200, -(2**33), container="y" * 200, duration_ms=2**62)
    assert all(len(doubt) <= 200 for doubt in clock.doubts)
    assert CameraClock.model_validate_json(clock.model_dump_json()) == clock


@given(
    st.one_of(st.none(), st.text(max_size=40), st.datetimes().map(lambda at: at.isoformat()[:19])),
    st.one_of(st.none(), st.integers(-(2**63) + 1, 2**63 - 1)),
    st.one_of(
        st.none(), st.text(max_size=40), st.datetimes().map(lambda at: f"{at.isoformat()[:19]}Z")
    ),
    st.one_of(st.none(), st.integers(0, 2**62)),
    st.sampled_from([None, SHANGHAI, BERLIN]),
    st.sampled_from([None, Measured(DOCKED * 1000, 10**15, 10**6), Measured(DOCKED * 1000, -5, 0)]),
)
def test_whatever_is_claimed_makes_a_record(
    name: str | None,
    mtime_ns: int | None,
    container: str | None,
    duration: int | None,
    zone: ZoneInfo | None,
    measured: Measured | None,
) -> None:
    claims = CameraClock(started="as it was", ended="as it was", method="m")
    clock = dated(claims, Said(name, mtime_ns, container, duration), Stand(SEEN, zone, measured))
    assert (clock.started, clock.ended) == ("as it was", "as it was")
    assert clock.interval is not None
    assert clock.interval.latest is not None
    again = CameraClock.model_validate_json(clock.model_dump_json())
    assert again == clock


@pytest.mark.parametrize(
    ("text", "shows"),
    [
        ("2026-06-19T10:03:24", Shows.LOCAL),
        ("2009-10-27 12:14:34", Shows.LOCAL),
        ("2026-06-19", Shows.LOCAL),
        ("2026-06-19T10:03:24.000Z", Shows.EITHER),
        ("2026-06-19T10:03:24+08:00", Shows.UTC),
        ("2026-06-19T10:03:60", None),
        ("2026-06-19T10:03:24Z ", None),
        ("\uff11970-01-01T00:00:00", None),
        ("@99999999999", None),
        ("", None),
    ],
)
def test_a_claim_is_read_as_what_it_may_be(text: str, shows: Shows | None) -> None:
    claim = read_claim(text)
    assert (None if claim is None else claim.shows) == shows


def test_a_zone_in_a_claim_counts() -> None:
    claim = read_claim("2026-06-19T18:30:00+08:00")
    assert claim is not None
    assert claim.digits_ms == DOCKED * 1000


MOUNTS = r"""22 28 0:20 / /proc rw - proc proc rw
28 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw
60 28 8:17 / /media/CAM\04001 ro,nosuid shared:2 - vfat /dev/sdb1 ro,fmask=0022,tz=UTC
61 28 8:33 / /media/CAM2 rw master:1 - vfat /dev/sdc1 rw,time_offset=-480
62 28 8:49 / /media/CAM3 rw - vfat /dev/sdd1 rw,fmask=0022
63 28 8:50 / /media/CAM4 rw - exfat /dev/sde1 rw,iocharset=utf8
64 28 8:51 / /media/CAM5 rw - fuseblk /dev/sdf1 rw
65 28 8:52 / /media/CAM5 rw - ext4 /dev/sdg1 rw
nonsense - - -
66 28 8:53 / /media/CAM6 rw -
"""


@pytest.mark.parametrize(
    ("root", "shows", "shift_ms"),
    [
        ("/media/CAM 01", Shows.LOCAL, 0),
        ("/media/CAM2", Shows.LOCAL, -480 * 60_000),
        ("/media/CAM3", Shows.EITHER, 0),
        ("/media/CAM4", Shows.EITHER, 0),
        ("/media/CAM5", Shows.UTC, 0),
        ("/srv/inbox", Shows.UTC, 0),
        ("relative", Shows.EITHER, 0),
    ],
)
def test_what_a_file_time_is_follows_from_the_mount(root: str, shows: Shows, shift_ms: int) -> None:
    found = file_times(MOUNTS, root)
    assert (found.shows, found.shift_ms) == (shows, shift_ms)


@given(st.text(max_size=300))
def test_no_mountinfo_is_too_strange(text: str) -> None:
    assert file_times(text, "/card") in {PLAIN, UNKNOWN} or text
