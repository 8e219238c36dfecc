"""The trail as a picture: from the bay to whoever looked, one lane each, in the order of the log.

Lanes are drawn in pixels; what happened stands beside them as text of the page, which wraps where
its reader's window ends and hides nothing. Rows that say the same thing again (twenty views in a
row) are folded into one; the list below the picture has them all. Nothing is decided here: the
events and their verdict come in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from protocols.clock import ClockSource
from protocols.kinds import HoldLifted, HoldPlaced
from protocols.pack.words import KINDS
from protocols.records import Record
from protocols.shown import shown
from protocols.trail.findings import TrailEvent
from protocols.trail.story import URN, story
from protocols.trail.story_zh import story_zh

LANES: Final = ("camera", "dock", "store", "case", "people")
_FIRST_X, _LANE = 38, 74
WIDTH: Final = 2 * _FIRST_X + _LANE * (len(LANES) - 1)
"""Of the lanes, in pixels."""
MOST_ROWS: Final = 120

_PLACES: Final[dict[str, tuple[str, str | None]]] = {
    "session.opened": ("camera", None),
    "session.inventory": ("camera", None),
    "session.noted": ("camera", None),
    "session.closed": ("camera", None),
    "erase.intended": ("camera", None),
    "clip.erased": ("camera", None),
    "clip.sealed": ("dock", "camera"),
    "clip.tagged": ("dock", None),
    "clip.lost": ("dock", None),
    "clip.stored": ("store", "dock"),
    "clip.viewed": ("people", "store"),
    "clip.exported": ("people", "store"),
    "case.linked": ("case", "store"),
}
"""Where a kind happens, and whence footage came there with it."""
_ABOUT: Final = {
    "case": "案件",
    "clip": "记录",
    "dock": "采集站",
    "gateway": "网关",
    "session": "批次",
}
"""What a statement's subject is, in Chinese."""
_GRAVE: Final = frozenset({"clip.lost", "dock.revoked", "alarm.raised", "clip.disposed"})


@dataclass(frozen=True, slots=True)
class Told:
    """One event in words.

    Attributes:
        index: its log position. kind: None where the record is withheld.
        name: of the kind, in the language. day, time, clock: when, by whose clock, how well.
        said: what it states.
    """

    index: int
    kind: str | None
    name: str
    day: str
    time: str
    clock: str
    said: str
    lane: int
    whence: int | None


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the picture: one event, or several that say the same.

    Attributes:
        x, whence_x: of its lane, and of the lane that footage came from.
        day: where it differs from the row above.
        name: of the kind. said: what it states; empty where several are folded.
        count: how many it stands for; first, last: their log positions.
        tone: ``grave``, ``folded``, ``withheld`` or ``plain``.
    """

    x: int
    whence_x: int | None
    day: str
    time: str
    clock: str
    name: str
    said: str
    count: int
    first: int
    last: int
    tone: str


@dataclass(frozen=True, slots=True)
class Picture:
    """All of it.

    Attributes:
        lanes: name of each lane's words and its place.
        left: rows that did not fit; the list has them.
    """

    lanes: list[tuple[str, int]]
    rows: list[Row]
    left: int


def told(events: Iterable[TrailEvent], language: str) -> list[Told]:
    """Every event in words, in the order of the log."""
    trail = list(events)
    known = _known(trail)
    return [_told(event, language, known) for event in trail]


def drawn(events: Sequence[Told]) -> Picture:
    """The picture of a trail."""
    runs = [list(run) for run in _folded(events)]
    rows, day = [], ""
    for run in runs[:MOST_ROWS]:
        rows.append(_row(run, day))
        day = run[-1].day or day
    lanes = [(f"lane.{name}", _x(at)) for at, name in enumerate(LANES)]
    return Picture(lanes, rows, len(runs) - len(rows))


def _folded(events: Sequence[Told]) -> Iterator[Sequence[Told]]:
    for _, run in groupby(events, key=lambda each: (each.kind, each.lane, each.day)):
        yield list(run)


def _row(run: Sequence[Told], day: str) -> Row:
    first, last = run[0], run[-1]
    many = len(run) > 1
    time = first.time if first.time == last.time else f"{first.time} – {last.time}"
    return Row(
        x=_x(first.lane),
        whence_x=None if first.whence is None else _x(first.whence),
        day=first.day if first.day != day else "",
        time=time,
        clock=first.clock,
        name=first.name,
        said="" if many else first.said,
        count=len(run),
        first=first.index,
        last=last.index,
        tone=_tone(first, many=many),
    )


def _tone(event: Told, *, many: bool) -> str:
    if event.kind is None:
        return "withheld"
    if event.kind in _GRAVE:
        return "grave"
    return "folded" if many else "plain"


def _x(lane: int) -> int:
    return _FIRST_X + _LANE * lane


def _known(trail: Iterable[TrailEvent]) -> dict[str, str]:
    """What the trail's own records say that their random names stand for: cases and holds."""
    known: dict[str, str] = {}
    for event in trail:
        if event.record is None:
            continue
        body: Any = event.record.body
        if isinstance(body, HoldPlaced):
            known[body.hold] = " ".join(filter(None, (body.authority, body.document)))
        elif getattr(body, "case_no", None) and getattr(body, "case", None):
            known[body.case] = body.case_no
    return known


def _told(event: TrailEvent, language: str, known: Mapping[str, str]) -> Told:
    kind = None if event.record is None else event.record.kind
    lane, whence = _place(event, kind)
    name = _name(kind, language)
    return Told(
        index=event.index,
        kind=kind,
        name=name,
        **_when(event.record, language),
        said=_said(event, language, known),
        lane=lane,
        whence=whence,
    )


def _said(event: TrailEvent, language: str, known: Mapping[str, str]) -> str:
    if event.record is None:
        return _withheld(event, language, known)
    # In English the kind stands before it already.
    english = story(event).removeprefix(f"{shown(event.record.kind)}: ")
    said = story_zh(event) if language == "zh" else english
    body = event.record.body
    if isinstance(body, HoldLifted) and body.hold in known:
        whose = shown(known[body.hold])
        said += f"（此冻结依据 {whose}）" if language == "zh" else f" (the hold for {whose})"
    return said


def _withheld(event: TrailEvent, language: str, known: Mapping[str, str]) -> str:
    """Of a record that is no part of this trail: what its statement is about."""
    about, _, name = event.statement.subject.removeprefix(URN).partition(":")
    name = shown(known.get(name, name))
    if language == "zh":
        return f"[内容未披露或无法理解；关于{_ABOUT.get(about, shown(about))} {name}]"
    return f"[record not disclosed or not understood; about {shown(about)} {name}]"


def _name(kind: str | None, language: str) -> str:
    if kind is None:
        return "未披露" if language == "zh" else "not disclosed"
    return KINDS.get(kind, kind) if language == "zh" else shown(kind.replace(".", " "))


def _place(event: TrailEvent, kind: str | None) -> tuple[int, int | None]:
    if kind in _PLACES:
        name, whence = _PLACES[kind]
        return LANES.index(name), None if whence is None else LANES.index(whence)
    subject, issuer = event.statement.subject, event.statement.issuer
    if subject.startswith(f"{URN}case:"):
        return LANES.index("case"), None
    if issuer.startswith(f"{URN}dock:"):
        return LANES.index("dock"), None
    return LANES.index("store"), None


def _when(record: Record | None, language: str) -> dict[str, Any]:
    if record is None:
        return {"day": "", "time": "", "clock": ""}
    day, _, time = record.at.utc.partition("T")
    zh = language == "zh"
    match record.at.source:
        case ClockSource.NTP:
            said = "已对时" if zh else "synchronised"
        case ClockSource.RTC:
            said = "电池时钟" if zh else "battery clock"
        case _:
            said = "未对时" if zh else "not synchronised"
    bound = "" if record.at.error_ms is None else f" ±{record.at.error_ms} ms"
    return {"day": shown(day), "time": shown(time[:8] + "Z"), "clock": shown(said + bound)}
