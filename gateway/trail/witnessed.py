"""Whether enough witnesses saw this very history: a policy of the reader's own, step 7.

A gateway signs checkpoints faster than witnesses answer, so what is being read and what was
cosigned are seldom of one size. They are tied together here, never by the gateway's word: by a
consistency proof for a trail, by the entries themselves where the whole log was read.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

from gateway.errors import SetupError
from gateway.trail.client import ApiClient, ApiError
from hashing.errors import HashingError
from hashing.merkle import Frontier, verify_consistency
from hashing.note import Checkpoint, open_checkpoint
from hashing.statement import Statement
from hashing.verdict import Finding, Outcome
from protocols.anchors import Anchors
from protocols.policy import MAX_POLICY, Policy, PolicyError, check_policy, parse_policy

_STEP = 7
_CANDIDATES = 50
_ROOT = 32
_Seen = tuple[Checkpoint, Finding]


class RootsRead:
    """The root after every entry that was read, for ``audit``'s ``look``."""

    def __init__(self) -> None:
        self._tree = Frontier()
        self._roots = bytearray(self._tree.root())

    def look(self, _index: int, statement: Statement) -> None:
        """Take the next entry."""
        self._tree.append(statement.leaf)
        self._roots += self._tree.root()

    @property
    def size(self) -> int:
        """How many entries were taken."""
        return self._tree.size

    def root(self, size: int) -> bytes:
        """The root of the first ``size`` of them."""
        return bytes(self._roots[size * _ROOT : (size + 1) * _ROOT])


def load_policy(path: Path) -> Policy:
    """Read a policy file.

    Raises:
        SetupError: it cannot be read, or is none.
    """
    try:
        with path.open("rb") as file:
            return parse_policy(file.read(MAX_POLICY + 1))
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}") from error
    except PolicyError as error:
        raise SetupError(f"{path}: {error}") from error


def trail_witnessed(
    client: ApiClient, anchors: Anchors, policy: Policy, note: str, needed: int
) -> Finding:
    """Whether a trail lies below a checkpoint that the policy accepts.

    Args:
        client: of the gateway.
        anchors: keys of one's own.
        policy: of one's own.
        note: the checkpoint that the trail was verified against.
        needed: position after the newest entry of the trail.
    """
    try:
        own = open_checkpoint(note.encode(), anchors.checkpoint_key)
    except HashingError as error:
        return Finding(_STEP, Outcome.UNSIGNED, "witnesses", str(error))
    first = check_policy(note.encode(), policy, "witnesses")
    if first.outcome is Outcome.INTACT:
        return first
    cosigned = _cosigned(client, anchors, policy)
    for checkpoint, finding in _accepted(cosigned):
        if not _continues(client, checkpoint, own):
            reason = f"{finding.reason}; not proved to be the history of checkpoint {own.size}"
            return Finding(_STEP, Outcome.ALTERED, "witnesses", reason)
        return finding if checkpoint.size >= needed else _later(checkpoint.size, needed)
    return next((finding for _, finding in cosigned), first)


def log_witnessed(client: ApiClient, anchors: Anchors, policy: Policy, read: RootsRead) -> Finding:
    """Whether the entries that were read are those that the policy's witnesses cosigned."""
    cosigned = _cosigned(client, anchors, policy)
    for checkpoint, finding in _accepted(cosigned):
        if checkpoint.size > read.size:
            # Newer than what was read; an earlier one will do.
            continue
        if read.root(checkpoint.size) != checkpoint.root:
            reason = f"{finding.reason}; these are not the entries that were read"
            return Finding(_STEP, Outcome.ALTERED, "witnesses", reason)
        return finding if checkpoint.size == read.size else _later(checkpoint.size, read.size)
    nothing = f"the gateway gave no cosigned checkpoint; the policy asks for {policy.rule()}"
    none = Finding(_STEP, Outcome.UNWITNESSED, "witnesses", nothing)
    return next((finding for _, finding in cosigned), none)


def _later(size: int, needed: int) -> Finding:
    reason = (
        f"entries {size} to {needed - 1} are under no checkpoint that enough witnesses cosigned; "
        "if they are new, ask again in a minute"
    )
    return Finding(_STEP, Outcome.UNWITNESSED, "witnesses", reason)


def _accepted(cosigned: list[_Seen]) -> Iterator[_Seen]:
    return (seen for seen in cosigned if seen[1].outcome is Outcome.INTACT)


def _cosigned(client: ApiClient, anchors: Anchors, policy: Policy) -> list[_Seen]:
    """Cosigned checkpoints of this log, the newest first, and what the policy says of each."""
    answer = client.get("/log/cosigned", {"limit": _CANDIDATES})
    notes = answer.get("checkpoints") if isinstance(answer, dict) else None
    if not isinstance(notes, list):
        raise ApiError("the gateway gave no list of cosigned checkpoints")
    seen: list[_Seen] = []
    for note in notes[:_CANDIDATES]:
        raw = str(note).encode(errors="replace")
        try:
            checkpoint = open_checkpoint(raw, anchors.checkpoint_key)
        except HashingError:
            continue
        if checkpoint.origin == anchors.origin:
            seen.append((checkpoint, check_policy(raw, policy, "witnesses")))
    return seen


def _continues(client: ApiClient, one: Checkpoint, other: Checkpoint) -> bool:
    old, new = sorted((one, other), key=lambda checkpoint: checkpoint.size)
    answer = client.get("/log/proofs/consistency", {"from": old.size, "to": new.size})
    steps = answer.get("path") if isinstance(answer, dict) else None
    try:
        path = [base64.b64decode(step, validate=True) for step in steps or []]
        verify_consistency(old.size, old.root, new.size, new.root, path)
    except (HashingError, ValueError, TypeError):
        return False
    return True
