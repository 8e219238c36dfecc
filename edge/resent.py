"""Clip bytes that were sent and are pulled again: their leaf may be wrong in the spool.

A part is pulled again when it was lost on its way or when its leaf did not match what was
sealed. The first costs nothing but a message; the second means that the dock's disk no
longer gives back what was read from the camera, and no repetition would mend that. So a
leaf that is asked for again is compared with the sealed list before it is sent again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from edge.ledger import ClipRow, Ledger
from edge.spool import Spool
from hashing.digest import LEAF_SIZE, leaf_hash_of
from protocols.messages import PartWant

_HASH: Final = 32
# Far more parts than a window holds: a bad leaf is pulled again within one.
_REMEMBERED: Final = 8192


class Resent:
    """Remembers which parts were sent lately; used by one thread at a time."""

    def __init__(self, ledger: Ledger, spool: Spool) -> None:
        self._ledger = ledger
        self._spool = spool
        self._sent: OrderedDict[PartWant, None] = OrderedDict()

    def damaged_leaf(self, row: ClipRow, parts: Iterable[PartWant]) -> int | None:
        """The first leaf among those asked for again that the spool has wrong, if any.

        Args:
            row: the clip.
            parts: what is asked for now; remembered as sent from here on.

        Raises:
            SpoolDamaged, LedgerError: the disk refuses.
        """
        again = set()
        for part in parts:
            if part in self._sent:
                again.add(part.offset // LEAF_SIZE)
            self._sent[part] = None
            self._sent.move_to_end(part)
        while len(self._sent) > _REMEMBERED:
            self._sent.popitem(last=False)
        return next((leaf for leaf in sorted(again) if not self._right(row, leaf)), None)

    def _right(self, row: ClipRow, leaf: int) -> bool:
        sealed = self._ledger.leaves(row.clip.epoch, row.clip.seq)
        expected = sealed[leaf * _HASH : (leaf + 1) * _HASH]
        if row.spool_name is None or not expected:
            return True
        found = self._spool.read(row.spool_name, leaf * LEAF_SIZE, LEAF_SIZE)
        return leaf_hash_of([found]) == expected
