"""What stands about one clip beside its footage, and what the reader may do about it.

Each part is as far as the reader may know it; nothing is told of what is classified and not for
him. What cannot be done any more, as to a clip that is gone, is not offered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from gateway.access.policy import Act, Reach
from gateway.access.principals import Principal
from gateway.access.scope import Scope
from gateway.evidence.models import Clip, ClipState
from gateway.holds.service import HoldFilter, HoldShown
from gateway.marks.heeding import sees_classified
from gateway.marks.labels import CLASSES, OF_OFFICERS, Label
from gateway.marks.models import ClipMark
from gateway.previews.wanted import ENCRYPTED, KEY_AWAY, KEY_WRONG
from gateway.recordings.chapters import TOLERANCE_MS
from gateway.recordings.schemas import RecordingOfClip
from gateway.recordings.telling import proposals, recording_told
from gateway.services import Services

_LOCKED: Final = frozenset({ENCRYPTED, KEY_WRONG, KEY_AWAY})
_HOLDS: Final = 50
_NOTHING: Final[dict[str, Any]] = {
    "gone": None,
    "kept_by": None,
    "rules": None,
    "holds": [],
    "put_right": {},
    "corrections": [],
    "said_marks": [],
    "labels": [],
    "recording": None,
    "locked": False,
    "corrects": False,
    "groups": False,
    "places": False,
    "lifts": False,
    "exports": False,
    "ties": False,
}


@dataclass(frozen=True, slots=True)
class MarkShown:
    """A mark, whether it stands, and whether the reader may take it back."""

    row: ClipMark
    stands: bool
    may_lift: bool


async def acts(services: Services, who: Principal, row: Clip) -> dict[str, Any]:
    """What the page of a clip shows of it beside its footage, and which forms it has."""
    if row.concealed:
        return _NOTHING
    is_gone = row.state == ClipState.DISPOSED
    rules = await services.retention.in_force()
    return _NOTHING | {
        "gone": await services.disposals.tombstone(row),
        "kept_by": None if is_gone else (await services.retention.of_clips([row], rules))[row.id],
        "rules": rules,
        "holds": await _holds(services, who, row),
        "put_right": (await services.corrections.counting([row])).get(row.id, {}),
        "corrections": await services.corrections.listing(row.id),
        "said_marks": await _marks(services, who, row),
        "labels": [] if is_gone else _labels(who, row),
        "recording": await _recording(services, who, row),
        "locked": not is_gone and await _locked(services, who, row),
        "corrects": _is_own_units(who, row, Act.CLIPS_CORRECT),
        "groups": not is_gone and _may(who, Act.CLIPS_GROUP),
        "places": not is_gone and _may(who, Act.HOLDS_PLACE),
        "lifts": _may(who, Act.HOLDS_LIFT),
        "exports": _may(who, Act.EXPORTS_MAKE),
        "ties": not is_gone and _may(who, Act.CASES_LINK),
    }


def _may(who: Principal, act: Act) -> bool:
    return who.reach(act) is not Reach.NONE


def _is_own_units(who: Principal, row: Clip, act: Act) -> bool:
    scope = Scope(who, who.reach(act))
    return _may(who, act) and (scope.has_unit(row.unit) or scope.has_unit(row.corrected_unit))


def _may_class(who: Principal, row: Clip) -> bool:
    return sees_classified(who) and _is_own_units(who, row, Act.CLIPS_MARK)


async def _holds(services: Services, who: Principal, row: Clip) -> list[HoldShown]:
    if not _may(who, Act.HOLDS_READ):
        return []
    scope = Scope(who, who.reach(Act.HOLDS_READ))
    return await services.holds.find(HoldFilter(clip=row.id, in_force=True), scope, _HOLDS)


async def _marks(services: Services, who: Principal, row: Clip) -> list[MarkShown]:
    standing = {each.mark for each in await services.marks.standing_of(row.id)}
    return [
        MarkShown(each, each.mark in standing, _may_lift(who, row, each))
        for each in await services.marks.listing(row.id)
    ]


def _may_lift(who: Principal, row: Clip, mark: ClipMark) -> bool:
    if mark.label in CLASSES:
        return _may_class(who, row)
    if who.reach(Act.CLIPS_MARK) is Reach.OWN:
        return who.signed(mark.who)
    return _may(who, Act.CLIPS_MARK)


def _labels(who: Principal, row: Clip) -> list[Label]:
    """As what the reader may mark it."""
    match who.reach(Act.CLIPS_MARK):
        case Reach.NONE:
            return []
        case Reach.OWN:
            return list(OF_OFFICERS)
        case Reach.UNIT:
            classes = () if _may_class(who, row) else CLASSES
            return [label for label in Label if label not in classes]


async def _recording(services: Services, who: Principal, row: Clip) -> RecordingOfClip:
    scope = Scope(who, who.reach(Act.CLIPS_READ))
    grouped = await services.recordings.of_clip(row.id)
    if grouped is not None:
        told = await recording_told(services, scope, grouped)
        return RecordingOfClip(recording=told, proposal=None)
    proposed = await proposals(services, scope, row.session, TOLERANCE_MS)
    mine = (each for each in proposed if any(at.clip == str(row.id) for at in each.chapters))
    return RecordingOfClip(recording=None, proposal=next(mine, None))


async def _locked(services: Services, who: Principal, row: Clip) -> bool:
    if not _may(who, Act.CLIPS_UNLOCK):
        return False
    copies = await services.previews.of(row.id)
    return any(each.code in _LOCKED for each in copies.values())
