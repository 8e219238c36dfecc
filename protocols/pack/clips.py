"""What the report tells of one clip: its digests, its custody, and its times, each with a source.

Times are worded as what they are: claims of a camera, readings of a dock's clock, and bounds
that somebody outside can prove. None of them is ever corrected by another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from protocols.clock import ClockReading
from protocols.ids import ClipId, EntryId
from protocols.kinds import (
    CaseLinked,
    CaseUnlinked,
    ClipDisposed,
    ClipErased,
    ClipExported,
    ClipLost,
    ClipRepaired,
    ClipSealed,
    ClipStored,
    ClipTagged,
    SessionOpened,
)
from protocols.pack import layout
from protocols.pack.outside import Bounds
from protocols.trail import TrailEvent

_REPAIRED = ("sha256", "replaced", "leaves", "before", "read_back", "reason", "by")
LATE_H = 24
"""After so many hours between recording and docking a clip is told as late."""


def events_of_clips(events: Iterable[TrailEvent]) -> dict[str, list[TrailEvent]]:
    """The events about each clip, by its name: a case may have thousands of both."""
    found: dict[str, list[TrailEvent]] = {}
    for event in events:
        name = getattr(event.body, "clip", None) if event.seals is None else str(event.seals)
        if isinstance(name, str):
            found.setdefault(name, []).append(event)
    return found


def openings_of(events: Iterable[TrailEvent]) -> dict[str, TrailEvent]:
    """The statement that opened each docking, by its urn; the first where there are two."""
    found: dict[str, TrailEvent] = {}
    for event in events:
        if isinstance(event.body, SessionOpened):
            found.setdefault(event.statement.subject, event)
    return found


def clip_told(
    clip: ClipId,
    about: Iterable[TrailEvent],
    openings: Mapping[str, TrailEvent],
    bounds: Bounds,
    missing: Mapping[str, str],
) -> dict[str, Any]:
    """Everything about one clip.

    Args:
        clip: which.
        about: the events of ``events_of_clips`` for it.
        openings: of dockings, by their urn.
        bounds: what was outside when.
        missing: why bytes are not in the pack, by clip.
    """
    told: dict[str, Any] = {"clip": str(clip), "missing": missing.get(str(clip))}
    told |= {
        "tagged": [],
        "stored": [],
        "repaired": [],
        "erased": [],
        "linked": [],
        "exported": [],
        "lost": [],
        "disposed": [],
    }
    for event in about:
        _hear(clip, event, told)
    if "sealed" in told:
        told["docked"] = _docked(EntryId.parse(told["session"]), openings)
        told["times"] = _times(told, bounds)
        told["late"] = _late(told)
        told["digests"] = list(_digests(told))
    return told


def at_of(event: TrailEvent) -> dict[str, Any]:
    """Where a statement stands, and what the clock of its issuer said."""
    at = None if event.record is None else clock(event.record.at)
    return {"index": event.index, "at": at, "issuer": event.statement.issuer}


def clock(at: ClockReading) -> dict[str, Any]:
    """A reading as plain values."""
    return at.model_dump(mode="json", exclude_none=True)


def _hear(clip: ClipId, event: TrailEvent, told: dict[str, Any]) -> None:
    match event.body:
        case ClipSealed() as body if event.seals == clip:
            told |= _sealed(clip, body, told["missing"]) | {"sealed": at_of(event)}
            known = event.record.checkpoint if event.record else None
            told["sealed"]["knew"] = None if known is None else known.size
        case ClipTagged(clip=name) as body if name == str(clip):
            told["tagged"].append(at_of(event) | plain(body, "case_no", "category", "officer"))
        case ClipStored(clip=name) as body if name == str(clip):
            told["stored"].append(at_of(event) | plain(body, "sha256", "read_back", "stores"))
        case ClipRepaired(clip=name) as body if name == str(clip):
            told["repaired"].append(at_of(event) | plain(body, *_REPAIRED))
        case ClipErased(clip=name) as body if name == str(clip):
            told["erased"].append(at_of(event) | plain(body, "reread_sha256"))
        case ClipDisposed(clip=name) as body if name == str(clip):
            told["disposed"].append(at_of(event) | plain(body, "disposal", "proposed", "approved"))
        case ClipLost(clip=name) as body if name == str(clip):
            told["lost"].append(at_of(event) | plain(body, "reason"))
        case CaseLinked(clip=name) | CaseUnlinked(clip=name) as body if name == str(clip):
            act = "linked" if isinstance(body, CaseLinked) else "unlinked"
            words = plain(body, "case_no", "by", "why", "how")
            told["linked"].append(at_of(event) | {"act": act} | words)
        case ClipExported(clip=name) as body if name == str(clip):
            words = plain(body, "export", "recipient", "reason", "by", "original")
            told["exported"].append(at_of(event) | words)
        case _:
            pass


def _sealed(clip: ClipId, body: ClipSealed, missing: str | None) -> dict[str, Any]:
    source = body.source
    return {
        "file": None if missing else layout.original(clip, source.name),
        **plain(source, "name", "path", "path_b64", "camera", "officer", "unit", "marked", "mtime"),
        **plain(body, "content", "camera_clock", "media", "session"),
    }


def _docked(session: EntryId, openings: Mapping[str, TrailEvent]) -> dict[str, Any]:
    event = openings.get(session.session_urn)
    words = ("bay", "volume", "camera", "officer", "clock", "port", "registered")
    return {} if event is None else at_of(event) | plain(event.body, *words)


def _times(told: dict[str, Any], bounds: Bounds) -> dict[str, Any]:
    """The five times of a clip, each by whom it is claimed or how it can be proved."""
    index = told["sealed"]["index"]
    stored = told["stored"][0] if told["stored"] else None
    return {
        "camera_clock": told["camera_clock"],
        "docked_at": told["docked"].get("at") or told["sealed"]["at"],
        "knew": told["sealed"]["knew"],
        "registered": None if stored is None else stored["at"],
        "not_after": {
            "cosigned": bounds.first_cosigned(index),
            "stamped": bounds.first_stamped(index),
        },
    }


def _late(told: dict[str, Any]) -> dict[str, Any] | None:
    """How many hours lay between recording and docking, if that was long."""
    claims = told["camera_clock"]
    interval = claims.get("interval") or {}
    reckoned, claimed = interval.get("latest"), claims.get("ended") or claims.get("started")
    said = reckoned or claimed
    docked = told["times"]["docked_at"]
    hours = None if not said or not docked else _hours(said, docked["utc"])
    if hours is None or hours <= LATE_H:
        return None
    basis = "reckoned by the dock" if reckoned else "by the camera's own clock, taken for UTC"
    return {"hours": hours, "basis": basis}


def _hours(start: str, end: str) -> int | None:
    try:
        first, last = (datetime.fromisoformat(text) for text in (start, end))
        return int((last.replace(tzinfo=None) - first.replace(tzinfo=None)).total_seconds() // 3600)
    except ValueError:
        return None


def _digests(told: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """Every digest of its bytes, and where and when it was taken."""
    content = told["content"]
    yield {
        "where": "on its way from the card, and again in the dock's spool",
        "sha256": content["sha256"],
        "root": content["tree"]["root"],
        "at": told["sealed"]["at"],
        "entry": told["sealed"]["index"],
    }
    for act in told["stored"]:
        yield {
            "where": f"in the gateway's store, read back by {act['read_back']}",
            "sha256": act["sha256"],
            "at": act["at"],
            "entry": act["index"],
        }
    for act in told["repaired"]:
        yield {
            "where": f"in the gateway's store after it was mended, read back by {act['read_back']}",
            "sha256": act["sha256"],
            "at": act["at"],
            "entry": act["index"],
        }
    for act in told["erased"]:
        yield {
            "where": "on the card, read again right before it was erased there",
            "sha256": act["reread_sha256"],
            "at": act["at"],
            "entry": act["index"],
        }


def plain(part: Any, *names: str) -> dict[str, Any]:  # noqa: ANN401  # any model
    """Some members of a model as plain values."""
    dumped: dict[str, Any] = part.model_dump(mode="json", exclude_none=True, include=set(names))
    return dumped
