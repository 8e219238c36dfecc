"""Step 1: nothing lies in a pack but what a step reads.

A manifest lists whatever its writer put in. A record, an expert opinion or a page that nobody
signed would stand under "intact" with the same right as what was verified; so it may not stand.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hashing.verdict import Outcome
from protocols.pack import layout
from protocols.trail import Findings, TrailDocument
from verifier.sources import Source

_SINGLE: Final = frozenset(
    {
        *(layout.BAGIT, layout.BAG_INFO, layout.MANIFEST, layout.TAG_MANIFEST),
        *(layout.GUIDE, layout.PAGE, layout.VERIFIER, layout.REPORT),
        *(layout.CHECKPOINT, layout.CONSISTENCY, layout.TRAIL, layout.TRUST),
        *(layout.ORIGINAL_LIST, layout.EXPORT),
    }
)
# The steps that read these name every file in them that is not theirs.
_FOLDERS: Final = (
    *(layout.ORIGINALS, layout.LEAVES, layout.KEYS),
    *(layout.COSIGNED, layout.STAMPED, layout.WAYS),
)


def check_belonging(source: Source, document: TrailDocument, found: Findings) -> None:
    """Name every file that belongs to no entry of the trail and to no step."""
    expected = _SINGLE | set(_of_entries(document))
    for path in sorted(source.sizes.keys() - expected):
        if not path.startswith(_FOLDERS):
            reason = "no file of a pack: nothing verifies it, whatever it says"
            found.add(1, Outcome.ALTERED, path, reason)


def _of_entries(document: TrailDocument) -> Iterator[str]:
    for entry in document.entries:
        yield layout.statement(entry.index)
        yield layout.record(entry.index)
        yield layout.receipt(entry.index)
        yield layout.proof(entry.index)
