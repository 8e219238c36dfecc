"""The dock's clock says how good it is."""

from __future__ import annotations

import time
from pathlib import Path

from edge.clock import DockClock
from protocols.clock import ClockSource


def test_a_reading_has_the_kernels_boot_and_both_clocks() -> None:
    before = time.monotonic_ns()
    reading = DockClock().read()
    assert reading.boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert before <= reading.monotonic_ns <= time.monotonic_ns()
    assert reading.utc.endswith("Z")


def test_only_a_synchronised_clock_states_an_error_bound() -> None:
    reading = DockClock().read()
    assert (reading.source is ClockSource.NTP) == (reading.error_ms is not None)


def test_time_goes_on() -> None:
    clock = DockClock()
    assert clock.read().monotonic_ns < clock.read().monotonic_ns
