"""How well a clip fits a case: points with reasons, from what is known of both. Pure.

Points are no probability. They put likely clips first and say why; a person decides. Nothing is
proposed on an officer's name alone: something has to say that it was then, or that it came
off the card together with a clip of the case.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from gateway.cases.footage import Footage, Span

MOST: Final = 1000
LEAST: Final = 300
"""Fewer points are no proposal."""
NEAR: Final = timedelta(minutes=15)
"""So long before and after a stage a recording still likely shows it: people switch on early."""
RECENT: Final = timedelta(days=3)
_NUMBER, _NAME = 400, 300
_MEASURED, _CLAIMED, _MAYBE, _FILED = 350, 300, 120, 100
_DOCKING, _CAMERA = 200, 120
_UNIT, _NEAR_UNIT, _PLACE = 80, 40, 50
_WHEN: Final = frozenset({"in-stage", "in-stage-claimed", "maybe-in-stage", "filed-day"})
_BESIDE: Final = frozenset({"same-docking"})


@dataclass(frozen=True, slots=True)
class TimedStage:
    """A stage of which it is known when it was, or until when it goes on at most."""

    name: str
    span: Span
    place: str | None = None


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What is known of a case.

    Attributes:
        numbers, names: of its officers, folded.
        cameras, sessions: of the clips that it has.
    """

    numbers: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    unit: str | None = None
    stages: tuple[TimedStage, ...] = ()
    filed: date | None = None
    cameras: frozenset[str] = frozenset()
    sessions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What is known of a clip; officers and units by its claims and by what counts instead."""

    footage: Footage
    officers: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()
    camera: str | None = None
    session: str | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that speaks for it.

    Attributes:
        code: a word for programs, and for pages in other languages.
        says: for people. about: the officer, stage, day or place that it names, if any.
    """

    code: str
    points: int
    says: str
    about: str | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """All points, at most ``MOST``, with their reasons; the strongest first."""

    points: int
    reasons: tuple[Reason, ...]

    @property
    def is_proposal(self) -> bool:
        """Whether it is worth a person's look."""
        return self.points >= LEAST

    @property
    def words(self) -> str:
        """For the record of a link that follows."""
        return f"{self.points} of {MOST} points: " + "; ".join(each.says for each in self.reasons)


NOTHING: Final = Score(0, ())


def folded(name: str) -> str:
    """A name or number in the one form in which it is compared."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def score(case: CaseFacts, clip: ClipFacts, zone: ZoneInfo) -> Score:
    """How well a clip fits a case.

    Args:
        case: what is known of it.
        clip: likewise.
        zone: in which a case's days are days.
    """
    when = _when(case, clip.footage, zone)
    reasons = [
        each
        for each in (_who(case, clip), when, *_beside(case, clip), _unit(case, clip))
        if each is not None
    ]
    reasons += _place(case, clip)
    codes = {each.code for each in reasons}
    # A time that cannot be true speaks against it, whoever recorded it; but for one docking, whose
    # clips are together whatever their clock says.
    if not codes & (_WHEN | _BESIDE):
        return NOTHING
    reasons.sort(key=lambda each: -each.points)
    return Score(min(sum(each.points for each in reasons), MOST), tuple(reasons))


def _who(case: CaseFacts, clip: ClipFacts) -> Reason | None:
    if numbers := case.numbers & clip.officers:
        number = min(numbers)
        return Reason("officer-number", _NUMBER, f"officer {number} acts in the case", number)
    if names := case.names & clip.officers:
        name = min(names)
        return Reason("officer-name", _NAME, f"an officer named {name} acts in the case", name)
    return None


def _when(case: CaseFacts, footage: Footage, zone: ZoneInfo) -> Reason | None:
    found = [each for stage in case.stages if (each := _in_stage(stage, footage))]
    if found:
        return max(found, key=lambda each: each.points)
    if case.stages or case.filed is None or footage.likely is None:
        return None
    days = {moment.astimezone(zone).date() for moment in footage.likely}
    if case.filed not in days:
        return None
    day = case.filed.isoformat()
    return Reason("filed-day", _FILED, f"likely recorded on the day it was filed, {day}", day)


def _in_stage(stage: TimedStage, footage: Footage) -> Reason | None:
    near = stage.span[0] - NEAR, stage.span[1] + NEAR
    likely = footage.likely
    if likely is None or not (likely[0] <= near[1] and likely[1] >= near[0]):
        docked = footage.possible[1]
        # Of what was merely on a card once, it says little that it was there long after.
        long_after = footage.possible[0] is None and (docked is None or docked > near[1] + RECENT)
        if long_after or not footage.may_touch(near):
            return None
        says = f"may have been recorded during {stage.name}, by what is known of its clock"
        return Reason("maybe-in-stage", _MAYBE, says, stage.name)
    if footage.basis == "claimed":
        says = f"recorded during {stage.name} by the camera's own clock, which nobody measured"
        return Reason("in-stage-claimed", _CLAIMED, says, stage.name)
    says = f"recorded during {stage.name}, time {footage.basis}"
    return Reason("in-stage", _MEASURED, says, stage.name)


def _beside(case: CaseFacts, clip: ClipFacts) -> Iterator[Reason]:
    if clip.session in case.sessions:
        yield Reason("same-docking", _DOCKING, "docked together with a clip of the case")
    elif clip.camera in case.cameras:
        yield Reason("same-camera", _CAMERA, "by a camera that recorded a clip of the case")


def _unit(case: CaseFacts, clip: ClipFacts) -> Reason | None:
    if case.unit is None or not clip.units:
        return None
    if case.unit in clip.units:
        return Reason("same-unit", _UNIT, "of the unit that has the case")
    if any(_below(case.unit, unit) or _below(unit, case.unit) for unit in clip.units):
        return Reason("near-unit", _NEAR_UNIT, "of a unit above or below the one that has the case")
    return None


def _below(unit: str, top: str) -> bool:
    return unit.startswith(top + "/")


def _place(case: CaseFacts, clip: ClipFacts) -> Iterable[Reason]:
    places = {folded(stage.place): stage.place for stage in case.stages if stage.place}
    if clip.place is not None and folded(clip.place) in places:
        place = places[folded(clip.place)]
        yield Reason("same-place", _PLACE, f"recorded at {place}", place)


def until(start: datetime, end: datetime | None, now: datetime) -> Span:
    """When a stage was; one that goes on ends now at the latest."""
    return start, max(start, now if end is None else end)
