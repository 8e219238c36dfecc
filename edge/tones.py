"""What a bay says without words: the one set of states that lamps, sounds and screens share."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Tone(StrEnum):
    """What a lamp or a sound says; ``READY`` exactly where a bay says that it is safe."""

    READY = "ready"
    WAITING = "waiting"
    BUSY = "busy"
    ATTENTION = "attention"


_ORDER = tuple(Tone)


def together(tones: Iterable[Tone]) -> Tone | None:
    """What a bay says for all that stands in it: the least good of it; None for an empty one."""
    return max(tones, key=_ORDER.index, default=None)
