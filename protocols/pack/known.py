"""Docks as witnesses in a pack: the log that they knew is the log that is shown.

Every record names the newest checkpoint its issuer had accepted, under a key that the gateway
does not have. So whoever writes the log's history anew, with all of the gateway's keys, has to
show the way from checkpoints that are not in the new one, which nobody can.
"""

from __future__ import annotations

from collections.abc import Iterable

from hashing.errors import ProofError
from hashing.merkle import verify_consistency
from hashing.note import Checkpoint
from hashing.verdict import Outcome
from protocols.errors import RecordError
from protocols.pack.proofs import EarlierCheckpoints
from protocols.records import decode_record
from protocols.trail import Findings, TrailDocument, TrailEvent
from protocols.trail.document import unbase64

_SUBJECT = "checkpoint"


def named_sizes(document: TrailDocument) -> set[int]:
    """Sizes of the checkpoints that records of a trail name, whatever else is in them."""
    sizes = set()
    for entry in document.entries:
        try:
            record = None if entry.record is None else decode_record(unbase64(entry.record))
        except RecordError:
            continue
        if record is not None and record.checkpoint is not None:
            sizes.add(record.checkpoint.size)
    return sizes


def check_known(
    events: Iterable[TrailEvent],
    head: Checkpoint,
    earlier: EarlierCheckpoints,
    found: Findings,
) -> None:
    """Step 7: the checkpoint continues every one that a record of the trail names.

    A size that was not there yet is ``protocols.trail``'s finding; roots of one size that
    differ are two logs, and each is held against the checkpoint by itself.
    """
    ways = {way.from_size: way.path for way in earlier.earlier}
    known: dict[tuple[int, str], str] = {}
    for event in events:
        named = event.record.checkpoint if event.record else None
        if named is not None and 0 < named.size < head.size:
            known.setdefault((named.size, named.root), event.name)
    for (size, root), name in known.items():
        of = f"the checkpoint of size {size} that {name} names"
        if size not in ways:
            reason = f"nothing here shows that the log still contains {of}"
            found.add(7, Outcome.INCOMPLETE, _SUBJECT, reason)
            continue
        path = [unbase64(step) for step in ways[size]]
        try:
            verify_consistency(size, bytes.fromhex(root), head.size, head.root, path)
        except ProofError as error:
            found.add(7, Outcome.ALTERED, _SUBJECT, f"it does not continue {of}: {error}")
    if known and all(size in ways for size, _ in known):
        found.good(7, _SUBJECT, f"held against {len(known)} checkpoints that records name")
