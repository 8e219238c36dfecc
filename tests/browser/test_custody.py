"""A custodian's day in a browser: find a clip, say why, play it, tie it to a case, hand it out."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from playwright.async_api import expect

from gateway.access.policy import Role
from tests.browser.conftest import whole
from tests.browser.office import HOSTILE, SIZES, Office, kinds

pytestmark = pytest.mark.timeout(240)


@pytest.mark.parametrize(("size", "language"), list(zip(SIZES, ("zh-CN", "en"), strict=True)))
async def test_a_clip_is_found_played_tied_and_handed_out(
    office: Office, tmp_path: Path, size: tuple[int, int], language: str
) -> None:
    zh = language == "zh-CN"
    page = await office.page(size, language, Role.CUSTODIAN)
    await page.goto(f"{office.url}/clips")
    await page.fill("[name=officer]", HOSTILE)
    await page.click("#find > .button")
    await expect(page.locator("tbody tr")).to_have_count(1)
    assert "=" in page.url
    assert "dock=" not in page.url
    await whole(page)
    await page.click("tbody a")
    await expect(page.locator("h1")).to_contain_text(HOSTILE)
    await expect(page.locator("#trail .verdict")).to_contain_text("成立" if zh else "holds")
    await page.fill("#reason", "投诉核查 2026-114")
    async with page.expect_response("**/content") as answered:
        await page.click("#film form button")
    assert (await answered.value).status in {200, 206}
    assert (await kinds(office.services))[-1] == "clip.viewed"
    await whole(page)
    await page.goto(f"{office.url}/cases")
    await page.click("summary >> nth=-1")
    await page.fill("[name=case_no]", "云商执〔2026〕17号/2")
    await page.click("details[open] .button")
    await expect(page.locator("h1")).to_contain_text("云商执〔2026〕17号/2")
    await page.fill("[name=clip]", str(office.clip))
    await page.locator("form[data-path$='/links'] [name=why]").fill("现场 scene")
    await page.click("form[data-path$='/links'] button")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await page.fill("[name=recipient]", "人民法院")
    await page.locator("#export [name=reason]").fill("庭审")
    await page.click("#export button")
    async with page.expect_download() as downloaded:
        await page.click("#pack a")
    await (await downloaded.value).save_as(tmp_path / "pack.zip")
    assert zipfile.ZipFile(tmp_path / "pack.zip").testzip() is None
    await page.click("td summary")
    await page.locator("td form[data-method=DELETE] input").fill("wrong case")
    await page.click("td form[data-method=DELETE] button")
    await expect(page.locator("tr.gone")).to_have_count(1)
    await whole(page)
    assert await page.title() != "1"
    assert (await kinds(office.services))[-5:] == [
        *("clip.viewed", "case.opened", "case.linked", "clip.exported", "case.unlinked")
    ]


async def test_pages_show_to_each_what_is_his_and_send_strangers_to_sign_in(
    office: Office,
) -> None:
    page = await office.page(SIZES[0], "en", Role.OPERATOR)
    for path in ("/clips", f"/clips/{office.clip}", "/cases"):
        answer = await page.goto(office.url + path)
        assert answer is not None
        assert answer.status == 403
        await expect(page.locator("h1")).to_have_text("Your roles do not allow this page.")
    page = await office.page(SIZES[0], "en", Role.CUSTODIAN)
    for path in ("/clips/dock7.0.99", "/clips/none", "/cases/none", f"/cases/{'0' * 32}"):
        answer = await page.goto(office.url + path)
        assert answer is not None
        assert answer.status in {404, 422}
        await expect(page.locator("h1")).to_contain_text("no such page")
    await page.context.clear_cookies()
    await page.goto(f"{office.url}/clips/{office.clip}")
    assert page.url == f"{office.url}/signin?next=/clips/{office.clip}"
