"""The start page in a browser: what comes in while somebody looks on."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from gateway.access.policy import Role
from protocols.messages import BayState, State
from tests.browser.conftest import whole
from tests.browser.office import HOSTILE, SIZES, Office
from tests.simulators.dock import SimulatedDock
from tests.simulators.seeded import enrol, shift_end

pytestmark = pytest.mark.timeout(240)


@pytest.mark.parametrize(("size", "language"), list(zip(SIZES, ("zh-CN", "en"), strict=True)))
async def test_what_comes_in_shows_without_anybody_asking(
    office: Office, size: tuple[int, int], language: str
) -> None:
    page = await office.page(size, language, Role.CUSTODIAN)
    await page.goto(office.url)
    sealed = page.locator("[data-count=sealed] strong")
    await expect(sealed).to_have_text("1")
    await whole(page)
    await page.focus("[data-count=late] a")
    dock = SimulatedDock("dock8")
    await enrol(office.services, dock)
    await shift_end(office.services, dock, {"A.MP4": b"a", "B.MP4": b"b"})
    bays = (BayState(bay="A1", phase="copying", camera=HOSTILE[:64], done=1, total=4),)
    state = State(state="online", version="1", bays=bays)
    await office.services.docks.record_state(dock.id, state)
    await expect(sealed).to_have_text("3", timeout=20_000)
    bay = page.locator("[data-dock=dock8] .bays li")
    await expect(bay).to_contain_text("正在采集" if language == "zh-CN" else "copying")
    # Whoever is at a link when the page is drawn anew still is.
    held = "() => document.activeElement.closest('[data-count]')?.dataset.count"
    assert await page.evaluate(held) == "late"
    await whole(page)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/clips?**linked=false**")
    assert await page.title() != "1"


async def test_a_gateway_that_does_not_answer_is_said_to_be_out_of_date(office: Office) -> None:
    page = await office.page(SIZES[0], "en", Role.CUSTODIAN)
    await page.goto(office.url)
    await page.route("**/today/parts", lambda route: route.abort())
    await expect(page.locator("#stale")).to_be_visible(timeout=40_000)
    await page.unroute("**/today/parts")
    await expect(page.locator("#stale")).to_be_hidden(timeout=40_000)
