"""Holds: placed and lifted on record, on clips or on a case with whatever is ever linked to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.access.policy import Role
from gateway.clock import GatewayClock
from gateway.holds.covering import holds_on
from gateway.services import Services
from hashing.verdict import Outcome
from protocols.ids import ClipId
from protocols.trail import verify_trail
from tests.simulators.dock import SimulatedDock
from tests.simulators.people import browser, case_system, person
from tests.simulators.seeded import api_of, enrol, gateway_on, link_all, shift_end

CASE = "东2026-1"
WHY = {"reason": "申诉未结", "authority": "人民检察院", "document": "检调〔2026〕3号"}


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path / "gateway") as opened:
        yield opened


async def docked(services: Services, name: str = "dock7", unit: str | None = None) -> list[ClipId]:
    dock = SimulatedDock(name)
    dock.unit = unit
    await enrol(services, dock)
    footage = {f"{each}.MP4": f"{name} {each}".encode() for each in "ABC"}
    return await shift_end(services, dock, footage)


async def place(client: httpx.AsyncClient, **what: object) -> dict[str, Any]:
    said = await client.post("/api/v1/holds", json=WHY | what)
    assert said.status_code == HTTPStatus.CREATED, said.text
    told: dict[str, Any] = said.json()
    return told


async def lift(client: httpx.AsyncClient, hold: str, reason: str = "结案") -> httpx.Response:
    return await client.post(f"/api/v1/holds/{hold}/lift", json={"reason": reason})


async def covered(services: Services, *clips: ClipId) -> list[int]:
    """How many holds are in force over each of these."""
    async with services.database.reading() as session:
        found = await holds_on(session, clips)
    return [len(found.get(clip, ())) for clip in clips]


async def test_a_hold_on_clips_is_on_the_record_of_each_and_found_by_it(services: Services) -> None:
    one, two, three = await docked(services)
    async with (
        await person(services, Role.CUSTODIAN) as keeper,
        await person(services, Role.REVIEWER, login="li") as reviewer,
    ):
        told = await place(keeper, clips=[str(one), str(two)], until="2027-06-30")
        assert (told["by"], told["clips_total"], told["due"]) == ("王警官 <wang>", 2, False)
        for clip in (one, two):
            entry = (await services.log.entries_of(clip.clip_urn))[-1]
            assert (entry.kind, entry.subject) == ("hold.placed", clip.clip_urn)
        assert await covered(services, one, two, three) == [1, 1, 0]
        listed = (await keeper.get("/api/v1/holds", params={"clip": str(two)})).json()["holds"]
        assert [each["hold"] for each in listed] == [told["hold"]]
        assert (await keeper.get("/api/v1/holds", params={"clip": str(three)})).json() == {
            "holds": [],
            "next": None,
        }
        # Who proposes to dispose of something cannot take away what keeps it.
        assert (await lift(keeper, told["hold"])).json()["code"] == "not-allowed"
        assert (await lift(reviewer, told["hold"])).json()["lifted_by"] == "王警官 <li>"
        size = services.log.checkpoint().size
        assert (await lift(reviewer, told["hold"])).status_code == HTTPStatus.OK
        assert (await lift(reviewer, told["hold"], "别的")).json()["code"] == "hold-lifted"
        assert services.log.checkpoint().size == size
        assert await covered(services, one, two) == [0, 0]
        gone = (await keeper.get("/api/v1/holds", params={"in_force": True})).json()["holds"]
        assert gone == []
    row = await services.evidence.clip(one)
    assert row is not None
    report = verify_trail(await services.trails.of_clip(row), services.log.anchors())
    assert report.verdict.outcome is Outcome.INTACT, report.verdict.problems
    kinds = [event.record.kind for event in report.events if event.record is not None]
    assert kinds[-2:] == ["hold.placed", "hold.lifted"]


async def test_a_hold_on_a_case_covers_what_is_linked_later_and_what_is_untied(
    services: Services,
) -> None:
    before, later, untied = await docked(services)
    await link_all(services, CASE, [before, untied])
    async with api_of(services) as host:
        gone = {"by": "Li", "why": "wrong"}
        await host.request("DELETE", f"/api/v1/cases/{CASE}/links/{before}", json=gone)
        told = await place(host, case_no=CASE, by="Li")
        assert (told["case_no"], told["clips"]) == (CASE, [])
        # Untied before the hold was placed: never covered. Tied later: covered.
        assert await covered(services, before, later, untied) == [0, 0, 1]
        link = {"clip": str(later), "by": "Li", "why": "scene"}
        await host.post(f"/api/v1/cases/{CASE}/links", json=link)
        await host.request("DELETE", f"/api/v1/cases/{CASE}/links/{untied}", json=gone)
        assert await covered(services, before, later, untied) == [0, 1, 1]
        listed = (await host.get("/api/v1/holds", params={"clip": str(untied)})).json()
        assert [each["hold"] for each in listed["holds"]] == [told["hold"]]
        await host.post(f"/api/v1/holds/{told['hold']}/lift", json={"reason": "over", "by": "Li"})
    assert await covered(services, before, later, untied) == [0, 0, 0]


async def test_a_day_that_is_over_ends_no_hold_and_is_listed(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip, *_ = await docked(services)
    async with await person(services, Role.SUPERVISOR) as client:
        told = await place(client, clips=[str(clip)], until=services.holds.today())
        await place(client, clips=[str(clip)])
        assert (await client.get("/api/v1/holds?due=true")).json()["holds"] == []
    now = GatewayClock.now
    monkeypatch.setattr(GatewayClock, "now", lambda self: now(self) + timedelta(days=1))
    async with await person(services, Role.SUPERVISOR) as client:
        (due,) = (await client.get("/api/v1/holds?due=true")).json()["holds"]
        assert (due["hold"], due["due"]) == (told["hold"], True)
    assert await covered(services, clip) == [2]


async def test_a_day_of_a_hold_is_over_at_the_agency_s_midnight(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    for hour, day in ((15, "2026-11-22"), (16, "2026-11-23")):
        at = datetime(2026, 11, 22, hour, tzinfo=UTC)
        monkeypatch.setattr(GatewayClock, "now", lambda _, at=at: at)
        assert services.holds.today() == day


async def test_what_lies_beyond_reach_is_not_there_and_a_part_is_not_the_whole(
    services: Services,
) -> None:
    east, *_ = await docked(services, "east", "市局/城东")
    west, *_ = await docked(services, "west", "市局/城西")
    async with (
        await person(services, Role.SUPERVISOR, unit="市局/城东") as mine,
        await person(services, Role.SUPERVISOR, login="top") as top,
    ):
        beyond = await mine.post("/api/v1/holds", json=WHY | {"clips": [str(west)]})
        assert (beyond.status_code, beyond.json()["code"]) == (404, "clip-unknown")
        assert (await mine.get("/api/v1/holds", params={"clip": str(west)})).status_code == 404
        other = await place(top, clips=[str(west)])
        both = await place(top, clips=[str(east), str(west)])
        listed = (await mine.get("/api/v1/holds")).json()["holds"]
        assert [each["hold"] for each in listed] == [both["hold"]]
        assert (await mine.get(f"/api/v1/holds/{other['hold']}")).json()["code"] == "hold-unknown"
        assert (await lift(mine, other["hold"])).json()["code"] == "hold-unknown"
        assert (await lift(mine, both["hold"])).json()["code"] == "hold-beyond-reach"
        assert (await lift(top, both["hold"])).status_code == HTTPStatus.OK


async def test_pages_of_holds_name_each_once(services: Services) -> None:
    clip, *_ = await docked(services)
    async with await person(services, Role.SUPERVISOR) as client:
        placed = [(await place(client, clips=[str(clip)]))["hold"] for _ in range(5)]
        seen, cursor = [], None
        while True:
            asked = {"limit": 2} | ({} if cursor is None else {"cursor": cursor})
            page = (await client.get("/api/v1/holds", params=asked)).json()
            seen += [each["hold"] for each in page["holds"]]
            cursor = page["next"]
            if cursor is None:
                break
    assert seen == placed[::-1]


@pytest.mark.parametrize(
    "what",
    [
        {},
        {"clips": []},
        {"clips": ["dock7.0.2"], "case_no": CASE},
        {"clips": ["dock7.0.2"], "authority": ""},
        {"clips": ["dock7.0.2"], "until": "soon"},
        {"clips": ["x"]},
    ],
)
async def test_what_says_no_hold_places_none(services: Services, what: dict[str, Any]) -> None:
    await docked(services)
    size = services.log.checkpoint().size
    async with await person(services, Role.SUPERVISOR) as client:
        said = await client.post("/api/v1/holds", json=WHY | what)
        assert said.status_code == HTTPStatus.UNPROCESSABLE_ENTITY, said.text
    assert services.log.checkpoint().size == size + 1


async def test_a_case_system_places_holds_for_somebody_and_lifts_none(services: Services) -> None:
    clip, *_ = await docked(services)
    shown = {"authorization": f"Bearer {await case_system(services)}"}
    async with browser(services, **shown) as client:
        unsaid = await client.post("/api/v1/holds", json=WHY | {"clips": [str(clip)]})
        assert unsaid.json()["code"] == "by-missing"
        told = await place(client, clips=[str(clip)], by="李警官")
        assert told["by"] == "李警官 via <platform>"
        assert (await lift(client, told["hold"])).json()["code"] == "not-allowed"


async def test_holds_are_known_again_to_a_database_made_anew(tmp_path: Path) -> None:
    async with gateway_on(tmp_path) as services:
        one, two, _ = await docked(services)
        await link_all(services, CASE, [two])
        async with api_of(services) as host:
            await place(host, clips=[str(one), str(two)], by="Li")
            lifted = await place(host, case_no=CASE, by="Li")
            say = {"reason": "over", "by": "Li"}
            await host.post(f"/api/v1/holds/{lifted['hold']}/lift", json=say)
            before = (await host.get("/api/v1/holds")).json()
    forget_database(tmp_path)
    async with gateway_on(tmp_path) as services, api_of(services) as host:
        assert (await host.get("/api/v1/holds")).json() == before
        assert await covered(services, one, two) == [1, 1]


def forget_database(folder: Path) -> None:
    for left in folder.glob("gateway.db*"):
        left.unlink()
