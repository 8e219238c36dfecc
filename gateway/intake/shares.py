"""Fair shares of one worker's memory among its docks.

A share covers what a dock was asked for and what of it waits to become a leaf. Every dock
with something to send gets the same share, never less than a leaf; when there are more
docks than leaves fit, they take turns. A dock that does not answer gives its turn back.
"""

from __future__ import annotations

from dataclasses import dataclass

from hashing.digest import LEAF_SIZE
from protocols.ids import DockId

TURN_S = 10.0
QUIET_S = 15.0


@dataclass(slots=True)
class _Turn:
    since: float
    heard: float


class Shares:
    """Which docks may ask now, and for how much; time is any clock that moves forward."""

    def __init__(self, total_bytes: int) -> None:
        """Share out ``total_bytes`` among all docks."""
        self._total = total_bytes
        self._places = max(1, total_bytes // LEAF_SIZE)
        self._turns: dict[DockId, _Turn] = {}
        self._waiting: dict[DockId, None] = {}
        self.closed = False
        """True while there is no room for more footage."""

    def bytes_for(self, dock: DockId, now: float) -> int:
        """How much this dock may hold now, 0 while others have their turn.

        Call it only while the dock has something to send; that puts it in the line.
        """
        self._rotate(now)
        if dock not in self._turns:
            self._waiting[dock] = None
            self._fill(now)
        if dock not in self._turns or self.closed:
            return 0
        return max(LEAF_SIZE, self._total // len(self._turns))

    def heard(self, dock: DockId, now: float) -> None:
        """The dock answered something."""
        turn = self._turns.get(dock)
        if turn is not None:
            turn.heard = now

    def leave(self, dock: DockId) -> None:
        """The dock has nothing more to send for now."""
        self._turns.pop(dock, None)
        self._waiting.pop(dock, None)

    def _rotate(self, now: float) -> None:
        if not self._waiting:
            return
        for dock, turn in list(self._turns.items()):
            if now - turn.since > TURN_S or now - turn.heard > QUIET_S:
                del self._turns[dock]
                self._waiting[dock] = None
        self._fill(now)

    def _fill(self, now: float) -> None:
        while self._waiting and len(self._turns) < self._places:
            dock = next(iter(self._waiting))
            del self._waiting[dock]
            self._turns[dock] = _Turn(now, now)
