"""JSON that every reader reads alike, before anything in it is believed.

Two readers that pick different ones of two equal names, or guess another encoding, would see
two documents under one digest. So a document is UTF-8 without a mark, and no name stands twice
in an object.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any


def read_once(raw: bytes | str) -> Any:  # noqa: ANN401  # JSON
    """Values of a document.

    Raises:
        ValueError: not UTF-8, no JSON, or a name stands twice.
        RecursionError: nested without end.
    """
    text = raw if isinstance(raw, str) else raw.decode()
    return json.loads(text, object_pairs_hook=no_repeats)


def no_repeats(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Members of one object, for ``json``; raises ValueError when a name stands twice."""
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            msg = f"name {name[:40]!r} stands twice"
            raise ValueError(msg)
        members[name] = value
    return members
