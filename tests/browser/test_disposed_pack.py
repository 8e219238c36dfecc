"""A pack of what two people let go: intact in a browser, and said to be gone."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser

from gateway.export.command import ExportWanted
from protocols.pack import layout
from tests.simulators.keeping import YEAR, docked, office
from tests.simulators.packs import exported
from tests.simulators.seeded import gateway_on


async def test_the_browser_finds_a_disposed_clip_intact_and_draws_its_tombstone(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = tmp_path / "pack"
    async with gateway_on(tmp_path / "gateway") as services, AsyncExitStack() as stack:
        desk = await office(stack, services, tmp_path, monkeypatch)
        _, (clip,) = await docked(services, {"A.MP4": b"footage"})
        trust = services.log.anchors().to_json()
        why = {"reason": "申诉", "authority": "法院", "clips": [str(clip)], "until": "2026-12-31"}
        held = (await desk.supervisor.post("/api/v1/holds", json=why)).json()["hold"]
        await desk.supervisor.post(f"/api/v1/holds/{held}/lift", json={"reason": "over"})
        desk.ahead += YEAR
        await desk.approved(clip)
        await desk.wait(timedelta(hours=73))
        wanted = ExportWanted(None, str(clip), "hearing", "court", "Li")
        await exported(services, pack, wanted)
    context = await browser.new_context(offline=True)
    page = await context.new_page()
    (tmp_path / "trust.json").write_text(trust)
    await page.goto((pack / layout.VERIFIER).as_uri())
    await page.set_input_files("#trust", tmp_path / "trust.json")
    await page.set_input_files("#folder", pack)
    verdict = page.locator("#verdict[data-outcome]")
    await verdict.wait_for(timeout=60_000)
    said = await page.inner_text("#steps")
    assert await verdict.get_attribute("data-outcome") == "intact", said
    assert "到期处置" in (pack / layout.PAGE).read_text()
    await context.close()
