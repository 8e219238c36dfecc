"""What is proposed for a case, as far as somebody may see it: for the API and for its page."""

from __future__ import annotations

from sqlalchemy import and_

from gateway.access.scope import Scope
from gateway.cases.models import Case
from gateway.marks.heeding import legible
from gateway.proposals.service import Proposals
from gateway.services import Services


async def proposed_for(services: Services, scope: Scope, case: Case, limit: int) -> Proposals:
    """Clips within reach that may belong to a case; the best first.

    Args:
        services: of the gateway.
        scope: who asks, and how far he reaches.
        case: which.
        limit: how many at most.
    """
    # What is proposed tells when and by whom it was recorded.
    readable = legible(services.marks, scope.principal)
    within = scope.clips() if readable is None else and_(scope.clips(), readable)
    return await services.proposing.for_case(case, within=within, limit=limit)
