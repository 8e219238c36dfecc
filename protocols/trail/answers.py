"""Whether a trail is the answer to the question that was asked.

Its statements may all be genuine and in place, and yet be another case's, or leave out a linked
clip. Only what a key of the gateway signed counts as the gateway's word.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from hashing.verdict import Finding, Outcome, Verdict
from protocols.anchors import Anchors
from protocols.ids import ClipId
from protocols.kinds import Body, CaseLinked, CaseOpened, CaseUnlinked
from protocols.trail.document import TrailDocument
from protocols.trail.families import check_merged, family, numbered
from protocols.trail.findings import Findings
from protocols.trail.verify import TrailReport


def answers_case(
    case_no: str, document: TrailDocument, report: TrailReport, anchors: Anchors
) -> Verdict:
    """Whether the trail is that of this case, with every clip that is linked to it (step 9)."""
    said = [
        event.body
        for event in report.events
        if event.body is not None and event.statement.issuer == anchors.gateway
    ]
    numbers = numbered(said, case_no)
    if not numbers:
        opened = any(isinstance(body, CaseOpened) for body in said)
        reason = "it opens another case" if opened else "no statement in it opens this case"
        return Verdict((Finding(9, Outcome.INCOMPLETE, case_no, reason),))
    found, one = Findings(), family(said, numbers)
    if document.about.clip is not None:
        found.add(9, Outcome.INCOMPLETE, case_no, "it is the trail of a clip, not of a case")
    if document.about.case not in {None, *one.heads}:
        found.add(9, Outcome.INCOMPLETE, case_no, "it names another case than was opened under it")
    if len(numbers) > 1:
        found.add(10, Outcome.ALTERED, case_no, f"{len(numbers)} cases were opened under it")
    check_merged(said, one, _acts(report, anchors), found)
    linked = _linked(said, one.cases)
    for clip in sorted(linked - set(document.clips)):
        found.add(9, Outcome.INCOMPLETE, clip, "linked but left out")
    for clip in sorted(set(document.clips) - linked):
        found.add(10, Outcome.ALTERED, clip, "not linked to the case")
    if not found.items:
        found.good(9, case_no, f"{len(linked)} linked clips")
    return Verdict(tuple(found.items))


def answers_clip(clip: ClipId, document: TrailDocument) -> Verdict:
    """Whether the trail is that of this clip (step 9)."""
    if document.clips == (str(clip),):
        return Verdict((Finding(9, Outcome.INTACT, str(clip), "the clip that was asked for"),))
    return Verdict((Finding(9, Outcome.INCOMPLETE, str(clip), "the trail is about another clip"),))


def _acts(report: TrailReport, anchors: Anchors) -> Counter[str]:
    ours = (event.statement for event in report.events)
    return Counter(each.subject for each in ours if each.issuer == anchors.gateway)


def _linked(said: Iterable[Body], cases: frozenset[str]) -> set[str]:
    links: dict[str, str] = {}
    for body in said:
        match body:
            case CaseLinked() if body.case in cases:
                links[body.link] = body.clip
            case CaseUnlinked() if body.case in cases:
                links.pop(body.link, None)
            case _:
                pass
    return set(links.values())
