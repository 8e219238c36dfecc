"""One file of a card while its camera is docked: what was found, and how far it has come.

Plain values. An item is changed by its ``roster`` alone, which keeps the counts right.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from edge.inventory import Found
from protocols.ids import ClipId
from protocols.kinds import Disposition

Outcome = Literal["vanished", "unreadable", "growing", "incomplete", "changed"]


class Phase(StrEnum):
    """Where one file stands."""

    GROWING = "growing"
    """size or time still change, or have not stood still long enough"""
    SETTLED = "settled"
    """stands still; whether it is known is not looked up yet"""
    WAITING = "waiting"
    """to be copied"""
    COPYING = "copying"
    FINISHING = "finishing"
    """copied; being synced, read back, probed and sealed"""
    KNOWN = "known"
    """looks like a clip sealed earlier; to be re-read"""
    SEALED = "sealed"
    """read and sealed, or looked for in vain after that; waits for its release"""
    RELEASED = "released"
    ERASED = "erased"
    LEFT = "left"
    """given up in this session, with a reason"""
    ASIDE = "aside"
    """no recording: ignored or refused"""
    UNREADABLE = "unreadable"
    """a part of the card that could not be looked at"""


@dataclass(eq=False, slots=True)
class Item:
    """One file; the only mutable value here, changed through the roster alone.

    Attributes:
        compared: whether its bytes were read whole on this card, since it was docked, and are
            those of ``clip``.
        gone: whether it is off the card.
        kept: why the rules do not let it go from the card now; empty until they were asked.
    """

    found: Found
    phase: Phase
    clip: ClipId | None = None
    released: bool = False
    compared: bool = False
    gone: bool = False
    kept: str = ""
    attempts: int = 0
    done: int = 0
    outcome: Outcome = "growing"
    reason: str = ""
    listed: Disposition | None = None
    not_before: float = 0.0
    turn: int = 0
    doubts: int = 0
    instead_of: ClipId | None = None

    @property
    def size(self) -> int:
        """Bytes, as the card last said."""
        return self.found.size or 0

    @property
    def disposition(self) -> Disposition:
        """What the inventory says of it now."""
        match self.phase:
            case Phase.ASIDE | Phase.UNREADABLE:
                return self.found.disposition
            case Phase.GROWING:
                return Disposition.GROWING
            case Phase.KNOWN | Phase.SEALED | Phase.RELEASED | Phase.ERASED if (
                self.clip is not None
            ):
                return Disposition.KNOWN
            case _:
                return Disposition.INGEST
