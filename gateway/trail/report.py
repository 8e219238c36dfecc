"""A trail with its findings: for people line by line, or as JSON for programs."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hashing.errors import HashingError
from hashing.statement import decode_statement
from hashing.verdict import Verdict
from protocols.errors import RecordError
from protocols.records import Record, decode_record
from protocols.shown import shown
from protocols.trail import TrailDocument, TrailEvent
from protocols.trail.story import line
from protocols.trail.telling import verdict_json, verdict_lines


def opened(document: TrailDocument) -> tuple[TrailEvent, ...]:
    """The statements of a trail that nobody has verified, as far as they can be read."""
    events = []
    for entry in document.entries:
        try:
            statement = decode_statement(base64.b64decode(entry.statement))
        except (HashingError, ValueError):
            continue
        events.append(TrailEvent(entry.index, statement, _record(entry.record)))
    return tuple(events)


def _record(text: str | None) -> Record | None:
    try:
        return None if text is None else decode_record(base64.b64decode(text))
    except (RecordError, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of a trail.

    Attributes:
        asked: the case number or clip in the words of whoever asked; the document's are a claim.
        document: as the gateway gave it.
        events: what could be opened.
        verdict: None when nothing was verified.
        notes: what the verdict does not say.
    """

    asked: str
    document: TrailDocument
    events: tuple[TrailEvent, ...]
    verdict: Verdict | None = None
    notes: tuple[str, ...] = ()


def trail_lines(told: Shown) -> Iterator[str]:
    """The story, one line for each statement, then what was verified."""
    origin, size, *_ = [*told.document.checkpoint.split("\n"), "?", "?"]
    yield shown(f"trail of {told.asked}: {len(told.events)} entries of {origin}, size {size}")
    yield f"{'entry':>8}  {'by the clock of whoever signed':<42}  {'signed by':<20}  statement"
    for event in told.events:
        yield line(event)
    if told.verdict is None:
        yield "not verified; give --trust to check it against keys of your own"
        return
    yield from verdict_lines(told.verdict)
    for note in told.notes:
        yield f"note: {shown(note)}"


def trail_json(told: Shown) -> str:
    """The same for programs; ``verdict`` is null when nothing was verified."""
    document = {
        "asked": told.asked,
        "clips": list(told.document.clips),
        "events": [_event(event) for event in told.events],
        "verdict": None if told.verdict is None else verdict_json(told.verdict),
        "notes": list(told.notes),
    }
    return json.dumps(document, ensure_ascii=False, indent=2)


def _event(event: TrailEvent) -> dict[str, Any]:
    record = event.record
    return {
        "index": event.index,
        "issuer": event.statement.issuer,
        "subject": event.statement.subject,
        "kind": None if record is None else record.kind,
        "at": None if record is None else record.at.model_dump(mode="json", exclude_none=True),
        "body": None if record is None else record.body.model_dump(mode="json", exclude_none=True),
    }
