"""Rows that follow from what the log says about receivers; may run twice."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.accounts.models import Client
from gateway.webhooks.models import Webhook
from protocols.kinds import WebhookSet


async def apply(session: AsyncSession, body: WebhookSet, index: int) -> None:
    """Write the row that follows from a logged statement; the same again changes nothing.

    Args:
        session: the caller's transaction.
        body: what was stated.
        index: position in the log.
    """
    row = await session.get(Webhook, body.webhook)
    if row is None:
        if await session.get(Client, body.client) is None:
            return
        row = Webhook(token=body.webhook, client=body.client, cursor=index, failures=0)
        session.add(row)
    row.host, row.active, row.set_index = body.host, body.active, index
    row.kinds = None if body.kinds is None else list(body.kinds)
    if not row.active:
        row.url = row.secret = row.old_secret = None
    await session.flush()
