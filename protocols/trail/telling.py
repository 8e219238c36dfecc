"""A verdict in words: for people step by step, or as plain values for programs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hashing.verdict import STEPS, Finding, Outcome, Verdict
from protocols.shown import shown
from protocols.trail.whole import Audited

_TOLD = 5
_NUMBERS = re.compile(r"[0-9a-f]{8,}|[0-9]+")
_RECORDS = 3
_SIGNED = 4
_EACH_ENTRY = (_RECORDS, _SIGNED, 5)


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
    if whole is not None and step in _EACH_ENTRY and not (whole.bare and step == _SIGNED):
        wrong = len({each.subject for each in mine if each.outcome is not Outcome.INTACT})
        # An entry that is no statement was not checked any further, so it is not intact.
        checked = whole.taken if step == _RECORDS else whole.read
        return f"{max(0, checked - wrong)} of {whole.taken} entries intact"
    if whole is not None and len(mine) == good == 1:
        return f"intact, {mine[0].reason}"
    return f"{good} of {len(mine)} intact"


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
