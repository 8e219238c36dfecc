"""Step 10, of what is gone: a clip's bytes go by two people's word, under no hold, and once.

A gateway that removes footage without that leaves a trail that says so: a tombstone without its
proposal or its approval, by one person alone, against a refusal or under a hold, or none at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

from protocols.anchors import Anchors
from protocols.ids import disposal_urn
from protocols.kinds import (
    CaseLinked,
    CaseMerged,
    CaseUnlinked,
    ClipDisposed,
    ClipRepaired,
    ClipStored,
    Content,
    DisposalApproved,
    DisposalProposed,
    DisposalRefused,
    HoldLifted,
    HoldPlaced,
)
from protocols.trail.findings import TrailEvent


@dataclass(slots=True)
class Kept:
    """What a trail says of disposals, holds and links: the gateway's word, in its order."""

    proposed: dict[str, tuple[TrailEvent, DisposalProposed]] = field(default_factory=dict)
    approved: dict[str, tuple[int, DisposalApproved]] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    placed: list[tuple[int, HoldPlaced]] = field(default_factory=list)
    lifted: dict[tuple[str, str | None], int] = field(default_factory=dict)
    linked: dict[str, list[tuple[int, CaseLinked]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    unlinked: dict[str, int] = field(default_factory=dict)
    merged: list[tuple[int, CaseMerged]] = field(default_factory=list)

    @classmethod
    def of(cls, events: Iterable[TrailEvent], anchors: Anchors) -> Self:
        """Gather it once for all clips of a trail."""
        kept = cls()
        for event in events:
            if event.statement.issuer == anchors.gateway:
                kept.hear(event)
        return kept

    def hear(self, event: TrailEvent) -> None:
        """Take one statement of the gateway."""
        index, subject = event.index, event.statement.subject
        match event.body:
            case DisposalProposed() as body if subject == disposal_urn(body.disposal):
                self.proposed.setdefault(body.disposal, (event, body))
            case DisposalApproved() as body if subject == disposal_urn(body.disposal):
                self.approved.setdefault(body.disposal, (index, body))
            case DisposalRefused() as body if subject == disposal_urn(body.disposal):
                self.refused.setdefault(body.disposal, index)
            case HoldPlaced() as body:
                self.placed.append((index, body))
            case HoldLifted() as body:
                self.lifted.setdefault((body.hold, body.clip), index)
            case CaseLinked() as body:
                self.linked[body.clip].append((index, body))
            case CaseUnlinked() as body:
                self.unlinked.setdefault(body.link, index)
            case CaseMerged() as body:
                self.merged.append((index, body))
            case _:
                pass

    def holds(self, clip: str, at: int) -> Iterator[tuple[int, HoldPlaced]]:
        """The holds that covered a clip at a position of the log."""
        for placed, hold in self.placed:
            in_force = placed < at <= self.lifted.get((hold.hold, hold.clip), at)
            if in_force and self._covers(hold, placed, clip, at):
                yield placed, hold

    def _covers(self, hold: HoldPlaced, placed: int, clip: str, at: int) -> bool:
        if hold.case is None:
            return hold.clip == clip
        return self._was_in(clip, hold.case, placed, at)

    def _was_in(self, clip: str, case: str, since: int, at: int) -> bool:
        """Whether a clip was tied to a case, or to what became one with it, since some entry."""
        cases = {case}
        for index, body in self.merged:
            # In the order of the log: what was merged earlier is found by its survivor.
            if index < at and {body.case, body.merged} & cases:
                cases |= {body.case, body.merged}
        return any(
            index < at and body.case in cases and self.unlinked.get(body.link, at) > since
            for index, body in self.linked.get(clip, ())
        )


def tombstones(mine: Iterable[TrailEvent], anchors: Anchors) -> list[tuple[int, ClipDisposed]]:
    """The gateway's word that a clip's bytes go, oldest first.

    Args:
        mine: the statements whose subject is the clip.
        anchors: whose word the gateway's is.
    """
    return [
        (event.index, event.body)
        for event in mine
        if isinstance(event.body, ClipDisposed) and event.statement.issuer == anchors.gateway
    ]


def wrong_disposing(
    content: Content, mine: Sequence[TrailEvent], anchors: Anchors, kept: Kept
) -> Iterator[str]:
    """Everything that is not as it should be about a clip's disposal; nothing without one."""
    gone = tombstones(mine, anchors)
    if not gone:
        return
    if len(gone) > 1:
        yield f"disposed of once more at entry {gone[1][0]}"
    at, body = gone[0]
    if (body.size, body.sha256, body.root) != (
        content.size,
        content.sha256,
        content.tree.root,
    ):
        yield f"something else than was sealed is disposed of at entry {at}"
    stored = [event for event in mine if isinstance(event.body, ClipStored | ClipRepaired)]
    ours = [event.index for event in stored if event.statement.issuer == anchors.gateway]
    if not any(index < at for index in ours):
        yield f"disposed of at entry {at}, before it was stored"
    for index in ours:
        if index > at:
            yield f"brought back at entry {index}, after it was disposed of"
    yield from _wrong_deciding(at, body, kept)
    for placed, hold in kept.holds(body.clip, at):
        yield f"disposed of at entry {at} under the hold of entry {placed}, for {hold.authority}"


def _wrong_deciding(at: int, body: ClipDisposed, kept: Kept) -> Iterator[str]:
    proposal = kept.proposed.get(body.disposal)
    listed = proposal is not None and any(
        (each.clip, each.sha256) == (body.clip, body.sha256) for each in proposal[1].clips
    )
    if proposal is None or not listed or not proposal[0].index == body.proposed < at:
        yield f"disposed of at entry {at}, though nobody had proposed it"
        return
    event, asked = proposal
    index, approval = kept.approved.get(body.disposal, (at, None))
    if approval is None or not event.index < index == body.approved < at:
        yield f"disposed of at entry {at}, though nobody had approved it"
        return
    if approval.proposal != event.statement.hash.hex():
        yield f"disposed of at entry {at}, on the approval of another proposal"
    if not asked.asker or approval.asker == asked.asker or approval.by == asked.by:
        yield f"disposed of at entry {at} by one person alone, {asked.by}"
    if kept.refused.get(body.disposal, at) < at:
        yield f"disposed of at entry {at}, though it had been refused"
