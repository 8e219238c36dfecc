"""The integrity report: everything a pack proves and does not prove, as plain values.

It is made by whoever exports and is no evidence itself: every line of it can be found again
in the records and repeated with ``evidock-verify``. Claims of cameras are named claims.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hashing.verdict import STEPS, Verdict
from protocols.anchors import Anchors
from protocols.clock import ClockReading
from protocols.ids import ClipId, EntryId
from protocols.kinds import (
    ClipErased,
    ClipExported,
    ClipRepaired,
    ClipSealed,
    ClipStored,
    DockEnrolled,
    SessionOpened,
)
from protocols.pack import layout
from protocols.pack.export import Export
from protocols.trail import TrailDocument, TrailEvent, TrailReport
from protocols.trail.story import story
from protocols.trail.telling import verdict_json

NOT_SHOWN = (
    "when or where something was recorded before docking, beyond what the camera claims",
    "that nothing was recorded and deleted before docking, beyond what lists and numbering show",
    "what the newest acts on a subject were after the checkpoint of this pack",
)
_REPAIRED = ("replaced", "leaves", "before", "read_back", "reason", "by")


@dataclass(frozen=True, slots=True)
class Made:
    """Who made the report: program, and the clock of the machine it ran on."""

    tool: str
    at: ClockReading


def build_report(
    document: TrailDocument,
    trail: TrailReport,
    export: Export,
    anchors: Anchors,
    verdict: Verdict,
    made: Made,
) -> dict[str, Any]:
    """The report as plain values (docs/pack.md gives the schema).

    Args:
        document: the pack's trail.
        trail: what its verification opened.
        export: the act.
        anchors: the keys the trail was verified against, pinning the pack's checkpoint.
        verdict: of the exporter, content included.
        made: by whom and when.
    """
    head = anchors.checkpoint
    return {
        "v": 1,
        "id": f"{anchors.origin}/export/{export.number}",
        "made": {"tool": made.tool, "at": _clock(made.at)},
        "about": document.about.model_dump(exclude_none=True),
        "export": export.model_dump(mode="json"),
        "log": {
            "origin": anchors.origin,
            "size": head.size,
            "root": head.root.hex(),
            "witnesses": [],
            "timestamps": [],
        },
        "keys": list(_keys(trail.events, anchors)),
        "clips": [_clip(content.clip, trail.events) for content in trail.contents],
        "events": [_event(event) for event in trail.events],
        "verification": verdict_json(verdict),
        "steps": {str(step): name for step, name in STEPS.items()},
        "deviations": [
            f"step {each.step}, {each.outcome}: {each.subject}: {each.reason}"
            for each in verdict.problems
        ],
        "notes": list(trail.notes),
        "not_shown": list(NOT_SHOWN),
        "holds": [],
        "repeat": {"commands": layout.GUIDE, "browser": layout.VERIFIER, "tool": "evidock-verify"},
        "certification": {"fre_902_13": None, "fre_902_14": None, "电子数据提取固定说明": None},
    }


def _clock(at: ClockReading) -> dict[str, Any]:
    return at.model_dump(mode="json", exclude_none=True)


def _keys(events: Iterable[TrailEvent], anchors: Anchors) -> Iterable[dict[str, Any]]:
    for use, kid in (
        ("gateway-statement", anchors.statement_key.kid),
        ("gateway-receipt", anchors.receipt_key.kid),
        ("log-checkpoint", anchors.checkpoint_key.key.kid),
    ):
        yield {"use": use, "kid": kid.hex(), "file": layout.key(use)}
    for event in events:
        if isinstance(event.body, DockEnrolled) and event.statement.issuer == anchors.gateway:
            body = event.body
            yield {
                "use": f"statements of {body.dock}",
                "kid": body.kid,
                "file": layout.key(body.dock),
                "enrolled": event.index,
            }


def _event(event: TrailEvent) -> dict[str, Any]:
    record = event.record
    return {
        "index": event.index,
        "issuer": event.statement.issuer,
        "subject": event.statement.subject,
        "kind": None if record is None else record.kind,
        "at": None if record is None else _clock(record.at),
        "text": story(event),
        "statement_sha256": event.statement.hash.hex(),
    }


def _clip(clip: ClipId, events: Iterable[TrailEvent]) -> dict[str, Any]:
    told: dict[str, Any] = {"clip": str(clip), "stored": [], "erased": [], "exported": []}
    session = None
    listed = list(events)
    for event in listed:
        if event.record is None or event.statement.subject != clip.clip_urn:
            continue
        at = {"index": event.index, "at": _clock(event.record.at)}
        match event.record.body:
            case ClipSealed() as body if event.seals == clip:
                told |= _sealed(clip, body) | {"sealed": at}
                session = EntryId.parse(body.session)
            case ClipStored() as body:
                told["stored"].append(at | {"sha256": body.sha256, "read_back": body.read_back})
            case ClipRepaired() as body:
                told.setdefault("repaired", []).append(at | _plain(body, *_REPAIRED))
            case ClipErased() as body:
                told["erased"].append(at | {"reread_sha256": body.reread_sha256})
            case ClipExported() as body:
                told["exported"].append(at | _plain(body, "export", "recipient", "reason", "by"))
            case _:
                pass
    for event in listed:
        opened = event.record is not None and isinstance(event.body, SessionOpened)
        same = session is not None and event.statement.subject == session.session_urn
        if opened and same and event.record is not None and event.body is not None:
            told["docked"] = {"index": event.index, "at": _clock(event.record.at)} | _plain(
                event.body, "bay", "volume", "camera", "officer", "clock"
            )
    return told


def _sealed(clip: ClipId, body: ClipSealed) -> dict[str, Any]:
    source = body.source
    return {
        "file": layout.original(clip, source.name),
        **_plain(source, "name", "path", "path_b64", "camera", "officer", "unit"),
        **_plain(body, "content", "camera_clock", "media", "session"),
    }


def _plain(part: Any, *names: str) -> dict[str, Any]:  # noqa: ANN401  # any model
    dumped: dict[str, Any] = part.model_dump(mode="json", exclude_none=True, include=set(names))
    return dumped
