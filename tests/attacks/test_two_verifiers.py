"""Spoilt trails before both verifiers: the program's, and the one that runs in every browser."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import playwright
import pytest

import gateway.web
from protocols.anchors import Anchors
from protocols.ids import ClipId
from protocols.trail import TrailDocument, answers_case, answers_clip, verify_trail
from tests.simulators.keeping import YEAR, docked, office
from tests.simulators.seeded import api_of, gateway_on, link_all

STATIC = Path(gateway.web.__file__).parent / "static"
NODE = Path(playwright.__file__).parent / "driver/node"
# The order of gateway/export/verify.html, without what only packs have.
LOOKS = """
import { Findings, checkAnswer, checkChains, checkCustody, checkHead, checkIncluded, checkPlaces,
  checkSession, checkSignatures, readEntry } from "./trail.js";
import { createInterface } from "node:readline";

async function look({ document, trust }) {
  const found = new Findings(), events = [], sessions = new Set();
  const head = await checkHead(document, trust, {}, found);
  for (const entry of document.entries) {
    const event = await readEntry(entry, found);
    if (!event) continue;
    if (events.length && event.index <= events[events.length - 1].index)
      found.bad(10, "altered", event.name, "out of the order of the log");
    events.push(event);
    if (head) await checkIncluded(event, entry, head, found);
  }
  await checkSignatures(events, trust, found);
  checkPlaces(events, trust, found);
  checkChains(events, trust, found);
  for (const name of document.clips) {
    const [dock, ...place] = name.split(".");
    const sealing = events.find(({ iss, sub, chain, record }) => record?.kind === "clip.sealed" &&
      sub === `urn:evidock:clip:${name}` && iss === `urn:evidock:dock:${dock}` &&
      place.join(".") === `${chain[0]}.${chain[1]}`);
    if (!sealing) { found.bad(9, "incomplete", name, "its sealing is missing"); continue; }
    checkCustody(name, sealing, events, trust.gateway, found);
    sessions.add(sealing.record.body.session);
  }
  for (const session of sessions) checkSession(session, events, found);
  const ours = new Set([...document.clips.map((each) => `urn:evidock:clip:${each}`),
    ...[...sessions].map((each) => `urn:evidock:session:${each}`)]);
  checkAnswer(document, events, trust, ours, found);
  return found.items;
}
for await (const line of createInterface({ input: process.stdin }))
  console.log(JSON.stringify((await look(JSON.parse(line))).length));
"""


def in_browser(folder: Path, trust: str, documents: list[dict[str, Any]]) -> list[bool]:
    """Whether a browser's code finds each of them intact."""
    for name in ("trail.js", "hashing.js"):
        code = (STATIC / name).read_text(encoding="utf-8").replace('"/static/', '"./')
        (folder / name).write_text(code, encoding="utf-8")
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "looks.js").write_text(LOOKS)
    asked = "".join(
        json.dumps({"document": each, "trust": json.loads(trust)}) + "\n" for each in documents
    )
    ran = subprocess.run(
        [str(NODE), "looks.js"],
        cwd=folder,
        input=asked,
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) == 0 for line in ran.stdout.splitlines()]


def in_program(anchors: Anchors, document: dict[str, Any]) -> bool:
    """Whether the program's finds it intact."""
    trail = TrailDocument.from_json(json.dumps(document))
    report = verify_trail(trail, anchors)
    if trail.about.case_no is None and trail.about.clip is not None:
        answer = answers_clip(ClipId.parse(trail.about.clip), trail)
    else:
        answer = answers_case(trail.about.case_no or "", trail, report, anchors)
    return not report.verdict.problems and not answer.problems


def spoilt(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What somebody without any key can make of a trail."""
    entries, clips = document["entries"], document["clips"]
    yield "as it is", document
    for at, entry in enumerate(entries):
        before, after = entries[:at], entries[at + 1 :]
        other = {**entry, "record": entries[at - 1]["record"]}
        for what, put in (
            ("left out", []),
            ("withheld", [{**entry, "record": None}]),
            ("told otherwise", [other]),
            ("twice", [entry, entry]),
        ):
            yield f"{at} {what}", {**document, "entries": [*before, *put, *after]}
    for clip in clips:
        left = [each for each in clips if each != clip]
        yield f"{clip} left out", {**document, "clips": left}
        yield f"of {clip} alone", {**document, "clips": [clip], "about": {"clip": clip}}
    yield "a clip more", {**document, "clips": [*clips, "dock7.0.99"]}
    for about in ({"case_no": "案1"}, {"case_no": "案2"}, {"case_no": "none"}, {}):
        yield f"about {about}", {**document, "about": about}


async def test_both_verifiers_call_the_same_trails_intact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a case that was renumbered and merged, and of clips that were disposed of or kept."""
    why = {"by": "Li", "why": "a"}
    async with gateway_on(tmp_path / "gateway") as services, AsyncExitStack() as stack:
        desk = await office(stack, services, tmp_path, monkeypatch)
        _, (one, two, kept) = await docked(services, {f"{name}.MP4": b"x" for name in "ABC"})
        host = await stack.enter_async_context(api_of(services))
        for number, clip in (("案1", one), ("案2", two)):
            await link_all(services, number, [clip])
        for path, more in (
            ("案1", {"case_no": "案9"}),
            ("案2", {"into": "案9"}),
            ("案9", {}),
        ):
            act = {"案1": "renumber", "案2": "merge", "案9": "seal"}[path]
            at = f"/api/v1/cases/{quote(path)}/{act}"
            assert (await host.post(at, json=why | more)).is_success
        desk.ahead += YEAR * 3
        await desk.approved(one, kept)
        held = {"clips": [str(kept)], "reason": "a", "authority": "court", "by": "Li"}
        assert (await host.post("/api/v1/holds", json=held)).is_success
        await desk.wait()
        trails = [f"/cases/{quote('案9')}/trail", f"/clips/{one}/trail", f"/clips/{kept}/trail"]
        genuine = [(await host.get(f"/api/v1{each}")).json() for each in trails]
        anchors = services.log.anchors()
    tried = [each for document in genuine for each in spoilt(document)]
    told = in_browser(tmp_path, anchors.to_json(), [document for _, document in tried])
    said = [in_program(anchors, document) for _, document in tried]
    differ = [name for (name, _), *both in zip(tried, told, said, strict=True) if len({*both}) > 1]
    assert differ == []
    assert sum(said) < len(said) // 2
