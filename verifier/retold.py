"""The report that people read says what the records say.

Nobody signs the report, and it is what a judge looks at. So whatever it says is made anew from what
was verified, and compared; and its page has to be the page of that report. What stays the
exporter's own word is who made it and when, which witnesses the gateway asks, and what it found of
witnesses and time stamps (steps 7 and 8), for which the reader has a policy and roots of his own.

Words change between versions of the program: a report by another version is not compared, and
that is said.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Any, Final

from hashing.verdict import Finding, Outcome, Verdict
from protocols.json_once import read_once
from protocols.pack import layout
from protocols.pack.export import Export
from protocols.pack.originals import Original
from protocols.pack.outside import Outside
from protocols.pack.page import report_page
from protocols.pack.report import VERSION, told
from protocols.trail import Findings, TrailDocument, TrailReport
from verifier.sources import Source

COMPARED: Final = (
    f"{layout.PAGE} and {layout.REPORT} say what the records say; {layout.GUIDE} and "
    f"{layout.VERIFIER} are the exporter's own words, which nobody signed: take them from us"
)
_UNCOMPARED: Final = (
    f"{layout.PAGE} and {layout.REPORT} were made by another version of the program ({{tool}}) and "
    f"not compared with the records: with {layout.GUIDE} and {layout.VERIFIER} they are the "
    "exporter's own words, which nobody signed"
)
_DIFFERS: Final = (
    f"{layout.PAGE} and {layout.REPORT} say other than what is in this pack now: believe what is "
    "told here, not them"
)
_MAX_REPORT: Final = 256 << 20
_STEP: Final = 10
_BYTES: Final = 2
_OUTSIDE: Final = frozenset({7, 8})
_OWN_STEPS: Final = _OUTSIDE | {1}


def check_report(
    source: Source,
    document: TrailDocument,
    trail: TrailReport,
    export: Export,
    outside: Outside,
    listed: Iterable[Original],
    found: Findings,
) -> str:
    """Hold report and page against what was verified; returns what is to be said of them."""
    raw = source.read(layout.REPORT, _MAX_REPORT)
    page = source.read(layout.PAGE, _MAX_REPORT)
    if raw is None or page is None:
        missing = layout.REPORT if raw is None else layout.PAGE
        found.add(_STEP, Outcome.INCOMPLETE, missing, "missing, or larger than it may be")
        return _DIFFERS
    try:
        report = read_once(raw)
        tool = str(report["made"]["tool"])
        if (tool, report["v"]) != (f"evidock-gateway {version('evidock')}", VERSION):
            return _UNCOMPARED.format(tool=tool[:80])
        claimed = Verdict(tuple(_findings(report["verification"])))
        asked = tuple(str(name) for name in report["log"]["witnesses_asked"])
        wrong = list(_wrong(claimed, trail.verdict, found.items))
        missing_bytes = {row.clip: row.missing for row in listed if row.missing is not None}
        seen = outside.with_asked(asked)
        anew = told(document, trail, export, seen, claimed, missing_bytes)
        anew = json.loads(json.dumps({"made": report["made"]} | anew))
        wrong += _differences(report, anew)
        same_page = page == report_page(report)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        reason = f"not a report of a pack: {str(error)[:200]}"
        found.add(_STEP, Outcome.ALTERED, layout.REPORT, reason)
        return _DIFFERS
    if _spoilt(found):
        # The report of a pack that was spoilt later is of what it was; that it differs says nothing
        # more, and would hide behind "altered" what is wrong.
        return COMPARED if same_page and not wrong else _DIFFERS
    for what in wrong[:5]:
        found.add(_STEP, Outcome.ALTERED, layout.REPORT, f"says other than the records: {what}")
    if not same_page:
        found.add(_STEP, Outcome.ALTERED, layout.PAGE, f"not the page of {layout.REPORT}")
    return COMPARED


def _spoilt(found: Findings) -> bool:
    return any(
        each.outcome is not Outcome.INTACT and each.step not in _OUTSIDE for each in found.items
    )


def _findings(verification: dict[str, Any]) -> Iterator[Finding]:
    for each in verification["findings"]:
        step, outcome = each["step"], Outcome(each["outcome"])
        yield Finding(step, outcome, str(each["subject"]), str(each["reason"]))


def _wrong(claimed: Verdict, trail: Verdict, found: Iterable[Finding]) -> Iterator[str]:
    """What the report claims was found and was not, and the other way round."""
    ours = {_plain(each) for each in found}
    open_here = {(each.step, each.subject) for each in found if each.outcome is not Outcome.INTACT}
    theirs = {_plain(each) for each in claimed.findings if each.step not in _OWN_STEPS}
    of_trail = {_plain(each) for each in trail.findings if each.step not in _OWN_STEPS}
    for step, outcome, subject, _ in sorted(theirs - ours):
        # What was spoilt since is told by itself.
        if (step, subject) not in open_here:
            yield f"step {step}, {outcome}: {subject}"
    for step, outcome, subject, _ in sorted(of_trail - theirs):
        yield f"step {step} leaves out {outcome}: {subject}"


def _plain(each: Finding) -> tuple[int, str, str, str]:
    # How many bytes there are is told in other words by who reads the file itself.
    reason = "" if each.step == _BYTES else each.reason
    return each.step, each.outcome.value, each.subject, reason


def _differences(report: dict[str, Any], anew: dict[str, Any]) -> Iterator[str]:
    for name in sorted(report.keys() | anew.keys()):
        if report.get(name) != anew.get(name):
            yield name + _first(report.get(name), anew.get(name))


def _first(one: object, other: object) -> str:
    """Where two values first differ, so that a person finds the place."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            if one.get(key) != other.get(key):
                return f".{key}" + _first(one.get(key), other.get(key))
    if isinstance(one, list) and isinstance(other, list):
        for at, (mine, theirs) in enumerate(zip(one, other, strict=False)):
            if mine != theirs:
                return f"[{at}]" + _first(mine, theirs)
    return ""
