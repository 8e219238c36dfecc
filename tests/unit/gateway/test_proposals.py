"""Proposals over HTTP: from both ends, decided on record, within reach, and nothing scanned."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from gateway.access.policy import Role
from gateway.cases.asked import ParticularsAsked
from gateway.cases.changes import Asker
from gateway.cases.effects import apply
from gateway.proposals.candidates import AT_MOST, Known, clips_for
from gateway.services import Services
from hashing.verdict import Outcome
from protocols.ids import ClipId
from protocols.kinds import Media, ProposalRejected
from protocols.trail import TrailDocument, answers_case, verify_trail
from tests.simulators.dock import SimulatedDock
from tests.simulators.people import browser, case_system, person
from tests.simulators.seeded import admit, api_of, enrol, gateway_on

NO = "2026/17"
EAST = "市局/城东"
# Docked on 2026-02-25 at 06:13 UTC; cameras show Shanghai's time.
THEN, LATER = "2026-02-25T13:50:00", "2026-02-25T09:00:00"
STAGE = {
    "name": "调查取证",
    "start": "2026-02-25T13:45:00+08:00",
    "end": "2026-02-25T14:05:00+08:00",
}
CASE = {
    "by": "Li",
    "unit": EAST,
    "officers": [{"name": "王强", "number": "014032"}],
    "stages": [STAGE, {"name": "决定"}],
}


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path) as opened:
        yield opened


@pytest.fixture
async def api(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with api_of(services) as client:
        yield client


async def docked(
    services: Services, name: str, *started: str, officer: str = "014032", unit: str | None = EAST
) -> list[ClipId]:
    """One docking at a dock of its own; each recording lasts ten minutes."""
    dock = SimulatedDock(name)
    dock.officer, dock.unit = officer, unit
    await enrol(services, dock)
    session = dock.open_session(officer=officer)
    names = [f"{number}.MP4" for number in range(len(started))]
    dock.inventory(session, names)
    clips = [
        dock.seal(
            session,
            f"{name} {file}".encode(),
            name=file,
            started=start,
            media=Media(container="mp4", playable=True, duration_ms=600_000),
        )
        for file, start in zip(names, started, strict=True)
    ]
    dock.close_session(session)
    await admit(services, dock, dock.entries)
    return clips


def at(case_no: str, more: str = "") -> str:
    return f"/api/v1/cases/{quote(case_no, safe='')}{more}"


async def proposed(api: httpx.AsyncClient, case_no: str = NO) -> dict[str, int]:
    told = (await api.get(at(case_no, "/proposals"))).json()
    return {each["clip"]["clip"]: each["score"] for each in told["proposals"]}


async def for_clip(api: httpx.AsyncClient, clip: ClipId) -> dict[str, int]:
    told = (await api.get(f"/api/v1/clips/{clip}/proposals")).json()
    return {each["case_no"]: each["score"] for each in told["proposals"]}


async def decide(
    api: httpx.AsyncClient, clip: ClipId, what: str, case_no: str = NO, **more: str
) -> httpx.Response:
    return await api.post(at(case_no, f"/proposals/{clip}/{what}"), json={"by": "Li", **more})


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def size(services: Services) -> int:
    return services.log.checkpoint().size


@pytest.mark.usefixtures("both_engines")
async def test_a_clip_that_comes_after_its_case_and_one_before_are_proposed_alike(
    services: Services, api: httpx.AsyncClient
) -> None:
    early, other = await docked(services, "dock1", THEN, LATER)
    await api.put(at(NO), json=CASE)
    (late,) = await docked(services, "dock2", THEN)
    (stranger,) = await docked(services, "dock3", THEN, officer="999999", unit="市局/城西")
    found = await proposed(api)
    assert found.keys() >= {str(early), str(late)}
    assert found[str(early)] == found[str(late)] == 400 + 300 + 80
    # Claimed for another hour by a clock that nobody measured, it only may fit.
    assert found.get(str(other), 0) == 400 + 120 + 80
    assert str(stranger) not in found
    for clip in (early, late):
        assert await for_clip(api, clip) == {NO: 780}
    assert await for_clip(api, stranger) == {}
    (first, *_) = (await api.get(at(NO, "/proposals"))).json()["proposals"]
    assert [reason["code"] for reason in first["reasons"]] == [
        *("officer-number", "in-stage-claimed", "same-unit")
    ]


async def test_a_case_that_changes_has_other_proposals(
    services: Services, api: httpx.AsyncClient
) -> None:
    (clip,) = await docked(services, "dock1", THEN)
    await api.put(at(NO), json={"by": "Li", "unit": "市局/城西"})
    assert (await proposed(api), await for_clip(api, clip)) == ({}, {})
    await api.put(at(NO), json={**CASE, "unit": None})
    assert (await proposed(api), await for_clip(api, clip)) == ({str(clip): 700}, {NO: 700})


async def test_an_accepted_proposal_is_a_link_with_its_reasons(
    services: Services, api: httpx.AsyncClient
) -> None:
    (clip,) = await docked(services, "dock1", THEN)
    await api.put(at(NO), json=CASE)
    answer = await decide(api, clip, "accept", why="seen in the footage")
    assert (answer.status_code, answer.json()["how"]) == (201, "confirmed-proposal")
    assert answer.json()["why"] == (
        "proposal, 780 of 1000 points: officer 014032 acts in the case; recorded during 调查取证 "
        "by the camera's own clock, which nobody measured; of the unit that has the case. seen in "
        "the footage"
    )
    before = size(services)
    again = await decide(api, clip, "accept")
    assert (again.status_code, again.json()) == (200, answer.json())
    assert refused(await decide(api, clip, "reject", why="no")) == (409, "clip-linked")
    assert (await proposed(api), await for_clip(api, clip), size(services)) == ({}, {}, before)


@pytest.mark.usefixtures("both_engines")
async def test_what_came_off_the_card_with_a_clip_of_the_case_is_proposed(
    services: Services, api: httpx.AsyncClient
) -> None:
    one, two = await docked(services, "dock1", THEN, "2026-02-20T08:00:00", officer="1", unit=None)
    await api.put(at(NO), json={**CASE, "officers": []})
    assert str(two) not in await proposed(api)
    body = {"clip": str(one), "by": "Li", "why": "scene"}
    assert (await api.post(at(NO, "/links"), json=body)).status_code == 201
    # By itself it is too little to be a proposal: 200 points.
    assert str(two) not in await proposed(api)
    await api.put(at(NO), json={**CASE, "officers": [{"name": "x", "number": "1"}]})
    assert (await proposed(api))[str(two)] == 600
    assert (await for_clip(api, two))[NO] == 600


async def test_a_rejected_clip_is_proposed_again_only_when_the_case_changed(
    services: Services, api: httpx.AsyncClient
) -> None:
    (clip,) = await docked(services, "dock1", THEN)
    await api.put(at(NO), json=CASE)
    told = await decide(api, clip, "reject", why="another street")
    assert (told.status_code, told.json()["why"]) == (200, "another street")
    entry = await services.log.entry(told.json()["rejected_index"])
    assert (entry.kind, json.loads(entry.record)["body"]["clip"]) == (
        "proposal.rejected",
        str(clip),
    )
    before = size(services)
    again = await decide(api, clip, "reject", why="said otherwise")
    assert (again.json(), size(services)) == (told.json(), before)
    assert (await proposed(api), await for_clip(api, clip)) == ({}, {})
    assert refused(await decide(api, clip, "accept")) == (404, "proposal-unknown")
    await api.put(at(NO), json=CASE)
    assert await proposed(api) == {}
    await api.put(at(NO), json={**CASE, "cause": "占道经营"})
    assert (await proposed(api), await for_clip(api, clip)) == ({str(clip): 780}, {NO: 780})
    document = TrailDocument.from_json((await api.get(at(NO, "/trail"))).content)
    anchors = services.log.anchors()
    report = verify_trail(document, anchors)
    answered = answers_case(NO, document, report, anchors)
    assert {each.outcome for each in answered.findings} == {Outcome.INTACT}


async def test_a_clip_that_was_taken_away_is_not_proposed_for_the_same_case_as_it_is(
    services: Services, api: httpx.AsyncClient
) -> None:
    (clip,) = await docked(services, "dock1", THEN)
    await api.put(at(NO), json=CASE)
    await decide(api, clip, "accept")
    body = {"by": "Li", "why": "wrong"}
    await api.request("DELETE", at(NO, f"/links/{clip}"), json=body)
    assert (await proposed(api), await for_clip(api, clip)) == ({}, {})
    await api.put(at(NO), json={**CASE, "cause": "x"})
    assert await proposed(api) == {str(clip): 780}


async def test_nothing_is_proposed_for_a_case_that_is_closed_or_part_of_another(
    services: Services, api: httpx.AsyncClient
) -> None:
    (clip,) = await docked(services, "dock1", THEN)
    why = {"by": "Li", "why": "x"}
    for case_no in ("A", "B"):
        await api.put(at(case_no), json=CASE)
    await decide(api, clip, "reject", "A", why="no")
    await api.post(at("A", "/merge"), json={**why, "into": "B"})
    # What was said of the merged case holds for the one that answers.
    assert (await proposed(api, "A"), await for_clip(api, clip)) == ({}, {})
    await api.put(at("B"), json={**CASE, "cause": "x"})
    assert (await proposed(api, "A"), await for_clip(api, clip)) == ({str(clip): 780}, {"B": 780})
    await api.post(at("B", "/seal"), json=why)
    assert (await proposed(api, "B"), await for_clip(api, clip)) == ({}, {})
    for what in ("accept", "reject"):
        assert refused(await decide(api, clip, what, "B", why="x")) == (409, "case-sealed")


async def test_what_is_beyond_reach_is_neither_proposed_nor_decided(
    services: Services, api: httpx.AsyncClient
) -> None:
    (mine,) = await docked(services, "dock1", THEN)
    (other,) = await docked(services, "dock2", THEN, unit="市局/城西")
    await api.put(at(NO), json=CASE)
    await api.put(at("west"), json={**CASE, "unit": "市局/城西"})
    assert (await proposed(api)).keys() == {str(mine), str(other)}
    async with (
        await person(services, Role.HANDLER, login="east", unit=EAST) as east,
        await person(services, Role.OFFICER, login="officer", officer="014032") as officer,
    ):
        assert (await proposed(east)).keys() == {str(mine)}
        assert (await for_clip(east, mine)).keys() == {NO}
        before = size(services)
        for what in ("accept", "reject"):
            answers = [
                await east.post(at(NO, f"/proposals/{other}/{what}"), json={"why": "x"}),
                await east.post(at("west", f"/proposals/{mine}/{what}"), json={"why": "x"}),
                await east.post(at("none", f"/proposals/{mine}/{what}"), json={"why": "x"}),
                await east.post(at(NO, f"/proposals/dock9.0.1/{what}"), json={"why": "x"}),
            ]
            assert [refused(answer) for answer in answers] == [
                (404, "clip-unknown"),
                (404, "case-unknown"),
                (404, "case-unknown"),
                (404, "clip-unknown"),
            ]
        assert (await east.get(at("west", "/proposals"))).status_code == 404
        assert (await east.get(f"/api/v1/clips/{other}/proposals")).status_code == 404
        assert (await officer.get(f"/api/v1/clips/{mine}/proposals")).status_code == 403
        assert size(services) == before


async def test_what_is_classified_is_not_proposed_to_whom_it_is_not_for(
    services: Services, api: httpx.AsyncClient
) -> None:
    (clip,) = await docked(services, "dock1", THEN)
    await api.put(at(NO), json=CASE)
    async with (
        await person(services, Role.CUSTODIAN, login="custodian") as custodian,
        await person(services, Role.AUDITOR, login="auditor") as auditor,
    ):
        assert (await proposed(auditor)).keys() == {str(clip)}
        marked = await custodian.post(
            f"/api/v1/clips/{clip}/marks", json={"label": "secret", "why": "informant"}
        )
        assert marked.status_code == 201, marked.text
        assert (await proposed(custodian)).keys() == {str(clip)}
        assert await proposed(auditor) == {}
        answer = await auditor.get(f"/api/v1/clips/{clip}/proposals")
        assert refused(answer) == (403, "classified")
        # A case system may link and reject, and sees no such clip: it decides nothing about one.
        shown = {"authorization": f"Bearer {await case_system(services)}"}
        async with browser(services, **shown) as platform:
            size, said = services.log.checkpoint().size, {"by": "Li", "why": "a"}
            for path in (f"/proposals/{clip}/reject", f"/proposals/{clip}/accept", "/links"):
                body = said | ({"clip": str(clip)} if path == "/links" else {})
                assert refused(await platform.post(at(NO) + path, json=body)) == (403, "classified")
            assert services.log.checkpoint().size == size


@pytest.mark.parametrize("body", [{}, {"why": ""}, {"why": "x", "more": 1}, {"why": "a\u202e"}])
async def test_a_rejection_says_why_in_plain_words(
    services: Services, api: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    (clip,) = await docked(services, "dock1", THEN)
    await api.put(at(NO), json=CASE)
    answer = await api.post(at(NO, f"/proposals/{clip}/reject"), json={"by": "Li", **body})
    assert refused(answer) == (422, "request-invalid")


async def test_rejections_come_back_from_the_log_alone_and_may_follow_twice(tmp_path: Path) -> None:
    async with gateway_on(tmp_path) as services, api_of(services) as api:
        (clip,) = await docked(services, "dock1", THEN)
        await api.put(at(NO), json=CASE)
        told = (await decide(api, clip, "reject", why="no")).json()
        token = (await services.cases.case(NO)).token
    forget_database(tmp_path)
    async with gateway_on(tmp_path) as services, api_of(services) as api:
        assert await proposed(api) == {}
        said = ProposalRejected(case=token, case_no=NO, clip=str(clip), by="Li", why="no")
        gone = said.model_copy(update={"case": "ff" * 16})
        for _ in range(2):
            async with services.database.session() as session:
                await apply(session, said, told["rejected_index"])
                await apply(session, gone, 9000)
        assert (await decide(api, clip, "reject", why="again")).json() == told


def forget_database(folder: Path) -> None:
    for left in folder.glob("gateway.db*"):
        left.unlink()


async def test_coverage_of_a_case_names_clips_gaps_and_excuses(
    services: Services, api: httpx.AsyncClient
) -> None:
    (clip,) = await docked(services, "dock1", THEN)
    await api.put(at(NO), json=CASE)
    body = {"by": "Li", "why": "the battery was empty"}
    assert refused(await api.post(at(NO, "/excuses"), json={**body, "stage": "none"})) == (
        422,
        "stage-unknown",
    )
    told = (await api.get(at(NO, "/coverage"))).json()
    assert [(each["stage"], each["covered"]) for each in told["stages"]] == [
        ("调查取证", "missing"),
        ("决定", "untimed"),
    ]
    await decide(api, clip, "accept")
    for _ in range(2):
        excused = await api.post(at(NO, "/excuses"), json={**body, "stage": "调查取证"})
        assert excused.status_code == 200
    stage = (await api.get(at(NO, "/coverage"))).json()["stages"][0]
    assert (stage["covered"], stage["sure"], stage["clips"]) == ("partly", False, [str(clip)])
    assert [(gap["start"], gap["end"]) for gap in stage["gaps"]] == [
        ("2026-02-25T05:45:00Z", "2026-02-25T05:50:00Z"),
        ("2026-02-25T06:00:00Z", "2026-02-25T06:05:00Z"),
    ]
    assert stage["excuse"]["why"] == "the battery was empty"
    async with await person(services, Role.HANDLER, login="west", unit="市局/城西") as west:
        assert (await west.get(at(NO, "/coverage"))).status_code == 404


async def test_every_way_to_clips_has_a_limit(services: Services) -> None:
    starts = [
        f"2026-02-25T13:{minute:02}:{second:02}"
        for minute in range(40, 60)
        for second in range(0, 60, 3)
    ]
    await docked(services, "dock1", *starts[: AT_MOST + 1])
    case, _ = await services.case_changes.put(
        NO, ParticularsAsked.model_validate(CASE).said(), Asker("Li"), unit=EAST, why=None
    )
    async with services.database.reading() as session:
        known = await services.proposing._known(session, case)  # what leads to clips
        assert isinstance(known, Known)
        found = await clips_for(session, known)
    assert (len(found.clips), found.more) == (AT_MOST, True)
