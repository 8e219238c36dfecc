"""Calendar months from a day, and the moment at which such a time is over."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_YEAR = 12


def add_months(day: date, months: int) -> date:
    """The same day of a later month, or that month's last day where it has none.

    31 January and one month is 28 or 29 February, as the Civil Code has it (民法典 art. 202).

    Raises:
        OverflowError: beyond the year 9999.
    """
    place = day.year * _YEAR + day.month - 1 + months
    year, month = divmod(place, _YEAR)
    if year > date.max.year:
        msg = f"{months} months after {day} are beyond the calendar"
        raise OverflowError(msg)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def over_after(since: datetime, months: int, zone: ZoneInfo) -> datetime:
    """When so many months since a moment are over: at the end of the last day, in UTC.

    Args:
        since: a moment; the day it falls on in the zone is the first.
        months: calendar months.
        zone: whose days are counted.

    Raises:
        OverflowError: beyond the year 9999.
    """
    return day_over(add_months(since.astimezone(zone).date(), months), zone)


def day_over(day: date, zone: ZoneInfo) -> datetime:
    """The end of a day, in UTC; the later moment where clocks are put back over midnight."""
    following = datetime.combine(day + timedelta(days=1), time(0), tzinfo=zone)
    return max(following.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
