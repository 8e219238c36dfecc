"""When a volume that could not be mounted is tried again: soon, then more and more seldom.

A card may be slow to wake, its place may still be another's, a bus may have had a bad moment.
What no second try can mend (no bay, an unknown file system) is left to its next event. Pure.
"""

from __future__ import annotations

from typing import Final

from edge.codes import Unmounted

FIRST_S: Final = 5.0
MOST_S: Final = 300.0
_PASSING: Final = frozenset({Unmounted.FAILED, Unmounted.PLACE_TAKEN, Unmounted.TOO_MANY})


class Again:
    """Of all volumes of one helper, by their device numbers."""

    def __init__(self) -> None:
        self._pauses: dict[str, tuple[float, float]] = {}

    def failed(self, number: str, code: str, now_s: float) -> None:
        """Say that a volume could not be mounted just now, and why."""
        if code not in _PASSING:
            self._pauses.pop(number, None)
            return
        _, pause_s = self._pauses.get(number, (0.0, FIRST_S / 2))
        pause_s = min(2 * pause_s, MOST_S)
        self._pauses[number] = now_s + pause_s, pause_s

    def due(self, number: str, now_s: float) -> bool:
        """Whether to try now; then it is not due again before that has come to its end."""
        if number not in self._pauses or now_s < self._pauses[number][0]:
            return False
        _, pause_s = self._pauses[number]
        self._pauses[number] = now_s + MOST_S, pause_s
        return True

    def forget(self, number: str) -> None:
        """It is mounted, or gone: what comes under this number next is another."""
        self._pauses.pop(number, None)
