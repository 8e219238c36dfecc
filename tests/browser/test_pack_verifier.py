"""The verifier that goes along in a pack, opened from the pack itself by a real browser."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from gateway.trail.printing import sheet
from hashing.keys import Ed25519Signer
from hashing.note import NoteKey, SignatureType, cosign, parse_note
from protocols.anchors import Anchors
from protocols.pack import layout
from protocols.pack.outside import cosigned_lines
from protocols.printed import note_of
from tests.attacks.forging import put_note
from tests.browser.conftest import decoded
from tests.simulators.false_reports import REPORTS, verdict_on
from tests.simulators.outside import AT, SimulatedWitness, policy_text
from tests.simulators.packs import FIRST, Made, exported, filled, rebagged, report_made_anew
from tests.simulators.seeded import gateway_on
from tests.simulators.spoils import SPOILS, spoilt

ORIGINAL = "data/originals/dock7.0.3/_.MP4"


@pytest.fixture
def pack(pack: Path, trust: Anchors) -> Path:
    (pack.parent / "trust.json").write_text(trust.to_json())
    return pack


@pytest.fixture
async def page(browser: Browser, pack: Path) -> AsyncIterator[Page]:
    context = await browser.new_context(offline=True)
    opened = await context.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    await opened.goto((pack / layout.VERIFIER).as_uri())
    yield opened
    assert wrong == []
    await context.close()


async def outcome(page: Page, pack: Path, *, trust: bool = True) -> str:
    """What the page says of a folder."""
    if trust:
        await page.set_input_files("#trust", pack.parent / "trust.json")
    # The same folder again is no change to a browser.
    await page.evaluate("document.getElementById('folder').value = ''")
    await page.set_input_files("#folder", pack)
    verdict = page.locator("#verdict[data-outcome]")
    await verdict.wait_for(timeout=60_000)
    return await verdict.get_attribute("data-outcome") or ""


async def states(page: Page) -> dict[str, str]:
    """Step by step: good, bad, or open where nothing was checked."""
    steps = await page.locator("#steps > li").all()
    return {
        str(await step.get_attribute("data-step")): str(await step.get_attribute("data-state"))
        for step in steps
    }


async def test_a_genuine_pack_is_intact_in_a_browser_without_a_network(
    page: Page, pack: Path
) -> None:
    assert await outcome(page, pack) == "intact", await page.inner_text("#steps")
    found = await states(page)
    assert {step for step, state in found.items() if state == "good"} == set("12345679") | {"10"}
    # What it did not do it does not claim.
    assert found["8"] == "open"
    seventh = await page.inner_text("[data-step='7']")
    assert "unwitnessed" in seventh
    assert "enough witnesses" not in seventh
    assert await page.inner_text("#warning") == ""


async def test_with_the_packs_own_keys_it_warns_in_both_languages(page: Page, pack: Path) -> None:
    assert await outcome(page, pack, trust=False) == "intact"
    warning = await page.inner_text("#warning")
    assert "不能排除整包伪造" in warning
    assert "only the pack's own keys" in warning


async def without_chinese(page: Page) -> set[str]:
    """English of the findings on the page that are not told in Chinese."""
    # Words of the browser's own stand in English only.
    told = await page.locator("#steps li li").evaluate_all(
        "(all) => all.map((e) => ['zh', 'en'].map((l) => e.querySelector(`[lang=${l}]`).innerText))"
    )
    missing = {en for zh, en in told if not re.search("[\u4e00-\u9fff]", zh) or "原因见英文" in zh}
    return {en for en in missing if not re.search("JSON|encoded", en)}


async def test_every_reason_that_the_page_can_give_is_in_its_table(page: Page) -> None:
    """Whoever adds a reason adds its Chinese: the literals of the script are looked up."""
    script = await page.evaluate("document.scripts[1].textContent")
    said = re.findall(
        r'(?:found\.bad\([^;]*?, |Error\(|wrong\([^;]*?, )"([a-z][^"]{6,})"[,)]', script
    )
    assert len(said) > 90
    english = {each for each in said if " " in each}
    unknown = await page.evaluate("(all) => all.filter((en) => inChinese(en) === null)", [*english])
    assert unknown == []


def original(pack: Path) -> None:
    (pack / ORIGINAL).write_bytes(FIRST[:-1] + b"x")


def record(pack: Path) -> None:
    path = pack / layout.record(5)
    path.write_bytes(path.read_bytes().replace(b"officer", b"Officer"))
    document = (pack / layout.TRAIL).read_text()
    before = base64.b64encode(path.read_bytes().replace(b"Officer", b"officer")).decode()
    after = base64.b64encode(path.read_bytes()).decode()
    (pack / layout.TRAIL).write_text(document.replace(before, after))


def receipt(pack: Path) -> None:
    shutil.copy(pack / layout.receipt(6), pack / layout.receipt(5))


def checkpoint(pack: Path) -> None:
    for path in (layout.CHECKPOINT, layout.TRAIL):
        text = (pack / path).read_text()
        (pack / path).write_text(text.replace("\n17\n", "\n16\n").replace("\\n17\\n", "\\n16\\n"))


def recipient(pack: Path) -> None:
    path = pack / layout.EXPORT
    path.write_text(path.read_text().replace("Court", "court"))


def page_withheld(pack: Path) -> None:
    """A page of the inventory, of which the close says how many files it had."""
    trail = json.loads((pack / layout.TRAIL).read_text())
    index = index_of(pack, "session.inventory")
    entry = next(each for each in trail["entries"] if each["index"] == index)
    entry["record"] = None
    (pack / layout.TRAIL).write_text(json.dumps(trail))
    (pack / layout.record(index)).unlink()


def clip_left_out(pack: Path) -> None:
    trail = json.loads((pack / layout.TRAIL).read_text())
    trail["clips"] = trail["clips"][:1]
    (pack / layout.TRAIL).write_text(json.dumps(trail))


def index_of(pack: Path, kind: str) -> int:
    for path in sorted((pack / "data/records").iterdir()):
        if json.loads(path.read_text())["kind"] == kind:
            return int(path.stem)
    raise LookupError(kind)


CHANGES = [
    (page_withheld, "9", "incomplete"),
    (clip_left_out, "9", "altered"),
    (original, "2", "altered"),
    (record, "3", "altered"),
    (receipt, "6", "not-logged"),
    (checkpoint, "7", "altered"),
    (recipient, "10", "altered"),
]


async def test_it_finds_what_was_changed_though_the_manifests_fit(
    page: Page, pack: Path, genuine: Made
) -> None:
    for act, step, expected in CHANGES:
        await asyncio.to_thread(changed, genuine.pack, pack, act)
        told = await outcome(page, pack), await page.inner_text("#steps")
        assert told[0] == expected, (act.__name__, *told)
        assert (await states(page))[step] == "bad"
        assert await without_chinese(page) == set()
        if act is original:
            assert "leaf 1 differs: bytes 1048576 to 1199999" in told[1]


def changed(genuine: Path, pack: Path, act: Callable[[Path], None]) -> None:
    """One change to an otherwise genuine pack, and manifests that fit it."""
    shutil.rmtree(pack)
    shutil.copytree(genuine, pack)
    act(pack)
    rebagged(pack)


async def test_a_key_that_was_changed_and_witnesses_of_a_policy_are_followed(
    page: Page, tmp_path: Path
) -> None:
    court, press = SimulatedWitness("court"), SimulatedWitness("press")
    pack = tmp_path / "rotated"
    async with gateway_on(tmp_path / "gateway") as services:
        _, trust = await filled(services, rotated=True)
        for witness in (court, press):
            witness.asked_by(services)
            await witness.cosign(services)
        await exported(services, pack)
        (tmp_path / "trust.json").write_text(trust.to_json())
    assert await outcome(page, pack) == "intact", await page.inner_text("#steps")
    (tmp_path / "policy").write_text(policy_text(court, press, needed=2))
    await page.set_input_files("#policy", tmp_path / "policy")
    assert await outcome(page, pack) == "unwitnessed"
    # They cosigned before the export's own acts, and that is what it says.
    assert "are under no checkpoint" in await page.inner_text("[data-step='7']")
    (tmp_path / "policy").write_text(policy_text(SimulatedWitness("nobody")))
    await page.set_input_files("#policy", [])
    await page.set_input_files("#policy", tmp_path / "policy")
    assert await outcome(page, pack) == "unwitnessed"
    assert "too few witnesses" in await page.inner_text("[data-step='7']")
    # Without the gateway's word the new key is nobody's.
    trail = json.loads((pack / layout.TRAIL).read_text())
    index = index_of(pack, "dock.key.rotated")
    trail["entries"] = [each for each in trail["entries"] if each["index"] != index]
    (pack / layout.TRAIL).write_text(json.dumps(trail))
    await asyncio.to_thread(rebagged, pack)
    await outcome(page, pack)
    assert "a rotation before it was not confirmed" in await page.inner_text("[data-step='4']")
    # Nor is it without the dock's own.
    trail["entries"] = [e for e in trail["entries"] if e["index"] != index_of(pack, "key.rotated")]
    (pack / layout.TRAIL).write_text(json.dumps(trail))
    await asyncio.to_thread(rebagged, pack)
    await outcome(page, pack)
    assert "under another key" in await page.inner_text("[data-step='4']")


async def test_a_line_in_the_name_of_a_witness_and_a_log_of_the_policy_are_held(
    page: Page, pack: Path, trust: Anchors
) -> None:
    court = SimulatedWitness("court")
    note = (pack / layout.CHECKPOINT).read_bytes()
    good = cosign(note, court.signer, court.key.name, AT)
    made = base64.b64encode(court.key.id + bytes(72)).decode()
    false = good + f"— {court.key.name} {made}\n".encode()
    other = NoteKey("another/log", Ed25519Signer.generate().public, SignatureType.ED25519)
    said = {}
    for name, put, log in (("good", good, ""), ("false", false, ""), ("other", good, other.vkey())):
        await asyncio.to_thread(put_note, pack, note, put)
        await asyncio.to_thread(report_made_anew, pack, trust)
        await asyncio.to_thread(rebagged, pack)
        note = put
        (pack.parent / "policy").write_text(f"log {log}\n" * bool(log) + policy_text(court))
        await page.set_input_files("#policy", [])
        await page.set_input_files("#policy", pack.parent / "policy")
        said[name] = await outcome(page, pack)
    assert said == {"good": "intact", "false": "unsigned", "other": "unsigned"}


async def test_a_printed_checkpoint_is_read_back_by_another_program(
    browser: Browser, genuine: Made, tmp_path: Path
) -> None:
    """With as many cosignatures as a note may have, on the paper that it is printed on."""
    note = genuine.trust.note
    for number in range(15):
        witness = SimulatedWitness(f"witness-of-a-rather-long-name-{number}")
        note = cosign(note, witness.signer, witness.key.name, AT)
    for said in (genuine.trust.note, note):
        (tmp_path / "sheet.html").write_bytes(sheet(said))
        opened = await browser.new_page(viewport={"width": 794, "height": 1123})
        await opened.goto((tmp_path / "sheet.html").as_uri())
        await opened.locator("svg").screenshot(path=tmp_path / "code.png", scale="css")
        await opened.close()
        scanned = await asyncio.to_thread(decoded, tmp_path / "code.png")
        kept = note_of(scanned.encode())
        assert said.startswith(kept)
        assert parse_note(kept).text == parse_note(said).text
        assert (kept == said) == (said is genuine.trust.note)
        assert len(cosigned_lines(kept)) >= 10 or kept == said


@pytest.mark.parametrize("part", range(4))
async def test_no_forgery_without_a_key_ends_intact_in_a_browser(
    page: Page, pack: Path, genuine: Made, part: int
) -> None:
    """What the command-line verifier sees, a reader without it has to see as well."""
    passed, unsaid = {}, set()
    # Of false reports a few: all are tried below, without reading the whole pack for each.
    named = [name for name in SPOILS if name not in REPORTS] + list(REPORTS)[::9]
    for name in named[part::4]:
        await asyncio.to_thread(shutil.rmtree, pack)
        await asyncio.to_thread(shutil.copytree, genuine.pack, pack)
        await asyncio.to_thread(spoilt, pack, name)
        told = await outcome(page, pack)
        if told == "intact" or (name in REPORTS and told != verdict_on(name)):
            passed[name] = told
        unsaid |= await without_chinese(page)
    assert (passed, unsaid) == ({}, set())


CHECKED = """
async (put) => {
  const files = new Map(window.kept.files), found = new Findings();
  for (const [path, text] of Object.entries(put))
    if (text === null) files.delete(path); else files.set(path, new File([text], path));
  await checkReport(files, window.kept.read, found);
  return (WORST.find((each) => found.items.some((item) => item.outcome === each)) || "intact");
}
"""


async def test_every_false_report_has_the_verdict_that_the_command_line_gives_it(
    page: Page, pack: Path, genuine: Made
) -> None:
    """With what the page itself read of the genuine pack, and its own function."""
    await page.evaluate("""() => {
      const check = checkReport;
      checkReport = (files, read, found) => {
        window.kept = { files, read };
        return check(files, read, found);
      };
    }""")
    assert await outcome(page, pack) == "intact"
    assert await page.evaluate(CHECKED, {}) == "intact"
    said = {}
    for name in REPORTS:
        REPORTS[name](pack)
        there = {each: pack / each for each in (layout.REPORT, layout.PAGE)}
        put = {each: at.read_text() if at.exists() else None for each, at in there.items()}
        said[name] = await page.evaluate(CHECKED, put)
        for each, at in there.items():
            at.write_bytes((genuine.pack / each).read_bytes())
    assert said == {name: verdict_on(name) for name in REPORTS}


async def test_files_added_taken_away_or_changed_are_named(page: Page, pack: Path) -> None:
    (pack / "data/extra").write_text("x")
    (pack / layout.record(5)).unlink()
    (pack / layout.GUIDE).write_text("trust me")
    assert await outcome(page, pack) == "altered"
    told = await page.inner_text("#steps")
    for name in ("data/extra", layout.record(5), layout.GUIDE):
        assert name in told
