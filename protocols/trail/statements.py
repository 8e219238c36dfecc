"""Steps 3 to 7 of a trail: every statement by itself, and the checkpoint over all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from hashing.errors import HashingError, ProofError
from hashing.ledger import DockLink, SubjectLink, walk_subject
from hashing.merkle import verify_consistency, verify_inclusion
from hashing.note import Checkpoint, open_checkpoint
from hashing.statement import decode_statement, verify_record
from hashing.verdict import Outcome
from protocols.anchors import Anchors
from protocols.errors import RecordError
from protocols.ids import case_urn, clip_of_urn
from protocols.kinds import Body, KeyRotated, LogOpened
from protocols.records import decode_record
from protocols.trail.document import TrailConsistency, TrailDocument, TrailEntry, unbase64
from protocols.trail.findings import Findings, TrailEvent
from protocols.trail.keyring import Keyring

_CASES = case_urn("")


def open_head(document: TrailDocument, anchors: Anchors, found: Findings) -> Checkpoint | None:
    """Step 7: the checkpoint is the log's, and continues the one that was pinned.

    Witnesses are not asked for by these anchors.
    """
    try:
        checkpoint = open_checkpoint(document.checkpoint.encode(), anchors.checkpoint_key)
    except (HashingError, UnicodeEncodeError) as error:
        found.add(7, Outcome.UNSIGNED, "checkpoint", str(error))
        return None
    pinned = anchors.checkpoint
    if checkpoint.origin != anchors.origin:
        found.add(7, Outcome.ALTERED, "checkpoint", f"of another log: {checkpoint.origin}")
    elif checkpoint.size < pinned.size:
        found.add(7, Outcome.INCOMPLETE, "checkpoint", f"size {checkpoint.size} < {pinned.size}")
    elif checkpoint.size == pinned.size and checkpoint.root != pinned.root:
        found.add(7, Outcome.ALTERED, "checkpoint", "another root than the pinned one")
    elif checkpoint.size > pinned.size:
        _continues(pinned, checkpoint, document.consistency, found)
    else:
        found.good(7, "checkpoint", f"the pinned one, size {checkpoint.size}")
    return checkpoint


def _continues(
    pinned: Checkpoint, newer: Checkpoint, proof: TrailConsistency | None, found: Findings
) -> None:
    if proof is None or proof.from_size != pinned.size:
        reason = f"nothing proves that it continues the pinned checkpoint of size {pinned.size}"
        found.add(7, Outcome.INCOMPLETE, "checkpoint", reason)
        return
    path = [unbase64(step) for step in proof.path]
    try:
        verify_consistency(pinned.size, pinned.root, newer.size, newer.root, path)
    except ProofError as error:
        reason = f"it does not continue the pinned checkpoint of size {pinned.size}: {error}"
        found.add(7, Outcome.ALTERED, "checkpoint", reason)
    else:
        found.good(7, "checkpoint", f"size {newer.size}, continues the pinned {pinned.size}")


def open_entry(entry: TrailEntry, found: Findings) -> TrailEvent | None:
    """Step 3: the record is the one that was signed."""
    name = f"entry {entry.index}"
    try:
        statement = decode_statement(unbase64(entry.statement))
    except HashingError as error:
        found.add(3, Outcome.ALTERED, name, f"statement: {error}")
        return None
    if entry.record is None:
        return TrailEvent(entry.index, statement, None, withheld=True)
    raw = unbase64(entry.record)
    try:
        verify_record(statement, raw)
    except ProofError as error:
        found.add(3, Outcome.ALTERED, name, f"record: {error}")
        return TrailEvent(entry.index, statement, None)
    found.good(3, name, "record is the one that was signed")
    try:
        return TrailEvent(entry.index, statement, decode_record(raw))
    except RecordError as error:
        found.add(3, Outcome.UNSUPPORTED, name, f"record not understood: {error}")
        return TrailEvent(entry.index, statement, None)


def check_order(entries: Iterable[TrailEntry], found: Findings) -> None:
    """Step 10: in log order, nothing twice."""
    for before, after in pairwise(entries):
        if after.index <= before.index:
            reason = f"stands after entry {before.index}"
            found.add(10, Outcome.ALTERED, f"entry {after.index}", reason)


def check_included(
    event: TrailEvent, path: Sequence[str], checkpoint: Checkpoint, found: Findings
) -> None:
    """Step 6: inclusion in the checkpoint."""
    leaf, steps = event.statement.leaf, [unbase64(step) for step in path]
    try:
        verify_inclusion(leaf, event.index, checkpoint.size, steps, checkpoint.root)
    except ProofError as error:
        found.add(6, Outcome.NOT_LOGGED, event.name, str(error))
    else:
        found.good(6, event.name, f"in the log of size {checkpoint.size}")


def check_signatures(events: Sequence[TrailEvent], anchors: Anchors, found: Findings) -> None:
    """Step 4: signed by a key that is enrolled there and not revoked.

    The gateway is heard first: a revocation counts for every entry beyond the last trusted
    one, also for those that were logged before anybody knew of the theft. Then docks are heard
    about their own keys, so that no entry counts under one that was given up before it.
    """
    ring = Keyring(anchors, found)
    opening = events[0].body if events and events[0].index == 0 else None
    if not isinstance(opening, LogOpened):
        found.add(4, Outcome.INCOMPLETE, "log", "its opening, entry 0, is not in the trail")
    ours = [event for event in events if event.statement.issuer == anchors.gateway]
    for event in ours:
        if ring.check(event.index, event.statement):
            found.good(4, event.name, f"signed by {anchors.gateway}")
            ring.hear(event.index, event.statement, event.body)
    docks = [event for event in events if event.statement.issuer != anchors.gateway]
    rotations = [event for event in docks if isinstance(event.body, KeyRotated)]
    others = [event for event in docks if not isinstance(event.body, KeyRotated)]
    for event in (*rotations, *others):
        if ring.check(event.index, event.statement):
            found.good(4, event.name, f"signed by {event.statement.issuer}")
            ring.hear_dock(event.index, event.statement, event.body)
    ring.settle()


def check_places(events: Iterable[TrailEvent], anchors: Anchors, found: Findings) -> None:
    """Step 5: every statement has its place in a chain and speaks of what it is filed under."""
    for event in events:
        ours = event.statement.issuer == anchors.gateway
        wanted = SubjectLink if ours else DockLink
        if not isinstance(event.statement.chain, wanted):
            found.add(5, Outcome.ALTERED, event.name, "without a place in its issuer's chain")
        elif ours and (reason := _misfiled(event.statement.subject, event.body)):
            found.add(5, Outcome.ALTERED, event.name, reason)


def _misfiled(subject: str, body: Body | None) -> str | None:
    """A gateway's act under another subject would leave no number in the chain it belongs to."""
    case, clip = getattr(body, "case", None), getattr(body, "clip", None)
    if isinstance(case, str):
        return None if subject == case_urn(case) else f"an act on case {case[:80]} under {subject}"
    if isinstance(clip, str):
        filed = clip_of_urn(subject)
        return None if str(filed) == clip else f"an act on {clip} under {subject}"
    return None


def check_subject_chains(events: Iterable[TrailEvent], anchors: Anchors, found: Findings) -> None:
    """Step 5: the gateway's acts on each subject, from the first one, without a hole."""
    chains: dict[str, list[tuple[SubjectLink, bytes]]] = defaultdict(list)
    for event in events:
        link = event.statement.chain
        if isinstance(link, SubjectLink) and event.statement.issuer == anchors.gateway:
            chains[event.statement.subject].append((link, event.statement.hash))
    for subject, chain in chains.items():
        broken = walk_subject(chain).first_break
        if broken is not None:
            reason = f"{broken.fault} at {broken.position}: {broken.reason}"
            found.add(5, Outcome.INCOMPLETE, subject, reason)
        else:
            found.good(5, subject, f"{len(chain)} acts without a hole")


def check_witnessed(
    events: Iterable[TrailEvent], checkpoint: Checkpoint, anchors: Anchors, found: Findings
) -> None:
    """Step 7: what docks signed as the log they knew is this log.

    Every record names the newest checkpoint its issuer had accepted. Two roots for one size are
    two logs; a size beyond the entry's own place cannot have been known then.
    """
    pinned = anchors.checkpoint
    roots = {checkpoint.size: checkpoint.root.hex(), pinned.size: pinned.root.hex()}
    for event in events:
        known = event.record.checkpoint if event.record else None
        if known is None:
            continue
        if known.size > event.index:
            reason = f"names a checkpoint of size {known.size}, which was not there yet"
            found.add(7, Outcome.ALTERED, event.name, reason)
        elif roots.setdefault(known.size, known.root) != known.root:
            reason = f"its issuer knew another log of size {known.size}"
            found.add(7, Outcome.ALTERED, event.name, reason)


def check_disclosed(
    events: Iterable[TrailEvent],
    document: TrailDocument,
    ours: frozenset[str],
    anchors: Anchors,
    found: Findings,
) -> None:
    """Step 9: no record is withheld that belongs to what the trail is about.

    Withheld may be what a dock says of somebody else's clip, session or alarm, and in the
    trail of a clip the acts on a case.

    Args:
        events: the trail.
        document: says whether it is the trail of a case.
        ours: urns of the trail's clips and of their sessions.
        anchors: whose word the gateway's is.
        found: takes what is missing.
    """
    of_case = document.about.clip is None
    for event in events:
        subject = event.statement.subject
        if event.statement.issuer == anchors.gateway:
            must = of_case or not subject.startswith(_CASES)
        else:
            must = subject in ours
        if event.withheld and must:
            reason = f"its record is withheld, though it is about {subject}"
            found.add(9, Outcome.INCOMPLETE, event.name, reason)
