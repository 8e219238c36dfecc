"""Receivers over HTTP: a case system manages its own, operators those of their units."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from gateway.access.gate import Who, allowed
from gateway.access.policy import Act
from gateway.access.principals import Kind
from gateway.access.scope import Scope
from gateway.accounts.clients import UNKNOWN, ClientUnknownError
from gateway.accounts.models import Client
from gateway.given import Given
from gateway.problems import Problem
from gateway.services import Services
from gateway.shapes import FieldProblem, PageAsked, Position
from gateway.webhooks.models import Webhook
from gateway.webhooks.schemas import (
    DeliveryPage,
    DeliveryTold,
    Token,
    WebhookAsked,
    WebhookEndAsked,
    WebhookMadeTold,
    WebhookTold,
)
from gateway.webhooks.service import NewWebhook

router = APIRouter(prefix="/webhooks", tags=["webhooks"])
_Managing = Annotated[Scope, allowed(Act.WEBHOOKS_MANAGE)]


async def _mine(
    services: Given, scope: _Managing, webhook: Annotated[Token, Path()]
) -> tuple[Webhook, Client]:
    return await services.webhooks.one(webhook, scope)


_Mine = Annotated[tuple[Webhook, Client], Depends(_mine)]


@router.post("", status_code=HTTPStatus.CREATED.value)
async def add_webhook(services: Given, scope: _Managing, asked: WebhookAsked) -> WebhookMadeTold:
    """Be told what happens from now on, each event at least once and in order.

    Messages follow Standard Webhooks 1.0; the answer holds the secret, which is told once.
    """
    client = await _client(services, scope, asked.client)
    by = scope.principal.signs(asked.by)
    new = NewWebhook(client.token, asked.url, asked.kinds, by, asked.why)
    row, secret = await services.webhooks.add(new)
    return WebhookMadeTold.of(row, client, secret=secret)


@router.get("")
async def list_webhooks(services: Given, scope: _Managing) -> list[WebhookTold]:
    """Receivers, newest first, those that were ended too."""
    return [WebhookTold.of(*row) for row in await services.webhooks.listing(scope)]


@router.get("/{webhook}")
async def get_webhook(webhook: _Mine) -> WebhookTold:
    """One receiver, and where it stands."""
    return WebhookTold.of(*webhook)


@router.delete("/{webhook}")
async def end_webhook(
    services: Given, who: Who, webhook: _Mine, asked: WebhookEndAsked
) -> WebhookTold:
    """Tell a receiver nothing any more. The same again is answered alike."""
    row, client = webhook
    by = who.signs(asked.by)
    return WebhookTold.of(await services.webhooks.end(row, by=by, why=asked.why), client)


@router.post("/{webhook}/secret", status_code=HTTPStatus.CREATED.value)
async def renew_secret(services: Given, webhook: _Mine) -> WebhookMadeTold:
    """A new secret; for a day messages are signed with both."""
    row, secret = await services.webhooks.renew_secret(webhook[0])
    return WebhookMadeTold.of(row, webhook[1], secret=secret)


@router.post("/{webhook}/resume")
async def resume_webhook(services: Given, webhook: _Mine) -> WebhookTold:
    """Try a receiver again at once; one that was given up goes on where it stood."""
    return WebhookTold.of(await services.webhooks.resume(webhook[0]), webhook[1])


@router.get("/{webhook}/deliveries")
async def list_deliveries(
    services: Given, webhook: _Mine, asked: Annotated[PageAsked, Query()]
) -> DeliveryPage:
    """What became of each attempt: when, status, how long it took."""
    rows = await services.webhooks.tried(webhook[0], asked.cursor, asked.limit + 1)
    page, more = rows[: asked.limit], rows[asked.limit :]
    return DeliveryPage(
        deliveries=[DeliveryTold.of(row) for row in page],
        next=page[-1].id if more else None,
        next_try=webhook[0].next_try,
    )


@router.post("/{webhook}/deliveries/{event}/resend")
async def resend(
    services: Given, webhook: _Mine, event: Annotated[Position, Path()]
) -> DeliveryTold:
    """Send one event again, now and out of its turn; says what came of it."""
    return DeliveryTold.of(await services.webhooks.resend(webhook[0], event))


async def _client(services: Services, scope: Scope, name: str | None) -> Client:
    who = scope.principal
    own = who.login if who.kind is Kind.CASE_SYSTEM else None
    if name is None and own is None:
        what = "say in `client` which case system it is for"
        at_fault = [FieldProblem(where="body.client", what=what)]
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "client-missing", what, errors=at_fault)
    found = await services.clients.client(name or own or "")
    if (own is not None and found.token != who.id) or not scope.has_unit(found.unit):
        raise ClientUnknownError(UNKNOWN)
    return found
