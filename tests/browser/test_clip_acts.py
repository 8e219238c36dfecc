"""What a custodian says about a clip on its page: by his own clock, on record, and shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from gateway.access.policy import Role
from tests.browser.conftest import whole
from tests.browser.office import SIZES, Office, kinds
from tests.browser.test_everybody import violations

pytestmark = pytest.mark.timeout(240)


async def test_a_clip_is_put_right_marked_held_and_handed_out(
    office: Office, tmp_path: Path
) -> None:
    page = await office.page(SIZES[0], "zh-CN", Role.CUSTODIAN)
    await page.goto(f"{office.url}/clips/{office.clip}")
    await page.click("summary:has-text('更正登记')")
    form = page.locator("form:has([name=error_ms])")
    await form.locator("[name=to]").fill("2026-05-04T08:00:05")
    await form.locator("[name=error_ms]").fill("1.5")
    await form.locator("[name=known_by]").fill("画面中的时钟")
    await sends(page, "form:has([name=error_ms])", why="时间丢失")
    (row,) = await office.services.corrections.listing(office.clip)
    own_zone = await page.evaluate("new Date('2026-05-04T08:00:05').toISOString()")
    assert (row.value, row.error_ms) == (own_zone, 1500)
    await expect(page.locator(".times")).to_contain_text("±1.5 s")
    await page.click("summary:has-text('更正登记')")
    await sends(page, "form:has([data-as=null])", why="弄错了")
    await expect(page.locator(".times")).not_to_contain_text("±1.5 s")
    await page.click("summary:has-text('加注标记')")
    await page.select_option("[name=label]", "minor")
    await sends(page, "form:has([name=label])", why="有未成年人")
    await page.click("summary:has-text('冻结这段记录')")
    await page.fill("[name=authority]", "市检察院")
    await sends(page, "form:has([name=authority])", reason="审查起诉")
    await expect(page.locator(".reasons")).to_contain_text("已冻结：市检察院")
    await page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    assert await violations(page) == []
    await whole(page)
    # Handed out with the mark taken note of, as the API wants it.
    await page.check("#export [name=mark]")
    await page.fill("#export [name=recipient]", "人民法院")
    await page.fill("#export [name=reason]", "庭审")
    await page.click("#export button")
    async with page.expect_download() as downloaded:
        await page.click("#pack a")
    await (await downloaded.value).save_as(tmp_path / "pack.zip")
    said = ["clip.corrected", "clip.corrected", "clip.marked", "hold.placed", "clip.exported"]
    assert (await kinds(office.services))[-5:] == said


async def test_a_reason_is_asked_once_in_a_tab_and_stated_once(office: Office) -> None:
    page = await office.page(SIZES[0], "en", Role.CUSTODIAN)
    at = f"{office.url}/clips/{office.clip}"
    await page.goto(at)
    await page.fill("#reason", "complaint 114")
    await page.click("#film form button")
    await expect(page.locator("#film .keys")).to_be_visible()
    for _ in range(2):
        await page.reload()
        await expect(page.locator("#film .said")).to_contain_text("complaint 114")
        await expect(page.locator("#film .keys")).to_be_visible()
        await expect(page.locator("#reason")).to_be_hidden()
    assert (await kinds(office.services)).count("clip.viewed") == 1
    # In another tab, and for another matter, it is asked.
    other = await page.context.new_page()
    await other.goto(at)
    await expect(other.locator("#reason")).to_be_visible()
    await expect(other.locator("#film .keys")).to_be_hidden()
    await page.click("#film .said button")
    await page.fill("#reason", "complaint 115")
    await page.click("#film form button")
    await expect(page.locator("#reason")).to_be_hidden()
    assert (await kinds(office.services)).count("clip.viewed") == 2


async def sends(page: Page, form: str, **typed: str) -> None:
    """Fill in the rest of a form and send it; the page is loaded anew."""
    for name, text in typed.items():
        await page.locator(form).locator(f"[name={name}]").fill(text)
    async with page.expect_navigation():
        await page.locator(form).locator("button").click()
    await expect(page.locator("#problem")).to_be_hidden()
