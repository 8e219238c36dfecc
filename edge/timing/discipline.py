"""Who keeps the dock's clock right, and how well, from what chrony or timesyncd say.

Pure: the text of ``chronyc -n -c tracking`` or ``timedatectl show-timesync --all`` comes in.
Both are read strictly, since a bound that is read wrongly is worse than none.

The kernel's own bound is not enough. chrony keeps it up, and says through it what it knows only
with ``rtcsync``; systemd-timesyncd sets it to zero at every look at its server, whatever that
server is worth. So what these programs know of the way to the true time comes on top.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MAX_TEXT: Final = 16 * 1024
_TRACKING: Final = 14
_NUMBER: Final = re.compile(r"-?[0-9]{1,10}(?:\.[0-9]{1,12})?")
_SERVER: Final = re.compile(r"[!-~]{0,255}")
_REFERENCE: Final = re.compile(r"[0-9A-F]{8}")
_LEAPS: Final = frozenset({"Normal", "Insert second", "Delete second", "Not synchronised"})
_MAX_STRATUM: Final = 16
_MESSAGE: Final = re.compile(r"(?P<name>[A-Za-z]{1,30})=(?P<value>[^,={}]*?)(?=,| [A-Za-z]+=| *\})")
_SPAN: Final = re.compile(r"([0-9]{1,10}(?:\.[0-9]{1,9})?)(us|ms|s|min|h|d)")
_MS: Final = {"us": 0.001, "ms": 1, "s": 1e3, "min": 6e4, "h": 3.6e6, "d": 8.64e7}
_MAX_MS: Final = 10**9


class DisciplineError(ValueError):
    """A text that is not what its program says."""


@dataclass(frozen=True, slots=True)
class Discipline:
    """What keeps the clock right.

    Attributes:
        by: ``chrony`` or ``systemd-timesyncd``.
        server: by name or address; None without one.
        stratum: hops from a reference clock.
        synchronised: whether the program calls the clock synchronised.
        error_ms: how far the way to the true time may be off, beyond what the kernel bounds.
    """

    by: str
    server: str | None = None
    stratum: int | None = None
    synchronised: bool = False
    error_ms: int = 0


def chrony(text: str) -> Discipline:
    """What ``chronyc -n -c tracking`` says.

    The true time is within half the root delay, the root dispersion and what is left to be
    corrected (chronyc(1), tracking).

    Raises:
        DisciplineError: it is something else.
    """
    fields = _small(text).strip().split(",")
    if len(fields) != _TRACKING or not _REFERENCE.fullmatch(fields[0]):
        raise DisciplineError("no tracking report of chrony")
    server, leap = fields[1], fields[13]
    if not _SERVER.fullmatch(server) or leap not in _LEAPS:
        raise DisciplineError("no tracking report of chrony")
    offset, delay, dispersion = (_number(fields[at]) for at in (4, 10, 11))
    stratum = _stratum(fields[2])
    return Discipline(
        by="chrony",
        server=server or None,
        stratum=stratum,
        synchronised=leap != "Not synchronised" and stratum < _MAX_STRATUM and bool(server),
        error_ms=_whole_ms((abs(offset) + abs(delay) / 2 + abs(dispersion)) * 1e3),
    )


def timesyncd(text: str) -> Discipline:
    """What ``timedatectl show-timesync --all`` says.

    Raises:
        DisciplineError: it is something else.
    """
    lines = (line.partition("=") for line in _small(text).splitlines())
    told = {name: value for name, _, value in lines}
    if "ServerName" not in told and "FallbackNTPServers" not in told:
        raise DisciplineError("no report of systemd-timesyncd")
    server = told.get("ServerName") or told.get("ServerAddress") or None
    if server is not None and not _SERVER.fullmatch(server):
        raise DisciplineError("no server's name")
    if "NTPMessage" not in told:
        return Discipline("systemd-timesyncd", server)
    message = {each["name"]: each["value"] for each in _MESSAGE.finditer(told["NTPMessage"])}
    try:
        delay, dispersion, jitter = (
            _span_ms(message[name]) for name in ("RootDelay", "RootDispersion", "Jitter")
        )
        return Discipline(
            by="systemd-timesyncd",
            server=server,
            stratum=_stratum(message["Stratum"]),
            synchronised=message["Ignored"] == "no" and message["Leap"] != "3",
            error_ms=_whole_ms(delay / 2 + dispersion + jitter),
        )
    except KeyError as error:
        raise DisciplineError(f"its message has no {error}") from error


def _small(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise DisciplineError(f"{len(text)} characters")
    return text


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise DisciplineError(f"{text[:40]!r} is no number")
    return float(text)


def _stratum(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,2}", text) or int(text) > _MAX_STRATUM:
        raise DisciplineError(f"{text[:40]!r} is no stratum")
    return int(text)


def _span_ms(text: str) -> float:
    """A time span as systemd writes it: ``1min 4.5s``, ``177.398ms``, ``0`` (systemd.time(7))."""
    if text == "0":
        return 0.0
    total = 0.0
    for part in text.split(" "):
        found = _SPAN.fullmatch(part)
        if found is None:
            raise DisciplineError(f"{text[:40]!r} is no time span")
        total += float(found[1]) * _MS[found[2]]
    return total


def _whole_ms(ms: float) -> int:
    """Rounded up, so that a bound stays one."""
    return min(-int(-ms // 1), _MAX_MS)
