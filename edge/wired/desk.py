"""Which officer each bay waits for.

A tap is a claim, "this card was held to this reader", good for one camera and a short time.
A claim that waited longer, or was taken once, is gone: a camera docked without a tap has no
officer, which is better than the wrong one. Nothing here is evidence of who held the card.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from edge.wired.reader import Tap

ANYWHERE: Final = "*"


class Desk:
    """Claims that wait for a camera.

    Args:
        claim_s: how long one waits.
        bays: those that can be lit, the first to be offered first. Without any, an officer
            cannot be shown a bay, and the next camera in whatever bay is his.
    """

    def __init__(self, claim_s: float, bays: Sequence[str]) -> None:
        self._claim_s = claim_s
        self._bays = bays
        self._waiting: dict[str, Tap] = {}

    def tap(self, tap: Tap, occupied: Collection[str]) -> str | None:
        """Let a bay wait for the officer of this tap.

        Args:
            tap: as a reader told it.
            occupied: bays that have a camera.

        Returns:
            The bay, or ANYWHERE; None if no bay is free. A reader's own bay always is its
            bay, also with a camera in it, and the later of two officers has it.
        """
        self.expire(tap.at_s)
        bay = tap.bay or self._bay_of(tap) or self._next(occupied)
        if bay is not None:
            self._forget(tap)
            self._waiting[bay] = tap
        return bay

    def take(self, bay: str, now_s: float) -> Tap | None:
        """The tap that this bay waits for, for the camera that was docked in it; once."""
        self.expire(now_s)
        found = bay if bay in self._waiting else ANYWHERE
        return self._waiting.pop(found, None)

    def left(self, bay: str) -> None:
        """Forget who waits here: it was for the camera that stood here until now, maybe."""
        self._waiting.pop(bay, None)

    def waiting(self, now_s: float) -> frozenset[str]:
        """Bays that wait for an officer's camera; these are lit."""
        self.expire(now_s)
        return frozenset(self._waiting) - {ANYWHERE}

    def expire(self, now_s: float) -> None:
        """Forget what waited too long."""
        self._waiting = {
            bay: tap for bay, tap in self._waiting.items() if now_s - tap.at_s < self._claim_s
        }

    def _bay_of(self, tap: Tap) -> str | None:
        """Where this badge waits already: tapping again does not take another bay."""
        for bay, known in self._waiting.items():
            if known.badge == tap.badge:
                return bay
        return None

    def _next(self, occupied: Collection[str]) -> str | None:
        if not self._bays:
            return ANYWHERE
        taken = {*occupied, *self._waiting}
        return next((bay for bay in self._bays if bay not in taken), None)

    def _forget(self, tap: Tap) -> None:
        """One card waits in one bay."""
        known = self._bay_of(tap)
        if known is not None:
            del self._waiting[known]
