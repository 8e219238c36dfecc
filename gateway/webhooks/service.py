"""Receivers: made, ended, given a new secret, let go on. Who receives what is a record."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.access.principals import Kind, Principal
from gateway.access.scope import Scope
from gateway.accounts.clients import Clients
from gateway.accounts.models import Client
from gateway.clock import GatewayClock
from gateway.db import Database
from gateway.errors import ConflictError, NotFoundError
from gateway.events.feed import Feed
from gateway.intake import alarms
from gateway.log.service import Log
from gateway.vault import Vault
from gateway.webhooks import signing
from gateway.webhooks.addresses import host_of
from gateway.webhooks.delivering import SECRET, Deliveries
from gateway.webhooks.effects import apply
from gateway.webhooks.models import Delivery, Webhook
from protocols.ids import client_urn
from protocols.kinds import WebhookSet

OVERLAP: Final = timedelta(hours=24)
"""For so long after a new secret messages are signed with the old one, too."""

MOST_OF_ONE: Final = 10
MOST: Final = 64
_TOKEN_BYTES = 16


class WebhookUnknownError(NotFoundError):
    """No receiver of that name, or it is not yours."""


class WebhooksManyError(ConflictError):
    """There are as many receivers as there can be."""


class WebhookOverError(ConflictError):
    """The receiver was ended, or has lost its address; make another."""


class EventUnknownError(NotFoundError):
    """No event of that number is for this receiver."""


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A receiver to make: for which case system, where, and of which kinds of events."""

    client: str
    url: str
    kinds: Sequence[str] | None
    by: str
    why: str


class Webhooks:
    """Acts on receivers and look-ups."""

    def __init__(
        self,
        database: Database,
        log: Log,
        clients: Clients,
        vault: Vault,
        clock: GatewayClock,
        *,
        feed: Feed,
        deliveries: Deliveries,
    ) -> None:
        self._database, self._log, self._clients = database, log, clients
        self._vault, self._clock, self._feed = vault, clock, feed
        self.deliveries = deliveries
        self._acting = asyncio.Lock()

    async def add(self, new: NewWebhook) -> tuple[Webhook, str]:
        """Make a receiver; it is told what happens from now on.

        Returns:
            The receiver and its secret, which is told nowhere else.

        Raises:
            WebhookAddressError: the gateway does not let itself be sent there.
            WebhooksManyError: there are too many.
            GatewayError: the log cannot take it now.
        """
        await self.deliveries.sender.reachable.find(new.url)
        secret = signing.new_secret()
        sealed = await asyncio.to_thread(self._vault.seal, SECRET, secret)
        body = WebhookSet(
            webhook=secrets.token_hex(_TOKEN_BYTES),
            client=new.client,
            host=host_of(new.url)[:200],
            kinds=None if new.kinds is None else tuple(dict.fromkeys(new.kinds)),
            active=True,
            by=new.by,
            why=new.why,
        )

        async def also(session: AsyncSession, indices: list[int]) -> None:
            await apply(session, body, indices[0])
            row = await session.get_one(Webhook, body.webhook)
            row.url, row.secret = new.url, sealed

        async with self._acting:
            await self._refuse_more(new.client)
            await self._log.append_own(body, client_urn(new.client), also=also)
        self.deliveries.change()
        return await self._get(body.webhook), signing.shown_secret(secret)

    async def end(self, row: Webhook, *, by: str, why: str) -> Webhook:
        """End a receiver; the same again changes nothing."""
        async with self._acting:
            row = await self._get(row.token)
            if not row.active:
                return row
            body = WebhookSet(
                webhook=row.token,
                client=row.client,
                host=row.host,
                kinds=None if row.kinds is None else tuple(row.kinds),
                active=False,
                by=by,
                why=why,
            )

            async def also(session: AsyncSession, indices: list[int]) -> None:
                await apply(session, body, indices[0])
                await _settled(session, row.token)

            await self._log.append_own(body, client_urn(row.client), also=also)
        self.deliveries.change()
        return await self._get(row.token)

    async def renew_secret(self, row: Webhook) -> tuple[Webhook, str]:
        """Give a receiver a new secret; the old one counts on for a day.

        Raises:
            WebhookOverError: it was ended.
        """
        secret = signing.new_secret()
        sealed = await asyncio.to_thread(self._vault.seal, SECRET, secret)
        async with self._acting, self._database.session() as session:
            kept = await session.get_one(Webhook, row.token)
            _refuse_over(kept)
            kept.old_secret, kept.old_until = kept.secret, self._clock.now() + OVERLAP
            kept.secret = sealed
        return kept, signing.shown_secret(secret)

    async def resume(self, row: Webhook) -> Webhook:
        """Let a receiver that was given up go on where it stood, now.

        Raises:
            WebhookOverError: it was ended.
        """
        async with self._acting, self._database.session() as session:
            kept = await session.get_one(Webhook, row.token)
            _refuse_over(kept)
            kept.stopped_at = kept.stopped_why = kept.failing_since = kept.next_try = None
            kept.failures = 0
            await _settled(session, row.token)
        self.deliveries.change()
        return kept

    async def resend(self, row: Webhook, index: int) -> Delivery:
        """Send one event again, now and out of its turn.

        Raises:
            EventUnknownError: it is none for this receiver. WebhookOverError: it was ended.
        """
        _refuse_over(row)
        who = await self._clients.principal(row.client)
        event = None if who is None else await self._feed.one(who, index)
        if event is None:
            raise EventUnknownError("no event of that number is for this receiver")
        return await self.deliveries.resend(row, event)

    # --- look-ups --------------------------------------------------------------------

    async def listing(self, scope: Scope) -> list[tuple[Webhook, Client]]:
        """Receivers within reach, newest first, those that were ended too."""
        query = (
            select(Webhook, Client)
            .join(Client, Client.token == Webhook.client)
            .order_by(Webhook.set_index.desc())
        )
        async with self._database.reading() as session:
            rows = [(row, client) for row, client in await session.execute(query)]
        return [(row, client) for row, client in rows if _is_within(scope, client)]

    async def one(self, token: str, scope: Scope) -> tuple[Webhook, Client]:
        """One receiver within reach.

        Raises:
            WebhookUnknownError: there is none.
        """
        async with self._database.reading() as session:
            row = await session.get(Webhook, token)
            client = None if row is None else await session.get(Client, row.client)
        if row is None or client is None or not _is_within(scope, client):
            raise WebhookUnknownError("no receiver of that name, or it is not yours")
        return row, client

    async def tried(self, row: Webhook, before: int | None, limit: int) -> Sequence[Delivery]:
        """What became of the newest deliveries of a receiver, from one back."""
        query = (
            select(Delivery)
            .where(Delivery.webhook == row.token)
            .order_by(Delivery.id.desc())
            .limit(limit)
        )
        if before is not None:
            query = query.where(Delivery.id < before)
        async with self._database.reading() as session:
            return (await session.scalars(query)).all()

    async def _refuse_more(self, client: str) -> None:
        live = select(func.count()).where(Webhook.active.is_(True))
        async with self._database.reading() as session:
            own = await session.scalar(live.where(Webhook.client == client)) or 0
            every = await session.scalar(live) or 0
        if own >= MOST_OF_ONE or every >= MOST:
            raise WebhooksManyError(
                f"a case system has {MOST_OF_ONE} receivers at most, all together {MOST}; end one"
            )

    async def _get(self, token: str) -> Webhook:
        async with self._database.reading() as session:
            return await session.get_one(Webhook, token)


def _is_within(scope: Scope, client: Client) -> bool:
    # A case system has its own; people who manage have those of their part of the unit tree.
    who: Principal = scope.principal
    if who.kind is Kind.CASE_SYSTEM:
        return client.token == who.id
    return scope.has_unit(client.unit)


def _refuse_over(row: Webhook) -> None:
    if not row.active or row.url is None or row.secret is None:
        raise WebhookOverError("it was ended, or lost its address with a database; make another")


async def _settled(session: AsyncSession, token: str) -> None:
    await alarms.clear_alarm(
        session, dock="", by=alarms.BY_GATEWAY, code=alarms.WEBHOOK_STOPPED, about=token
    )
