"""A case system's side of webhooks: a real HTTP server that answers as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.listening import listening, make_server


@dataclass
class Received:
    """One message."""

    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> dict[str, Any]:
        """The event."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def index(self) -> int:
        """Its number."""
        number: int = self.told["data"]["index"]
        return number


@dataclass
class Receiver:
    """What came, and what is answered: a status, or a whole response."""

    url: str = ""
    status: int = 204
    answer: Callable[[Received], Response | None] | None = None
    silent: bool = False
    came: list[Received] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        message = Received(dict(request.headers), await request.body())
        self.came.append(message)
        while self.silent:  # noqa: ASYNC110  # until the test says otherwise
            await asyncio.sleep(0.05)
        given = None if self.answer is None else self.answer(message)
        response = Response(status_code=self.status) if given is None else given
        await response(scope, receive, send)

    @property
    def indices(self) -> list[int]:
        """Numbers of the events that came, in their order."""
        return [message.index for message in self.came]

    async def until(self, count: int) -> None:
        """Wait for so many messages."""
        async with asyncio.timeout(20):
            while len(self.came) < count:  # noqa: ASYNC110  # what another task hears
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on a real port."""
    receiver = Receiver()
    with listening("127.0.0.1", 0, "receiver", "") as listener:
        server = make_server(receiver, most_connections=64)
        task = asyncio.ensure_future(server.serve(sockets=[listener]))
        await server.up.wait()
        receiver.url = f"http://127.0.0.1:{listener.getsockname()[1]}/evidock"
        try:
            yield receiver
        finally:
            receiver.silent, server.should_exit = False, True
            await task
