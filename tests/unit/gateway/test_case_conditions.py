"""Acts on cases that depend on what the asker knows of them (`If-Match`)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from gateway.services import Services
from protocols.ids import ClipId
from tests.simulators.dock import SimulatedDock
from tests.simulators.seeded import api_of, enrol, gateway_on, shift_end

pytestmark = pytest.mark.usefixtures("both_engines")
CHANGED = HTTPStatus.PRECONDITION_FAILED
CASE = "/api/v1/cases/2026%2F17"
STAGES = {"stages": [{"name": "a", "start": "2026-03-01T09:30:00+08:00"}], "by": "Li"}


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path) as opened:
        yield opened


@pytest.fixture
async def host(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with api_of(services) as client:
        yield client


async def clips_of(services: Services) -> list[ClipId]:
    dock = SimulatedDock("dock7")
    await enrol(services, dock)
    return await shift_end(services, dock, {"A.MP4": b"a" * 50, "B.MP4": b"b" * 50}, stored=False)


async def put(
    host: httpx.AsyncClient, cause: str, match: str | None = None, **more: object
) -> httpx.Response:
    headers = {} if match is None else {"if-match": match}
    return await host.put(CASE, json={"cause": cause, **STAGES, **more}, headers=headers)


async def test_an_act_on_a_case_that_changed_meanwhile_changes_nothing(
    services: Services, host: httpx.AsyncClient
) -> None:
    opened = await put(host, "a")
    known = opened.headers["etag"]
    assert known == (await host.get(CASE)).headers["etag"]
    second = await put(host, "b", known)
    assert (second.status_code, second.json()["cause"]) == (HTTPStatus.OK, "b")
    size = services.log.checkpoint().size
    late = await put(host, "c", known)
    assert (late.status_code, late.json()["code"]) == (CHANGED, "changed-meanwhile")
    assert services.log.checkpoint().size == size
    assert (await host.get(CASE)).json()["cause"] == "b"
    third = await put(host, "c", f'"9.x", {second.headers["etag"]}')
    assert third.status_code == HTTPStatus.OK


async def test_the_same_act_again_is_answered_alike_whatever_became_of_its_tag(
    host: httpx.AsyncClient,
) -> None:
    known = (await put(host, "a")).headers["etag"]
    first = await put(host, "b", known)
    again = await put(host, "b", known)
    assert (again.status_code, again.json()) == (HTTPStatus.OK, first.json())
    assert again.headers["etag"] == first.headers["etag"]


async def test_what_is_not_there_is_not_made_by_who_knows_it(host: httpx.AsyncClient) -> None:
    for match in ("*", '"3.aa"'):
        refused = await put(host, "a", match)
        assert (refused.status_code, refused.json()["code"]) == (CHANGED, "changed-meanwhile")
    assert (await host.get(CASE)).status_code == HTTPStatus.NOT_FOUND
    assert (await put(host, "a")).status_code == HTTPStatus.CREATED
    assert (await put(host, "b", "*")).status_code == HTTPStatus.OK


async def test_every_act_on_a_case_heeds_what_its_asker_knows(
    services: Services, host: httpx.AsyncClient
) -> None:
    linked, other = await clips_of(services)
    await put(host, "a")
    await host.post("/api/v1/cases", json={"case_no": "2", "by": "Li"})
    link = {"clip": str(linked), "by": "Li", "why": "x"}
    assert (await host.post(f"{CASE}/links", json=link)).is_success
    said: dict[str, object] = {"by": "Li", "why": "x"}
    acts: list[tuple[str, str, dict[str, object]]] = [
        ("POST", "/renumber", {**said, "case_no": "3"}),
        ("POST", "/merge", {**said, "into": "2"}),
        ("POST", "/transfer", {**said, "unit": "b"}),
        ("POST", "/seal", said),
        ("POST", "/excuses", {**said, "stage": "a"}),
        ("POST", "/links", {**said, "clip": str(other)}),
        ("DELETE", f"/links/{linked}", said),
        ("POST", f"/proposals/{other}/reject", said),
    ]
    for method, path, body in acts:
        late = {"if-match": '"0.aa"'}
        refused = await host.request(method, CASE + path, json=body, headers=late)
        assert (refused.status_code, refused.json()["code"]) == (CHANGED, "changed-meanwhile"), path
    assert (await host.post(f"{CASE}/seal", json=said)).is_success
    late = {"if-match": '"0.aa"'}
    refused = await host.post(f"{CASE}/unseal", json=said, headers=late)
    assert refused.json()["code"] == "changed-meanwhile"
    known = {"if-match": (await host.get(CASE)).headers["etag"]}
    assert (await host.post(f"{CASE}/unseal", json=said, headers=known)).is_success
    assert (await host.get("/api/v1/cases/2")).json()["asked"] == "current"


async def test_of_many_who_know_the_same_one_acts(host: httpx.AsyncClient) -> None:
    known = (await put(host, "a")).headers["etag"]
    answers = await asyncio.gather(*(put(host, f"cause {n}", known) for n in range(8)))
    found = Counter(answer.status_code for answer in answers)
    assert found == {HTTPStatus.OK: 1, CHANGED: 7}
    (won,) = [answer for answer in answers if answer.is_success]
    now = await host.get(CASE)
    assert now.json()["cause"] == won.json()["cause"]
    assert now.headers["etag"] == won.headers["etag"]


async def test_a_hold_that_comes_between_counts_though_it_has_another_lock(
    host: httpx.AsyncClient,
) -> None:
    known = (await put(host, "a")).headers["etag"]
    hold = {"case_no": "2026/17", "reason": "a", "authority": "court", "by": "Li"}
    placed, changed = await asyncio.gather(
        host.post("/api/v1/holds", json=hold), put(host, "b", known)
    )
    assert placed.status_code == HTTPStatus.CREATED
    at = placed.json()["placed_index"]
    set_at = (await host.get(CASE)).json()["set_index"]
    assert changed.status_code == (HTTPStatus.OK if set_at < at and changed.is_success else CHANGED)
    assert (await put(host, "c", known)).status_code == CHANGED
