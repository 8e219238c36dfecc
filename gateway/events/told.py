"""Which entries of the log are events, and what an event says of one.

Of what docks state, only the kinds named here: a dock may sign a record of any kind, and one that
is not a dock's to state has no effect. Of what the gateway states, everything that is about a
clip, a case or a dock, so that a new kind of act is told without anybody thinking of it here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from protocols.ids import ClipId, clip_of_urn

OF_DOCKS: Final = frozenset(
    {
        *("clip.sealed", "clip.tagged", "clip.lost", "clip.erased"),
        *("session.opened", "session.noted", "session.closed"),
        *("dock.booted", "ledger.reopened", "key.rotated", "alarm.raised", "alarm.cleared"),
    }
)
"""Kinds that docks state and that are told."""

UNTOLD: Final = frozenset({"clip.viewed"})
"""Kinds that the gateway states and that are for readers of trails alone."""

_ABOUT_DOCKS = ("dock.", "ledger.", "key.", "session.", "alarm.", "epoch.")
ABOUT_ALARMS: Final = frozenset({"alarm.raised", "alarm.cleared", "alarm.settled"})
_CASE_URN = "urn:evidock:case:"
_SESSION_URN = "urn:evidock:session:"
_DOCK_URN = "urn:evidock:dock:"


@dataclass(frozen=True, slots=True)
class CaseName:
    """A case: its opaque name, which never changes, and its number, which may."""

    case: str
    case_no: str


@dataclass(frozen=True, slots=True)
class Happened:
    """An entry that is an event, with every name in it, for nobody in particular.

    Attributes:
        index: position in the log. at: when it was logged, by the gateway's clock.
        cases: tokens. dock: the dock it is about; None when it is about footage or cases.
        code: of an alarm.
    """

    index: int
    kind: str
    at: datetime
    clips: tuple[ClipId, ...] = ()
    cases: tuple[str, ...] = ()
    dock: str | None = None
    session: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """What one receiver is told: the names that are within his reach."""

    index: int
    kind: str
    at: datetime
    clips: tuple[ClipId, ...]
    cases: tuple[CaseName, ...]
    dock: str | None
    session: str | None
    code: str | None


def is_told(kind: str, dock: str | None) -> bool:
    """Whether entries of a kind are events.

    Args:
        kind: of the record.
        dock: that stated it; None for the gateway.
    """
    return kind in OF_DOCKS if dock is not None else kind not in UNTOLD


def happened(
    index: int,
    kind: str,
    at: datetime,
    *,
    stated_by: str | None,
    subjects: Iterable[str],
    code: str | None = None,
) -> Happened:
    """What an entry is about, by its subjects.

    Args:
        index: position in the log.
        kind: of the record.
        at: when it was logged.
        stated_by: the dock; None for the gateway.
        subjects: urns, its own first.
        code: of an alarm.
    """
    named = list(subjects)
    found = [clip for urn in named if (clip := clip_of_urn(urn)) is not None]
    # A dock may sign a statement about anything; it is believed about its own clips alone.
    clips = tuple(clip for clip in found if stated_by in {None, clip.dock})
    docks = [stated_by] if stated_by else _after(_DOCK_URN, named)
    about_docks = kind.startswith(_ABOUT_DOCKS)
    sessions = _after(_SESSION_URN, named) if stated_by else []
    return Happened(
        index,
        kind,
        at,
        clips,
        tuple(_after(_CASE_URN, named)) if stated_by is None else (),
        docks[0] if about_docks and docks else None,
        sessions[0] if about_docks and sessions else None,
        code,
    )


def _after(prefix: str, urns: Iterable[str]) -> list[str]:
    return [urn.removeprefix(prefix) for urn in urns if urn.startswith(prefix)]
