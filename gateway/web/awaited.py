"""What waits for the reader himself: disposals that he may approve, holds to be looked at again."""

from __future__ import annotations

from gateway.access.policy import Act, Reach
from gateway.access.principals import Principal
from gateway.access.scope import Scope
from gateway.services import Services


async def awaited(services: Services, who: Principal) -> list[tuple[str, int, str]]:
    """Each with the name of its words, how many there are, and where; only what there is."""
    found = []
    approves, lifts = who.reach(Act.DISPOSALS_APPROVE), who.reach(Act.HOLDS_LIFT)
    if approves is not Reach.NONE:
        number = await services.disposals.undecided(who, Scope(who, approves))
        found.append(("approval", number, "/keeping/disposals?state=proposed"))
    if lifts is not Reach.NONE:
        number = await services.holds.to_review(Scope(who, lifts))
        found.append(("review", number, "/keeping/holds?show=due"))
    return [each for each in found if each[1]]
