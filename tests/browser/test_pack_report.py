"""What verify.html makes anew of a report, held against what the program itself makes of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from playwright.async_api import Browser, Page

from gateway.export.wording import verifier_page
from hashing.verdict import Outcome
from protocols.ids import ClipId
from protocols.kinds import BODIES, Body
from protocols.pack import layout
from protocols.pack.page import report_page
from protocols.progress import Quiet
from protocols.trail import TrailEvent
from protocols.trail.story import story
from tests.browser.test_pack_verifier import outcome
from tests.simulators.dock import SimulatedDock
from tests.simulators.eventful import HIDDEN, OPENED, SEALED, eventful, inventory, repaired
from tests.simulators.outside import SimulatedWitness
from tests.simulators.packs import exported, rebagged
from tests.simulators.seeded import gateway_on
from verifier.pack import verify_pack
from verifier.sources import opened

RICH: list[Body] = [OPENED, SEALED, inventory("dock7.0.1"), repaired(ClipId.parse("dock7.0.3"))]


@pytest.fixture
async def page(browser: Browser, tmp_path: Path) -> AsyncIterator[Page]:
    (tmp_path / "verify.html").write_bytes(verifier_page())
    shown = await browser.new_page()
    await shown.goto((tmp_path / "verify.html").as_uri())
    yield shown
    await shown.close()


async def test_a_line_of_every_kind_of_record_is_the_programs_own(page: Page) -> None:
    bare: list[Body] = []
    for kind, body in BODIES.items():
        if kind not in {each.kind for each in RICH}:
            words = {name: f"{name} {HIDDEN}" for name in body.model_fields}
            bare.append(body.model_construct(None, **words | {"certificates": None}))
    for each in (*RICH, *bare):
        record = SimpleNamespace(kind=each.kind, body=each)
        said = {
            "kind": each.kind,
            "body": each.model_dump(mode="json", exclude_none=True, warnings=False),
        }
        own = story(cast("TrailEvent", SimpleNamespace(record=record)))
        assert await page.evaluate("(record) => story(record, '')", said) == own


async def test_a_pack_in_which_everything_happened_is_intact_to_both(
    page: Page, tmp_path: Path
) -> None:
    """Every member of its report is made anew, and its page drawn anew, byte for byte."""
    pack, court = tmp_path / "pack", SimulatedWitness("court")
    async with gateway_on(tmp_path / "gateway") as services:
        trust = services.log.anchors()
        await eventful(services, SimulatedDock())
        court.asked_by(services)
        SimulatedWitness("press").asked_by(services)
        await court.cosign(services)
        await exported(services, tmp_path / "first")
        await court.cosign(services, at=1_772_000_999)
        await exported(services, pack)
    (tmp_path / "trust.json").write_text(trust.to_json())
    with opened(pack) as source:
        assert verify_pack(source, trust, Quiet()).verdict.outcome is Outcome.INTACT
    assert await outcome(page, pack) == "intact", await page.inner_text("#steps")
    assert "compared with the records, member by member" in await page.inner_text("#steps")
    report = json.loads((pack / layout.REPORT).read_bytes())
    for part in ("repaired", "erased", "lost", "tagged", "late"):
        assert any(clip[part] for clip in report["clips"]), part
    await asyncio.to_thread(of_another_version, pack, report)
    assert await outcome(page, pack) == "intact", await page.inner_text("#steps")
    assert "made by another version" in await page.inner_text("#steps")
    report["clips"][0]["late"] = None
    await asyncio.to_thread(of_another_version, pack, report)
    assert await outcome(page, pack) == "altered"
    assert "clips[0].late" in await page.inner_text("#steps")


def of_another_version(pack: Path, report: dict[str, Any]) -> None:
    """Other words, and the page of them."""
    report["made"]["tool"] = "evidock-gateway 9.9.9"
    report["notes"] = ["in other words"]
    report["events"][0]["text"] = "in other words"
    (pack / layout.REPORT).write_text(json.dumps(report))
    (pack / layout.PAGE).write_bytes(report_page(report))
    rebagged(pack)
