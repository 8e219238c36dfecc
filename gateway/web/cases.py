"""Pages of cases.

In an address a case has its opaque name: numbers hold slashes, and addresses end up in logs.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from gateway.access.gate import allowed
from gateway.access.policy import Act, Reach
from gateway.access.scope import Scope
from gateway.given import Given
from gateway.shapes import Position
from gateway.web.drawing import page
from gateway.web.routing import PageRoute

router = APIRouter(include_in_schema=False, route_class=PageRoute)
_ROWS = 50
_Reading = Annotated[Scope, allowed(Act.CASES_READ)]


@router.get("/cases")
async def cases(
    services: Given,
    request: Request,
    scope: _Reading,
    cursor: Annotated[Position | None, Query()] = None,
) -> Response:
    """Cases within reach, newest first."""
    rows = await services.cases.find(before=cursor, limit=_ROWS + 1, within=scope.cases())
    shown, more = rows[:_ROWS], rows[_ROWS:]
    who = scope.principal
    values = {
        "who": who,
        "rows": shown,
        "opens": who.reach(Act.CASES_OPEN) is not Reach.NONE,
        "next": f"/cases?cursor={shown[-1].opened_index}" if more else None,
    }
    return page(request, "cases.html", values)


@router.get("/cases/{token}")
async def case(
    services: Given,
    request: Request,
    scope: _Reading,
    token: Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")],
) -> Response:
    """One case: its clips, what was untied, and handing out."""
    who, row = scope.principal, await services.cases.case_of(token, within=scope.cases())
    links = await services.cases.links(row)
    clips = await services.evidence.clips({link.clip for link in links})
    values = {
        "who": who,
        "row": row,
        "links": [(link, clips.get(link.clip)) for link in links],
        "ties": who.reach(Act.CASES_LINK) is not Reach.NONE,
        "exports": who.reach(Act.EXPORTS_MAKE) is not Reach.NONE,
    }
    return page(request, "case.html", values)
