"""The log in a browser that checks it by itself, and says so when the log is another."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import Page, Route, expect

from gateway.access.policy import Role
from tests.browser.conftest import whole
from tests.browser.office import SIZES, Office
from tests.simulators.dock import SimulatedDock
from tests.simulators.seeded import enrol

pytestmark = pytest.mark.timeout(240)


async def steps(page: Page, count: int) -> list[str | None]:
    """How each step ended, once all are there."""
    await expect(page.locator("#steps li[data-step]")).to_have_count(count)
    found = await page.locator("#steps li").all()
    return [await each.get_attribute("data-step") for each in found]


@pytest.mark.parametrize(("size", "language"), list(zip(SIZES, ("zh-CN", "en"), strict=True)))
async def test_a_browser_checks_that_the_log_only_grew_and_where_an_entry_stands(
    office: Office, size: tuple[int, int], language: str
) -> None:
    zh = language == "zh-CN"
    page = await office.page(size, language, Role.AUDITOR)
    await page.goto(f"{office.url}/log")
    assert await steps(page, 2) == ["good", "good"]
    first = "第一次" if zh else "first time"
    await expect(page.locator("#steps")).to_contain_text(first)
    await whole(page)
    await enrol(office.services, SimulatedDock("dock8"))
    await page.click("#again")
    assert await steps(page, 3) == ["good"] * 3
    grew = "只增加了 1 条" if zh else "only grew, by 1 entries"
    await expect(page.locator("#steps")).to_contain_text(grew)
    await page.fill("#position", "3")
    await page.click("#find button")
    assert await steps(page, 6) == ["good"] * 6
    await expect(page.locator("#steps")).to_contain_text("3")
    await whole(page)
    assert await page.title() != "1"


async def test_a_log_that_is_not_the_one_seen_before_is_a_loud_warning(office: Office) -> None:
    page = await office.page(SIZES[0], "en", Role.AUDITOR)
    await page.goto(f"{office.url}/log")
    assert await steps(page, 2) == ["good", "good"]
    name, kept = await page.evaluate("() => Object.entries(localStorage)[0]")
    seen = json.loads(kept)
    lines = seen["note"].split("\n")
    other = [lines[0], "3", "A" * 43 + "=", *lines[3:]]
    longer = [lines[0], str(int(lines[1]) + 9), *lines[2:]]
    for note, said in ((other, "no longer contains"), (longer, "shorter than you saw")):
        changed = json.dumps({**seen, "note": "\n".join(note)})
        await page.evaluate("([name, kept]) => localStorage.setItem(name, kept)", [name, changed])
        for _ in range(2):
            # What was wrong is not forgotten by looking again.
            await page.reload()
            assert await steps(page, 3) == ["good", "good", "bad"]
            await expect(page.locator("[data-step=bad]")).to_contain_text(said)
            await expect(page.locator("#old")).to_contain_text(note[1])
    stranger = json.dumps({**seen, "checkpoint_key": "another"})
    await page.evaluate("([name, kept]) => localStorage.setItem(name, kept)", [name, stranger])
    await page.reload()
    assert (await steps(page, 3))[1] == "bad"


async def test_a_proof_that_does_not_hold_is_seen(office: Office) -> None:
    page = await office.page(SIZES[0], "en", Role.CUSTODIAN)

    async def elsewhere(route: Route) -> None:
        await route.continue_(url=f"{office.url}/api/v1/log/proofs/inclusion?index=2")

    await page.route("**/proofs/inclusion*", elsewhere)
    await page.goto(f"{office.url}/log/3")
    assert (await steps(page, 4))[-1] == "bad"
    await expect(page.locator("[data-step=bad]")).to_contain_text("does not hold")
