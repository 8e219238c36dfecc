"""One officer's docking on the screen of a real dock, with a real gateway that comes late."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.conftest import FLAGS, decoded
from tests.demo.programs import Program, script
from tests.demo.station import Station

pytestmark = [pytest.mark.broker, pytest.mark.timeout(360)]

CASE = "云商执〔2026〕17号"
SLOW = 60_000
WATCH = """
() => {
  window.kinds = [];
  const note = () => {
    const tile = document.querySelector(".tile");
    const kind = document.body.classList.contains("blank") ? "blank" : tile && tile.dataset.kind;
    if (kind && window.kinds.at(-1) !== kind) window.kinds.push(kind);
  };
  const everything = {attributes: true, subtree: true, childList: true};
  new MutationObserver(note).observe(document.body, everything);
}
"""


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with Station(tmp_path) as station:
        station.start_gateway()
        station.enrol()
        station.start_dock()
        yield station


@pytest.fixture
def shown(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


def test_a_docking_from_copied_to_safe_to_a_tag_and_a_slip(
    station: Station,
    shown: Browser,
    tmp_path: Path,
    program: Callable[[Path], tuple[Program, str]],
) -> None:
    station.post("/cases", {"case_no": CASE, "title": "某超市案", "by": "Li"})
    _, url = program(station.root / "dock" / "status.sock")
    page = shown.new_page(viewport={"width": 800, "height": 480}, has_touch=True)
    page.goto(url)
    tile = page.locator(".tile")
    expect(tile).to_have_attribute("data-kind", "free", timeout=SLOW)
    page.evaluate(WATCH)

    # 1. The gateway is away: copied is not safe, and nothing says so.
    station.gateway.stop()
    station.insert(card(tmp_path))
    expect(tile).to_have_attribute("data-kind", "copied", timeout=SLOW)
    expect(page.locator("#queue .two")).to_contain_text("nothing is lost", timeout=SLOW)
    assert "safe" not in page.evaluate("window.kinds")

    # 2. The dock's program is killed: nothing is known of any camera until it is back.
    station.dock.kill()
    began = time.monotonic()
    expect(page.locator("#lost")).to_be_visible(timeout=SLOW)
    assert time.monotonic() - began < 8
    station.dock.start()
    expect(tile).to_have_attribute("data-kind", "copied", timeout=SLOW)
    assert "safe" not in page.evaluate("window.kinds")

    # 3. Only the gateway's release makes it safe.
    station.start_gateway()
    expect(tile).to_have_attribute("data-kind", "safe", timeout=SLOW)
    kinds: list[str] = page.evaluate("window.kinds")
    assert kinds.index("blank") < kinds.index("safe")

    tagged(page)
    slip_holds(page, station, tmp_path)


def tagged(page: Page) -> None:
    """The officer names the case of both clips, and says why one act has no video."""
    page.locator(".tile").tap()
    page.locator("a[href$='/case']").tap()
    for _ in range(30):
        if page.locator(f"button[value='{CASE}']").count():
            break
        # The list of cases comes from the gateway in its own time.
        page.wait_for_timeout(1000)
        page.reload()
    page.locator(f"button[value='{CASE}']").tap()
    expect(page.locator(".done")).to_contain_text("2 clips tagged")
    expect(page.locator(".facts")).to_contain_text(f"{CASE} × 2")
    page.locator("a[href$='/reason']").tap()
    page.locator(".choices button").first.tap()
    expect(page.locator(".done")).to_contain_text("on record")


def slip_holds(page: Page, station: Station, tmp_path: Path) -> None:
    """What another program reads from the code is what the ledger holds."""
    page.locator("a[href='/']").tap()
    page.locator("a[href='/slips']").tap()
    # The docking that the power cut: the one after it sealed nothing anew.
    page.locator(".row", has_text="2 / 2").tap()
    page.locator("a[href^='/slip/']").tap()
    expect(page.locator("tr.hash")).to_have_count(2)
    picture = tmp_path / "slip.png"
    page.screenshot(path=picture)
    text = decoded(picture)
    where: list[str | Path] = ["--db", station.database, "--public-key", station.public_key]
    for said, code in ((text, 0), (text[:-1] + ("0" if text[-1] != "0" else "1"), 10)):
        done = subprocess.run([script("evidock-edge"), "verify-slip", said, *where], check=False)
        assert done.returncode == code


def card(tmp_path: Path) -> Path:
    """A card with two recordings, one of them marked."""
    card = tmp_path / "card"
    media = card / "DCIM" / "Media" / "Video"
    media.mkdir(parents=True)
    for name in ("100324", "102503_IMP"):
        path = media / f"DSJ_36NCC009910_016042_20260619_{name}.mp4"
        path.write_bytes(os.urandom(3 << 20))
    return card
