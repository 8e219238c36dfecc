"""A gateway's API on a real port, inside the test's own loop, and readers of its events."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from gateway.app import create_app
from gateway.listening import listening, make_server
from gateway.services import Services
from tests.simulators.seeded import host_header


@contextlib.asynccontextmanager
async def serving(services: Services) -> AsyncIterator[str]:
    """Serve the API; gives its address."""
    with listening("127.0.0.1", 0, "API", "") as listener:
        server = make_server(create_app(services), most_connections=256)
        task = asyncio.ensure_future(server.serve(sockets=[listener]))
        await server.up.wait()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            services.streams_of_events.close()
            server.should_exit = True
            await task


@dataclass
class Reader:
    """One reader of a stream.

    Attributes:
        events: number, kind and data of each event.
        ids: every number that went by, those without an event too.
        ended: the stream is over, and not because the reader left.
    """

    events: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    ended: bool = False
    status: int = 0

    @property
    def kinds(self) -> list[str]:
        """Kinds in their order."""
        return [kind for _, kind, _ in self.events]

    async def until(self, *kinds: str) -> None:
        """Wait until these are the kinds of all events."""
        async with asyncio.timeout(20):
            while self.kinds != list(kinds):  # noqa: ASYNC110  # what another task hears
                await asyncio.sleep(0.02)

    async def until_ended(self) -> None:
        """Wait until the gateway has ended it."""
        async with asyncio.timeout(20):
            while not self.ended:  # noqa: ASYNC110  # what another task hears
                await asyncio.sleep(0.02)

    async def read(self, answer: httpx.Response) -> None:
        """Read to the end."""
        self.status = answer.status_code
        said: dict[str, str] = {}
        async for line in answer.aiter_lines():
            if line:
                name, _, value = line.partition(":")
                said[name] = value.strip()
                continue
            if "id" in said:
                self.ids.append(int(said["id"]))
            if "data" in said:
                self.events.append((int(said["id"]), said["event"], json.loads(said["data"])))
            said = {}
        self.ended = True


@contextlib.asynccontextmanager
async def reading(
    services: Services,
    url: str,
    query: str = "",
    headers: dict[str, str] | None = None,
) -> AsyncIterator[Reader]:
    """Read the events of a gateway while the block goes on."""
    reader = Reader()
    shown = host_header(services) if headers is None else headers
    async with (
        httpx.AsyncClient(timeout=30) as client,
        client.stream("GET", f"{url}/api/v1/events{query}", headers=shown) as answer,
    ):
        task = asyncio.ensure_future(reader.read(answer))
        try:
            yield reader
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, httpx.HTTPError):
                await task
