"""The page of all cases: looking for one, and opening one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from pydantic import model_validator
from starlette.responses import Response

from gateway.access.gate import allowed
from gateway.access.policy import Act, Reach
from gateway.access.scope import Scope
from gateway.cases.asked import CasesAsked
from gateway.cases.models import CaseState
from gateway.cases.searching import CaseFilter
from gateway.given import Given
from gateway.web.drawing import page
from gateway.web.routing import PageRoute

router = APIRouter(include_in_schema=False, route_class=PageRoute)
_FIRST = frozenset({"text", "officer", "unit", "state"})
"""What stands above the list at once; the rest is a step away."""
_OF_LIST = frozenset({"cursor", "limit"})


class CasesWanted(CasesAsked):
    """What the form above the list sends; an empty field asks for nothing."""

    @model_validator(mode="before")
    @classmethod
    def _nothing(cls, typed: object) -> object:
        if not isinstance(typed, Mapping):
            return typed
        given = {
            name: each.strip() if isinstance(each, str) else each for name, each in typed.items()
        }
        return {name: each for name, each in given.items() if each != ""}


@router.get("/cases")
async def cases(
    services: Given,
    request: Request,
    scope: Annotated[Scope, allowed(Act.CASES_READ)],
    asked: Annotated[CasesWanted, Query()],
) -> Response:
    """Cases within reach that fit, newest first."""
    sought = asked.model_dump(exclude=set(_OF_LIST))
    wanted = CaseFilter(**sought, within=scope.cases(), before=asked.cursor)
    rows = await services.cases.find(limit=asked.limit + 1, wanted=wanted)
    shown, more = rows[: asked.limit], rows[asked.limit :]
    following = asked.model_dump(mode="json", exclude_defaults=True)
    searched = following.keys() - _OF_LIST
    following["cursor"] = shown[-1].opened_index if more else None
    values = {
        "who": scope.principal,
        "rows": shown,
        "typed": {name: "" if each is None else str(each) for name, each in sought.items()},
        "searched": bool(searched),
        "more_asked": bool(searched - _FIRST),
        "states": list(CaseState),
        "opens": scope.principal.reach(Act.CASES_OPEN) is not Reach.NONE,
        "next": f"/cases?{urlencode(following)}" if more else None,
        "counted": _counted(first=asked.cursor is None, last=not more),
    }
    return page(request, "cases.html", values)


def _counted(*, first: bool, last: bool) -> str:
    """Name of the words for how many there are: no more is said than was looked at."""
    if not last:
        return "cases.more"
    return "cases.all" if first else "cases.rest"
