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
from protocols.kinds import (
    BODIES,
    Body,
    ClipCorrected,
    ClipDisposed,
    ClipExported,
    ClipMarked,
    ClipViewed,
    DisposalProposed,
    DueClip,
    HoldPlaced,
    Imported,
    RecordingGrouped,
    RecordingUngrouped,
    RulesAdopted,
    RulesNamed,
)
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

IN_A_ROW = ("dock7.0.3", "dock7.0.4")
BY_HAND = Imported(by=f"Li {HIDDEN}", why=f"a phone {HIDDEN}", origin=f"a shop {HIDDEN}")
RULES = RulesNamed(version=3, sha256="0" * 64)
DUE = DueClip(clip="dock7.0.3", size=7, sha256="0" * 64, due="2026-02-25")
HOLD = HoldPlaced(hold="h", clip="dock7.0.3", authority="a court", by="Li", reason="r")
RICH: list[Body] = [
    OPENED,
    OPENED.model_copy(update={"imported": BY_HAND}),
    SEALED,
    SEALED.model_copy(update={"source": SEALED.source.model_copy(update={"imported": BY_HAND})}),
    inventory("dock7.0.1"),
    repaired(ClipId.parse("dock7.0.3")),
    ClipViewed(
        clip="dock7.0.3", view="v", asker="a", how="play", by="Li", reason="r", acknowledged=("a",)
    ),
    ClipExported(
        clip="dock7.0.3",
        export=1,
        about="urn:evidock:clip:dock7.0.3",
        original=True,
        sha256="0" * 64,
        reason="court",
        recipient="court 2",
        by="Li",
        acknowledged=("a", "b"),
    ),
    ClipCorrected(clip="dock7.0.3", number=1, field="unit", claimed="a", by="Li", why="b"),
    ClipCorrected(
        clip="dock7.0.3",
        number=2,
        field="started",
        to="2026-02-25T06:00:00.500Z",
        error_ms=0,
        known_by="a clock",
        by="Li",
        why="b",
    ),
    ClipMarked(clip="dock7.0.3", mark="m", label="minor", by="Li", why="b"),
    ClipMarked(clip="dock7.0.3", mark="m", label="secret", by="Li", why="b", until="2036"),
    RecordingGrouped(recording="r", clips=IN_A_ROW, how="by-hand", by="Li", why="b"),
    RecordingUngrouped(recording="r", clips=IN_A_ROW, by="Li", why="b"),
    RulesAdopted(jurisdiction=f"j {HIDDEN}", rules=RULES, kid="0" * 64, by="Li", why="w"),
    HOLD,
    HOLD.model_copy(update={"clip": None, "document": f"d {HIDDEN}", "until": "2036"}),
    DisposalProposed(
        disposal="d", clips=(DUE, DUE), rules=RULES, unit="u", asker="a", by="Li", reason="r"
    ),
    ClipDisposed(
        clip="dock7.0.3",
        disposal="d",
        size=7,
        sha256="0" * 64,
        root="0" * 64,
        rules=RULES,
        why=("routine", "past its time"),
        proposed=4,
        approved=5,
    ),
]


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
