"""Footage whose time is over goes by two people's hands, in a browser, and leaves a tombstone."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from gateway.access.policy import Role
from gateway.evidence.models import ClipState
from gateway.retention.signing import sign_pack
from protocols.ids import ClipId
from tests.browser.conftest import whole
from tests.browser.office import SIZES, Office, kinds, served
from tests.browser.test_everybody import violations
from tests.simulators.keeping import AUTHORITY, PACK, YEAR, docked, office
from tests.simulators.seeded import gateway_on

pytestmark = pytest.mark.timeout(240)


async def test_a_held_clip_waits_and_one_person_alone_disposes_of_nothing(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with gateway_on(tmp_path / "gateway") as services, AsyncExitStack() as stack:
        desk = await office(stack, services, tmp_path, monkeypatch)
        _, (held, other) = await docked(services, {"A.MP4": b"a" * 900, "B.MP4": b"b" * 800})
        desk.ahead += YEAR
        url = await stack.enter_async_context(served(services))
        people = Office(services, url, held, browser)
        supervisor = await people.page(SIZES[1], "zh-CN", Role.SUPERVISOR, login="li", officer="1")
        custodian = await people.page(SIZES[0], "en", Role.CUSTODIAN, login="wang", officer="2")

        await adopts_rules(supervisor, url, tmp_path)
        await places_a_hold(supervisor, url, held)
        await custodian.goto(f"{url}/keeping")
        await whole(custodian)
        await expect(custodian.locator("[name=clips]")).to_have_count(1)
        await custodian.goto(f"{url}/keeping?due_only=false")
        await expect(custodian.locator("tbody tr")).to_have_count(2)
        await expect(custodian.locator("tbody")).to_contain_text("held for 市检察院")
        # The hold is on nobody's list of what he may lift but the supervisor's.
        await custodian.goto(f"{url}/keeping/holds")
        await expect(custodian.locator("tbody tr")).to_have_count(1)
        await expect(custodian.locator("form[data-path$=lift]")).to_have_count(0)
        await supervisor.fill("form[data-path$=lift] [name=reason]", "不起诉")
        await supervisor.click("form[data-path$=lift] button")
        await expect(supervisor.locator("tbody tr")).to_have_count(0)

        token = await proposes_both(custodian, url)
        # Not even as a supervisor does who proposed it approve, by page or by program.
        both = await people.page(SIZES[0], "en", Role.SUPERVISOR, login="wang2", officer="2")
        await both.goto(f"{url}/keeping/disposals/{token}")
        await expect(both.locator("#decide + .notice")).to_contain_text("yourself")
        await expect(both.locator("form[data-path$=approve]")).to_have_count(0)
        assert await asked_all_the_same(both, f"/api/v1/disposals/{token}/approve") == "same-person"

        await supervisor.goto(f"{url}/keeping/disposals")
        await supervisor.click("tbody a")
        await supervisor.fill("form[data-path$=approve] [name=reason]", "同意")
        await whole(supervisor)
        await supervisor.click("form[data-path$=approve] button")
        await expect(supervisor.locator("h1 .chip")).to_have_text("已批准，等待期内")
        await desk.wait()
        row = await services.evidence.clip(other)
        assert row is not None
        assert row.state == ClipState.DISPOSED
        assert (await kinds(services))[-3:] == ["clip.disposed", "clip.disposed", "disposal.closed"]
        await is_accounted_for(supervisor, held)
        assert people.errors == []


async def adopts_rules(page: Page, url: str, folder: Path) -> None:
    """The authority's next pack, as files: read on the page before it is sent."""
    raw = PACK.format(version=2, keep=12).encode()
    (folder / "rules.toml").write_bytes(raw)
    (folder / "rules.toml.sig").write_text(sign_pack(raw, AUTHORITY))
    await page.goto(f"{url}/keeping/rules")
    form = await opened(page, "[name=pack]")
    await form.locator("[name=pack]").set_input_files(folder / "rules.toml")
    await expect(page.locator("#pack-text")).to_contain_text("version = 2")
    await form.locator("[name=signature]").set_input_files(folder / "rules.toml.sig")
    await form.locator("[name=why]").fill("市局〔2026〕8号")
    await form.locator("button").click()
    await expect(page.locator("dl.facts dd").first).to_contain_text("2 ·")


async def places_a_hold(page: Page, url: str, clip: ClipId) -> None:
    await page.goto(f"{url}/keeping/holds")
    form = await opened(page, "[name=clips]")
    await form.locator("[name=clips]").fill(str(clip))
    await form.locator("[name=authority]").fill("市检察院")
    await form.locator("[name=reason]").fill("审查起诉")
    await form.locator("button").click()
    await expect(page.locator("tbody tr")).to_have_count(1)


async def proposes_both(page: Page, url: str) -> str:
    """Choose what is due and propose it; gives the disposal's name."""
    await page.goto(f"{url}/keeping")
    await expect(page.locator("#propose button")).to_be_disabled()
    await page.check("#all")
    await expect(page.locator("#chosen")).to_have_text("2")
    await page.fill("#propose [name=reason]", "保存期满")
    await page.click("#propose button")
    await page.wait_for_url("**/keeping/disposals/*")
    await expect(page.locator("form[data-path$=approve]")).to_have_count(0)
    await expect(page.locator("form[data-path$=withdraw]")).to_have_count(1)
    await whole(page)
    assert await violations(page) == []
    return page.url.rpartition("/")[2]


async def asked_all_the_same(page: Page, path: str) -> str:
    """What the API says to somebody whose page has no form for it."""
    code: str = await page.evaluate(
        """async (at) => (await (await fetch(at, { method: "POST", body: '{"reason": "a"}',
            headers: { "content-type": "application/json" } })).json()).code""",
        path,
    )
    return code


async def is_accounted_for(page: Page, clip: ClipId) -> None:
    """Counted on the disposal's page; the clip's own has a tombstone, and nothing to play."""
    await page.reload()
    await expect(page.locator(".verdict")).to_have_attribute("data-outcome", "intact")
    await expect(page.locator("tbody tr", has_text="已处置")).to_have_count(2)
    await whole(page)
    assert await violations(page) == []
    await page.click(f"a[href='/clips/{clip}']")
    await expect(page.locator("#gone")).to_contain_text("<wang>")
    await expect(page.locator("#gone")).to_contain_text("<li>")
    await expect(page.locator("video, #film, form[data-path*=holds]")).to_have_count(0)
    # Everything but the footage is checked, and nothing is said of that.
    await expect(page.locator("#proof .verdict")).to_contain_text("未核验", timeout=20_000)
    await whole(page)
    assert await violations(page) == []


async def opened(page: Page, field: str) -> Locator:
    """The form that has a field, its fold opened."""
    fold = page.locator("details", has=page.locator(field))
    await fold.locator("summary").click()
    return fold.locator("form")
