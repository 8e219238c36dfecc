"""What names claim about time and people, as text; never repaired, doubts beside it.

A camera's clock may never have been set, and anybody can rename a file. So a date stays as
the name has it, even one of no calendar, and what is implausible about it is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from protocols.clock import utc_text

MAX_TEXT = 200
_MAX_DIGITS = 16
_SEPARATORS = b"-_. "
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun")
_MORE_MONTHS: Final = ("jul", "aug", "sep", "oct", "nov", "dec")
_NUMBERS: Final = {
    name.encode(): f"{number:02d}" for number, name in enumerate(_MONTHS + _MORE_MONTHS, 1)
}
_DATE, _TIME, _FIRST_YEAR = 8, 6, 2000
_ROLLOVERS: Final = {
    2036: (date(2036, 2, 7), "where 32-bit network time starts again"),
    2038: (date(2038, 1, 19), "where 32-bit Unix time ends"),
}
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class StartClaim:
    """When a recording began, as its name says.

    Attributes:
        text: ``2026-06-19T10:03:24`` by the camera's clock, zone unknown; with a Z where the
            name counts seconds since 1970. The name's own digits, sense or not.
        doubt: what is implausible about it; empty if nothing is.
    """

    text: str
    doubt: str = ""

    @property
    def day(self) -> str:
        """The part of the text that names the day."""
        return self.text.partition("T")[0]


def start_claim(found: Mapping[str, bytes], today: date | None = None) -> StartClaim | None:
    """When a recording began, from the groups that a name's pattern found.

    Args:
        found: of ``date`` or ``year, month, day``; ``time`` or ``hour, minute, second``;
            or ``epoch``, ``epoch_ms``.
        today: by the dock's clock, to tell what lies ahead; None to leave that open.

    Returns:
        None if the groups hold no date.
    """
    counted = _counted(found)
    if counted is not None:
        return StartClaim(counted, _doubt_of(counted[:10], counted[11:19], today))
    day = _digits(found, "date", ("year", "month", "day"))
    if len(day) != _DATE:
        return None
    clock = _digits(found, "time", ("hour", "minute", "second"))
    said = f"{day[:4]}-{day[4:6]}-{day[6:]}"
    if len(clock) != _TIME:
        return StartClaim(said, _doubt_of(said, "00:00:00", today))
    told = f"{clock[:2]}:{clock[2:4]}:{clock[4:]}"
    return StartClaim(f"{said}T{told}", _doubt_of(said, told, today))


def text_of(raw: bytes) -> tuple[str, str]:
    """Bytes of a name as text that any record and screen can hold, and how they were read.

    Returns:
        The text, at most 200 signs, and a warning that is empty for UTF-8.
    """
    text, warning = _decoded(raw)
    if text.isprintable():
        return text[:MAX_TEXT], warning
    plain = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return plain[:MAX_TEXT], warning


def _decoded(raw: bytes) -> tuple[str, str]:
    try:
        return raw.decode(), ""
    except UnicodeDecodeError:
        pass
    try:
        return raw.decode("gb18030"), "not UTF-8; read as GB 18030"
    except UnicodeDecodeError:
        return raw.decode("utf-8", "backslashreplace"), "neither UTF-8 nor GB 18030"


def _counted(found: Mapping[str, bytes]) -> str | None:
    for name, factor in (("epoch", 10**9), ("epoch_ms", 10**6)):
        raw = found.get(name, b"")
        if raw.isdigit() and len(raw) <= _MAX_DIGITS:
            return utc_text(int(raw) * factor)
    return None


def _digits(found: Mapping[str, bytes], whole: str, pieces: tuple[str, str, str]) -> str:
    raw = found.get(whole)
    if raw is None:
        parts = [found.get(piece, b"") for piece in pieces]
        raw = b"".join(_NUMBERS.get(part.lower(), "").encode() or part for part in parts)
    kept = raw.translate(None, _SEPARATORS)
    return kept.decode() if kept.isdigit() else ""


def _doubt_of(said: str, told: str, today: date | None) -> str:
    try:
        day = date.fromisoformat(said)
    except ValueError:
        return f"{said} is in no calendar"
    try:
        time.fromisoformat(told)
    except ValueError:
        return f"{told} is no time of day"
    return _implausible(day, today)


def _implausible(day: date, today: date | None) -> str:
    if day.year == datetime.fromtimestamp(0, UTC).year:
        return "1970, as clocks say that were never set"
    if day == date(1980, 1, 1):
        return "1980-01-01, the first day FAT knows, as clocks say that were never set"
    if day.year < _FIRST_YEAR:
        return f"{day.year}, before there were such cameras"
    rollover, meaning = _ROLLOVERS.get(day.year, (date.max, ""))
    # Within a day of it by any time zone, or in its year while that lies ahead.
    if meaning and (abs(day - rollover) <= _DAY or today is None or day > today):
        return f"{day.year}, {meaning}"
    if today is not None and (day - today) > _DAY:
        return f"{day} lies ahead of {today}"
    return ""
