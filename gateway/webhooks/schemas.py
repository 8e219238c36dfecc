"""Shapes of receivers over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field

from gateway.accounts.models import Client
from gateway.accounts.schemas import Login
from gateway.events.schemas import Kinds
from gateway.shapes import Asked, PlainLine, PlainProse, Told, ToldOnce
from gateway.webhooks.addresses import LONGEST
from gateway.webhooks.models import Delivery, Webhook

Token = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", examples=["0f" * 16])]


class WebhookAsked(Asked):
    """Where to tell what happens."""

    url: Annotated[str, Field(min_length=1, max_length=LONGEST)] = Field(
        examples=["https://cases.example/evidock"]
    )
    kinds: Annotated[Kinds, Field(min_length=1)] | None = Field(
        None, description="which events; all by default"
    )
    client: Login | None = Field(
        None, description="the case system it is for; one that asks for itself leaves it out"
    )
    by: PlainLine | None = Field(None, description="who makes it; stands in the log; none: you")
    why: PlainProse


class WebhookEndAsked(Asked):
    """Why a receiver is told nothing any more."""

    by: PlainLine | None = None
    why: PlainProse


class WebhookTold(Told):
    """A receiver."""

    webhook: str
    client: str = Field(description="the case system whose reach decides what it is told")
    url: str | None = Field(description="none when it was lost with a database; make another")
    host: str
    kinds: list[str] | None
    state: str = Field(description="`on`, `failing`, `stopped` (given up) or `ended`")
    why: str | None = Field(description="of `stopped`")
    cursor: int = Field(description="events up to this number have been told")
    failures: int
    next_try: datetime | None
    set_index: int = Field(description="log position of webhook.set")

    @classmethod
    def of(cls, row: Webhook, client: Client, **more: Any) -> Self:  # noqa: ANN401  # of a subclass
        """From rows."""
        return cls(
            webhook=row.token,
            client=client.name,
            url=row.url,
            host=row.host,
            kinds=row.kinds,
            state=_state(row),
            why=row.stopped_why,
            cursor=row.cursor,
            failures=row.failures,
            next_try=row.next_try,
            set_index=row.set_index,
            **more,
        )


class WebhookMadeTold(WebhookTold, ToldOnce):
    """A receiver and its secret, told here and never again."""

    secret: str = Field(description="`whsec_` and base64; signs what you are sent")


class DeliveryTold(Told):
    """One attempt to tell a receiver of an event."""

    delivery: int
    event: int = Field(description="number of the event")
    type: str
    attempt: int
    at: datetime
    took_ms: int
    status: int | None = Field(description="of HTTP; none without an answer")
    problem: str | None = Field(description="why it does not count; none when it was told")
    resent: bool

    @classmethod
    def of(cls, row: Delivery) -> Self:
        """From a row."""
        return cls(
            delivery=row.id,
            event=row.event_index,
            type=row.kind,
            attempt=row.attempt,
            at=row.at,
            took_ms=row.took_ms,
            status=row.status,
            problem=row.problem,
            resent=row.resent,
        )


class DeliveryPage(Told):
    """Newest deliveries first; the newest thousand are kept."""

    deliveries: list[DeliveryTold]
    next: int | None = Field(description="cursor of the next page, none on the last")
    next_try: datetime | None = Field(description="when the event that failed is sent again")


def _state(row: Webhook) -> str:
    if not row.active or row.url is None:
        return "ended"
    if row.stopped_at is not None:
        return "stopped"
    return "failing" if row.failures else "on"
