"""An operator's work in a browser: docks and alarms, people, case systems."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from gateway.access.policy import Role
from gateway.intake import alarms
from tests.browser.conftest import whole
from tests.browser.office import HOSTILE, SIZES, Office, kinds

pytestmark = pytest.mark.timeout(240)


@pytest.mark.parametrize(("size", "language"), list(zip(SIZES, ("zh-CN", "en"), strict=True)))
async def test_a_dock_is_revoked_in_two_steps_and_an_alarm_is_settled(
    office: Office, size: tuple[int, int], language: str
) -> None:
    services = office.services
    async with services.database.session() as session:
        told = {"text": HOSTILE, "since": "2026-11-22T10:00:00Z"}
        which = {"dock": "dock7", "by": alarms.BY_GATEWAY, "code": alarms.FORKED}
        await alarms.raise_alarm(session, **which, about=None, **told)
    page = await office.page(size, language, Role.OPERATOR)
    await page.goto(f"{office.url}/docks")
    await whole(page)
    await page.click("tbody a")
    await page.wait_for_url("**/docks/dock7")
    await whole(page)
    await page.fill("form[data-path$=settle] [name=reason]", "a restored disk image")
    await page.click("form[data-path$=settle] button")
    await expect(page.locator(".alarm")).to_have_count(0)
    await page.locator("summary").last.click()
    revoking = page.locator("form[data-path$=revocation]")
    await revoking.locator("[name=reason]").fill("stolen")
    await revoking.locator("[name=confirm]").fill("dock")
    await revoking.locator("button").click()
    await expect(page.locator("#problem")).to_contain_text("dock7")
    assert "dock.revoked" not in await kinds(services)
    await revoking.locator("[name=confirm]").fill("dock7")
    await revoking.locator("button").click()
    await expect(page.locator("main > .problem").last).to_contain_text("0.")
    await expect(revoking).to_have_count(0)
    assert (await kinds(services))[-2:] == ["alarm.settled", "dock.revoked"]
    await whole(page)


@pytest.mark.parametrize(("size", "language"), list(zip(SIZES, ("en", "zh-CN"), strict=True)))
async def test_people_and_case_systems_get_what_is_shown_once(
    office: Office, size: tuple[int, int], language: str
) -> None:
    page = await office.page(size, language, Role.OPERATOR)
    await page.goto(f"{office.url}/admin")
    await page.click("summary")
    await page.fill("[name=login]", "sun")
    await page.fill("[name=name]", HOSTILE)
    await page.check("[value=handler]")
    await page.fill("[name=unit]", "市局/城东")
    await page.fill("[name=why]", "接任")
    await page.click("details button")
    await expect(page.locator("#link")).to_have_text(re.compile(r"/setup#\S{20}"))
    await whole(page)
    await page.goto(f"{office.url}/admin/people/sun")
    assert await page.is_checked("[value=handler]")
    await page.check("[value=reviewer]")
    await page.uncheck("[name=active]")
    await page.fill("[name=why]", "调离")
    await page.click("details[open] button")
    await expect(page.locator(".chip[data-tone=bad]")).to_be_visible()
    row = await office.services.accounts.account("sun")
    assert (row.roles, row.active, row.unit) == (["handler", "reviewer"], False, "市局/城东")
    await page.goto(f"{office.url}/admin/systems")
    await page.click("summary")
    await page.fill("[name=name]", "platform")
    await page.fill("[name=expires]", "2036-01-01T00:00")
    await page.fill("[name=why]", "接入")
    await page.click("details button")
    await expect(page.locator("#key")).to_have_text(re.compile(r"^evc_\S+$"))
    await whole(page)
    await page.goto(f"{office.url}/admin/webhooks")
    await page.click("summary")
    await page.fill("[name=url]", "https://8.8.8.8/in")
    await page.check("[value='case.linked']")
    await page.fill("[name=why]", "联调")
    await whole(page)
    await page.click("details button")
    await expect(page.locator("#webhook-secret")).to_have_text(re.compile(r"^whsec_\S+$"))
    await page.reload()
    await page.click("tbody a")
    await expect(page.locator("h1")).to_have_text("8.8.8.8")
    await whole(page)
    for path in ("policy", "state"):
        await page.goto(f"{office.url}/admin/{path}")
        await expect(page.locator("tbody tr").first).to_be_visible()
        await whole(page)
    assert await page.title() != "1"
