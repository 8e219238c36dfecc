"""How fast officers' words are taken: a bucket for each docking, and one for the whole dock.

Each tag and note is an entry in a ledger that forgets nothing. A screen whose program was taken
over, or a child at its buttons, could fill it. An act on a whole docking makes an entry for each
of its clips, and is paid for by these once they are counted. People never reach these limits.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from edge.errors import TooFast

_EACH: Final = (30.0, 0.5)
_ALL: Final = (120.0, 2.0)
_CLIPS: Final = 50
_MOST: Final = 256


class Bucket:
    """Holds so many acts, and regains so many a second."""

    def __init__(self, size: float, a_second: float, now_s: float) -> None:
        self._size = size
        self._rate = a_second
        self._left = size
        self._at_s = now_s

    def wait_s(self, cost: float, now_s: float) -> float:
        """Seconds until so much is there; 0 when it is now. One that is too large costs all."""
        self._left = min(self._size, self._left + (now_s - self._at_s) * self._rate)
        self._at_s = now_s
        return max(0.0, (min(cost, self._size) - self._left) / self._rate)

    def take(self, cost: float) -> None:
        """Take it out; after ``wait_s`` said 0."""
        self._left -= min(cost, self._size)

    def owe(self, cost: float) -> None:
        """Take out what was made already, however much that is: the next act waits for it."""
        self._left -= cost


class Pace:
    """The buckets of one dock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._all = Bucket(*_ALL, clock())
        self._each: OrderedDict[str, Bucket] = OrderedDict()

    def keep(self, about: str, clips: int = 0) -> None:
        """Take an act in.

        Args:
            about: the docking it speaks of, or the clip.
            clips: how many clips it names one by one.

        Raises:
            TooFast: it has to wait; nothing was taken.
        """
        now_s, cost = self._clock(), 1.0 + clips / _CLIPS
        own = self._each.pop(about, None) or Bucket(*_EACH, now_s)
        self._each[about] = own
        if len(self._each) > _MOST:
            # Whoever makes up names to get full buckets meets the dock's own.
            self._each.popitem(last=False)
        wait_s = max(own.wait_s(cost, now_s), self._all.wait_s(cost, now_s))
        if wait_s > 0:
            raise TooFast(math.ceil(wait_s))
        own.take(cost)
        self._all.take(cost)

    def made(self, about: str, entries: int) -> None:
        """Count the entries that came of an act on a whole docking.

        The dock's own bucket pays for all of them; the docking's officer, who may have a card of
        thousands, waits no longer than for one full bucket.
        """
        cost = entries / _CLIPS
        if (own := self._each.get(about)) is not None:
            own.take(cost)
        self._all.owe(cost)
