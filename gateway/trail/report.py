"""A trail with its findings: for people line by line, or as JSON for programs."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateway.shown import shown
from gateway.trail.audit import Audited
from gateway.trail.story import line
from hashing.errors import HashingError
from hashing.statement import decode_statement
from hashing.verdict import STEPS, Finding, Outcome, Verdict
from protocols.errors import RecordError
from protocols.records import Record, decode_record
from protocols.trail import TrailDocument, TrailEvent

_TOLD = 5
_NUMBERS = re.compile(r"[0-9a-f]{8,}|[0-9]+")
_RECORDS = 3
_EACH_ENTRY = (_RECORDS, 4, 5)


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


def verdict_lines(verdict: Verdict, whole: Audited | None = None) -> Iterator[str]:
    """What was checked, step by step, then the problems, then the outcome.

    Problems that differ in numbers and names only are told five times and then counted:
    a thousand lines alike would hide the one that is not. The JSON form keeps them all.

    Args:
        verdict: what to tell.
        whole: of a whole log, whose findings are about all its entries at once.
    """
    for step, name in STEPS.items():
        mine = [finding for finding in verdict.findings if finding.step == step]
        yield f"  step {step:>2}  {name}: {shown(_state(step, mine, whole))}"
    alike: dict[tuple[int, Outcome, str], list[Finding]] = {}
    for finding in verdict.problems:
        pattern = (finding.step, finding.outcome, _NUMBERS.sub("#", finding.reason))
        alike.setdefault(pattern, []).append(finding)
    for (step, outcome, _), findings in alike.items():
        for finding in findings[:_TOLD]:
            subject, reason = shown(finding.subject), shown(finding.reason)
            yield f"  step {step:>2}  {outcome}: {subject}: {reason}"
        if len(findings) > _TOLD:
            yield f"  step {step:>2}  {outcome}: ... and {len(findings) - _TOLD} more like this"
    yield f"verdict: {verdict.outcome}"


def _state(step: int, mine: list[Finding], whole: Audited | None) -> str:
    good = sum(1 for finding in mine if finding.outcome is Outcome.INTACT)
    if not mine:
        return "not checked here"
    if whole is not None and step in _EACH_ENTRY:
        wrong = len({each.subject for each in mine if each.outcome is not Outcome.INTACT})
        # An entry that is no statement was not checked any further, so it is not intact.
        checked = whole.taken if step == _RECORDS else whole.read
        return f"{max(0, checked - wrong)} of {whole.taken} entries intact"
    if whole is not None and len(mine) == good == 1:
        return f"intact, {mine[0].reason}"
    return f"{good} of {len(mine)} intact"


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


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """A verdict as plain values."""
    return {
        "outcome": verdict.outcome.value,
        "exit_code": verdict.exit_code,
        "findings": [_finding(finding) for finding in verdict.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "step": finding.step,
        "outcome": finding.outcome.value,
        "subject": finding.subject,
        "reason": finding.reason,
    }


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
