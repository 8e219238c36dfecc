"""Pages of receivers: where events are sent, what became of each, and what an operator does then.

A secret is shown once, by the reader's own browser, and stands in no page.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from gateway.access.gate import allowed
from gateway.access.policy import Act
from gateway.access.scope import Scope
from gateway.events.told import OF_DOCKS, UNTOLD
from gateway.given import Given
from gateway.services import Services
from gateway.shapes import Position
from gateway.web.drawing import page
from gateway.web.menu import tabs
from gateway.web.routing import PageRoute
from gateway.webhooks.models import Delivery
from gateway.webhooks.schemas import Token, WebhookTold
from gateway.webhooks.sending import NO_ANSWER, NO_CONNECTION
from protocols.pack.words import KINDS

router = APIRouter(include_in_schema=False, route_class=PageRoute, prefix="/admin/webhooks")
_Managing = Annotated[Scope, allowed(Act.WEBHOOKS_MANAGE)]
_ROWS = 50
_ABOUT: Final = ("case", "clip", "session", "hold", "disposal", "proposal", "recording", "alarm")
CHOICES: Final = tuple(
    kind
    for about in _ABOUT
    for kind in KINDS
    if kind.partition(".")[0] == about
    and kind not in UNTOLD
    and (about != "session" or kind in OF_DOCKS)
)
"""Kinds that the form offers; the API takes any."""


@router.get("")
async def webhooks(services: Given, request: Request, scope: _Managing) -> Response:
    """Receivers within reach, those that were ended too."""
    rows = await services.webhooks.listing(scope)
    clients = [row for row in await services.clients.listing() if row.active]
    values = {
        "rows": [WebhookTold.of(*row) for row in rows],
        "clients": [row.name for row in clients if scope.has_unit(row.unit)],
        "choices": CHOICES,
    }
    return page(request, "webhooks.html", _asker(services, scope) | values)


@router.get("/{webhook}")
async def webhook(
    services: Given,
    request: Request,
    scope: _Managing,
    webhook: Annotated[Token, Path()],
    cursor: Annotated[Position | None, Query()] = None,
) -> Response:
    """One receiver, and what became of each attempt to tell it of something."""
    row, client = await services.webhooks.one(webhook, scope)
    tried = await services.webhooks.tried(row, cursor, _ROWS + 1)
    shown, more = tried[:_ROWS], tried[_ROWS:]
    values = {
        "row": WebhookTold.of(row, client),
        "tried": [(each, _failed(each)) for each in shown],
        "next": f"?cursor={shown[-1].id}" if more else None,
    }
    return page(request, "webhook.html", _asker(services, scope) | values)


def _asker(services: Services, scope: Scope) -> dict[str, Any]:
    who = scope.principal
    return {"who": who, "now": services.clock.now(), "tabs": tabs(who)}


def _failed(each: Delivery) -> str | None:
    """Name of the words for why an attempt does not count; None when it does."""
    if each.problem is None:
        return None
    if each.status is not None:
        redirects = HTTPStatus.MULTIPLE_CHOICES <= each.status < HTTPStatus.BAD_REQUEST
        return "failed.redirect" if redirects else "failed.status"
    if each.problem.startswith(NO_ANSWER):
        return "failed.no-answer"
    return "failed.no-connection" if each.problem == NO_CONNECTION else "failed.address"
