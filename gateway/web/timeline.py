"""A case on a line of time: its stages with their gaps, and when each clip likely ran.

Where a clip is drawn rests on clocks (``gateway.cases.footage``): a pale bar is all the time that
they leave open, a dark one when it likely ran. Places are parts of the width in per cent, so that
the line is as wide as its reader's window.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from gateway.cases.coverage import StageCoverage
from gateway.cases.footage import Footage, Span

MOST: Final = 60
_TICKS: Final = 3
_LEAST: Final = 0.4
"""Narrower than so many per cent nobody sees a bar."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a row that is drawn.

    Attributes:
        kind: ``stage``, ``gap``, ``perhaps`` (a gap that clocks may have made), ``possible``,
            ``likely`` or ``claimed``.
        left, width: in per cent, such as ``12.5%``.
    """

    kind: str
    left: str
    width: str


@dataclass(frozen=True, slots=True)
class Row:
    """A stage or a clip; ``when`` is its time in words, and ``clip`` None for a stage."""

    label: str
    clip: str | None
    when: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """All of it.

    Attributes:
        ticks: place and time, from left to right.
        unplaced: names of clips of which nobody can tell when they ran.
        left: how many clips do not fit.
    """

    rows: tuple[Row, ...]
    ticks: tuple[tuple[str, str], ...]
    unplaced: tuple[str, ...]
    left: int


@dataclass(frozen=True, slots=True)
class _Scale:
    first: datetime
    last: datetime
    zone: ZoneInfo

    def piece(self, kind: str, span: Span) -> Piece:
        start, end = (100 * self._part(moment) for moment in span)
        width = max(_LEAST, end - start)
        return Piece(kind, f"{min(start, 100 - width):.2f}%", f"{width:.2f}%")

    def _part(self, moment: datetime) -> float:
        whole = self.last - self.first
        return (min(max(moment, self.first), self.last) - self.first) / whole

    def clock(self, moment: datetime, *, day: bool = True) -> str:
        return f"{moment.astimezone(self.zone):{'%Y-%m-%d %H:%M' if day else '%H:%M'}}"

    def words(self, span: Span) -> str:
        same = span[0].astimezone(self.zone).date() == span[1].astimezone(self.zone).date()
        return f"{self.clock(span[0])} – {self.clock(span[1], day=not same)}"


def drawn(
    stages: Sequence[StageCoverage], clips: Iterable[tuple[str, Footage]], zone: ZoneInfo
) -> Timeline | None:
    """Draw stages and clips on one scale.

    Args:
        stages: of the case, with what footage they have.
        clips: each with its name for people.
        zone: in which its days are days.

    Returns:
        None when nothing has a time.
    """
    rows = list(clips)
    placed = [(name, each.likely, each) for name, each in rows if each.likely is not None]
    placed.sort(key=lambda row: row[1])
    shown = placed[:MOST]
    timed = [each for each in stages if each.stage.start is not None]
    ends = [moment for each in timed for moment in (each.stage.start, each.stage.end) if moment]
    ends += [moment for _, likely, _ in shown for moment in likely]
    if not ends:
        return None
    # What goes on is drawn to the edge: until now would press all the rest together.
    scale = _Scale(min(ends), max(*ends, min(ends) + timedelta(minutes=1)), zone)
    return Timeline(
        rows=(
            *(_stage(each, scale) for each in timed),
            *(_clip(name, each, likely, scale) for name, likely, each in shown),
        ),
        ticks=tuple(_ticks(scale)),
        unplaced=tuple(name for name, each in rows if each.likely is None),
        left=len(placed) - len(shown),
    )


def _stage(each: StageCoverage, scale: _Scale) -> Row:
    start, end = each.stage.start or scale.first, each.stage.end
    span = start, max(start, end or scale.last)
    gaps = [
        scale.piece("gap" if gap.sure else "perhaps", (gap.start, gap.end)) for gap in each.gaps
    ]
    when = f"{scale.clock(start)} – …" if end is None else scale.words(span)
    return Row(each.stage.name, None, when, (scale.piece("stage", span), *gaps))


def _clip(name: str, each: Footage, likely: Span, scale: _Scale) -> Row:
    first, last = each.possible
    possible = first or scale.first, last or scale.last
    kind = "claimed" if each.basis == "claimed" else "likely"
    pieces = scale.piece("possible", possible), scale.piece(kind, likely)
    return Row(name, each.clip, scale.words(likely), pieces)


def _ticks(scale: _Scale) -> Iterable[tuple[str, str]]:
    day = None
    for part in range(_TICKS + 1):
        at = scale.first + (scale.last - scale.first) * part / _TICKS
        here = at.astimezone(scale.zone).date()
        yield f"{100 * part / _TICKS:.2f}%", scale.clock(at, day=here != day)
        day = here
