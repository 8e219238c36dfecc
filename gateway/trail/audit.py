"""The whole log, read over the API and checked (``protocols.trail.whole``)."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from gateway.trail.client import ApiClient, ApiError
from hashing.errors import HashingError
from hashing.note import open_checkpoint
from hashing.verdict import Finding, Outcome, Verdict
from protocols.anchors import Anchors
from protocols.trail.whole import Audited, LoggedEntry, Look, WholeLog, other_log

_PAGE = 200


def audit(client: ApiClient, anchors: Anchors, look: Look | None = None) -> Audited:
    """Check the log against keys that do not come from it.

    Args:
        client: of the gateway.
        anchors: keys of one's own.
        look: is shown every statement that could be opened, with its position.

    Raises:
        ApiError: the gateway does not answer, or not with a log.
    """
    note = client.text("/log/checkpoint").encode()
    try:
        checkpoint = open_checkpoint(note, anchors.checkpoint_key)
    except HashingError as error:
        reason = other_log(note, anchors) or str(error)
        return Audited(Verdict((Finding(7, Outcome.UNSIGNED, "checkpoint", reason),)))
    whole = WholeLog(anchors, look)
    taken = 0
    for entry in entries(client, 0, checkpoint.size):
        whole.take(entry)
        taken += 1
        if whole.is_hopeless:
            break
    return Audited(whole.verdict(checkpoint), taken, whole.read)


def entries(client: ApiClient, start: int, end: int) -> Iterator[LoggedEntry]:
    """Entries ``start`` to ``end`` of the log.

    Raises:
        ApiError: the gateway does not answer, or with something else.
    """
    while start < end:
        page = client.get("/log/entries", {"start": start, "limit": min(_PAGE, end - start)})
        rows = page.get("entries") if isinstance(page, dict) else None
        if not rows or not isinstance(rows, list):
            raise ApiError(f"the gateway gave no entry {start} of its log")
        for row in rows[: end - start]:
            yield _entry(row, start)
            start += 1


def _entry(row: Any, index: int) -> LoggedEntry:  # noqa: ANN401  # JSON
    try:
        if row["index"] != index:
            raise ApiError(f"the gateway gave entry {row['index']} for {index}")
        statement = base64.b64decode(row["statement"], validate=True)
        return LoggedEntry(index, statement, base64.b64decode(row["record"], validate=True))
    except (KeyError, TypeError, ValueError) as error:
        raise ApiError(f"the gateway gave something that is no entry for {index}") from error
