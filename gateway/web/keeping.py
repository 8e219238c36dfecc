"""What is due by the rules, clip by clip with the reasons, and what nobody has classified.

Looking changes nothing. Whoever proposes chooses clips here; another decides (``disposals``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from pydantic import model_validator
from starlette.responses import RedirectResponse, Response

from gateway.access.gate import allowed
from gateway.access.policy import Act, Reach
from gateway.access.principals import Principal
from gateway.access.scope import Scope
from gateway.disposal.persons import PersonUnsureError, SamePersonError
from gateway.disposal.schemas import DryRunAsked
from gateway.disposal.selecting import Looked, Wanted
from gateway.disposal.sureness import ClockUnsureError
from gateway.errors import ConflictError
from gateway.evidence.models import Clip
from gateway.given import Given
from gateway.marks.heeding import concealed
from gateway.retention.deciding import Decision
from gateway.services import Services
from gateway.shapes import Position
from gateway.web.blanks import filled_in
from gateway.web.drawing import language_of, page
from gateway.web.routing import PageRoute
from protocols.ids import DockId

router = APIRouter(include_in_schema=False, route_class=PageRoute, prefix="/keeping")
_UNCLASSIFIED: Final = frozenset({"unclassified", "marked-unclassified"})
_ROWS: Final = 100


class DueWanted(DryRunAsked):
    """What the form above the list sends: kept clips too, or only those that are due."""

    @model_validator(mode="before")
    @classmethod
    def _nothing(cls, typed: object) -> object:
        return filled_in(typed)


@dataclass(frozen=True, slots=True)
class Line:
    """A clip of a list, and what was decided of it.

    Attributes:
        is_due: nothing keeps it now, so that it can be proposed.
    """

    row: Clip
    decision: Decision
    is_due: bool


@router.get("")
async def due(
    services: Given,
    request: Request,
    scope: Annotated[Scope, allowed(Act.DISPOSALS_READ)],
    asked: Annotated[DueWanted, Query()],
) -> Response:
    """What may be disposed of, with the reason for each; others than proposers see disposals."""
    who = scope.principal
    if who.reach(Act.DISPOSALS_PROPOSE) is Reach.NONE:
        return RedirectResponse("/keeping/disposals", HTTPStatus.SEE_OTHER.value)
    now = services.retention.now()
    by = asked.moment(now)
    wanted = Wanted(
        scope.clips(),
        by,
        asked.unit,
        None if asked.dock is None else DockId(asked.dock),
        asked.category,
        asked.due_only,
        -1 if asked.cursor is None else asked.cursor,
    )
    looked, rules = await services.disposals.dry_run(wanted, _ROWS)
    lines = await _lines(services, who, looked, now)
    may_go = [each for each in lines if each.is_due]
    following = asked.model_dump(mode="json", exclude={"limit"}, exclude_none=True)
    values = {
        "lines": lines,
        "may_go": len(may_go),
        "bytes": sum(each.row.size for each in may_go),
        "looked_at": looked.looked_at,
        "typed": {name: getattr(asked, name) for name in ("unit", "dock", "category", "by")},
        "due_only": asked.due_only,
        "rules": rules,
        "against": against(await services.disposals.against_proposing(who), language_of(request)),
        "next": _address("/keeping", following, looked),
    }
    return page(request, "keeping_due.html", keeper(services, who) | values)


@router.get("/unclassified")
async def unclassified(
    services: Given,
    request: Request,
    scope: Annotated[Scope, allowed(Act.RULES_READ)],
    cursor: Annotated[Position | None, Query()] = None,
) -> Response:
    """Clips that no category and no case classifies: they are kept until somebody does."""
    who, now = scope.principal, services.retention.now()
    after = -1 if cursor is None else cursor
    wanted = Wanted(scope.clips(), now, due_only=False, after=after, kept_by=_UNCLASSIFIED)
    looked, rules = await services.disposals.dry_run(wanted, _ROWS)
    values = {
        "lines": await _lines(services, who, looked, now),
        "looked_at": looked.looked_at,
        "rules": rules,
        "next": _address("/keeping/unclassified", {}, looked),
    }
    return page(request, "keeping_unclassified.html", keeper(services, who) | values)


def keeper(services: Services, who: Principal) -> dict[str, Any]:
    """What every page of this place needs: who reads it, and what he may do here."""
    return {
        "who": who,
        "now": services.clock.now(),
        **{name: who.reach(act) is not Reach.NONE for name, act in _MAY.items()},
    }


def against(error: ConflictError | None, language: str) -> tuple[str, str] | None:
    """Why something cannot be decided by the reader now: a name of words, and the detail."""
    match error:
        case None:
            return None
        case SamePersonError():
            return "against.same-person", ""
        case PersonUnsureError():
            return "against.person-unsure", ""
        case ClockUnsureError():
            return "clock-unsure", error.zh if language == "zh" else str(error)
        case _:
            return "clock-unsure", str(error)


_MAY: Final = {
    "proposes": Act.DISPOSALS_PROPOSE,
    "approves": Act.DISPOSALS_APPROVE,
    "adopts": Act.RULES_ADOPT,
    "places": Act.HOLDS_PLACE,
    "lifts": Act.HOLDS_LIFT,
}


async def _lines(services: Services, who: Principal, looked: Looked, now: datetime) -> list[Line]:
    seen = await concealed(services.marks, who, [row for row, _ in looked.found])
    decisions = [decision for _, decision in looked.found]
    return [
        Line(row, decision, decision.is_over(now))
        for row, decision in zip(seen, decisions, strict=True)
    ]


def _address(path: str, asked: dict[str, Any], looked: Looked) -> str | None:
    if looked.next is None:
        return None
    return f"{path}?{urlencode(asked | {'cursor': looked.next})}"
