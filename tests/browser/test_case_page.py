"""A custodian and a case in a browser: what is proposed is decided on, and the case is acted on."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from gateway.access.policy import Role
from tests.browser.conftest import whole
from tests.browser.office import SIZES, Office, kinds
from tests.simulators.dock import SimulatedDock
from tests.simulators.seeded import admit, api_of, enrol

pytestmark = pytest.mark.timeout(240)
NUMBERS = ("2026-17", "2026-18")
CASE: dict[str, Any] = {
    "by": "Li",
    "title": "明码标价",
    "officers": [{"name": "王强", "number": "014032"}],
    "stages": [
        {
            "name": "调查取证",
            "start": "2026-02-25T13:50:00+08:00",
            "end": "2026-02-25T14:20:00+08:00",
        }
    ],
}


async def filled(office: Office) -> list[str]:
    """Two cases, and three clips of an officer of theirs that nobody has tied yet."""
    dock = SimulatedDock("dock8")
    dock.officer = "014032"
    await enrol(office.services, dock)
    session = dock.open_session(officer=dock.officer)
    names = ["1.MP4", "2.MP4", "3.MP4"]
    dock.inventory(session, names)
    clips = [
        dock.seal(session, name.encode(), name=name, started="2026-02-25T13:55:00")
        for name in names
    ]
    dock.close_session(session)
    await admit(office.services, dock, dock.entries)
    async with api_of(office.services) as api:
        for number in NUMBERS:
            assert (await api.put(f"/api/v1/cases/{number}", json=CASE)).is_success
    return [str(clip) for clip in clips]


async def act(page: Page, what: str, **fields: str) -> None:
    """Unfold a form, fill it in and send it."""
    form = page.locator(f"form[data-path$='{what}']")
    await form.locator("xpath=..").locator("summary").click()
    for name, value in fields.items():
        await form.locator(f"[name={name}]").fill(value)
    await form.locator("button").click()


@pytest.mark.parametrize(("size", "language"), list(zip(SIZES, ("zh-CN", "en"), strict=True)))
async def test_proposals_are_decided_on_and_a_case_is_excused_merged_and_sealed(
    office: Office, size: tuple[int, int], language: str
) -> None:
    zh = language == "zh-CN"
    one, other, _ = await filled(office)
    page = await office.page(size, language, Role.CUSTODIAN)
    await page.goto(f"{office.url}/cases")
    await page.fill("[name=text]", "标价")
    await page.click("#find > .button")
    await expect(page.locator("tbody tr")).to_have_count(2)
    assert page.url.endswith("/cases?text=%E6%A0%87%E4%BB%B7")
    await whole(page)
    await page.click(f"tbody a:has-text('{NUMBERS[0]}')")

    # What speaks for a clip stands in the reader's language, and either answer is on record.
    first = page.locator(f"li[data-clip='{one}']")
    await expect(first).to_contain_text("民警 014032" if zh else "officer 014032 acts")
    await expect(first.locator(".score")).to_contain_text("700")
    await whole(page)
    await act(page, f"{one}/accept", why="同一现场")
    await expect(page.locator("tbody a", has_text="1.MP4")).to_be_visible()
    await expect(page.locator(".in-time .claimed")).to_have_count(1)
    await act(page, f"{other}/reject", why="另一起检查")
    await expect(page.locator(f"li[data-clip='{other}']")).to_have_count(0)
    assert (await kinds(office.services))[-2:] == ["case.linked", "proposal.rejected"]

    await act(page, "/excuses", why="记录仪故障")
    await expect(page.locator(".excuse")).to_contain_text("记录仪故障")
    # Words for what the gateway refuses, and nothing is stated.
    await act(page, "/merge", into=NUMBERS[0], why="并案", confirm=NUMBERS[0])
    await expect(page.locator("#problem")).to_contain_text("自己" if zh else "very case")
    await act(page, "/seal", archive_no="档-9", why="结案")
    await expect(page.locator(".sealed")).to_contain_text("档-9")
    await expect(
        page.locator("form[data-path$='/links'], form[data-path$='/merge']")
    ).to_have_count(0)
    await whole(page)
    await act(page, "/unseal", why="补充材料")
    await expect(page.locator(".sealed")).to_have_count(0)
    await act(page, "/renumber", case_no="2026-17/2", why="更正")
    await expect(page.locator("h1")).to_contain_text("2026-17/2")
    await act(page, "/merge", into=NUMBERS[1], why="并案", confirm="2026-17/2")
    # The page of a merged case leads to the one that goes on.
    await page.click(f".notice a:has-text('{NUMBERS[1]}')")
    await expect(page.locator("tbody a", has_text="1.MP4")).to_be_visible()
    await whole(page)
    await act(page, "/transfer", unit="市局/城西", why="管辖")
    await page.wait_for_url("**/cases")
    assert (await kinds(office.services))[-6:] == [
        *("case.excused", "case.sealed", "case.unsealed"),
        *("case.renumbered", "case.merged", "case.transferred"),
    ]


async def test_the_particulars_of_a_case_are_said_anew_and_nobody_else_is_overwritten(
    office: Office,
) -> None:
    await filled(office)
    page = await office.page(SIZES[0], "zh-CN", Role.CUSTODIAN)
    await page.goto(f"{office.url}/cases?text={NUMBERS[0]}")
    await page.click(f"tbody a:has-text('{NUMBERS[0]}')")
    form = page.locator("#particulars")
    await form.locator("xpath=..").locator("summary").click()
    stages, parties = form.locator("[data-group=stages]"), form.locator("[data-group=parties]")
    await stages.locator("[data-add]").click()
    await stages.locator("[data-of=name]").nth(1).fill("送达")
    await stages.locator("[data-of=start]").nth(1).fill("2026-02-26T09:00:00")
    await parties.locator("[data-add]").click()
    await parties.locator("[data-of=name]").fill("张三丰")
    await form.locator("[name=cause]").fill("未按规定明码标价")
    await whole(page)
    # A whole name is refused where it was typed, and stated nowhere.
    await form.locator("button:not([type=button])").click()
    await expect(page.locator("#problem")).to_contain_text("不登记当事人全名 (当事人 1)")
    await parties.locator("[data-of=name]").fill("张*")
    await form.locator("button:not([type=button])").click()
    await expect(page.locator(".facts dd").nth(1)).to_have_text("未按规定明码标价")
    async with api_of(office.services) as api:
        told = (await api.get(f"/api/v1/cases/{NUMBERS[0]}")).json()
        assert told["title"] == CASE["title"], "what nobody touched is as it was"
        assert told["officers"][0]["number"] == "014032"
        assert told["stages"][0] == CASE["stages"][0] | {"place": None}
        assert [each["name"] for each in told["stages"]] == ["调查取证", "送达"]
        assert [each["name"] for each in told["parties"]] == ["张*"]

        # Somebody says more while the page stands open: his word is not lost.
        await form.locator("xpath=..").locator("summary").click()
        await parties.locator("[data-remove]").click()
        more = CASE | {"cause": "另一案由"}
        assert (await api.put(f"/api/v1/cases/{NUMBERS[0]}", json=more)).is_success
        await form.locator("button:not([type=button])").click()
        await expect(page.locator("#problem")).to_contain_text("重新载入")
        assert (await api.get(f"/api/v1/cases/{NUMBERS[0]}")).json()["cause"] == "另一案由"
