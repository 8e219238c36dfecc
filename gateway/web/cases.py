"""Pages of cases.

In an address a case has its opaque name: numbers hold slashes, and addresses end up in logs.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from gateway.access.gate import allowed
from gateway.access.policy import Act, Reach
from gateway.access.scope import Scope
from gateway.given import Given
from gateway.holds.service import HoldFilter, HoldShown
from gateway.marks.heeding import concealed, refuse_classified
from gateway.marks.labels import TO_ACKNOWLEDGE
from gateway.marks.models import ClipMark
from gateway.services import Services
from gateway.shapes import Position
from gateway.web.drawing import language_of, page
from gateway.web.routing import PageRoute
from gateway.web.timeline import drawn, stages_of
from gateway.web.trails import trail_of
from protocols.ids import ClipId

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


_Token = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


@router.get("/cases/{token}")
async def case(services: Given, request: Request, scope: _Reading, token: _Token) -> Response:
    """One case: particulars, its clips in time, what is missing, holds, and handing out."""
    who, row = scope.principal, await services.cases.case_of(token, within=scope.cases())
    links = await services.cases.links(row)
    clips = await services.evidence.clips({link.clip for link in links})
    seen = await concealed(services.marks, who, list(clips.values()))
    shown = {clip.id: clip for clip in seen}
    tied = {link.clip for link in links if link.unlink_index is None}
    stages = stages_of(row.particulars)
    values = {
        "who": who,
        "row": row,
        "said": _NOTHING | (row.particulars or {}),
        "links": [(link, shown.get(link.clip)) for link in links],
        "timeline": drawn(stages, [each for each in seen if each.id in tied]),
        "marks": await _marks(services, tied),
        "holds": await _holds(services, scope, token),
        "state": row.state.value,
        **{name: who.reach(act) is not Reach.NONE for name, act in _MAY.items()},
    }
    return page(request, "case.html", values)


@router.get("/cases/{token}/trail")
async def trail(
    services: Given,
    request: Request,
    scope: Annotated[Scope, allowed(Act.TRAILS_READ)],
    token: _Token,
) -> Response:
    """The trail of a case as a picture: on a page of its own, because it may be long."""
    who, row = scope.principal, await services.cases.case_of(token, within=scope.cases())
    links = await services.cases.links(row)
    await refuse_classified(services.marks, who, {link.clip for link in links})
    document = await services.trails.of_case(row)
    told = await trail_of(services, document, language_of(request))
    return page(request, "case_trail.html", {"who": who, "row": row, "trail": told})


_MAY = {
    "ties": Act.CASES_LINK,
    "exports": Act.EXPORTS_MAKE,
    "traces": Act.TRAILS_READ,
    "holds_read": Act.HOLDS_READ,
    "holds_place": Act.HOLDS_PLACE,
    "holds_lift": Act.HOLDS_LIFT,
}
_NOTHING: dict[str, object] = {
    "parties": (),
    "officers": (),
    "stages": (),
    "decision": None,
    "external_ids": (),
}


async def _holds(services: Services, scope: Scope, token: str) -> list[HoldShown]:
    if scope.principal.reach(Act.HOLDS_READ) is Reach.NONE:
        return []
    return await services.holds.find(HoldFilter(case=token), scope, _ROWS)


async def _marks(services: Services, tied: Collection[ClipId]) -> list[ClipMark]:
    """What whoever hands this case out has to take note of."""
    standing = await services.marks.standing(tied)
    return [mark for marks in standing.values() for mark in marks if mark.label in TO_ACKNOWLEDGE]
