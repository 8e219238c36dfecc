"""Joins what a camera claims of a recording with what the dock knows of its clock.

The claims stay as they are; beside them come the offset, the interval with its basis, and
the doubts. Pure: what the dock knows comes in as a ``Stand``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from edge.timing.doubts import Claimed, Seen, doubts
from edge.timing.filetimes import UNKNOWN, FileTimes
from edge.timing.interval import UNMEASURED, Measured, between
from edge.timing.moments import Span, hull, read_claim, readings
from protocols.clock import ClockReading, utc_text
from protocols.kinds import CameraClock, Interval

_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Stand:
    """How clocks stood when a recording was seen.

    Attributes:
        seen: the dock's clock when the recording was there, whole.
        zone: what the camera's clock shows; None when nobody said.
        measured: the camera's clock; None when nobody measured it.
        was_set: whether the dock set it after that.
        times: how the card's file times are to be read.
        doubt: why ``measured`` may be another camera's, so that it is not used.
    """

    seen: ClockReading
    zone: ZoneInfo | None = None
    measured: Measured | None = None
    was_set: bool = False
    times: FileTimes = UNKNOWN
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """What is claimed of one recording.

    Attributes:
        name: the start in its name, as text.
        container: the time inside it, as text.
        mtime_ns: its file time.
        duration_ms: how long it plays, by itself.
    """

    name: str | None
    mtime_ns: int | None
    container: str | None = None
    duration_ms: int | None = None


def dated(clock: CameraClock, said: Said, stand: Stand) -> CameraClock:
    """The claims of a recording with everything that can be said beyond them."""
    name, container = _claim("its name", said.name), _claim("its container", said.container)
    end = None
    if said.mtime_ns is not None:
        end = Claimed("its file time", stand.times.claim(said.mtime_ns))
    found = doubts(
        tuple(each for each in (name, container, end) if each),
        stand.zone,
        _seen(stand),
        start=name,
        end=end,
        container=container,
        duration_ms=said.duration_ms or 0,
    )
    unread = [f"no-such-time: its name says {said.name}"] if said.name and name is None else []
    extra = [*unread, *([stand.doubt] if stand.doubt else [])]
    measured = stand.measured
    return clock.model_copy(
        update={
            "offset_ms": None if measured is None else measured.offset_ms,
            "offset_error_ms": None if measured is None else measured.error_ms,
            "interval": _interval(name, container, end, said.duration_ms, stand),
            "doubts": tuple(each[:200] for each in (*extra, *found))[:16],
        }
    )


def epoch_ms(reading: ClockReading) -> int:
    """A reading as milliseconds since 1970."""
    return round(datetime.fromisoformat(reading.utc).timestamp() * 1000)


def _claim(by: str, text: str | None) -> Claimed | None:
    claim = None if text is None else read_claim(text)
    return None if claim is None else Claimed(by, claim)


def _seen(stand: Stand) -> Seen:
    measured = stand.measured
    ahead = 0 if measured is None else measured.offset_ms + measured.error_ms
    return Seen(epoch_ms(stand.seen), stand.seen.error_ms, ahead)


def _interval(
    name: Claimed | None,
    container: Claimed | None,
    end: Claimed | None,
    duration_ms: int | None,
    stand: Stand,
) -> Interval:
    seen_ms, dock = epoch_ms(stand.seen), stand.seen.error_ms or 0
    start = _start(name, container, duration_ms, stand.zone)
    stop = _stop(end, start, duration_ms, stand.zone)
    bounds = between(start, stop, stand.measured, seen_ms)
    words = _basis(name, container, stand, fits=bounds is not None)
    earliest, latest = (None, seen_ms) if bounds is None else bounds
    return Interval(
        earliest=None if earliest is None else utc_text((earliest - dock) * _MS),
        latest=utc_text((latest + dock) * _MS),
        basis=words,
    )


def _start(
    name: Claimed | None, container: Claimed | None, duration_ms: int | None, zone: ZoneInfo | None
) -> Span | None:
    """What the camera's clock may have said at the begin."""
    if name is not None:
        return hull(readings(name.claim, zone))
    if container is None or duration_ms is None:
        return None
    # Some cameras write the time of the begin there, some that of the end.
    span = hull(readings(container.claim, zone))
    return replace(span, low_ms=span.low_ms - duration_ms)


def _stop(
    end: Claimed | None, start: Span | None, duration_ms: int | None, zone: ZoneInfo | None
) -> Span | None:
    """What the camera's clock may have said at the end."""
    if end is None:
        return None
    span = hull(readings(end.claim, zone))
    if start is None:
        return span
    # Some cameras date a file when it is made, and never again.
    return replace(span, high_ms=max(span.high_ms, start.high_ms + (duration_ms or 0)))


def _basis(name: Claimed | None, container: Claimed | None, stand: Stand, *, fits: bool) -> str:
    parts = []
    if stand.measured is None:
        parts.append("it was on the card when the dock looked; the camera's clock was not measured")
    elif not fits:
        parts.append(
            "it was on the card when the dock looked; the camera's claims do not fit its clock "
            "as measured"
        )
    else:
        parts += _carried(name, container, stand, stand.measured)
    if stand.seen.error_ms is None:
        parts.append(f"the dock's own clock was {stand.seen.source}, its error is not known")
    else:
        parts.append(f"the dock's own clock: {stand.seen.source} ±{stand.seen.error_ms} ms")
    return "; ".join(parts)


def _carried(
    name: Claimed | None, container: Claimed | None, stand: Stand, measured: Measured
) -> list[str]:
    """What an interval from a measured clock rests on."""
    rate = measured.rate
    moved = f"±{rate.error_ms_per_day / 1000:.1f} s a day"
    drift = (
        f"drift not known, taken to be within {moved}"
        if rate == UNMEASURED
        else f"drift {rate.ms_per_day / 1000:+.1f} {moved} from two dockings"
    )
    zone = f"clock shows {stand.zone}" if stand.zone else "zone not known, any assumed"
    begin = "start in its name" if name else "time inside it" if container else "no start claimed"
    parts = [
        f"camera's clock off by {measured.offset_ms} ±{measured.error_ms} ms at docking",
        drift,
        f"{begin}, end by {stand.times.words}",
        zone,
        "if nobody set the clock between recording and docking",
    ]
    return [*parts, "stamped before the dock set it"] if stand.was_set else parts
