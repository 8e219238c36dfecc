"""Step 8 for a log that was read: the time stamps over its checkpoints."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence

from cryptography import x509

from gateway.stamping.token import StampError, check_stamp
from gateway.trail.client import ApiClient, ApiError
from gateway.trail.witnessed import RootsRead
from hashing.errors import HashingError
from hashing.note import open_checkpoint
from hashing.verdict import Finding, Outcome
from protocols.anchors import Anchors

_STEP = 8
_PAGE = 100


def log_stamped(
    client: ApiClient, anchors: Anchors, roots: Sequence[x509.Certificate], read: RootsRead
) -> list[Finding]:
    """Check every stamp that the gateway gives against the entries that were read.

    A log without any is ``unwitnessed``: whoever names authorities wants to know by when.
    """
    found = [_checked(note, raw, anchors, roots, read) for note, raw in _stamps(client)]
    if not found:
        found.append(
            Finding(_STEP, Outcome.UNWITNESSED, "stamps", "the gateway gave no time stamp")
        )
    return found


def _checked(
    note: bytes, raw: bytes, anchors: Anchors, roots: Sequence[x509.Certificate], read: RootsRead
) -> Finding:
    try:
        checkpoint = open_checkpoint(note, anchors.checkpoint_key)
        at = check_stamp(raw, note, roots)
    except (HashingError, StampError) as error:
        return Finding(_STEP, Outcome.UNSIGNED, "stamps", str(error))
    name = f"stamp over checkpoint {checkpoint.size}"
    if checkpoint.size <= read.size and read.root(checkpoint.size) != checkpoint.root:
        return Finding(_STEP, Outcome.ALTERED, name, "is over another history than was read")
    reason = f"entries below {checkpoint.size} were there at {at:%Y-%m-%dT%H:%M:%SZ}"
    return Finding(_STEP, Outcome.INTACT, name, reason)


def _stamps(client: ApiClient) -> Iterator[tuple[bytes, bytes]]:
    start = 0
    while True:
        answer = client.get("/log/stamps", {"at_least": start, "limit": _PAGE})
        try:
            page = [
                (each["checkpoint"].encode(), base64.b64decode(each["response"], validate=True))
                for each in answer["stamps"]
            ]
            yield from page
            if len(page) < _PAGE:
                return
            following = int(page[-1][0].split(b"\n")[1]) + 1
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise ApiError("the gateway gave something that is no list of time stamps") from error
        if following <= start:
            raise ApiError("the gateway gave time stamps out of order")
        start = following
