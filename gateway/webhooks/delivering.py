"""Events to all receivers, for as long as the gateway runs.

Each receiver has a task of its own that sends one event after the other and waits for the
answer, so that events come in order and a receiver that is dead delays itself alone. An event
counts as told when its receiver has said so; a cut before that is noted sends it once more.

Order ends where progress would: an event that a receiver goes on refusing for what it says is set
aside, and the next one is sent. Only a receiver that answers can refuse so; one that is away, or
lets nobody in, is told nothing until it is back.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.access.principals import Principal
from gateway.accounts.clients import Clients
from gateway.clock import GatewayClock
from gateway.db import Database
from gateway.errors import DatabaseUnavailableError, KeyFileError
from gateway.events.feed import Feed
from gateway.events.schemas import EventTold
from gateway.events.told import Event
from gateway.intake import alarms
from gateway.vault import Vault
from gateway.webhooks import signing
from gateway.webhooks.models import Delivery, Webhook
from gateway.webhooks.sending import Outcome, Sender

SECRET: Final = "webhook secret"  # noqa: S105  # what the vault calls it
KEPT: Final = 1000
"""Deliveries of one receiver that are kept."""

_GONE_WHY = "it answered 410 Gone"
_log = structlog.get_logger("gateway.webhooks")


@dataclass(frozen=True, slots=True)
class Pace:
    """How receivers are told, in seconds.

    Attributes:
        waits: after the first failure, the second and so on; the last one counts on.
        give_up: so long after the first failure since the last success nothing is sent any more.
        look: between two looks at what may have changed without anybody saying so.
        pause: after each look at the log.
        most: that a receiver may ask to wait.
        aside: attempts after which an event that is refused for what it says is set aside.
    """

    waits: tuple[float, ...] = (5, 30, 120, 600, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600)
    give_up: float = 3 * 24 * 3600
    look: float = 60.0
    pause: float = 0.5
    most: float = 8 * 3600
    aside: int = 7

    def wait(self, failures: int, asked_s: float | None) -> timedelta:
        """How long to wait after so many failures; never the same for all who failed together.

        Args:
            failures: in a row.
            asked_s: how long the receiver asked for; less than that it does not become.
        """
        base = self.waits[min(failures, len(self.waits)) - 1]
        own = base * random.uniform(0.8, 1.2)  # noqa: S311  # no secret
        return timedelta(seconds=max(own, min(asked_s or 0.0, self.most)))


class Deliveries:
    """Sends events to their receivers."""

    def __init__(
        self,
        database: Database,
        feed: Feed,
        clients: Clients,
        vault: Vault,
        clock: GatewayClock,
        sender: Sender,
    ) -> None:
        self._database, self._feed, self._clients = database, feed, clients
        self._vault, self._clock, self.sender = vault, clock, sender
        self.pace = Pace()
        self._changed = asyncio.Event()
        self._looked: dict[str, int] = {}
        self._one: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def change(self) -> None:
        """Look anew at who is to be told."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Send until cancelled."""
        tasks: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                changed = self._changed
                for token in await self._receivers():
                    if token not in tasks or tasks[token].done():
                        tasks[token] = group.create_task(self._serve(token))
                await _until(changed, self.pace.look)

    async def resend(self, row: Webhook, event: Event) -> Delivery:
        """Send one event again, out of its turn, whatever became of it before."""
        outcome = await self._send(row, event)
        async with self._database.session() as session:
            return await _keep(session, row, event, outcome, self._clock.now(), resent=True)

    async def _receivers(self) -> list[str]:
        query = select(Webhook.token).where(_TO_BE_TOLD)
        try:
            async with self._database.reading() as session:
                return list(await session.scalars(query))
        except DatabaseUnavailableError:
            return []

    async def _serve(self, token: str) -> None:
        """Tell one receiver until there is no more reason to."""
        while True:
            changed = self._changed
            try:
                wait = await self._step(token)
            except (DatabaseUnavailableError, KeyFileError) as error:
                _log.warning("webhook.waits", webhook=token, reason=str(error))
                wait = self.pace.look
            if wait is None:
                return
            if wait > 0:
                await _until(changed, wait)

    async def _step(self, token: str) -> float | None:
        """Send one event, if there is one; returns how long to wait, or None when it is over."""
        async with self._one[token]:
            async with self._database.reading() as session:
                row = await session.scalar(
                    select(Webhook).where(Webhook.token == token, _TO_BE_TOLD)
                )
            if row is None:
                return None
            now = self._clock.now()
            # A clock that was set back must not make a receiver wait for years.
            if row.next_try is not None and now < row.next_try < now + timedelta(days=1):
                return min((row.next_try - now).total_seconds(), self.pace.look)
            who = await self._clients.principal(row.client)
            if who is None:
                # Ended or expired: what happens meanwhile is told once it may ask again.
                return self.pace.look
            event = await self._next(row, who)
            if event is not None:
                await self._tell(row, event)
                return 0.0
        await asyncio.sleep(self.pace.pause)
        return await self._news(row)

    async def _news(self, row: Webhook) -> float:
        try:
            async with asyncio.timeout(self.pace.look):
                await self._feed.grown(self._looked.get(row.token, row.cursor))
        except TimeoutError:
            pass
        return 0.0

    async def _next(self, row: Webhook, who: Principal) -> Event | None:
        """The next event that this receiver is to be told of."""
        after = max(row.cursor, self._looked.get(row.token, -1))
        while True:
            page = await self._feed.page(who, after, row.kinds)
            if page.events:
                return page.events[0]
            # Only remembered: looking again after a start costs little.
            self._looked[row.token] = after = page.upto
            if not page.more:
                return None

    async def _tell(self, row: Webhook, event: Event) -> None:
        outcome = await self._send(row, event)
        now = self._clock.now()
        async with self._database.session() as session:
            kept = await session.get_one(Webhook, row.token)
            if outcome.refuses_message and kept.failures + 1 >= self.pace.aside:
                words = f"{outcome.problem}, {kept.failures + 1} times; set aside"
                outcome = replace(outcome, problem=words)
                _log.warning("webhook.set-aside", webhook=row.token, event_index=event.index)
                await _keep(session, kept, event, outcome, now)
                # Since when nothing was taken stays: who refuses everything is given up as well.
                kept.cursor, kept.failures, kept.next_try = event.index, 0, None
            else:
                await _keep(session, kept, event, outcome, now)
                self._follow(kept, event, outcome, now)
            if kept.failing_since is None or outcome.problem is None:
                return
            failing = (now - kept.failing_since).total_seconds()
            if outcome.is_gone or failing >= self.pace.give_up:
                why = _GONE_WHY if outcome.is_gone else outcome.problem
                await _stop(session, kept, why, now)

    def _follow(self, kept: Webhook, event: Event, outcome: Outcome, now: datetime) -> None:
        if outcome.problem is None:
            kept.cursor, kept.failures = event.index, 0
            kept.failing_since = kept.next_try = None
            return
        kept.failures += 1
        kept.failing_since = kept.failing_since or now
        kept.next_try = now + self.pace.wait(kept.failures, outcome.wait_s)

    async def _send(self, row: Webhook, event: Event) -> Outcome:
        now = self._clock.now()
        sealed = [row.secret]
        if row.old_until is not None and now < row.old_until:
            sealed.append(row.old_secret)
        keys = [self._vault.open(SECRET, each) for each in sealed if each is not None]
        body = EventTold.of(event).model_dump_json().encode()
        message = f"evt_{row.token}_{event.index}"
        headers = signing.headers(message, self._clock.epoch_s(), body, keys)
        return await self.sender.send(row.url or "", headers, body)


_TO_BE_TOLD = Webhook.active.is_(True) & Webhook.stopped_at.is_(None) & Webhook.url.is_not(None)


async def _keep(
    session: AsyncSession,
    row: Webhook,
    event: Event,
    outcome: Outcome,
    now: datetime,
    *,
    resent: bool = False,
) -> Delivery:
    made = Delivery(
        webhook=row.token,
        event_index=event.index,
        kind=event.kind[:64],
        attempt=1 if resent else row.failures + 1,
        at=now,
        took_ms=outcome.took_ms,
        status=outcome.status,
        problem=outcome.problem,
        resent=resent,
    )
    session.add(made)
    await session.flush()
    mine = Delivery.webhook == row.token
    newest = select(Delivery.id).where(mine).order_by(Delivery.id.desc()).offset(KEPT).limit(1)
    if (last := await session.scalar(newest)) is not None:
        await session.execute(delete(Delivery).where(mine, Delivery.id <= last))
    return made


async def _stop(session: AsyncSession, row: Webhook, why: str, now: datetime) -> None:
    row.stopped_at, row.stopped_why = now, why[:200]
    _log.error("webhook.stopped", webhook=row.token, host=row.host, reason=why)
    await alarms.raise_alarm(
        session,
        dock="",
        by=alarms.BY_GATEWAY,
        code=alarms.WEBHOOK_STOPPED,
        about=row.token,
        text=f"{row.host} is told nothing any more: {why}; nothing is lost, it goes on where it "
        "stood once it is let",
        since=now.isoformat(timespec="seconds"),
    )


async def _until(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
