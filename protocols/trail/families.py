"""Which cases are one: renumbered, and merged into each other, as the gateway stated it.

A case keeps the chain of acts it began. One that became part of another keeps its own as well,
and the act that merged it, which stands in the other's chain, says how long that is: so neither
the merged case nor its last act can be left out of a trail unseen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hashing.verdict import Outcome
from protocols.ids import case_urn
from protocols.kinds import Body, CaseMerged, CaseOpened, CaseRenumbered
from protocols.trail.findings import Findings


@dataclass(frozen=True, slots=True)
class Family:
    """One case with all that was merged into it.

    Attributes:
        cases: their opaque names.
        heads: those of them that became part of no other; more than one is never right.
    """

    cases: frozenset[str]
    heads: frozenset[str]


def numbered(said: Sequence[Body], case_no: str) -> frozenset[str]:
    """The cases that were opened or went on under a number, as far as their opening is there."""
    opened = {body.case for body in said if isinstance(body, CaseOpened)}
    return frozenset(
        body.case
        for body in said
        if isinstance(body, CaseOpened | CaseRenumbered)
        and body.case_no == case_no
        and body.case in opened
    )


def family(said: Sequence[Body], cases: frozenset[str]) -> Family:
    """What these cases belong to, and everything that belongs to that.

    Args:
        said: what the gateway stated, in log order.
        cases: where to begin.
    """
    merged = [body for body in said if isinstance(body, CaseMerged)]
    into: dict[str, str] = {}
    for body in merged:
        into.setdefault(body.merged, body.case)
    heads = frozenset(_top(case, into) for case in cases)
    found = set(heads)
    # What was merged was merged before what it was merged into went on, so one pass back does.
    for body in reversed(merged):
        if body.case in found:
            found.add(body.merged)
    return Family(frozenset(found | cases), heads)


def check_merged(
    said: Sequence[Body], one: Family, acts: Mapping[str, int], found: Findings
) -> None:
    """Steps 9 and 10: every case that was merged is there, whole, and nothing was added to it.

    Args:
        said: what the gateway stated, in log order.
        one: the cases.
        acts: how many acts of each subject the trail has.
        found: takes what is wrong.
    """
    for body in said:
        if not isinstance(body, CaseMerged) or body.case not in one.cases:
            continue
        there = acts.get(case_urn(body.merged), 0)
        if there < body.acts:
            reason = f"{body.acts} acts before it was merged, {there} here"
            found.add(9, Outcome.INCOMPLETE, body.merged_no, reason)
        elif there > body.acts:
            reason = f"{there - body.acts} acts after it was merged"
            found.add(10, Outcome.ALTERED, body.merged_no, reason)


def _top(case: str, into: Mapping[str, str]) -> str:
    seen = {case}
    while (above := into.get(case)) is not None and above not in seen:
        seen.add(above)
        case = above
    return case
