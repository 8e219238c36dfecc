"""A real browser: Debian's Chromium without a window, and what a page may not do on a screen."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from tests.browser.office import Office, docked, served
from tests.demo.programs import Program, free_port, script
from tests.simulators.footage import make_clip
from tests.simulators.genuine import genuine, pack, trust
from tests.simulators.seeded import gateway_on
from tests.simulators.told_daemon import ToldDaemon
from tests.simulators.tools import needed

__all__ = ["genuine", "pack", "trust"]

# As root the browser cannot build its own sandbox; nothing but our pages is opened.
FLAGS = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
SIZES = [(800, 480), (1024, 600)]


def decoded(picture: Path) -> str:
    """What another program reads from the QR code on a picture."""
    command = [
        needed("zbarimg", "zbar-tools"),
        "--quiet",
        "--raw",
        "-Sdisable",
        "-Sqrcode.enable",
        str(picture),
    ]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()


@dataclass
class Kiosk:
    """The real server of the screen, in a process of its own, before a told daemon."""

    daemon: ToldDaemon
    program: Program
    url: str
    browser: Browser
    errors: list[str] = field(default_factory=list)

    async def page(self, size: tuple[int, int], *, english: bool = False, path: str = "/") -> Page:
        """A screen of this size; what the page complains of is kept in ``errors``."""
        context = await self.browser.new_context(
            viewport={"width": size[0], "height": size[1]}, has_touch=True
        )
        if english:
            await context.add_cookies([{"name": "language", "value": "en", "url": self.url}])
        page = await context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._said)
        page.on("dialog", lambda dialog: self.errors.append(f"dialog {dialog.message}"))
        await page.goto(self.url + path)
        return page

    def _said(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.errors.append(said.text)


@pytest.fixture
def chromium() -> str:
    return needed("chromium", "chromium")


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Callable[[Path], tuple[Program, str]]]:
    """Starts the screen's server on a status socket."""
    started: list[Program] = []

    def start(socket: Path) -> tuple[Program, str]:
        port = free_port()
        config = tmp_path / "kiosk.toml"
        config.write_text(
            f'[dock]\nid = "dock7"\nstate_dir = "state"\nkey = "key"\ntrust = "trust"\n'
            f'[status]\nsocket = "{socket}"\n[kiosk]\nport = {port}\n'
        )
        argv: list[str | Path] = [script("evidock-edge"), "kiosk", "--config", config]
        program = Program("kiosk", argv, tmp_path / "kiosk.log")
        program.start()
        started.append(program)
        program.wait_until(lambda: _serving(program), "the first line", 60)
        return program, f"http://127.0.0.1:{port}"

    yield start
    for each in started:
        each.stop()


def _serving(program: Program) -> bool | None:
    return True if "kiosk.serving" in program.tail() else None


@pytest.fixture
async def kiosk(
    tmp_path: Path, browser: Browser, program: Callable[[Path], tuple[Program, str]]
) -> AsyncIterator[Kiosk]:
    daemon = ToldDaemon(tmp_path / "s.sock")
    async with daemon.running():
        server, url = program(daemon.socket)
        kiosk = Kiosk(daemon, server, url, browser)
        yield kiosk
        assert kiosk.errors == []
        assert server.stop() == 0, server.tail()


CUT = """
() => {
  // What is folded away has a place, but nobody sees it.
  const seen = (e) => e.getClientRects().length && e.checkVisibility({ visibilityProperty: true });
  const found = [];
  if (document.documentElement.scrollWidth > innerWidth) found.push("the page is too wide");
  for (const e of document.querySelectorAll("body *")) {
    if (!seen(e) || e.closest("svg")) continue;
    const box = e.getBoundingClientRect();
    const name = `${e.tagName}.${e.className} ${e.textContent.trim().slice(0, 30)}`;
    if (box.right > innerWidth + 1 || box.left < -1) found.push(`${name} leaves the screen`);
    const leaf = !e.children.length && e.textContent.trim();
    const tile = e.closest(".tile, header, footer");
    const style = getComputedStyle(e);
    const hides = leaf || style.overflowX === "hidden";
    if (hides && e.scrollWidth > e.clientWidth + 1 && style.display !== "inline")
      found.push(`${name} is cut`);
    if (leaf && tile) {
      const around = tile.getBoundingClientRect();
      const below = box.bottom > around.bottom + 1 || box.top < around.top - 1;
      if (below || box.right > around.right + 1) found.push(`${name} leaves its place`);
    }
  }
  const tiles = document.querySelector("#tiles");
  if (tiles && tiles.scrollHeight > tiles.clientHeight + 1) found.push("bays need scrolling");
  return found;
}
"""
SMALL = """
() => [...document.querySelectorAll("a[href], button, label, input")]
  .filter((e) => e.getClientRects().length && e.type !== "hidden")
  .filter((e) => !(e.type === "checkbox" && e.closest("label")))
  .map((e) => [e.getBoundingClientRect(), e.textContent.trim().slice(0, 30) || e.name])
  .filter(([box]) => box.width < 56 || box.height < 56)
  .map(([box, name]) => `${name}: ${box.width} x ${box.height}`)
"""


async def whole(page: Page) -> None:
    """Nothing leaves the page or is cut, once its style has come."""
    await page.wait_for_load_state("load")
    assert await page.evaluate(CUT) == []


async def fits(page: Page, *, cut: bool = True) -> None:
    """Nothing leaves the screen or is cut, and everything can be touched with a glove."""
    found: list[str] = []
    for _ in range(20):
        # What was told a moment ago may not be drawn yet.
        found = await page.evaluate(CUT) + await page.evaluate(SMALL)
        found = [each for each in found if cut or "is cut" not in each]
        if not found:
            return
        await asyncio.sleep(0.2)
    assert found == []


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
