"""The only place where the gateway reads a clock.

Records carry readings that say how good they are (promise 6); database leases use the
database's clock instead, and nothing here is used to decide an order of events.
"""

from __future__ import annotations

import ctypes
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from protocols.clock import ClockReading, ClockSource, reading

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_RTC_SET_THE_CLOCK = Path("/sys/class/rtc/rtc0/hctosys")
_STA_UNSYNC = 0x40
_UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Timex(ctypes.Structure):
    """``struct timex`` of ``adjtimex(2)``, up to the fields that are read here."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("_rest", ctypes.c_long * 32),
    )


class GatewayClock:
    """The host's clock, and what the kernel says about it."""

    def read(self) -> ClockReading:
        """One reading for a record."""
        status, max_error_us = _kernel_says()
        return reading(
            epoch_ns=time.time_ns(),
            monotonic_ns=time.monotonic_ns(),
            boot=_boot_id(),
            kernel_status=status,
            max_error_us=max_error_us,
            rtc=_rtc(),
        )

    def now(self) -> datetime:
        """The time in UTC, for rows and pages that people read; never evidence of when."""
        return _UNIX_EPOCH + timedelta(microseconds=time.time_ns() // 1000)

    def running_s(self) -> float:
        """Seconds since this host started, asleep or not: nobody can set them."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def epoch_s(self) -> int:
        """Seconds since 1970, for receipts."""
        return time.time_ns() // 1_000_000_000

    def synchronised_s(self) -> int | None:
        """Seconds since 1970 when the clock is synchronised, else None (the ``iat`` claim)."""
        return self.epoch_s() if self.read().source is ClockSource.NTP else None


def _kernel_says() -> tuple[int, int]:
    timex = _Timex(modes=0)
    if _libc().adjtimex(ctypes.byref(timex)) < 0:
        # Some sandboxes forbid the call: then nothing vouches for the clock.
        return _STA_UNSYNC, 0
    return int(timex.status), int(timex.maxerror)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


@cache
def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"


@cache
def _rtc() -> bool:
    try:
        return _RTC_SET_THE_CLOCK.read_text(encoding="ascii").strip() == "1"
    except OSError:
        return False
