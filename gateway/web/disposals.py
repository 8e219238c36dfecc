"""Disposals: what waits for a second person, one of them with its clips, and counting over.

Who proposed does not approve; the page says so instead of offering it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request
from pydantic import model_validator
from starlette.responses import Response

from gateway.access.gate import allowed
from gateway.access.policy import Act
from gateway.access.scope import Scope
from gateway.disposal.effects import OPEN
from gateway.disposal.models import Disposal, DisposalItem, DisposalState
from gateway.disposal.schemas import DisposalsAsked
from gateway.evidence.models import Clip
from gateway.given import Given
from gateway.marks.heeding import concealed
from gateway.problems import Problem
from gateway.retention.deciding import Reason
from gateway.services import Services
from gateway.web.blanks import filled_in
from gateway.web.drawing import language_of, page
from gateway.web.keeping import against, keeper
from gateway.web.routing import PageRoute

router = APIRouter(include_in_schema=False, route_class=PageRoute, prefix="/keeping/disposals")
_Reading = Annotated[Scope, allowed(Act.DISPOSALS_READ)]
_Token = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
_ROWS: Final = 50
_UNTOLD: Final = "untold"
_COUNTED: Final = (DisposalState.CLOSED, DisposalState.REFUSED)


class DisposalsWanted(DisposalsAsked):
    """What the form above the list sends."""

    @model_validator(mode="before")
    @classmethod
    def _nothing(cls, typed: object) -> object:
        return filled_in(typed)


@dataclass(frozen=True, slots=True)
class Entry:
    """A clip of a disposal's list.

    Attributes:
        row: what is known of it; None when it is beyond the reader's reach.
        keeping: what would keep it if it were decided now.
        left: why it stayed, by code and in words.
    """

    item: DisposalItem
    row: Clip | None
    keeping: tuple[Reason, ...]
    left: tuple[str, str] | None


@router.get("")
async def disposals(
    services: Given, request: Request, scope: _Reading, asked: Annotated[DisposalsWanted, Query()]
) -> Response:
    """Disposals within reach, newest first."""
    rows = await services.disposals.find(
        scope, state=asked.state, before=asked.cursor, limit=_ROWS + 1
    )
    shown = rows[:_ROWS]
    following = {} if asked.state is None else {"state": asked.state.value}
    more = urlencode(following | {"cursor": shown[-1].proposed_index}) if rows[_ROWS:] else None
    values = {
        "rows": shown,
        "states": list(DisposalState),
        "state": asked.state,
        "counts_all": scope.is_everything,
        "next": None if more is None else f"/keeping/disposals?{more}",
    }
    return page(request, "keeping_disposals.html", keeper(services, scope.principal) | values)


@router.get("/count")
async def count(
    services: Given,
    request: Request,
    scope: _Reading,
    store: Annotated[bool, Query()] = False,  # noqa: FBT002  # a query parameter
) -> Response:
    """Every clip that was ever sealed, counted over; for those above all units."""
    if not scope.is_everything:
        raise Problem(HTTPStatus.FORBIDDEN, "beyond-your-unit", "this is counted over all units")
    values = {"counted": await services.reconciling.reconcile(store=store), "store": store}
    return page(request, "keeping_count.html", keeper(services, scope.principal) | values)


@router.get("/{disposal}")
async def one(services: Given, request: Request, scope: _Reading, disposal: _Token) -> Response:
    """One disposal: who decided what, its clips, and what became of them by count and hash."""
    who, row = scope.principal, await services.disposals.disposal(disposal, scope)
    items = await services.disposals.items(disposal)
    report = await services.reconciling.report(row) if row.state in _COUNTED else None
    values = {
        "row": row,
        "entries": await _entries(services, scope, row, items),
        "is_open": row.state in OPEN,
        "against": against(
            await services.disposals.against_approving(who, row), language_of(request)
        ),
        "blocked": services.executing.blocked,
        "report": report,
    }
    return page(request, "keeping_disposal.html", keeper(services, who) | values)


async def _entries(
    services: Services, scope: Scope, row: Disposal, items: Sequence[DisposalItem]
) -> list[Entry]:
    names = {item.clip for item in items}
    seen = await services.evidence.within(names, scope.clips())
    found = await services.evidence.clips(seen)
    now, decisions = services.retention.now(), {}
    if row.state in OPEN:
        rules = await services.retention.in_force()
        decisions = await services.retention.of_clips(list(found.values()), rules)
    shown = {
        each.id: each
        for each in await concealed(services.marks, scope.principal, list(found.values()))
    }
    # Reasons name cases and categories: of what is concealed they stay so, too.
    told = {clip for clip, each in shown.items() if not each.concealed}
    return [
        Entry(
            item,
            shown.get(item.clip),
            decisions[item.clip].keeping(now) if item.clip in told & decisions.keys() else (),
            _left(item, is_told=item.clip in told),
        )
        for item in items
    ]


def _left(item: DisposalItem, *, is_told: bool) -> tuple[str, str] | None:
    if item.left_code is None:
        return None
    return (item.left_code, item.left_reason or "") if is_told else (_UNTOLD, "")
