"""A gateway's pages with one clip, and people before them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from playwright.async_api import Browser, Page

from gateway.access.gate import COOKIE
from gateway.access.policy import Role
from gateway.accounts.service import NewAccount
from gateway.app import create_app
from gateway.evidence.service import leaf_list_key
from gateway.listening import make_server
from gateway.services import Services
from protocols.ids import ClipId
from protocols.kinds import Media
from tests.simulators.dock import SimulatedDock
from tests.simulators.seeded import admit, enrol, store

SIZES = [(1366, 768), (820, 1180)]
HOSTILE = '<img src=x onerror="document.title=1"><b>王</b>'


@dataclass
class Office:
    """A gateway's pages with one clip, and the browser before them."""

    services: Services
    url: str
    clip: ClipId
    browser: Browser
    errors: list[str] = field(default_factory=list)

    async def page(
        self,
        size: tuple[int, int],
        language: str,
        *roles: Role,
        login: str = "li",
        officer: str | None = None,
    ) -> Page:
        """A person's browser; he has signed in."""
        new = NewAccount(login, HOSTILE, officer, frozenset(roles), None, why="test")
        account = await self.services.accounts.set(new, "test")
        value = await self.services.sessions.begin(account.token)
        context = await self.browser.new_context(
            viewport={"width": size[0], "height": size[1]}, locale=language, accept_downloads=True
        )
        # Browsers take http on loopback for as good as https; what sets cookies here does not.
        at = self.url.replace("http:", "https:")
        await context.add_cookies([{"name": COOKIE, "value": value, "url": at, "secure": True}])
        page = await context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        return page


@asynccontextmanager
async def served(services: Services) -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = make_server(create_app(services), most_connections=50)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve(sockets=[listener]))
            await server.up.wait()
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            server.should_exit = True


async def docked(services: Services, footage: bytes) -> ClipId:
    dock = SimulatedDock()
    dock.officer, dock.unit = HOSTILE, "市局/城东"
    await enrol(services, dock)
    dock.boot()
    session = dock.open_session()
    dock.inventory(session, [f"{HOSTILE}.MP4"])
    media = Media(container="mov,mp4", playable=True, duration_ms=2000)
    clip = dock.seal(session, footage, name=f"{HOSTILE}.MP4", media=media)
    dock.close_session(session)
    await admit(services, dock, dock.entries)
    await store(services, dock.clips[clip])
    await services.store.put_bytes(leaf_list_key(clip), dock.clips[clip].leaves)
    return clip


async def kinds(services: Services) -> list[str]:
    rows, _ = await services.log.page(0, 100, most_bytes=1 << 20)
    return [row.kind for row in rows]
