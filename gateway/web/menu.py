"""Where people can go: the places of the menu, each with the act that opens it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.access.policy import Act, Reach
from gateway.access.principals import Principal


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the menu.

    Attributes:
        name: of its words.
        path: its address; what lies below it counts as the same place.
        act: what somebody has to be allowed to find anything there; None: whoever has signed in.
    """

    name: str
    path: str
    act: Act | None

    def holds(self, path: str) -> bool:
        """Whether an address is of this place."""
        return path == self.path or (self.path != "/" and path.startswith(self.path + "/"))


PLACES: Final = (
    Place("today", "/", None),
    Place("clips", "/clips", Act.CLIPS_READ),
    Place("cases", "/cases", Act.CASES_READ),
    Place("keeping", "/keeping", Act.DISPOSALS_READ),
    Place("docks", "/docks", Act.DOCKS_READ),
    Place("log", "/log", Act.LOG_PROVE),
    Place("admin", "/admin", Act.PEOPLE_READ),
)
"""In the order of the menu."""


def menu(who: Principal | None) -> list[Place]:
    """What somebody may open."""
    if who is None:
        return []
    return [
        place for place in PLACES if place.act is None or who.reach(place.act) is not Reach.NONE
    ]
