"""What a reader's own browser finds out about a clip, whatever the gateway says of itself."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from playwright.async_api import Page, Route, expect

from gateway.access.policy import Role
from gateway.evidence.service import object_key
from tests.browser.office import SIZES, Office
from tests.simulators.disk import path_of

pytestmark = pytest.mark.timeout(240)
VECTORS = Path(__file__).parents[1] / "vectors"


FORGETS = """
() => {
  for (const key of Object.keys(localStorage)) {
    const seen = JSON.parse(localStorage[key]);
    localStorage[key] = JSON.stringify({ ...seen, checkpoint_key: seen.checkpoint_key + "A" });
  }
}
"""


async def opened(office: Office, page: Page) -> None:
    """The clip's page, a reason given."""
    await page.goto(f"{office.url}/clips/{office.clip}")
    again = page.locator("#film .said button")
    if await again.is_visible():
        await again.click()
    await page.fill("#reason", "投诉核查 2026-114")
    await page.click("#film form button")


async def step(page: Page, number: int, state: str) -> str:
    """What the page says of a step, once it is in a state."""
    line = page.locator(f"#proof li[data-number='{number}']")
    await expect(line).to_have_attribute("data-state", state, timeout=20_000)
    return await line.inner_text()


async def verdict(page: Page, outcome: str) -> None:
    await expect(page.locator("#proof .verdict")).to_have_attribute(
        "data-outcome", outcome, timeout=20_000
    )


async def test_a_browser_proves_a_clip_while_it_plays_and_shows_what_was_altered(
    office: Office,
) -> None:
    page = await office.page(SIZES[0], "en", Role.CUSTODIAN)
    await page.goto(f"{office.url}/clips/{office.clip}")
    await verdict(page, "held")
    assert "once you have said why" in await step(page, 2, "waiting")
    await opened(office, page)
    await verdict(page, "good")
    row = await office.services.evidence.clip(office.clip)
    assert row is not None
    assert row.sha256.hex() in await step(page, 2, "good")
    for number in (3, 4, 5, 6, 7, 9, 10):
        await step(page, number, "good")
    assert "cannot be checked here" in await step(page, 8, "open")

    # A byte in the store, in the second of its leaves.
    path = path_of(office.services.store, object_key(office.clip))
    genuine = path.read_bytes()
    at = (1 << 20) + 7
    path.write_bytes(genuine[:at] + bytes([genuine[at] ^ 1]) + genuine[at + 1 :])
    await opened(office, page)
    said = await step(page, 2, "bad")
    assert "WRONG" in said
    assert "piece 1 differs: bytes 1048576 to" in said
    assert "Do not rely on what you see" in said
    await verdict(page, "bad")
    await expect(page.locator("#damage rect")).to_have_count(1)

    # Its list of leaves is gone, too: the end tells.
    await page.route("**/leaves", lambda route: route.fulfill(status=404, json={}))
    await opened(office, page)
    await step(page, 2, "bad")
    await page.unroute("**/leaves")
    path.write_bytes(genuine)


async def test_a_swapped_proof_a_false_log_and_a_byte_on_the_way_are_shown(office: Office) -> None:
    page = await office.page(SIZES[0], "zh-CN", Role.CUSTODIAN)
    await opened(office, page)
    await verdict(page, "good")

    async def altered(route: Route) -> None:
        answer = await route.fetch()
        body = bytearray(await answer.body())
        body[9] ^= 0x20
        await route.fulfill(response=answer, body=bytes(body))

    await page.route("**/content", altered)
    await opened(office, page)
    assert "错误" in await step(page, 2, "bad")
    await verdict(page, "bad")
    await page.unroute("**/content")

    async def swapped(route: Route) -> None:
        told = await (await route.fetch()).json()
        first, *others = told["entries"][-1]["path"]
        told["entries"][-1]["path"] = [*others, first] if others else []
        await route.fulfill(json=told)

    await page.route("**/trail", swapped)
    await opened(office, page)
    assert "路径" in await step(page, 6, "bad")
    await verdict(page, "bad")
    await page.unroute("**/trail")

    async def reworded(route: Route) -> None:
        told = await (await route.fetch()).json()
        for entry in told["entries"]:
            said = json.loads(base64.b64decode(entry["record"]))
            if said["kind"] == "session.opened":
                said["body"]["officer"] = "somebody else"
                entry["record"] = base64.b64encode(json.dumps(said).encode()).decode()
        await route.fulfill(json=told)

    await page.route("**/trail", reworded)
    await opened(office, page)
    assert "不是当时签名的那一份" in await step(page, 3, "bad")
    await page.unroute("**/trail")

    # This browser has seen another log under these keys before.
    await page.evaluate(FORGETS)
    await opened(office, page)
    assert "此前" in await step(page, 4, "bad")


MAKES = """
async (cases) => {
  const { Sha256 } = await import("/static/sha256.js");
  const { LEAF, hex, leafHash, rootOf } = await import("/static/hashing.js");
  const made = [];
  for (const { size } of cases) {
    const raw = Uint8Array.from({ length: size }, (_, at) => at % 251);
    const whole = new Sha256(), leaves = [];
    for (let at = 0; at < size; at += 65521) whole.update(raw.subarray(at, at + 65521));
    for (let at = 0; at < size; at += LEAF)
      leaves.push(await leafHash(raw.subarray(at, at + LEAF)));
    const root = hex(await rootOf(leaves)), sha256 = hex(whole.digest());
    made.push({ size, sha256, leaves: leaves.map(hex), root });
  }
  return made;
}
"""


async def test_digests_of_the_page_are_those_of_the_vectors(office: Office) -> None:
    page = await office.page(SIZES[0], "en", Role.CUSTODIAN)
    await page.goto(f"{office.url}/signin")
    cases = json.loads((VECTORS / "digests.json").read_bytes())["cases"]
    assert await page.evaluate(MAKES, cases) == cases
