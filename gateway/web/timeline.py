"""A case on a line of time: its stages, and within which bounds each of its clips was recorded.

A bar is what clocks can bound, not when something happened: a clip lies somewhere in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from gateway.evidence.models import Clip

WIDTH: Final = 1120
_LEFT, _RIGHT, _HEAD, _ROW = 250, 20, 40, 30
MOST: Final = 60
_TICKS: Final = 5


@dataclass(frozen=True, slots=True)
class Span:
    """Something with a beginning and an end, in UTC; ``is_open``: it has no end yet."""

    kind: str
    label: str
    start: datetime
    end: datetime
    is_open: bool = False
    clip: str | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """A span as it is drawn."""

    kind: str
    label: str
    title: str
    clip: str | None
    x: int
    width: int
    y: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """All of it; ``unplaced`` are clips whose time nothing bounds, ``left`` how many do not fit."""

    bars: list[Bar]
    ticks: list[tuple[int, str]]
    height: int
    unplaced: list[str]
    left: int


def stages_of(particulars: dict[str, Any] | None) -> list[Span]:
    """The stages of a case that say when they were."""
    found = []
    for stage in (particulars or {}).get("stages") or ():
        start, end = moment(stage.get("start")), moment(stage.get("end"))
        if start is not None:
            last = max(start, end or start)
            found.append(Span("stage", str(stage.get("name")), start, last, is_open=end is None))
    return found


def drawn(stages: Sequence[Span], clips: Iterable[Clip]) -> Timeline | None:
    """Draw stages and clips on one scale; None when nothing has a time."""
    placed, unplaced = [], []
    for clip in clips:
        span = _bounds(clip)
        if span is None:
            unplaced.append(clip.name)
        else:
            placed.append(span)
    placed.sort(key=lambda each: (each.start, each.end))
    spans = [*stages, *placed[:MOST]]
    if not spans:
        return None
    first = min(each.start for each in spans)
    last = max(each.end for each in spans)
    # What goes on is drawn to the edge: until now would press all the rest together.
    spans = [replace(each, end=last) if each.is_open else each for each in spans]
    whole = max(last - first, timedelta(minutes=1))
    bars = [_bar(each, at, first, whole) for at, each in enumerate(spans)]
    ticks = [
        (_x(first + whole * part / _TICKS, first, whole), _clock(first + whole * part / _TICKS))
        for part in range(_TICKS + 1)
    ]
    height = _HEAD + _ROW * len(spans) + 8
    return Timeline(bars, ticks, height, unplaced, len(placed) - len(placed[:MOST]))


def moment(text: object) -> datetime | None:
    """A moment that says its zone, in UTC; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        said = datetime.fromisoformat(text)
        return said.astimezone(UTC) if said.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _bounds(clip: Clip) -> Span | None:
    length = timedelta(milliseconds=clip.media.get("duration_ms") or 0)
    put_right = moment(clip.corrected_started)
    interval = clip.camera_clock.get("interval") or {}
    start, end = moment(interval.get("earliest")), moment(interval.get("latest"))
    if put_right is not None:
        start, end = put_right, put_right + length
    if start is None or end is None or end < start:
        return None
    return Span("clip", clip.name, start, end, clip=str(clip.id))


def _bar(span: Span, row: int, first: datetime, whole: timedelta) -> Bar:
    x = _x(span.start, first, whole)
    until = "…" if span.is_open else _clock(span.end)
    return Bar(
        kind=span.kind,
        label=span.label if len(span.label) <= 26 else span.label[:25] + "…",  # noqa: PLR2004 -- what fits left of the scale
        title=f"{span.label}: {_clock(span.start)} – {until} UTC",
        clip=span.clip,
        x=x,
        width=max(4, _x(span.end, first, whole) - x),
        y=_HEAD + _ROW * row,
    )


def _x(at: datetime, first: datetime, whole: timedelta) -> int:
    return _LEFT + round((WIDTH - _LEFT - _RIGHT) * ((at - first) / whole))


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
