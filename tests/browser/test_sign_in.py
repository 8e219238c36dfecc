"""From a gateway's first start to its first account, in a browser, in both languages."""

from __future__ import annotations

import re
from base64 import b32decode
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from playwright.async_api import Browser, Page, expect

from gateway.clock import GatewayClock
from tests.browser.conftest import decoded, whole
from tests.demo.programs import Program, free_port, script

pytestmark = pytest.mark.timeout(240)
SIZES = [(1366, 768), (820, 1180)]
SENTENCE = "六月的雨 falls on the dock"


@dataclass
class Gateway:
    """A real one that was just started for the first time."""

    url: str
    program: Program
    browser: Browser
    errors: list[str] = field(default_factory=list)

    def first_link(self) -> str:
        """As the operator copies it from what the program said."""
        found = re.findall(r"open=(\S+)", self.program.log.read_text())
        return str(found[-1])

    async def page(self, size: tuple[int, int], language: str) -> Page:
        context = await self.browser.new_context(
            viewport={"width": size[0], "height": size[1]}, locale=language
        )
        page = await context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        return page


@pytest.fixture
def started(tmp_path: Path) -> Iterator[tuple[str, Program]]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    argv: list[str | Path] = [
        *(script("evidock-gateway"), "serve", "--data-dir", tmp_path / "data"),
        *("--port", str(port), "--mqtt-port", str(free_port())),
    ]
    program = Program("gateway", argv, tmp_path / "gateway.log")
    program.start()

    def told() -> bool | None:
        return True if "gateway.first-account" in program.log.read_text() else None

    program.wait_until(told, "the first link", 60)
    yield url, program
    assert program.stop() == 0, program.tail()


@pytest.fixture
async def gateway(started: tuple[str, Program], browser: Browser) -> AsyncIterator[Gateway]:
    made = Gateway(*started, browser)
    yield made
    assert made.errors == []


class App:
    """An authenticator app: it scans once, and waits for a code that was not used yet."""

    def __init__(self, uri: str) -> None:
        found = re.search(r"secret=([A-Z2-7]+)", uri)
        assert found is not None

        self._totp = TOTP(b32decode(found[1]), 6, SHA1(), 30)  # noqa: S303

    def code(self, *, ahead: int = 0) -> str:
        return self._totp.generate(GatewayClock().epoch_s() + 30 * ahead).decode()


@pytest.mark.parametrize(
    ("size", "language"), list(zip(SIZES, ("zh-CN", "en-GB"), strict=True)), ids=str
)
async def test_the_first_account_is_made_and_signs_in_and_out(
    gateway: Gateway, tmp_path: Path, size: tuple[int, int], language: str
) -> None:
    zh = language == "zh-CN"
    page = await gateway.page(size, language)
    await page.goto(gateway.url)
    assert page.url == f"{gateway.url}/signin"
    await expect(page.locator("h1")).to_have_text("登录" if zh else "Sign in")
    await page.goto(gateway.first_link())
    await expect(page.locator("h1")).to_have_text(
        "建立第一个账户" if zh else "Make the first account"
    )
    assert "#" not in page.url
    await whole(page)
    picture = tmp_path / "factor.png"
    await page.locator("#qr").screenshot(path=picture)
    app = App(decoded(picture))
    await page.fill("#login", "Zhou")
    await page.fill("#name", '周<img src=x onerror="document.title=1">')
    await page.fill("#password", "123456123456")
    await page.fill("#again", "123456123456")
    await page.fill("#code", app.code())
    await page.click("form button")
    await expect(page.locator("#problem")).to_contain_text("密码太容易" if zh else "easily guessed")
    await page.fill("#password", SENTENCE)
    await page.click("form button")
    await expect(page.locator("#problem")).to_contain_text("不一致" if zh else "differ")
    await page.fill("#again", SENTENCE)
    await page.fill("#code", app.code())
    await page.click("form button")
    await page.click("#done a")
    await page.fill("#login", "zhou")
    await page.fill("#password", SENTENCE)
    await page.fill("#code", "000000")
    await page.click("form button")
    await expect(page.locator("#problem")).to_contain_text("有误" if zh else "is wrong")
    await page.fill("#code", app.code(ahead=1))
    await page.press("#code", "Enter")
    await expect(page.locator("h1")).to_have_text("今日" if zh else "Today")
    await whole(page)
    assert await page.title() != "1"
    cookie = next(each for each in await page.context.cookies() if "Host" in each["name"])
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Strict")
    await page.click("header a[href^='/language']")
    await expect(page.locator("h1")).to_have_text("Today" if zh else "今日")
    await page.click("#signout")
    await page.wait_for_url("**/signin")
    await page.goto(gateway.url)
    assert page.url == f"{gateway.url}/signin"


async def test_a_used_or_cut_link_says_so(gateway: Gateway) -> None:
    page = await gateway.page(SIZES[0], "en-GB")
    for end, words in (("", "Open the whole link"), ("#made-up", "good no more")):
        await page.goto(f"{gateway.url}/signin")
        await page.goto(f"{gateway.url}/setup{end}")
        await expect(page.locator("#problem")).to_contain_text(words)
        await expect(page.locator("form")).to_be_hidden()


def test_pages_load_nothing_from_elsewhere_and_go_nowhere_else(
    started: tuple[str, Program],
) -> None:
    with httpx.Client(base_url=started[0], trust_env=False) as client:
        page = client.get("/signin")
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-store"
        assert not re.search(r"(src|href)=.?(https?:|//)", page.text)
        for back in ("//evil.example", "https://evil.example/", "/\\evil.example", "evil", ""):
            went = client.get("/language/en", params={"back": back})
            assert went.headers["location"] == "/"
        assert client.get("/static/../pages.py").status_code == 404
        assert client.get("/static/pages.py").status_code == 404
