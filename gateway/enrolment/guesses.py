"""Who guesses tokens is made to wait, by address: nobody else is kept from enrolling by it.

A token has 100 random bits; this is for the log and the processor, not what keeps guesses out.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Final

MOST: Final = 10
WITHIN_S: Final = 60.0
_ADDRESSES: Final = 4096


class Guesses:
    """Counts refused credentials; the oldest addresses are forgotten when there are too many."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, address: str, now: float) -> float:
        """Seconds for which an address has to wait; 0 when it may try."""
        wrong = self._wrong.get(address)
        if wrong is None or len(wrong) < MOST:
            return 0.0
        return max(0.0, wrong[0] + WITHIN_S - now)

    def count(self, address: str, now: float) -> None:
        """A refusal of credentials from there; ``now`` is any clock that is never set."""
        self._wrong.setdefault(address, deque(maxlen=MOST)).append(now)
        self._wrong.move_to_end(address)
        if len(self._wrong) > _ADDRESSES:
            self._wrong.popitem(last=False)
