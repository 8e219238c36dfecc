"""A custodian's day in a browser: find a clip, say why, play it, tie it to a case, hand it out."""

from __future__ import annotations

import asyncio
import socket
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from gateway.access.gate import COOKIE
from gateway.access.policy import Role
from gateway.accounts.service import NewAccount
from gateway.app import create_app
from gateway.listening import make_server
from gateway.services import Services
from protocols.ids import ClipId
from protocols.kinds import Media
from tests.browser.conftest import whole
from tests.simulators.dock import SimulatedDock
from tests.simulators.footage import make_clip
from tests.simulators.seeded import admit, enrol, gateway_on, store

pytestmark = pytest.mark.timeout(240)
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

    async def page(self, size: tuple[int, int], language: str, *roles: Role) -> Page:
        """A person's browser; he has signed in."""
        new = NewAccount("li", HOSTILE, None, frozenset(roles), None, why="test")
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
    media = Media(container="mov,mp4", playable=True)
    clip = dock.seal(session, footage, name=f"{HOSTILE}.MP4", media=media)
    dock.close_session(session)
    await admit(services, dock, dock.entries)
    await store(services, dock.clips[clip])
    return clip


@pytest.fixture
def footage(tmp_path: Path) -> bytes:
    take = tmp_path / "take.mp4"
    make_clip(take, started=datetime(2026, 6, 19, 2, 3, 24, tzinfo=UTC), seconds=2)
    return take.read_bytes()


@pytest.fixture
async def office(tmp_path: Path, footage: bytes, browser: Browser) -> AsyncIterator[Office]:
    async with gateway_on(tmp_path / "gateway") as services:
        clip = await docked(services, footage)
        async with served(services) as url:
            office = Office(services, url, clip, browser)
            yield office
            assert office.errors == []


async def kinds(services: Services) -> list[str]:
    rows, _ = await services.log.page(0, 100, most_bytes=1 << 20)
    return [row.kind for row in rows]


@pytest.mark.parametrize(("size", "language"), list(zip(SIZES, ("zh-CN", "en"), strict=True)))
async def test_a_clip_is_found_played_tied_and_handed_out(
    office: Office, tmp_path: Path, size: tuple[int, int], language: str
) -> None:
    zh = language == "zh-CN"
    page = await office.page(size, language, Role.CUSTODIAN)
    await page.goto(f"{office.url}/clips")
    await page.fill("[name=officer]", HOSTILE)
    await page.click(".filters button")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await whole(page)
    await page.click("tbody a")
    await expect(page.locator("h1")).to_contain_text(HOSTILE)
    await expect(page.locator(".verdict")).to_contain_text("成立" if zh else "holds")
    await page.fill("#reason", "投诉核查 2026-114")
    async with page.expect_response("**/content") as answered:
        await page.click("#player button")
    assert (await answered.value).status in {200, 206}
    assert (await kinds(office.services))[-1] == "clip.viewed"
    await whole(page)
    await page.goto(f"{office.url}/cases")
    await page.fill("[name=case_no]", "云商执〔2026〕17号/2")
    await page.click(".filters button")
    await page.click("tbody a")
    await page.fill("[name=clip]", str(office.clip))
    await page.locator("form[data-path$='/links'] [name=why]").fill("现场 scene")
    await page.click("form[data-path$='/links'] button")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await page.fill("[name=recipient]", "人民法院")
    await page.locator("form[data-path='/exports'] [name=reason]").fill("庭审")
    await page.click("form[data-path='/exports'] button")
    async with page.expect_download() as downloaded:
        await page.click("#pack a")
    await (await downloaded.value).save_as(tmp_path / "pack.zip")
    assert zipfile.ZipFile(tmp_path / "pack.zip").testzip() is None
    await page.locator("td form input").fill("wrong case")
    await page.click("td form button")
    await expect(page.locator("tr.gone")).to_have_count(1)
    await whole(page)
    assert await page.title() != "1"
    assert (await kinds(office.services))[-5:] == [
        *("clip.viewed", "case.opened", "case.linked", "clip.exported", "case.unlinked")
    ]


async def test_pages_show_to_each_what_is_his_and_send_strangers_to_sign_in(
    office: Office,
) -> None:
    page = await office.page(SIZES[0], "en", Role.OPERATOR)
    for path in ("/clips", f"/clips/{office.clip}", "/cases"):
        answer = await page.goto(office.url + path)
        assert answer is not None
        assert answer.status == 403
        await expect(page.locator("h1")).to_have_text("Your roles do not allow this page.")
    page = await office.page(SIZES[0], "en", Role.CUSTODIAN)
    for path in ("/clips/dock7.0.99", "/clips/none", "/cases/none", f"/cases/{'0' * 32}"):
        answer = await page.goto(office.url + path)
        assert answer is not None
        assert answer.status in {404, 422}
        await expect(page.locator("h1")).to_contain_text("no such page")
    await page.context.clear_cookies()
    await page.goto(f"{office.url}/clips/{office.clip}")
    assert page.url == f"{office.url}/signin?next=/clips/{office.clip}"
