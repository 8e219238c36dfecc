"""What becomes of a request that has a key: it is done, or its first answer is given again.

A cut between the act and its answer leaves a row without one. Nobody can say then what the
answer would have been, only whether the log has grown by an act since; where it has not, nothing
was done and the request is done now.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from sqlalchemy import delete, exists, func, select

from gateway.clock import GatewayClock
from gateway.db import Database
from gateway.idempotency.models import KeyedRequest
from gateway.log.models import LogEntry
from gateway.log.service import Log
from gateway.problems import Problem

KEPT: Final = timedelta(hours=48)
"""For how long an answer is kept; 24 hours are promised."""

MOST: Final = 10_000
"""Keys of one asker at a time."""

MOST_BYTES: Final = 256 * 1024
"""Of an answer; a larger one is not kept."""

# The gateway states these by itself, whatever anybody asks.
_BY_ITSELF = ("clip.stored", "dock.key.rotated", "clip.repaired")
_CONFLICT = HTTPStatus.CONFLICT


@dataclass(frozen=True, slots=True)
class Asking:
    """A request with a key.

    Attributes:
        asker: who; empty for the gateway's own machine.
        key: as he chose it.
        fingerprint: SHA-256 of method, address and body.
        rights: SHA-256 of what he may do now.
    """

    asker: str
    key: str
    fingerprint: bytes
    rights: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to be kept, or given again; ``body`` is None when it must not be kept."""

    status: int
    media_type: str | None
    tag: str | None
    body: bytes | None

    @property
    def made_something(self) -> bool:
        """Whether it tells of success; what was refused may be tried again with its key."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


class KeyedRequests:
    """Begins and ends requests that have a key."""

    def __init__(self, database: Database, log: Log, clock: GatewayClock) -> None:
        self._database, self._log, self._clock = database, log, clock
        self._running: set[tuple[str, str]] = set()

    async def begin(self, asking: Asking) -> Answer | None:
        """Begin a request, or find the answer it had; who begins calls ``end`` in any case.

        Raises:
            Problem: the key is another request's, the first one still runs, its answer is not
                kept, was lost or was given to other rights, or there are too many keys.
            DatabaseUnavailableError: it cannot be known now.
        """
        place = asking.asker, asking.key
        if place in self._running:
            raise Problem(
                _CONFLICT,
                "idempotency-running",
                "the first request with this key is being worked on; ask again in a moment",
                headers={"retry-after": "1"},
            )
        self._running.add(place)
        try:
            answer = await self._begin(asking)
        except BaseException:
            self._running.discard(place)
            raise
        if answer is not None:
            self._running.discard(place)
        return answer

    async def end(self, asking: Asking, answer: Answer | None) -> None:
        """Keep the answer of a request that made something; forget one that did not.

        Args:
            asking: that began.
            answer: None when there was none.
        """
        try:
            async with self._database.session() as session:
                row = await session.get(KeyedRequest, (asking.asker, asking.key))
                if row is None:
                    return
                if answer is not None and answer.made_something:
                    row.status, row.media_type = answer.status, answer.media_type
                    row.tag, row.body = answer.tag, answer.body
                elif not await self._acted_since(row):
                    await session.delete(row)
        finally:
            self._running.discard((asking.asker, asking.key))

    async def _begin(self, asking: Asking) -> Answer | None:
        async with self._database.reading() as session:
            row = await session.get(KeyedRequest, (asking.asker, asking.key))
        if row is None or self._is_old(row):
            await self._add(asking)
            return None
        if row.fingerprint != asking.fingerprint:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "idempotency-differs",
                "this Idempotency-Key was used for another request; each request takes its own",
            )
        if row.status is None:
            await self._refuse_unknown(row)
            await self._add(asking)
            return None
        if row.rights != asking.rights:
            # What he may see now, only doing it would tell; and it is done.
            raise Problem(
                _CONFLICT,
                "idempotency-rights",
                "this was done, when you had other rights than now: its answer is not given again. "
                "Look at what was made, as far as it is yours to see",
            )
        if row.body is None:
            raise Problem(
                _CONFLICT,
                "idempotency-told-once",
                "this was done; its answer holds a secret that is told once, or is too large to "
                "be kept. Look at what was made; if the secret is lost, ask for a new one",
            )
        return Answer(row.status, row.media_type, row.tag, row.body)

    async def _refuse_unknown(self, row: KeyedRequest) -> None:
        if await self._acted_since(row):
            raise Problem(
                _CONFLICT,
                "idempotency-unknown",
                "the gateway was stopped while it worked on this, and it may be done: look, and "
                "if it is not, ask with another key",
            )

    async def _acted_since(self, row: KeyedRequest) -> bool:
        stated = exists().where(
            LogEntry.index >= row.log_size,
            LogEntry.dock.is_(None),
            LogEntry.kind.not_in(_BY_ITSELF),
        )
        async with self._database.reading() as session:
            return bool(await session.scalar(select(stated)))

    async def _add(self, asking: Asking) -> None:
        now = self._clock.now()
        mine = KeyedRequest.asker == asking.asker
        async with self._database.session() as session:
            await session.execute(delete(KeyedRequest).where(KeyedRequest.begun_at < now - KEPT))
            same = delete(KeyedRequest).where(mine, KeyedRequest.key == asking.key)
            await session.execute(same)
            count = await session.scalar(select(func.count()).where(mine))
            if (count or 0) >= MOST:
                raise Problem(
                    HTTPStatus.TOO_MANY_REQUESTS,
                    "idempotency-many",
                    f"{MOST} keys of yours are kept already; they are forgotten after two days",
                )
            session.add(
                KeyedRequest(
                    asker=asking.asker,
                    key=asking.key,
                    fingerprint=asking.fingerprint,
                    rights=asking.rights,
                    log_size=self._log.checkpoint().size,
                    begun_at=now,
                )
            )

    def _is_old(self, row: KeyedRequest) -> bool:
        return row.begun_at < self._clock.now() - KEPT
