"""Checkpoints that somebody outside saw, and how they are tied to the pack's own.

A gateway signs checkpoints faster than witnesses and time stamping authorities answer, so what
they saw is seldom the checkpoint that the receipts of a pack are for. Each one goes along with
the RFC 9162 consistency path between both; without that it says nothing about the pack.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from hashing.errors import HashingError
from hashing.merkle import verify_consistency
from hashing.note import Checkpoint, open_checkpoint
from hashing.verdict import Finding, Outcome
from protocols.anchors import Anchors
from protocols.errors import ProtocolError
from protocols.pack import layout
from protocols.policy import Policy, check_policy
from protocols.trail.document import Path, unbase64

MAX_SIGHTINGS = 500
"""Of each kind in one pack."""
MAX_WAY = 64 * 45
_HASH = 32
_STEP = 7


class SightingError(ProtocolError):
    """The checkpoint is no part of this history, or nothing proves that it is."""


class ToldSighting(BaseModel):
    """A sighting as the gateway hands it over.

    Attributes:
        note: the checkpoint, signed by the log, with cosignatures if it has any.
        path: base64 hashes, between it and the checkpoint of the pack.
        response: base64 of an authority's answer; None for what witnesses cosigned.
    """

    model_config = ConfigDict(frozen=True)

    note: Annotated[str, Field(max_length=64 << 10)]
    path: Path = ()
    response: Annotated[str, Field(max_length=128 << 10)] | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """One checkpoint that somebody outside saw.

    Attributes:
        note: signed by the log.
        way: between it and the pack's checkpoint, whichever is the larger.
        response: a time stamp over its text; None when there is none.
    """

    note: bytes
    way: tuple[bytes, ...]
    response: bytes | None = None

    @classmethod
    def of(cls, told: ToldSighting) -> Self:
        """As it was handed over; nothing in it is checked."""
        response = None if told.response is None else unbase64(told.response)
        way = tuple(unbase64(step) for step in told.path)
        return cls(told.note.encode(errors="replace"), way, response)

    def tied(self, head: Checkpoint, anchors: Anchors) -> Checkpoint:
        """The checkpoint, once it is shown to be of the pack's history.

        Args:
            head: the pack's own.
            anchors: whose key has to have signed it.

        Raises:
            SightingError: not the log's, or not proved to be of this history.
        """
        try:
            seen = open_checkpoint(self.note, anchors.checkpoint_key)
            old, new = sorted((seen, head), key=lambda each: each.size)
            if seen.origin != head.origin:
                raise SightingError(f"a checkpoint of another log: {seen.origin}")
            verify_consistency(old.size, old.root, new.size, new.root, self.way)
        except HashingError as error:
            reason = f"not proved to be of the history of checkpoint {head.size}: {error}"
            raise SightingError(reason) from error
        return seen


def way_text(way: Sequence[bytes]) -> bytes:
    """A way as a file: one hash in base64 a line, which shells can read."""
    return b"".join(base64.b64encode(step) + b"\n" for step in way)


def parse_way(raw: bytes) -> tuple[bytes, ...]:
    """Read such a file.

    Raises:
        SightingError: it is none.
    """
    way = tuple(unbase64(line) for line in raw.decode(errors="replace").splitlines())
    if len(raw) > MAX_WAY or any(len(step) != _HASH for step in way) or way_text(way) != raw:
        raise SightingError("not one base64 hash a line")
    return way


Seen = tuple[Checkpoint, Sighting]


def witnessed(head: bytes, needed: int, cosigned: Sequence[Seen], policy: Policy) -> Finding:
    """Step 7: whether the policy's witnesses saw the history that this pack's entries are in.

    Args:
        head: the pack's checkpoint, a signed note.
        needed: position after the newest entry of the pack.
        cosigned: other checkpoints, tied to the pack's.
        policy: of the reader's own.
    """
    first = check_policy(head, policy)
    if first.outcome is Outcome.INTACT:
        return first
    below = first
    for checkpoint, sighting in sorted(cosigned, key=lambda seen: seen[0].size):
        finding = check_policy(sighting.note, policy, layout.cosigned(checkpoint.size))
        if finding.outcome is not Outcome.INTACT:
            below = first if below is first and checkpoint.size < needed else below
            continue
        if checkpoint.size >= needed:
            return finding
        reason = (
            f"{finding.reason}; the pack's entries {checkpoint.size} to {needed - 1} "
            "are under no checkpoint that enough witnesses cosigned"
        )
        below = Finding(_STEP, Outcome.UNWITNESSED, layout.cosigned(checkpoint.size), reason)
    return below
