"""Docks and trust over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from gateway.services import Services
from protocols.anchors import Anchors
from protocols.messages import State
from tests.simulators.dock import SimulatedDock
from tests.simulators.seeded import api_of, gateway_on


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path) as opened:
        yield opened


@pytest.fixture
async def api(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with api_of(services) as client:
        yield client


async def enrol(api: httpx.AsyncClient, dock: SimulatedDock) -> httpx.Response:
    asked = {"id": dock.id, "statement_key": dock.public_pem, "how": "test"}
    return await api.post("/api/v1/docks", json=asked)


async def test_enrolling_answers_with_a_trust_file_that_can_be_used(
    api: httpx.AsyncClient, services: Services
) -> None:
    answer = await enrol(api, SimulatedDock())
    assert answer.status_code == 201
    anchors = Anchors.from_json(httpx.Response(200, json=answer.json()["trust"]).content)
    assert anchors == services.log.anchors()
    assert answer.json()["dock"]["enrolled_index"] == 1


async def test_the_same_again_is_answered_alike_and_another_key_is_a_conflict(
    api: httpx.AsyncClient,
) -> None:
    dock = SimulatedDock()
    first, again = await enrol(api, dock), await enrol(api, dock)
    assert again.status_code == 200
    assert again.json()["dock"] == first.json()["dock"]
    other = await enrol(api, SimulatedDock())
    assert other.status_code == 409
    assert other.headers["content-type"] == "application/problem+json"


async def test_a_dock_is_shown_with_what_it_announced(
    api: httpx.AsyncClient, services: Services
) -> None:
    dock = SimulatedDock()
    dock.boot()
    await enrol(api, dock)
    await services.docks.record_state(dock.id, State(state="online", version="0.1.0"))
    await services.docks.record_head(dock.id, dock.announcement())
    shown = (await api.get("/api/v1/docks/dock7")).json()
    assert (shown["state"], shown["head"]["seq"]) == ("online", 0)
    assert shown["kid"] == dock.signer.public.kid.hex()
    listed = (await api.get("/api/v1/docks")).json()
    assert listed == {"docks": [shown], "unknown": []}


async def test_strangers_are_listed_apart(api: httpx.AsyncClient, services: Services) -> None:
    stranger = SimulatedDock("stranger")
    await services.docks.record_head(stranger.id, stranger.announcement())
    listed = (await api.get("/api/v1/docks")).json()
    assert [row["id"] for row in listed["unknown"]] == ["stranger"]
    assert (await api.get("/api/v1/docks/stranger")).status_code == 404


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"id": "dock7"},
        {"id": "DOCK7", "statement_key": "x"},
        {"id": "gateway", "statement_key": "x"},
        {"id": "dock7", "statement_key": "x"},
        {"id": "dock7", "statement_key": "x" * 3000},
        {"id": "dock7", "statement_key": "x", "how": "\u0000"},
        {"id": "dock7", "statement_key": "x", "surprise": 1},
        [],
        None,
    ],
)
async def test_what_enrols_nobody_is_refused_and_states_nothing(
    api: httpx.AsyncClient, services: Services, asked: object
) -> None:
    answer = await api.post("/api/v1/docks", json=asked)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert services.log.checkpoint().size == 1


async def test_the_trust_file_can_be_fetched_without_enrolling(
    api: httpx.AsyncClient, services: Services
) -> None:
    answer = await api.get("/api/v1/trust")
    assert Anchors.from_json(answer.content) == services.log.anchors()
