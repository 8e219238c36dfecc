"""Step 10: a clip was sealed, then stored as sealed, and only then erased on its card."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from hashing.verdict import Outcome
from protocols.anchors import Anchors
from protocols.ids import ClipId, dock_urn
from protocols.kinds import (
    ClipErased,
    ClipRepaired,
    ClipSealed,
    ClipStored,
    Content,
    EraseIntended,
)
from protocols.trail.disposing import Kept, tombstones, wrong_disposing
from protocols.trail.findings import Findings, TrailEvent


@dataclass(frozen=True, slots=True)
class Sealing:
    """The entry that made a clip, and what it says the bytes are."""

    clip: ClipId
    event: TrailEvent
    content: Content


def sealings(events: Iterable[TrailEvent]) -> dict[str, Sealing]:
    """Every sealing whose record is disclosed, by the clip's name."""
    found = {}
    for event in events:
        clip = event.seals
        if clip is not None and isinstance(event.body, ClipSealed):
            found[str(clip)] = Sealing(clip, event, event.body.content)
    return found


def check_custody(
    sealing: Sealing, mine: Sequence[TrailEvent], anchors: Anchors, kept: Kept, found: Findings
) -> None:
    """Check everything that happened to one clip after it was sealed.

    Args:
        sealing: what made the clip.
        mine: the statements whose subject it is, in the order of the log.
        anchors: whose word the gateway's is.
        kept: what the trail says of disposals and holds.
        found: takes what is found.
    """
    name = str(sealing.clip)
    stored = list(_stored(mine, anchors))
    repaired = [event for event in mine if _is_repair(event, anchors)]
    wrong = [
        *_wrong_storing(sealing, stored),
        *_wrong_repairing(sealing, repaired, stored),
        *_wrong_erasing(sealing, mine, stored),
        *wrong_disposing(sealing.content, mine, anchors, kept),
    ]
    for reason in wrong:
        found.add(10, Outcome.ALTERED, name, reason)
    if wrong:
        return
    if not stored:
        found.add(10, Outcome.INCOMPLETE, name, "not stored yet")
        return
    _, body = stored[0]
    erased = any(isinstance(event.body, ClipErased) for event in mine)
    then = ", then erased on its card" if erased else ""
    then += f", repaired {len(repaired)} times" if repaired else ""
    gone = tombstones(mine, anchors)
    then += f", disposed of at entry {gone[0][0]}" if gone else ""
    found.good(10, name, f"stored as sealed, read back by {body.read_back}{then}")


def _stored(mine: Iterable[TrailEvent], anchors: Anchors) -> Iterator[tuple[int, ClipStored]]:
    for event in mine:
        if isinstance(event.body, ClipStored) and event.statement.issuer == anchors.gateway:
            yield event.index, event.body


def _wrong_storing(sealing: Sealing, stored: Iterable[tuple[int, ClipStored]]) -> Iterator[str]:
    content, statement = sealing.content, sealing.event.statement
    sealed = (content.size, content.sha256, content.tree.root, statement.hash.hex())
    for index, body in stored:
        if index < sealing.event.index:
            yield f"stored at entry {index}, before it was sealed"
        if (body.size, body.sha256, body.root, body.statement_hash) != sealed:
            yield f"stored as something else than was sealed, at entry {index}"


def _is_repair(event: TrailEvent, anchors: Anchors) -> bool:
    return isinstance(event.body, ClipRepaired) and event.statement.issuer == anchors.gateway


def _wrong_repairing(
    sealing: Sealing, repaired: Iterable[TrailEvent], stored: Iterable[tuple[int, ClipStored]]
) -> Iterator[str]:
    """A repair brings back what was sealed and stored, and nothing else."""
    content = sealing.content
    sealed = (content.size, content.sha256, content.tree.root)
    first = min((index for index, _ in stored), default=None)
    for event in repaired:
        body = event.body
        if first is None or event.index < first:
            yield f"repaired at entry {event.index}, before it was stored"
        if isinstance(body, ClipRepaired) and (body.size, body.sha256, body.root) != sealed:
            yield f"repaired to something else than was sealed, at entry {event.index}"


def _wrong_erasing(
    sealing: Sealing, mine: Iterable[TrailEvent], stored: Iterable[tuple[int, ClipStored]]
) -> Iterator[str]:
    """Nothing is erased before a release: the promise, from what the dock signed itself."""
    released = {index for index, _ in stored}
    intended = False
    for event in mine:
        if event.statement.issuer != dock_urn(sealing.clip.dock):
            continue
        match event.body:
            case EraseIntended() as body:
                intended = True
                if body.release_index not in released or body.release_index >= event.index:
                    yield f"to be erased on a release at entry {body.release_index}, which is none"
            case ClipErased() as body:
                if not intended:
                    yield "erased without a word about the release that allowed it"
                if body.reread_sha256 != sealing.content.sha256:
                    yield "erased, though what was read on the card was not what was sealed"
            case _:
                pass
