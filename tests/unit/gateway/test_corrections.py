"""What was claimed wrongly is put right on record; the claim stays, and so does who sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.access.policy import Role
from gateway.services import Services
from hashing.verdict import Outcome
from protocols.ids import ClipId
from protocols.progress import Quiet
from protocols.trail import verify_trail
from tests.simulators.dock import SimulatedDock
from tests.simulators.packs import exported, filled
from tests.simulators.people import browser, case_system, person
from tests.simulators.seeded import api_of, enrol, gateway_on, link_all, shift_end
from verifier.pack import verify_pack
from verifier.sources import opened

CITY, EAST, WEST = "市局", "市局/城东", "市局/城西"
CLAIMED, REAL = "014032", "020771"
OFFICER: dict[str, object] = {"field": "officer", "to": REAL, "why": "took the wrong camera"}
START: dict[str, object] = {
    "field": "started",
    "to": "2026-02-25T14:00:00.5+08:00",
    "error_ms": 2000,
    "known_by": "a clock in the picture",
    "why": "the camera's clock had stopped",
}


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path / "gateway") as opened_:
        yield opened_


async def docked(services: Services, unit: str | None = EAST) -> ClipId:
    dock = SimulatedDock()
    dock.officer, dock.unit = CLAIMED, unit
    await enrol(services, dock)
    return (await shift_end(services, dock, {"A.MP4": b"footage"}))[0]


async def correct(client: httpx.AsyncClient, clip: ClipId, **asked: object) -> httpx.Response:
    return await client.post(f"/api/v1/clips/{clip}/corrections", json=asked)


async def seen(client: httpx.AsyncClient) -> set[str]:
    return {each["clip"] for each in (await client.get("/api/v1/clips")).json()["clips"]}


async def test_the_claim_stays_and_says_beside_it_what_counts(services: Services) -> None:
    clip = await docked(services)
    async with await person(services, Role.CUSTODIAN, unit=CITY) as client:
        before = (await client.get(f"/api/v1/clips/{clip}")).json()
        size = services.log.checkpoint().size
        for number, asked in enumerate((OFFICER, START), start=1):
            made = await correct(client, clip, **asked)
            assert made.status_code == HTTPStatus.CREATED, made.text
            assert (made.json()["number"], made.json()["by"]) == (number, "王警官 <wang>")
        entry = await services.log.entry(size)
        assert (entry.kind, entry.subject) == ("clip.corrected", clip.clip_urn)
        told = (await client.get(f"/api/v1/clips/{clip}")).json()
        corrected = told.pop("corrected")
        # Lists by time go by what counts; all else stands as it was claimed.
        bounds = {name: told.pop(name) for name in ("started_earliest", "started_latest")}
        assert before.pop("corrected") == {}
        assert {name: each for name, each in before.items() if name not in bounds} == told
        assert bounds["started_earliest"] == "2026-02-25T05:59:58.500000Z"
        assert bounds["started_latest"] == "2026-02-25T06:00:02.500000Z"
        assert corrected["officer"]["to"] == REAL
        assert corrected["officer"]["why"] == OFFICER["why"]
        assert corrected["started"]["to"] == "2026-02-25T06:00:00.500Z"
        assert corrected["started"]["error_ms"] == 2000
        (row,) = (await client.get("/api/v1/clips")).json()["clips"]
        assert row["corrected"] == corrected
        assert (row["officer"], row["started_claim"]) == (CLAIMED, before["started_claim"])


async def test_the_newest_of_a_field_counts_until_it_is_taken_back(services: Services) -> None:
    clip = await docked(services)
    async with await person(services, Role.CUSTODIAN) as client:

        async def now() -> dict[str, Any]:
            told = (await client.get(f"/api/v1/clips/{clip}")).json()["corrected"]
            return {name: each["to"] for name, each in told.items()}

        await correct(client, clip, **OFFICER)
        await correct(client, clip, field="unit", to=WEST, why="lent")
        await correct(client, clip, **OFFICER | {"to": "3"})
        assert await now() == {"officer": "3", "unit": WEST}
        size = services.log.checkpoint().size
        again = await correct(client, clip, **OFFICER | {"to": "3"})
        assert (again.status_code, again.json()["number"]) == (HTTPStatus.OK, 3)
        assert services.log.checkpoint().size == size
        back = await correct(client, clip, field="officer", to=None, why="was right")
        assert (back.status_code, back.json()["to"]) == (HTTPStatus.CREATED, None)
        assert await now() == {"unit": WEST}
        listed = (await client.get(f"/api/v1/clips/{clip}/corrections")).json()
        assert [each["number"] for each in listed] == [1, 2, 3, 4]
        assert {each["claimed"] for each in listed} == {CLAIMED, EAST}


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"field": "officer", "to": None, "why": "a"}, 409, "correction-empty"),
        ({"field": "officer", "to": CLAIMED, "why": "a"}, 409, "correction-empty"),
        ({"field": "dock", "to": "x", "why": "a"}, 422, "request-invalid"),
        ({"field": "officer", "to": "x"}, 422, "request-invalid"),
        ({"field": "officer", "why": "a"}, 422, "request-invalid"),
        ({"field": "officer", "to": " x", "why": "a"}, 422, "request-invalid"),
        ({"field": "officer", "to": "\u202ex", "why": "a"}, 422, "request-invalid"),
        ({"field": "officer", "to": "x" * 201, "why": "a"}, 422, "request-invalid"),
        ({"field": "officer", "to": "x", "error_ms": 1, "why": "a"}, 422, "request-invalid"),
        (START | {"error_ms": None}, 422, "request-invalid"),
        (START | {"known_by": None}, 422, "request-invalid"),
        (START | {"error_ms": -1}, 422, "request-invalid"),
        (START | {"to": "yesterday"}, 422, "request-invalid"),
        (START | {"to": "2026-02-25T14:00:00"}, 422, "request-invalid"),
        (START | {"to": "0001-01-01T00:00:00+14:00"}, 422, "request-invalid"),
        (START | {"to": "9999-12-31T23:00:00-14:00"}, 422, "request-invalid"),
        (START | {"to": "9998-01-01T00:00:00Z"}, 422, "correction-in-future"),
    ],
)
async def test_what_is_no_correction_is_refused_and_nothing_is_logged(
    services: Services, asked: dict[str, Any], status: int, code: str
) -> None:
    clip = await docked(services)
    async with await person(services, Role.CUSTODIAN) as client:
        size = services.log.checkpoint().size
        refused = await correct(client, clip, **asked)
        assert (refused.status_code, refused.json()["code"]) == (status, code), refused.text
        assert services.log.checkpoint().size == size


async def test_another_unit_gains_reach_and_the_claimed_one_keeps_it(services: Services) -> None:
    clip = await docked(services)
    async with (
        await person(services, Role.CUSTODIAN, unit=EAST, login="dong") as east,
        await person(services, Role.CUSTODIAN, unit=WEST, login="xi") as west,
    ):
        missing = await correct(west, clip, field="unit", to=WEST, why="ours")
        assert (missing.status_code, missing.json()["code"]) == (404, "clip-unknown")
        made = await correct(east, clip, field="unit", to=WEST, why="lent to the west")
        assert made.status_code == HTTPStatus.CREATED
        assert await seen(east) == await seen(west) == {str(clip)}
        told = (await west.get(f"/api/v1/clips/{clip}")).json()
        assert (told["unit"], told["corrected"]["unit"]["to"]) == (EAST, WEST)
        # Whose it is by correction may put it right as well; taken back, that reach ends.
        assert (await correct(west, clip, **OFFICER)).status_code == HTTPStatus.CREATED
        assert (await correct(east, clip, field="unit", to=None, why="no")).is_success
        assert (await seen(east), await seen(west)) == ({str(clip)}, set())


async def test_whoever_sees_a_clip_by_a_case_alone_cannot_make_it_his(services: Services) -> None:
    clip = await docked(services, WEST)
    async with (
        await person(services, Role.CUSTODIAN, Role.HANDLER, unit=EAST, officer="1") as east,
        api_of(services) as host,
    ):
        assert (await east.post("/api/v1/cases", json={"case_no": "E1"})).is_success
        link = {"clip": str(clip), "why": "same quarrel", "by": "city"}
        assert (await host.post("/api/v1/cases/E1/links", json=link)).is_success
        assert await seen(east) == {str(clip)}
        for asked in (OFFICER | {"to": "1"}, {"field": "unit", "to": EAST, "why": "ours"}):
            refused = await correct(east, clip, **asked)
            assert (refused.status_code, refused.json()["code"]) == (403, "not-your-units-clip")


async def test_the_right_officer_plays_it_as_his_and_the_wrong_one_says_why(
    services: Services,
) -> None:
    clip = await docked(services)
    async with (
        await person(services, Role.CUSTODIAN, login="keeper") as keeper,
        await person(services, Role.OFFICER, login="li", officer=CLAIMED) as wrong,
        await person(services, Role.OFFICER, login="wu", officer=REAL) as right,
    ):
        assert (await wrong.get(f"/api/v1/clips/{clip}/content")).is_success
        assert await seen(right) == set()
        await correct(keeper, clip, **OFFICER)
        assert await seen(wrong) == await seen(right) == {str(clip)}
        assert (await right.get(f"/api/v1/clips/{clip}/content")).content == b"footage"
        asked = await wrong.get(f"/api/v1/clips/{clip}/content")
        assert (asked.status_code, asked.json()["code"]) == (409, "view-needed")
        said = {"how": "play", "reason": "I was there"}
        assert (await wrong.post(f"/api/v1/clips/{clip}/views", json=said)).is_success
        assert (await wrong.get(f"/api/v1/clips/{clip}/content")).content == b"footage"
        # An officer cannot talk himself out of what he recorded.
        refused = await correct(right, clip, **OFFICER | {"to": "9"})
        assert (refused.status_code, refused.json()["code"]) == (403, "not-allowed")
        for officer in (CLAIMED, REAL):
            page = await keeper.get("/clips", params={"officer": officer})
            assert f"/clips/{clip}" in page.text, officer


async def test_a_case_system_puts_nothing_right(services: Services) -> None:
    clip = await docked(services)
    key = await case_system(services)
    async with browser(services, authorization=f"Bearer {key}") as client:
        assert (await correct(client, clip, **OFFICER)).status_code == HTTPStatus.FORBIDDEN


async def test_a_database_made_anew_has_the_same_corrections(tmp_path: Path) -> None:
    async with gateway_on(tmp_path) as services:
        clip = await docked(services)
        async with api_of(services) as host:
            for asked in (OFFICER, START, OFFICER | {"to": "3"}):
                assert (await correct(host, clip, by="Li", **asked)).is_success
            addresses = (f"/api/v1/clips/{clip}", f"/api/v1/clips/{clip}/corrections")
            before = [(await host.get(address)).json() for address in addresses]
    forget_database(tmp_path)
    async with gateway_on(tmp_path) as services, api_of(services) as host:
        assert [(await host.get(address)).json() for address in addresses] == before


def forget_database(folder: Path) -> None:
    for left in folder.glob("gateway.db*"):
        left.unlink()


async def test_trail_and_pack_show_it_and_verify(services: Services, tmp_path: Path) -> None:
    clips, trust = await filled(services)
    async with await person(services, Role.CUSTODIAN) as client:
        assert (await correct(client, clips[0], **OFFICER)).is_success
    row = await services.evidence.clip(clips[0])
    assert row is not None
    report = verify_trail(await services.trails.of_clip(row), services.log.anchors())
    assert report.verdict.outcome is Outcome.INTACT, report.verdict.problems
    await exported(services, tmp_path / "pack")
    with opened(tmp_path / "pack") as source:
        checked = verify_pack(source, trust, Quiet())
    assert checked.verdict.outcome is Outcome.INTACT, checked.verdict.problems
    assert f"is {REAL}" in (tmp_path / "pack" / "report.html").read_text()


async def test_links_are_seen_beside_corrections(services: Services) -> None:
    clip = await docked(services)
    await link_all(services, "2026-1", [clip])
    async with await person(services, Role.CUSTODIAN) as client:
        await correct(client, clip, **OFFICER)
        told = (await client.get(f"/api/v1/clips/{clip}")).json()
        assert (told["links"][0]["case_no"], told["corrected"]["officer"]["to"]) == ("2026-1", REAL)
