"""The rules in force, as people read them, every pack before, and adopting a new one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.access.gate import allowed
from gateway.access.policy import Act
from gateway.access.scope import Scope
from gateway.given import Given
from gateway.web.drawing import page
from gateway.web.keeping import keeper
from gateway.web.routing import PageRoute

router = APIRouter(include_in_schema=False, route_class=PageRoute, prefix="/keeping/rules")


@router.get("")
async def rules(
    services: Given, request: Request, scope: Annotated[Scope, allowed(Act.RULES_READ)]
) -> Response:
    """Row by row how long what is kept; only those above all units adopt."""
    who = scope.principal
    values = {
        "rules": await services.retention.in_force(),
        "adopted": await services.retention.adopted(),
        "keys": services.retention.trusts_anybody,
    }
    told = keeper(services, who) | values
    told["adopts"] = told["adopts"] and scope.is_everything
    return page(request, "keeping_rules.html", told)
