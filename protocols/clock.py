"""Clock readings that say where they come from and how far off they may be.

A bare wall time is no evidence of when (promise 6). A reading also carries the boot
identifier and the monotonic clock, so order within one boot survives clock jumps.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# RFC 5905 and the Linux kernel's adjtimex(2): STA_UNSYNC.
_STA_UNSYNC = 0x40
MAX_ERROR_MS = 10**9


class ClockSource(StrEnum):
    """What keeps the clock right."""

    NTP = "ntp"
    RTC = "rtc"
    UNSYNCHRONISED = "unsynchronised"


class ClockReading(BaseModel):
    """One look at one clock.

    Attributes:
        utc: RFC 3339 text in UTC with milliseconds, as that clock said.
        source: what disciplined the clock when it was read.
        error_ms: bound of the error the system itself states, in milliseconds; None when
            nothing bounds it.
        boot: identifier of the boot, so that readings of two boots are not compared.
        monotonic_ns: nanoseconds since an arbitrary point of that boot.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    utc: Annotated[str, Field(max_length=40)]
    source: ClockSource
    error_ms: Annotated[int, Field(strict=True, ge=0)] | None = None
    boot: Annotated[str, Field(max_length=64)]
    monotonic_ns: Annotated[int, Field(strict=True, ge=0, lt=2**63)]


def utc_text(epoch_ns: int) -> str:
    """RFC 3339 text in UTC with milliseconds; ``@seconds`` outside the years 1 to 9999.

    A camera may claim any time; a claim that no calendar holds is kept as it is.
    """
    try:
        moment = _EPOCH + timedelta(milliseconds=epoch_ns // 1_000_000)
    except OverflowError:
        return f"@{epoch_ns // 1_000_000_000}"
    return moment.strftime("%Y-%m-%dT%H:%M:%S.").rjust(20, "0") + (
        f"{moment.microsecond // 1000:03d}Z"
    )


def reading(
    *, epoch_ns: int, monotonic_ns: int, boot: str, kernel_status: int, max_error_us: int, rtc: bool
) -> ClockReading:
    """Make a reading from what ``adjtimex(2)`` said at the same moment.

    Args:
        epoch_ns: nanoseconds since 1970 by the system clock.
        monotonic_ns: nanoseconds by the monotonic clock.
        boot: the kernel's boot identifier.
        kernel_status: the ``status`` word of ``adjtimex``.
        max_error_us: its ``maxerror``, in microseconds.
        rtc: whether a battery-backed clock set the time at boot.
    """
    if not kernel_status & _STA_UNSYNC:
        source, error_ms = ClockSource.NTP, min(-(-max_error_us // 1000), MAX_ERROR_MS)
    else:
        source, error_ms = (ClockSource.RTC if rtc else ClockSource.UNSYNCHRONISED), None
    return ClockReading(
        utc=utc_text(epoch_ns),
        source=source,
        error_ms=error_ms,
        boot=boot,
        monotonic_ns=monotonic_ns,
    )
