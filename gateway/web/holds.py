"""Holds: what may not be disposed of for now, by whose order, and what to look at again."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gateway.access.gate import allowed
from gateway.access.policy import Act
from gateway.access.scope import Scope
from gateway.given import Given
from gateway.holds.service import HoldFilter
from gateway.shapes import Position
from gateway.web.drawing import page
from gateway.web.keeping import keeper
from gateway.web.routing import PageRoute

router = APIRouter(include_in_schema=False, route_class=PageRoute, prefix="/keeping/holds")
_ROWS: Final = 50


class Show(StrEnum):
    """Which holds are listed."""

    IN_FORCE = "in-force"
    DUE = "due"
    """in force, and somebody has to look at them again"""
    LIFTED = "lifted"


@router.get("")
async def holds(
    services: Given,
    request: Request,
    scope: Annotated[Scope, allowed(Act.HOLDS_READ)],
    show: Annotated[Show, Query()] = Show.IN_FORCE,
    cursor: Annotated[Position | None, Query()] = None,
) -> Response:
    """Holds within reach, newest first."""
    wanted = HoldFilter(
        in_force=show is not Show.LIFTED,
        due=services.holds.today() if show is Show.DUE else None,
        before=cursor,
    )
    rows = await services.holds.find(wanted, scope, _ROWS + 1)
    shown = rows[:_ROWS]
    more = {"show": show.value, "cursor": shown[-1].row.placed_index} if rows[_ROWS:] else None
    values = {
        "rows": shown,
        "show": show,
        "shows": list(Show),
        "next": None if more is None else f"/keeping/holds?{urlencode(more)}",
    }
    return page(request, "keeping_holds.html", keeper(services, scope.principal) | values)
