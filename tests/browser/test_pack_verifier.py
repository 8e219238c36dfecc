"""The verifier that goes along in a pack, opened from the pack itself by a real browser."""

from __future__ import annotations

import asyncio
import base64
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from protocols.pack import layout
from tests.simulators.packs import FIRST, Made, made, rebagged

ORIGINAL = "data/originals/dock7.0.3/_.MP4"


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    folder = tmp_path_factory.mktemp("pack")
    yield asyncio.run(made(folder))
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def pack(genuine: Made, tmp_path: Path) -> Path:
    shutil.copytree(genuine.pack, tmp_path / "pack")
    (tmp_path / "trust.json").write_text(genuine.trust.to_json())
    return tmp_path / "pack"


@pytest.fixture
async def page(browser: Browser, pack: Path) -> AsyncIterator[Page]:
    context = await browser.new_context(offline=True)
    opened = await context.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    await opened.goto((pack / layout.VERIFIER).as_uri())
    yield opened
    assert wrong == []
    await context.close()


async def outcome(page: Page, pack: Path, *, trust: bool = True) -> str:
    """What the page says of a folder."""
    if trust:
        await page.set_input_files("#trust", pack.parent / "trust.json")
    # The same folder again is no change to a browser.
    await page.evaluate("document.getElementById('folder').value = ''")
    await page.set_input_files("#folder", pack)
    verdict = page.locator("#verdict[data-outcome]")
    await verdict.wait_for(timeout=60_000)
    return await verdict.get_attribute("data-outcome") or ""


async def states(page: Page) -> dict[str, str]:
    """Step by step: good, bad, or open where nothing was checked."""
    steps = await page.locator("#steps > li").all()
    return {
        str(await step.get_attribute("data-step")): str(await step.get_attribute("data-state"))
        for step in steps
    }


async def test_a_genuine_pack_is_intact_in_a_browser_without_a_network(
    page: Page, pack: Path
) -> None:
    assert await outcome(page, pack) == "intact", await page.inner_text("#steps")
    found = await states(page)
    assert {step for step, state in found.items() if state == "good"} == set("1234567") | {"10"}
    assert found["8"] == found["9"] == "open"
    assert await page.inner_text("#warning") == ""


async def test_with_the_packs_own_keys_it_warns_in_both_languages(page: Page, pack: Path) -> None:
    assert await outcome(page, pack, trust=False) == "intact"
    warning = await page.inner_text("#warning")
    assert "不能排除整包伪造" in warning
    assert "only the pack's own keys" in warning


def original(pack: Path) -> None:
    (pack / ORIGINAL).write_bytes(FIRST[:-1] + b"x")


def record(pack: Path) -> None:
    path = pack / layout.record(5)
    path.write_bytes(path.read_bytes().replace(b"officer", b"Officer"))
    document = (pack / layout.TRAIL).read_text()
    before = base64.b64encode(path.read_bytes().replace(b"Officer", b"officer")).decode()
    after = base64.b64encode(path.read_bytes()).decode()
    (pack / layout.TRAIL).write_text(document.replace(before, after))


def receipt(pack: Path) -> None:
    shutil.copy(pack / layout.receipt(6), pack / layout.receipt(5))


def checkpoint(pack: Path) -> None:
    for path in (layout.CHECKPOINT, layout.TRAIL):
        text = (pack / path).read_text()
        (pack / path).write_text(text.replace("\n17\n", "\n16\n").replace("\\n17\\n", "\\n16\\n"))


def recipient(pack: Path) -> None:
    path = pack / layout.EXPORT
    path.write_text(path.read_text().replace("Court", "court"))


CHANGES = [
    (original, "2", "altered"),
    (record, "3", "altered"),
    (receipt, "6", "not-logged"),
    (checkpoint, "7", "unsigned"),
    (recipient, "10", "altered"),
]


async def test_it_finds_what_was_changed_though_the_manifests_fit(
    page: Page, pack: Path, genuine: Made
) -> None:
    for act, step, expected in CHANGES:
        await asyncio.to_thread(changed, genuine.pack, pack, act)
        told = await outcome(page, pack), await page.inner_text("#steps")
        assert told[0] == expected, (act.__name__, *told)
        assert (await states(page))[step] == "bad"
        if act is original:
            assert "leaf 1 differs: bytes 1048576 to 1199999" in told[1]


def changed(genuine: Path, pack: Path, act: Callable[[Path], None]) -> None:
    """One change to an otherwise genuine pack, and manifests that fit it."""
    shutil.rmtree(pack)
    shutil.copytree(genuine, pack)
    act(pack)
    rebagged(pack)


async def test_files_added_taken_away_or_changed_are_named(page: Page, pack: Path) -> None:
    (pack / "data/extra").write_text("x")
    (pack / layout.record(5)).unlink()
    (pack / layout.GUIDE).write_text("trust me")
    assert await outcome(page, pack) == "altered"
    told = await page.inner_text("#steps")
    for name in ("data/extra", layout.record(5), layout.GUIDE):
        assert name in told
