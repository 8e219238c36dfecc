"""Where people can go: the places of the menu, each with the act that opens it."""

from __future__ import annotations

from collections.abc import Sequence
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


TABS: Final = (
    Place("admin.people", "/admin", Act.PEOPLE_READ),
    Place("admin.systems", "/admin/systems", Act.PEOPLE_READ),
    Place("admin.webhooks", "/admin/webhooks", Act.WEBHOOKS_MANAGE),
    Place("admin.policy", "/admin/policy", Act.PEOPLE_READ),
    Place("admin.state", "/admin/state", Act.PEOPLE_READ),
)
"""Places within the last one."""


def menu(who: Principal | None) -> list[Place]:
    """What somebody may open."""
    if who is None:
        return []
    return _open_to(who, PLACES)


def tabs(who: Principal) -> list[Place]:
    """What somebody may open of what is for those who keep the gateway."""
    return _open_to(who, TABS)


def _open_to(who: Principal, places: Sequence[Place]) -> list[Place]:
    return [
        place for place in places if place.act is None or who.reach(place.act) is not Reach.NONE
    ]
