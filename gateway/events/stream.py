"""Events as they happen: server-sent events (HTML standard, section 9.2).

Nothing is buffered for a reader: each reads the log at his own pace, and one who takes nothing
for half a minute is dropped. What he missed he gets by saying which event he had last.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import structlog
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from gateway.access.principals import Principal
from gateway.errors import DatabaseUnavailableError
from gateway.events.feed import Feed
from gateway.events.schemas import EventTold
from gateway.problems import Problem

MOST: Final = 100
"""Streams at a time; the listener takes some more connections than that."""

MOST_OF_ONE: Final = 8
"""Of one person or case system."""

RETRY_MS: Final = 3000
_log = structlog.get_logger("gateway.events")


@dataclass(frozen=True, slots=True)
class Pace:
    """How a stream goes on, in seconds.

    Attributes:
        heartbeat: between two signs of life; proxies end what is silent for a minute.
        pause: after each look at the log, which may grow many times a second.
        patience: for a reader to take what he is given.
    """

    heartbeat: float = 15.0
    pause: float = 0.3
    patience: float = 30.0


class Streams:
    """Counts the streams that are open, and ends them all."""

    def __init__(self, feed: Feed, pace: Pace | None = None) -> None:
        self.feed, self.pace = feed, pace or Pace()
        self.closing = asyncio.Event()
        self._open: Counter[str] = Counter()

    def close(self) -> None:
        """End every stream, and begin none."""
        self.closing.set()

    @property
    def open(self) -> int:
        """How many there are."""
        return self._open.total()

    def refuse_more(self, asker: str) -> None:
        """Refuse one more stream.

        Raises:
            Problem: there are too many, of this asker or of all, or the gateway is ending.
        """
        if self._open[asker] >= MOST_OF_ONE:
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                "streams-many",
                f"you listen {MOST_OF_ONE} times already; end one, such as a page left open",
                headers={"retry-after": "30"},
            )
        if self._open.total() >= MOST or self.closing.is_set():
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "streams-full",
                "as many listen as this gateway can serve; GET /api/v1/events/past tells the same",
                headers={"retry-after": "30"},
            )

    @contextlib.contextmanager
    def taken(self, asker: str) -> Iterator[None]:
        """Count one stream while the block goes on.

        Raises:
            Problem: there are too many by now: many may be let in before the first is counted.
        """
        self.refuse_more(asker)
        self._open[asker] += 1
        try:
            yield
        finally:
            self._open[asker] -= 1
            if not self._open[asker]:
                del self._open[asker]


class EventStream(Response):
    """One reader's stream, which ends with his right to it.

    It ends when he leaves, takes nothing, is signed out or gets other rights, or the gateway ends.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        streams: Streams,
        who: Principal,
        again: Callable[[], Awaitable[Principal | None]],
        *,
        after: int,
        kinds: Collection[str] | None,
    ) -> None:
        # Proxies must hand on each event when it comes.
        super().__init__(headers={"x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._streams, self._pace, self._feed = streams, streams.pace, streams.feed
        self._who, self._again = who, again
        self._after, self._kinds = after, kinds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell until it is over."""
        del scope
        with self._streams.taken(self._who.id):
            await self._put(send, {"type": "http.response.start", **self._head()})
            tasks = [
                asyncio.ensure_future(self._tell(send)),
                asyncio.ensure_future(_left(receive)),
                asyncio.ensure_future(self._streams.closing.wait()),
            ]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                ends = await asyncio.gather(*tasks, return_exceptions=True)
            if isinstance(ends[0], TimeoutError):
                _log.info("events.reader-dropped", after=self._after)
                # Left unfinished: the server then closes the connection.
                return
            await self._put(send, {"type": "http.response.body", "body": b""})
            if isinstance(ends[0], Exception):
                raise ends[0]

    def _head(self) -> dict[str, object]:
        return {"status": HTTPStatus.OK.value, "headers": self.raw_headers}

    async def _tell(self, send: Send) -> None:
        await self._say(send, f"retry: {RETRY_MS}\n\n")
        # Other rights need another stream: what it leaves out follows from them.
        while await self._again() == self._who:
            try:
                page = await self._feed.page(self._who, self._after, self._kinds)
            except DatabaseUnavailableError:
                return
            for event in page.events:
                await self._say(send, _event(EventTold.of(event)))
            self._after = page.upto
            if page.more:
                continue
            await asyncio.sleep(self._pace.pause)
            try:
                async with asyncio.timeout(self._pace.heartbeat):
                    await self._feed.grown(self._after)
            except TimeoutError:
                # An event without data is none, but its number is where to go on from.
                await self._say(send, f":\nid: {self._after}\n\n")

    async def _say(self, send: Send, text: str) -> None:
        body = text.encode()
        await self._put(send, {"type": "http.response.body", "body": body, "more_body": True})

    async def _put(self, send: Send, message: Message) -> None:
        async with asyncio.timeout(self._pace.patience):
            await send(message)


def _event(told: EventTold) -> str:
    return f"id: {told.data.index}\nevent: {told.type}\ndata: {told.model_dump_json()}\n\n"


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
