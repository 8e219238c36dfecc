"""Who may do what: every cell of the policy at a real route, and every route in the policy."""

from __future__ import annotations

from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from gateway.access.gate import act_of, check_guarded, routes_of
from gateway.access.policy import POLICY, Act, Reach, Role, reach
from gateway.access.scope import is_within
from gateway.app import create_app
from gateway.services import Services
from protocols.ids import ClipId
from tests.simulators.dock import SimulatedDock
from tests.simulators.people import URL, browser, case_system, person
from tests.simulators.seeded import api_of, enrol, gateway_on, shift_end

CITY, EAST, WEST = "市局", "市局/城东", "市局/城西"
REFUSED = HTTPStatus.FORBIDDEN

# One route of each act that refuses what it is asked only after it has said who may ask.
AT: dict[Act, tuple[str, str, dict[str, object] | None]] = {
    Act.CLIPS_READ: ("GET", "/clips", None),
    Act.CLIPS_PLAY: ("GET", "/clips/dock9.0.1/content", None),
    Act.CLIPS_UNLOCK: ("POST", "/clips/dock9.0.1/keys", {"key": "00" * 16, "reason": "a"}),
    Act.TRAILS_READ: ("GET", "/clips/dock9.0.1/trail", None),
    Act.CLIPS_SECRET: ("GET", "/classified", None),
    Act.CLIPS_GROUP: (
        "POST",
        "/recordings",
        {"clips": ["dock9.0.1", "dock9.0.2"], "why": "a"},
    ),
    Act.CLIPS_MARK: ("POST", "/clips/dock9.0.1/marks", {"label": "privacy", "why": "a"}),
    Act.CLIPS_CORRECT: (
        "POST",
        "/clips/dock9.0.1/corrections",
        {"field": "officer", "to": "1", "why": "a"},
    ),
    Act.CASES_READ: ("GET", "/cases", None),
    Act.CASES_OPEN: ("POST", "/cases", {"case_no": "1", "title": "a"}),
    Act.CASES_LINK: ("POST", "/cases/none/links", {"clip": "dock9.0.1", "why": "a"}),
    Act.CASES_MANAGE: ("POST", "/cases/none/seal", {"why": "a"}),
    Act.EXPORTS_MAKE: ("POST", "/exports", {"case_no": "none", "reason": "a", "recipient": "b"}),
    Act.HOLDS_READ: ("GET", "/holds", None),
    Act.HOLDS_PLACE: (
        "POST",
        "/holds",
        {"clips": ["dock9.0.1"], "reason": "a", "authority": "court", "by": "Li"},
    ),
    Act.HOLDS_LIFT: ("POST", "/holds/00/lift", {"reason": "a", "by": "Li"}),
    Act.RULES_READ: ("GET", "/rules", None),
    Act.RULES_ADOPT: ("POST", "/rules", {"pack": "", "signature": "", "why": "a", "by": "Li"}),
    Act.DISPOSALS_READ: ("GET", "/disposals", None),
    Act.DISPOSALS_PROPOSE: ("GET", "/disposals/dry-run", None),
    Act.DISPOSALS_APPROVE: ("POST", "/disposals/00/approve", {"reason": "a"}),
    Act.DOCKS_READ: ("GET", "/docks", None),
    Act.DOCKS_MANAGE: ("POST", "/docks", {"id": "dock9", "statement_key": "none"}),
    Act.LOG_READ: ("GET", "/log/entries", None),
    Act.LOG_PROVE: ("GET", "/log/checkpoint", None),
    Act.EVENTS_READ: ("GET", "/events/past", None),
    Act.WEBHOOKS_MANAGE: ("GET", f"/webhooks/{'0' * 32}", None),
    Act.PEOPLE_READ: ("GET", "/accounts", None),
    Act.PEOPLE_MANAGE: ("POST", "/accounts/none/link", {}),
}


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path) as opened:
        yield opened


async def ask(client: httpx.AsyncClient, act: Act) -> httpx.Response:
    method, path, body = AT[act]
    return await client.request(method, f"/api/v1{path}", json=body)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.CASE_SYSTEM])
async def test_each_cell_of_a_role_holds_at_a_route(services: Services, role: Role) -> None:
    async with await person(services, role) as client:
        for act in Act:
            answer = await ask(client, act)
            refused = answer.status_code == REFUSED and answer.json()["code"] == "not-allowed"
            assert refused == (POLICY[role, act] is Reach.NONE), (act, answer.text)


async def test_each_cell_of_a_case_system_holds_at_a_route(services: Services) -> None:
    shown = {"authorization": f"Bearer {await case_system(services)}"}
    async with browser(services, **shown) as client:
        for act in Act:
            answer = await ask(client, act)
            refused = answer.status_code == REFUSED and answer.json()["code"] == "not-allowed"
            assert refused == (POLICY[Role.CASE_SYSTEM, act] is Reach.NONE), (act, answer.text)


async def test_nobody_known_may_do_nothing_that_is_an_act(services: Services) -> None:
    async with browser(services) as client:
        for act in Act:
            answer = await ask(client, act)
            assert answer.status_code == HTTPStatus.UNAUTHORIZED, act
            assert answer.headers["www-authenticate"].startswith("Bearer")
        assert (await client.get("/healthz")).status_code == HTTPStatus.OK
        assert (await client.get("/tlog/checkpoint")).status_code == HTTPStatus.OK


def test_who_keeps_the_machines_sees_no_footage_and_the_other_way_round() -> None:
    footage = (Act.CLIPS_READ, Act.CLIPS_PLAY, Act.TRAILS_READ, Act.EXPORTS_MAKE, Act.LOG_READ)
    machines = (Act.DOCKS_MANAGE, Act.PEOPLE_MANAGE)
    for role in Role:
        sees = any(POLICY[role, act] for act in footage)
        keeps = any(POLICY[role, act] for act in machines)
        assert not (sees and keeps), role


def test_several_roles_reach_as_far_as_the_widest() -> None:
    assert reach([Role.OFFICER, Role.HANDLER], Act.CLIPS_PLAY) is Reach.UNIT
    assert reach([], Act.CLIPS_PLAY) is Reach.NONE


async def test_every_route_names_one_act_and_an_application_with_another_does_not_start(
    services: Services,
) -> None:
    app = create_app(services)
    routes = list(routes_of(app.routes, unguarded=app.openapi_url))
    assert {act_of(route) for route in routes} >= set(Act)
    open_to_all = {route.path for route in routes if act_of(route) is None}
    assert open_to_all == {
        *("/healthz", "/tlog/checkpoint", "/tlog/tile/{address:path}"),
        *(
            "/",
            "/me",
            "/signin/provider",
            "/signin/back",
            "/today/parts",
            "/signin",
            "/setup",
            "/language/{language}",
            "/static/{name}",
        ),
        *("/docs", "/trust", "/policy", "/session", "/setup", "/setup/offer"),
    }
    careless, router = FastAPI(docs_url=None, redoc_url=None), APIRouter(prefix="/clips")
    router.add_api_route("/all", list)
    careless.include_router(router)
    with pytest.raises(LookupError, match="/clips/all names 0 acts"):
        check_guarded(careless)
    odd = FastAPI(docs_url=None, redoc_url=None)
    odd.mount("/files", FastAPI())
    with pytest.raises(LookupError, match="a sort that is not guarded"):
        check_guarded(odd)


def test_the_table_in_the_documents_is_the_policy() -> None:
    page = (Path(__file__).parents[3] / "docs" / "accounts.md").read_text()
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page.split("<!-- policy")[1].splitlines()
        if line.startswith("| ")
    ]
    head, *cells = rows[: 1 + len(Act)]
    told = {
        (Role(name), Act(row[0])): Reach[cell.upper() if cell != "-" else "NONE"]
        for row in cells
        for name, cell in zip(head[1:], row[1:], strict=True)
    }
    assert told == POLICY


# --- scope -------------------------------------------------------------------------


async def docked(services: Services, name: str, unit: str | None) -> ClipId:
    dock = SimulatedDock(name)
    dock.unit, dock.officer = unit, f"officer of {name}"
    await enrol(services, dock)
    return (await shift_end(services, dock, {"A.MP4": name.encode()}))[0]


async def seen(client: httpx.AsyncClient) -> set[str]:
    return {clip["clip"] for clip in (await client.get("/api/v1/clips")).json()["clips"]}


async def test_people_see_their_unit_and_what_is_below_it(services: Services) -> None:
    city = await docked(services, "city", CITY)
    east = await docked(services, "east", EAST)
    west = await docked(services, "west", WEST)
    nobodys = await docked(services, "nobody", None)
    for unit, expected in (
        (None, {city, east, west, nobodys}),
        (CITY, {city, east, west}),
        (EAST, {east}),
        ("市", set()),
        ("市局/城", set()),
    ):
        async with await person(services, Role.CUSTODIAN, unit=unit) as client:
            assert await seen(client) == {str(clip) for clip in expected}, unit
            for clip in (city, east, west, nobodys):
                for what in ("", "/content", "/leaves", "/proof", "/trail", "/views"):
                    answer = await client.get(f"/api/v1/clips/{clip}{what}")
                    there = answer.status_code in {HTTPStatus.OK, HTTPStatus.CONFLICT}
                    assert there == (clip in expected), (unit, clip, what, answer.text)


async def test_officers_see_what_they_recorded(services: Services) -> None:
    east = await docked(services, "east", EAST)
    await docked(services, "west", EAST)
    async with await person(services, Role.OFFICER, unit=EAST, officer="officer of east") as client:
        assert await seen(client) == {str(east)}
        assert (await client.get(f"/api/v1/clips/{east}/content")).content == b"east"
        assert (await client.get("/api/v1/clips/west.0.2/content")).status_code == 404
    async with await person(services, Role.OFFICER, unit=EAST) as client:
        assert await seen(client) == set()


async def test_a_clip_counts_to_the_units_of_its_cases_until_it_is_unlinked(
    services: Services,
) -> None:
    west = await docked(services, "west", WEST)
    async with (
        await person(services, Role.HANDLER, unit=EAST) as east,
        api_of(services) as host,
    ):
        opened = await east.post("/api/v1/cases", json={"case_no": "东1"})
        assert (opened.status_code, opened.json()["unit"]) == (HTTPStatus.CREATED, EAST)
        link = {"clip": str(west), "why": "same quarrel"}
        at = f"/api/v1/cases/{quote('东1')}/links"
        assert (await east.post(at, json=link)).status_code == HTTPStatus.NOT_FOUND
        assert (await host.post(at, json=link | {"by": "city"})).status_code == HTTPStatus.CREATED
        assert await seen(east) == {str(west)}
        gone = await host.request("DELETE", f"{at}/{west}", json={"by": "city", "why": "wrong"})
        assert gone.status_code == HTTPStatus.OK
        assert await seen(east) == set()


async def test_cases_of_other_units_are_not_there(services: Services) -> None:
    async with await person(services, Role.HANDLER, unit=WEST, login="li") as west:
        assert (await west.post("/api/v1/cases", json={"case_no": "W1"})).status_code == 201
        beyond = await west.post("/api/v1/cases", json={"case_no": "E1", "unit": EAST})
        assert (beyond.status_code, beyond.json()["code"]) == (REFUSED, "beyond-your-unit")
    async with await person(services, Role.CUSTODIAN, unit=EAST) as east:
        assert (await east.get("/api/v1/cases")).json()["cases"] == []
        for method, path, body in (
            ("GET", "/cases/W1", None),
            ("GET", "/cases/W1/links", None),
            ("GET", "/cases/W1/links/dock9.0.1", None),
            ("GET", "/cases/W1/trail", None),
            ("GET", "/clips?case_no=W1", None),
            ("POST", "/cases/W1/links", {"clip": "dock9.0.1", "why": "a"}),
            ("DELETE", "/cases/W1/links/dock9.0.1", {"why": "a"}),
            ("POST", "/exports", {"case_no": "W1", "reason": "a", "recipient": "b"}),
        ):
            answer = await east.request(method, f"/api/v1{path}", json=body)
            assert (answer.status_code, answer.json()["code"]) == (404, "case-unknown"), path


async def test_an_export_is_for_who_made_it_and_for_who_stands_above_all(
    services: Services,
) -> None:
    east = await docked(services, "east", EAST)
    asked = {"clip": str(east), "reason": "court", "recipient": "court 2"}
    async with (
        await person(services, Role.CUSTODIAN, unit=EAST, login="li") as maker,
        await person(services, Role.CUSTODIAN, unit=EAST, login="wu") as other,
        await person(services, Role.CUSTODIAN, login="top") as top,
    ):
        made = await maker.post("/api/v1/exports", json=asked)
        assert made.json()["by"] == "王警官 <li>"
        for client, status in ((maker, 200), (other, 404), (top, 200)):
            for what in ("", "/dossier", "/witnesses", "/pack.zip"):
                answer = await client.get(f"/api/v1/exports/1{what}")
                assert answer.status_code == status, what


async def test_the_whole_log_is_for_who_stands_above_all(services: Services) -> None:
    async with await person(services, Role.AUDITOR, unit=CITY, login="li") as below:
        for path in ("/log/entries", "/log/entries/0"):
            answer = await below.get(f"/api/v1{path}")
            assert (answer.status_code, answer.json()["code"]) == (REFUSED, "beyond-your-unit")
    async with await person(services, Role.AUDITOR) as top:
        assert (await top.get("/api/v1/log/entries/0")).status_code == HTTPStatus.OK


def test_a_unit_is_within_itself_and_what_is_above_it_and_nothing_that_looks_like_it() -> None:
    assert is_within(EAST, EAST)
    assert is_within(EAST, CITY)
    assert is_within(EAST, "")
    assert not is_within(CITY, EAST)
    assert not is_within("市局/城东二", EAST)


# --- names in the log --------------------------------------------------------------


async def test_people_sign_as_themselves_and_nobody_else_can_look_like_one(
    services: Services,
) -> None:
    async with await person(services, Role.HANDLER) as wang:
        for number, by in enumerate((None, "wang", "王警官", "王警官 <wang>")):
            body = {"case_no": str(number)} | ({"by": by} if by else {})
            opened = await wang.post("/api/v1/cases", json=body)
            assert opened.json()["opened_by"] == "王警官 <wang>"
        other = await wang.post("/api/v1/cases", json={"case_no": "x", "by": "Li"})
        assert (other.status_code, other.json()["code"]) == (422, "by-not-you")
    key = await case_system(services)
    for token, signed in ((key, "Li via <platform>"), (services.host.text, "Li")):
        async with browser(services, authorization=f"Bearer {token}") as client:
            opened = await client.post("/api/v1/cases", json={"case_no": signed, "by": "Li"})
            assert opened.json()["opened_by"] == signed
            for by, code in ((None, "by-missing"), ("王警官 <wang>", "by-marked")):
                body = {"case_no": "y"} | ({"by": by} if by else {})
                answer = await client.post("/api/v1/cases", json=body)
                assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_whose_word_it_is_is_never_cut_off(services: Services) -> None:
    key = await case_system(services)
    async with browser(services, authorization=f"Bearer {key}") as client:
        body = {"case_no": "1", "by": "L" * 190}
        answer = await client.post("/api/v1/cases", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "by-long")
        fits = await client.post("/api/v1/cases", json=body | {"by": "L" * 180})
        assert fits.json()["opened_by"].endswith(" via <platform>")
    async with api_of(services) as host:
        rights = {"login": "li", "name": "李" * 121, "roles": ["officer"], "why": "a", "by": "root"}
        assert (await host.post("/api/v1/accounts", json=rights)).status_code == 422
        assert (await host.post("/api/v1/accounts", json=rights | {"name": "李" * 120})).is_success


async def test_the_policy_can_be_read_by_whoever_it_is_about(services: Services) -> None:
    async with await person(services, Role.REVIEWER) as client:
        told = (await client.get("/api/v1/policy")).json()
        me = (await client.get("/api/v1/session")).json()
    assert told["clips.play"]["officer"] == "own"
    assert me["acts"] == {act.value: POLICY[Role.REVIEWER, act].name.lower() for act in Act}
    async with browser(services) as stranger:
        for path in ("/policy", "/session"):
            answer = await stranger.get(f"{URL}/api/v1{path}")
            assert answer.status_code == HTTPStatus.UNAUTHORIZED
