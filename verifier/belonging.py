"""Step 1: nothing lies in a pack but what a step reads.

A manifest lists whatever its writer put in. A record, an expert opinion or a page that nobody
signed would stand under "intact" with the same right as what was verified; so it may not stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from hashing.verdict import Outcome
from protocols.pack import bag, layout
from protocols.pack.export import Export
from protocols.shown import shown
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
_FREE: Final = {
    "Bag-Software-Agent": re.compile(r"evidock-gateway [0-9A-Za-z.+-]{1,40}"),
    "Bagging-Date": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
}
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


def check_info(source: Source, about: str, export: Export, origin: str, found: Findings) -> None:
    """``bag-info.txt`` says what it is the bag of, who wrote it when, and nothing else."""
    raw = source.read(layout.BAG_INFO, bag.MAX_INFO) or b""
    wanted = {
        "External-Identifier": f"{origin}/export/{export.number}",
        "External-Description": " ".join(shown(about).split()),
        # Whether there are as many bytes is said elsewhere.
        "Payload-Oxum": bag.read_oxum(raw) or "",
    }
    if not bag.is_info(raw, wanted, _FREE):
        reason = "says other than what this pack is, or more"
        found.add(10, Outcome.ALTERED, layout.BAG_INFO, reason)


def _of_entries(document: TrailDocument) -> Iterator[str]:
    for entry in document.entries:
        yield layout.statement(entry.index)
        yield layout.record(entry.index)
        yield layout.receipt(entry.index)
        yield layout.proof(entry.index)
