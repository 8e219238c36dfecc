"""Sizes and times for people: short, in two languages, by the dock's own clock."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

Pair = tuple[str, str]
"""One text in Chinese and in English."""

# Unicode 15.1, bidirectional formatting characters.
_TURNING: Final = frozenset(
    map(chr, (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))
)
_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
_DAY_S: Final = 86_400
_STEP: Final = 1000
_HUNDRED: Final = 100
_UNITS: Final = ("B", "kB", "MB", "GB", "TB")
# Beyond this nobody waits for it, and the estimate is worth nothing.
_LONGEST_S: Final = 20 * _HOUR_S


def tame(value: object) -> str:
    """A text without marks that turn the direction of what follows: exe.4pm must not read mp4.exe.

    Names on a card come without them from the daemon; a case's title may come from anywhere.
    """
    text = str(value)
    return text if _TURNING.isdisjoint(text) else "".join(_stand_in(each) for each in text)


def _stand_in(letter: str) -> str:
    return "\N{REPLACEMENT CHARACTER}" if letter in _TURNING else letter


def size(count: int) -> str:
    """Bytes as a card's label counts them: 12.3 GB."""
    value, unit = float(count), 0
    while value >= _STEP - 0.5 and unit < len(_UNITS) - 1:
        value, unit = value / _STEP, unit + 1
    # Three digits are enough.
    digits = 1 if unit > 1 and value < _HUNDRED else 0
    return f"{value:.{digits}f} {_UNITS[unit]}"


def time_left(remaining: int, rate: float) -> Pair | None:
    """How long so many bytes take at this rate; None when nobody can tell."""
    if remaining <= 0 or rate <= 0 or remaining / rate > _LONGEST_S:
        return None
    seconds = remaining / rate
    if seconds < _MINUTE_S:
        return "不到1分钟", "< 1 min"
    minutes = math.ceil(seconds / _MINUTE_S)
    return f"约{minutes}分钟", f"~{minutes} min"


def lasted(seconds: float) -> Pair:
    """A length of time, roughly."""
    for length, zh, en in ((_DAY_S, "天", "d"), (_HOUR_S, "小时", "h"), (_MINUTE_S, "分钟", "min")):
        if seconds >= length:
            return f"{seconds // length:.0f}{zh}", f"{seconds // length:.0f} {en}"
    return f"{seconds:.0f}秒", f"{seconds:.0f} s"


def local(utc: str) -> datetime | None:
    """A time of the ledger in the dock's own zone; None for what no calendar holds."""
    try:
        return datetime.fromisoformat(utc).astimezone()
    except (ValueError, OverflowError):
        return None


def moment(utc: str) -> str:
    """A time in full, with its distance from UTC: 2026-11-22 11:48:05 +08:00."""
    at = local(utc)
    if at is None:
        return utc
    zone = at.strftime("%z")
    return f"{at:%Y-%m-%d %H:%M:%S} {zone[:3]}:{zone[3:5]}"


def ago(utc: str, seconds: float) -> str:
    """When something was that began so many seconds before a time: 02:10, or with its day."""
    now = local(utc)
    if now is None:
        return "?"
    then = now - timedelta(seconds=seconds)
    return f"{then:%H:%M}" if then.date() == now.date() else f"{then:%m-%d %H:%M}"


def trust(clock: Mapping[str, Any]) -> Pair:
    """How far a clock reading can be believed."""
    error_ms = clock.get("error_ms")
    if clock.get("source") == "ntp":
        within = "" if error_ms is None else f"，误差≤{error_ms}毫秒"
        said = "" if error_ms is None else f", error ≤ {error_ms} ms"
        return f"时钟已同步{within}", f"clock synchronised{said}"
    if clock.get("source") == "rtc":
        return "时钟未同步（电池时钟）", "clock not synchronised (battery clock)"
    return "时钟未同步，可能不准", "clock not synchronised, may be wrong"
