"""What the report tells of the dockings that a pack's clips come from: every file on the card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from protocols.kinds import SessionClosed, SessionInventory, SessionNoted, SessionOpened
from protocols.pack.clips import at_of, plain
from protocols.trail import DAILY, TrailEvent
from protocols.trail.sessions import sessions_of

_NAMED = 200


def dockings_told(events: Sequence[TrailEvent]) -> list[dict[str, Any]]:
    """Each docking: what was listed, what became of it, and what was left to the camera."""
    said = _by_session(events)
    return [_told(str(session), said.get(str(session), ())) for session in sessions_of(events)]


def _by_session(events: Iterable[TrailEvent]) -> dict[str, list[TrailEvent]]:
    """What opens or names each docking: a case may have hundreds, and thousands of events."""
    found: dict[str, list[TrailEvent]] = {}
    for event in events:
        names = {getattr(event.body, "session", None)}
        if isinstance(event.body, SessionOpened):
            names.add(event.statement.subject.rpartition(":")[2])
        for name in names:
            if isinstance(name, str):
                found.setdefault(name, []).append(event)
    return found


def _told(name: str, events: Iterable[TrailEvent]) -> dict[str, Any]:
    told: dict[str, Any] = {"session": name, "noted": [], "gaps": [], "absent": [], "files": {}}
    counts: Counter[str] = Counter()
    others: list[dict[str, Any]] = []
    for event in events:
        body = event.body
        if isinstance(body, SessionOpened) and event.statement.subject.endswith(f":{name}"):
            words = plain(body, "bay", "volume", "profile", "camera", "officer", "clock", "card")
            told["opened"] = at_of(event) | words
        if getattr(body, "session", None) != name:
            continue
        match body:
            case SessionInventory():
                counts.update(file.disposition for file in body.files)
                told["gaps"] += [plain(gap, *gap.model_fields_set) for gap in body.gaps]
                told["absent"] += [plain(each, *each.model_fields_set) for each in body.absent]
                others += [
                    plain(file, "path", "path_b64", "disposition", "reason", "clip")
                    for file in body.files
                    if file.disposition not in {"ingest", "growing"}
                ]
            case SessionNoted():
                told["noted"].append(at_of(event) | plain(body, "reason", "text", "officer"))
            case SessionClosed() if body.reason != DAILY:
                words = plain(body, "reason", "sealed", "inventory_files", "leftovers")
                told["closed"] = at_of(event) | words | plain(body, "leftovers_total")
            case _:
                pass
    told["files"] = dict(counts)
    told["not_recordings"] = others[:_NAMED]
    told["not_recordings_total"] = len(others)
    return told
