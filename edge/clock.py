"""The dock's clock, read together with what the kernel knows of its error.

The only module of the dock that reads a wall clock for evidence. It sets no clock and
decides nothing by time: the order of things is the ledger's ``seq``.
"""

from __future__ import annotations

import ctypes
import os
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from protocols.clock import ClockReading, ClockSource, reading

_STA_UNSYNC: Final = 0x40
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_RTC_DEVICE = Path("/dev/rtc0")
_RTC_SET_TIME = Path("/sys/class/rtc/rtc0/hctosys")


class _Timex(ctypes.Structure):
    """``struct timex`` of adjtimex(2); the tail is room for the fields not read here."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


@dataclass(frozen=True, slots=True)
class Floor:
    """A time that has passed already, as this dock's own records show.

    Attributes:
        epoch_ns: nanoseconds since 1970.
        synchronised: whether the clock was synchronised then. What an unsynchronised clock
            said yields to a synchronised one: it may have been ahead.
    """

    epoch_ns: int
    synchronised: bool


class DockClock:
    """Reads the system clock with source and error bound; safe from any thread.

    Attributes:
        rtc: whether a battery keeps the time while the dock is off.
        floor: the newest time that is known to have passed; set by ``edge.timing.watch``.
        wider_ms: what the kernel's bound does not know of; set there too.
    """

    def __init__(self) -> None:
        self._boot = _boot_id()
        self.rtc = _RTC_DEVICE.exists() or _rtc_set_the_time()
        self.floor: Floor | None = None
        self.wider_ms = 0
        self._libc = ctypes.CDLL(None, use_errno=True)

    def read(self) -> ClockReading:
        """One reading; ``unsynchronised`` when the kernel does not say otherwise.

        So is a clock that stands before a time that has passed: it is wrong, whatever kept
        it. It is never put right here.
        """
        status, max_error_us = self._discipline()
        epoch_ns = time.time_ns()
        behind = self._behind_ns(epoch_ns, status) > 0
        return reading(
            epoch_ns=epoch_ns,
            monotonic_ns=time.monotonic_ns(),
            boot=self._boot,
            kernel_status=_STA_UNSYNC if behind else status,
            max_error_us=max_error_us + self.wider_ms * 1000,
            rtc=self.rtc and not behind,
        )

    def behind_ns(self) -> int:
        """How far the clock stands before a time that has passed; 0 if it does not."""
        status, _ = self._discipline()
        return self._behind_ns(time.time_ns(), status)

    def passed_ns(self) -> int:
        """The newest time known to have passed, by clock and records, nanoseconds since 1970."""
        return time.time_ns() + self.behind_ns()

    def is_synchronised(self) -> bool:
        """Whether the kernel says that the clock is right."""
        return self.read().source is ClockSource.NTP

    def _behind_ns(self, epoch_ns: int, status: int) -> int:
        floor = self.floor
        if floor is None or (not status & _STA_UNSYNC and not floor.synchronised):
            return 0
        return max(floor.epoch_ns - epoch_ns, 0)

    def _discipline(self) -> tuple[int, int]:
        timex = _Timex()
        timex.modes = 0
        # A sandbox may forbid the call, and a C library may lack it: then nothing is known.
        call = getattr(self._libc, "adjtimex", None)
        if call is None or call(ctypes.byref(timex)) < 0:
            return _STA_UNSYNC, 0
        return int(timex.status), max(int(timex.maxerror), 0)


def today() -> date:
    """The day by the system clock, in UTC: which claims of a camera lie in the future."""
    return datetime.fromtimestamp(time.time_ns() // 10**9, UTC).date()


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()[:64]
    except OSError:
        # Without the kernel's word each run counts as a boot of its own.
        return str(uuid.UUID(bytes=os.urandom(16)))


def _rtc_set_the_time() -> bool:
    try:
        return _RTC_SET_TIME.read_text(encoding="ascii").strip() == "1"
    except OSError:
        return False
