"""Pages for everybody: who sees badly, who has no mouse, and who named a file to do harm."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any

import pytest
from playwright.async_api import Page, expect

from gateway.access.gate import routes_of
from gateway.access.policy import Role
from gateway.app import create_app
from protocols.kinds import Media
from protocols.shown import shown
from tests.browser.conftest import whole
from tests.browser.office import HOSTILE, SIZES, Office
from tests.simulators.dock import SimulatedDock
from tests.simulators.seeded import admit, enrol, link_all, store

pytestmark = pytest.mark.timeout(240)
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RUN = """
async (rules) => {
  const found = await axe.run(document, { runOnly: rules, resultTypes: ["violations"] });
  return found.violations.map(({ id, nodes }) =>
    [id, nodes.slice(0, 3).map(({ html, failureSummary }) => `${html} ${failureSummary}`)]);
}
"""
EVERYTHING = (Role.CUSTODIAN, Role.OPERATOR, Role.AUDITOR, Role.SUPERVISOR, Role.HANDLER)
NAMES = [
    "\u202eGPJ.4PM",
    f"{'超' * 60}.MP4",
    "a\u200b\u2066b\u00ad.MP4",
    "👮\u200d♂️ \u0301\u0301.MP4",
    '"><svg onload=alert(1)>.MP4',
    "{{ 7*7 }}${7*7}.MP4",
    "' OR 1=1; --.MP4",
    "</script><script>document.title=1</script>.MP4",
]


async def violations(page: Page) -> list[Any]:
    """What axe-core finds against WCAG 2, A and AA."""
    await page.evaluate(AXE)
    found: list[Any] = await page.evaluate(RUN, RULES)
    return found


def pages(office: Office, case: str) -> list[str]:
    """Every page there is, by the application's own list; a new one is here by itself."""
    values = {"clip": str(office.clip), "token": case, "dock": "dock7", "index": "1"}
    found = []
    app = create_app(office.services)
    for route in routes_of(app.routes, unguarded=app.openapi_url):
        if route.include_in_schema or "GET" not in (route.methods or ()):
            continue
        path = re.sub(r"\{(\w+)(:\w+)?\}", lambda each: values.get(each[1], "{"), route.path)
        if "{" not in path and not path.startswith(("/api/", "/static", "/language")):
            found.append(path)
    return found


async def test_no_page_keeps_anybody_out(office: Office) -> None:
    await link_all(office.services, "云商执〔2026〕17号", [office.clip])
    (case,) = await office.services.cases.find(before=None, limit=1)
    paths = pages(office, case.token)
    assert {"/clips", f"/clips/{office.clip}", f"/cases/{case.token}/trail"} <= set(paths)
    wrong = {}
    for size, language in zip(SIZES, ("zh-CN", "en"), strict=True):
        page = await office.page(size, language, *EVERYTHING)
        for path in (*paths, "/clips/dock7.0.99", "/clips?late=true"):
            answer = await page.goto(office.url + path)
            kind = "" if answer is None else answer.headers.get("content-type", "")
            if not kind.startswith("text/html") or await page.locator("main").count() == 0:
                continue
            if found := await violations(page):
                wrong[path, language] = found
        # The player open, and every step of the check told.
        await page.goto(f"{office.url}/clips/{office.clip}")
        await page.fill("#reason", "投诉核查")
        await page.click("#film form button")
        await expect(page.locator("#proof .verdict")).to_have_attribute(
            "data-outcome", "good", timeout=20_000
        )
        if found := await violations(page):
            wrong["open clip", language] = found
        # It would see what is wrong.
        await page.evaluate("document.querySelector('#reason').removeAttribute('id')")
        await page.evaluate("document.querySelector('#film form').hidden = false")
        assert [rule for rule, _ in await violations(page)] == ["label"]
        await page.context.clear_cookies()
        for path in ("/signin", "/setup#x"):
            await page.goto(office.url + path)
            if found := await violations(page):
                wrong[path, language] = found
    assert wrong == {}


async def test_a_clip_is_played_by_keys_alone_and_letters_stay_letters(office: Office) -> None:
    page = await office.page(SIZES[0], "en", Role.CUSTODIAN)
    await page.goto(f"{office.url}/clips/{office.clip}")
    await page.focus("#reason")
    # Typed into the reason, keys of the player are letters.
    await page.keyboard.type("jklm, <complaint>.")
    await page.keyboard.press("Enter")
    video = page.locator("video")
    await expect(page.locator("[data-act=play]")).to_be_focused()
    await expect(page.locator("#at")).to_contain_text("/ 00:02.0")
    await video.evaluate("(video) => video.pause()")
    await page.keyboard.press("Home")
    for key, seconds in ((".", 0.05), (".", 0.1), (",", 0.05), ("End", 2), ("j", 0)):
        await page.keyboard.press(key)
        at = await video.evaluate("(video) => video.currentTime")
        assert abs(at - seconds) < 0.11, (key, at)
    await page.keyboard.press("m")
    assert await video.evaluate("(video) => video.muted")
    await expect(page.locator("[data-act=mute]")).to_have_attribute("aria-pressed", "true")
    await page.keyboard.press("Shift+>")
    assert await video.evaluate("(video) => video.playbackRate") == 1.5
    claimed = page.locator("#claimed")
    await expect(claimed).to_contain_text("2026-02-25 05:58:12")


async def test_names_that_would_do_harm_are_shown_as_what_they_are(office: Office) -> None:
    services, dock = office.services, SimulatedDock("dock8")
    dock.officer = dock.unit = NAMES[0]
    await enrol(services, dock)
    dock.boot()
    session = dock.open_session(officer=HOSTILE)
    dock.inventory(session, NAMES)
    media = Media(container=HOSTILE, playable=True, warnings=(HOSTILE, NAMES[0]))
    clips = [dock.seal(session, name.encode(), name=name, media=media) for name in NAMES]
    dock.close_session(session)
    await admit(services, dock, dock.entries)
    await store(services, dock.clips[clips[0]])
    page = await office.page(SIZES[1], "en", Role.CUSTODIAN)
    page.on("dialog", lambda dialog: office.errors.append(dialog.message))
    await page.goto(f"{office.url}/clips?dock=dock8")
    said = await page.locator("tbody th a").all_inner_texts()
    assert sorted(said) == sorted(shown(name).strip() for name in NAMES)
    await whole(page)
    for clip, name in zip(clips, NAMES, strict=True):
        await page.goto(f"{office.url}/clips/{clip}")
        await expect(page.locator("h1 bdi")).to_have_text(shown(name))
        text = await page.inner_text("body")
        assert not re.search("[\u200b-\u200f\u202a-\u202e\u2066-\u2069\u00ad]", text)
        assert await page.locator("main script:not([type='application/json'])").count() == 0
        assert await page.locator("main img[onerror], main svg[onload]").count() == 0
        assert await page.title() == f"{shown(name)} · Evidock"
    await whole(page)
