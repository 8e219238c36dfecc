"""Pages of clips: which there are, and all about one."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from gateway.access.gate import Who, allowed
from gateway.access.policy import Act, Reach
from gateway.access.scope import Scope
from gateway.evidence.models import Clip, ClipState
from gateway.evidence.reach import readable
from gateway.evidence.service import ClipFilter
from gateway.given import Given
from gateway.services import Services
from gateway.shapes import Asked, DockText, Line, Position
from gateway.web.drawing import page
from gateway.web.routing import PageRoute
from protocols.ids import DockId
from protocols.trail import verify_trail
from protocols.trail.story import clock_text, story

router = APIRouter(include_in_schema=False, route_class=PageRoute)
_ROWS = 50
_VIEWS = 20


def _nothing(typed: object) -> object:
    return None if isinstance(typed, str) and not typed.strip() else typed


class ClipsWanted(Asked):
    """What the form above the list sends; an empty field asks for nothing."""

    officer: Annotated[Line | None, BeforeValidator(_nothing)] = None
    case_no: Annotated[Line | None, BeforeValidator(_nothing)] = None
    dock: Annotated[DockText | None, BeforeValidator(_nothing)] = None
    state: Annotated[ClipState | None, BeforeValidator(_nothing)] = None
    cursor: Position | None = None


@router.get("/clips")
async def clips(
    services: Given,
    request: Request,
    scope: Annotated[Scope, allowed(Act.CLIPS_READ)],
    asked: Annotated[ClipsWanted, Query()],
) -> Response:
    """Clips within reach, newest first."""
    linked = None
    if asked.case_no is not None:
        linked = await services.cases.linked(asked.case_no, within=scope.cases())
    wanted = ClipFilter(
        dock=None if asked.dock is None else DockId(asked.dock),
        state=asked.state,
        officer=asked.officer,
        linked=linked,
        before=asked.cursor,
        within=scope.clips(),
    )
    rows = await services.evidence.find(wanted, _ROWS + 1)
    shown, more = rows[:_ROWS], rows[_ROWS:]
    following = asked.model_dump(mode="json", exclude_none=True)
    following["cursor"] = shown[-1].entry_index if more else None
    values = {
        "who": scope.principal,
        "rows": shown,
        "asked": asked,
        "states": list(ClipState),
        "next": f"/clips?{urlencode(following)}" if more else None,
    }
    return page(request, "clips.html", values)


@router.get("/clips/{clip}")
async def clip(
    services: Given, request: Request, who: Who, row: Annotated[Clip, Depends(readable)]
) -> Response:
    """Who, when, where; the footage once a reason is given; what became of it."""
    links = await services.cases.links_of_clip(row.id)
    views = await services.views.listing(row.id, _VIEWS)
    traces = who.reach(Act.TRAILS_READ) is not Reach.NONE
    values = {
        "who": who,
        "row": row,
        "links": links,
        "views": views,
        "is_own": who.officer is not None and who.officer == row.officer,
        "plays": who.reach(Act.CLIPS_PLAY) is not Reach.NONE and row.stored_index is not None,
        "trail": await _trail(services, row) if traces else None,
    }
    return page(request, "clip.html", values)


async def _trail(services: Services, row: Clip) -> dict[str, Any]:
    document = await services.trails.of_clip(row)
    report = await asyncio.to_thread(verify_trail, document, services.log.anchors())
    return {
        "outcome": report.verdict.outcome.value,
        "size": report.size,
        "events": [
            {
                "index": event.index,
                "kind": None if event.record is None else event.record.kind,
                "at": None if event.record is None else clock_text(event.record.at),
                "said": story(event),
            }
            for event in report.events
        ],
    }
