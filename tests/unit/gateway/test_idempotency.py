"""A request with a key is done once, whatever becomes of its answer; and entity tags."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import BaseModel
from sqlalchemy import func, select
from starlette.types import Message, Receive, Scope, Send

from gateway.access.gate import routes_of
from gateway.access.policy import Role
from gateway.app import create_app
from gateway.conditional import Conditions, tag_of
from gateway.idempotency import service
from gateway.idempotency.models import KeyedRequest
from gateway.problems import Problem
from gateway.services import Services
from gateway.shapes import ToldOnce
from tests.simulators.dock import SimulatedDock
from tests.simulators.people import browser, case_system, person
from tests.simulators.seeded import api_of, enrol, gateway_on, host_header, shift_end

KEY = {"idempotency-key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path) as opened:
        yield opened


async def docked(services: Services) -> str:
    dock = SimulatedDock("dock7")
    await enrol(services, dock)
    return str((await shift_end(services, dock, {"A.MP4": b"a"}))[0])


async def look(
    client: httpx.AsyncClient, clip: str, reason: str = "a", **headers: str
) -> httpx.Response:
    # An act that is another one each time: a view.
    body = {"how": "play", "reason": reason, "by": "L"}
    return await client.post(f"/api/v1/clips/{clip}/views", json=body, headers=KEY | headers)


async def views(client: httpx.AsyncClient, clip: str) -> int:
    return len((await client.get(f"/api/v1/clips/{clip}/views")).json())


async def test_the_same_request_twice_is_one_act_and_has_one_answer(services: Services) -> None:
    clip = await docked(services)
    async with api_of(services) as host:
        first, again = await look(host, clip), await look(host, clip)
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.content == again.content
        assert first.headers["content-type"] == again.headers["content-type"]
        assert (
            first.headers.get("idempotency-replayed"),
            again.headers["idempotency-replayed"],
        ) == (
            None,
            "true",
        )
        assert await views(host, clip) == 1
        bare = await look(host, clip, **{"idempotency-key": KEY["idempotency-key"].strip('"')})
        assert bare.content == first.content


async def test_a_key_of_another_request_and_a_key_that_is_none_are_refused(
    services: Services,
) -> None:
    clip = await docked(services)
    async with api_of(services) as host:
        assert (await look(host, clip)).status_code == 201
        other = await look(host, clip, "another")
        assert (other.status_code, other.json()["code"]) == (422, "idempotency-differs")
        for key in ("", "x" * 256, 'a"b', "a b"):
            bad = await look(host, clip, **{"idempotency-key": key})
            assert (bad.status_code, bad.json()["code"]) == (400, "idempotency-key"), key
        assert await views(host, clip) == 1


async def test_keys_of_others_are_others(services: Services) -> None:
    clip = await docked(services)
    key = await case_system(services)
    async with (
        browser(services, authorization=f"Bearer {key}") as platform,
        await person(services, Role.CUSTODIAN) as wang,
    ):
        assert (await look(platform, clip)).status_code == 201
        mine = await wang.post(
            f"/api/v1/clips/{clip}/views", json={"how": "play", "reason": "b"}, headers=KEY
        )
        assert mine.json()["by"] == "王警官 <wang>"
        async with browser(services) as nobody:
            assert (await look(nobody, clip)).status_code == HTTPStatus.UNAUTHORIZED


async def test_an_answer_is_given_again_to_the_same_rights_alone(services: Services) -> None:
    clip = await docked(services)
    said: Any = {"json": {"how": "play", "reason": "b"}, "headers": KEY}
    at = f"/api/v1/clips/{clip}/views"
    async with await person(services, Role.CUSTODIAN, Role.REVIEWER) as wang:
        assert (await wang.post(at, **said)).status_code == 201
    async with await person(services, Role.CUSTODIAN, unit="市局/城东") as wang:
        again = await wang.post(at, **said)
        assert (again.status_code, again.json()["code"]) == (409, "idempotency-rights")
    async with await person(services, Role.CUSTODIAN, Role.REVIEWER) as wang:
        assert (await wang.post(at, **said)).headers["idempotency-replayed"] == "true"
    key = await case_system(services)
    async with (
        browser(services, authorization=f"Bearer {key}") as platform,
        api_of(services) as host,
    ):
        assert (await look(platform, clip)).status_code == 201
        why = {"why": "a", "by": "Li"}
        assert (await host.post("/api/v1/clients/platform/end", json=why)).is_success
        assert (await look(platform, clip)).status_code == HTTPStatus.UNAUTHORIZED


async def test_what_was_refused_may_be_tried_again_with_its_key(services: Services) -> None:
    clip = await docked(services)
    async with api_of(services) as host:
        refused = await look(host, "dock7.9.9")
        assert refused.status_code == 404
        assert (await look(host, clip)).status_code == 201


async def test_while_the_first_runs_the_second_waits_its_turn(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = await docked(services)
    here, go = asyncio.Event(), asyncio.Event()
    state = services.views.state

    async def slowly(new: Any) -> Any:  # noqa: ANN401  # handed through
        here.set()
        await go.wait()
        return await state(new)

    monkeypatch.setattr(type(services.views), "state", lambda _, new: slowly(new))
    async with api_of(services) as host:
        first = asyncio.ensure_future(look(host, clip))
        await here.wait()
        second = await look(host, clip)
        assert (second.status_code, second.json()["code"]) == (409, "idempotency-running")
        go.set()
        assert (await first).status_code == 201
        assert (await look(host, clip)).content == (await first).content


async def test_whoever_has_the_whole_answer_may_ask_again_at_once(services: Services) -> None:
    clip = await docked(services)
    app, states = create_app(services), []

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        async def heard(message: Message) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body"):
                async with services.database.reading() as session:
                    states.append(await session.scalar(select(KeyedRequest.status)))
            await send(message)

        await app(scope, receive, heard)

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(watched),
        base_url="http://127.0.0.1:8080",
        headers=host_header(services),
    ) as host:
        assert (await look(host, clip)).status_code == 201
    assert states == [201], "kept before the last of it was sent"


async def test_an_answer_outlives_the_gateway(tmp_path: Path) -> None:
    async with gateway_on(tmp_path) as services:
        clip = await docked(services)
        async with api_of(services) as host:
            first = await look(host, clip)
    async with gateway_on(tmp_path) as services, api_of(services) as host:
        assert (await look(host, clip)).content == first.content
        assert await views(host, clip) == 1


async def cut_short(services: Services, clip: str, *, done: bool) -> None:
    """A request whose gateway died before, or just after it had acted."""
    body = b'{"how":"play","reason":"a","by":"L"}'
    async with api_of(services) as host:
        request = host.build_request(
            "POST",
            f"/api/v1/clips/{clip}/views",
            content=body,
            headers=KEY | {"content-type": "application/json"},
        )
        assert (await host.send(request)).status_code == 201
    async with services.database.session() as session:
        row = (await session.scalars(select(KeyedRequest))).one()
        row.status = None
        if not done:
            row.log_size = services.log.checkpoint().size


async def test_a_request_cut_before_it_acted_is_done_and_one_cut_after_is_not_done_twice(
    services: Services,
) -> None:
    clip = await docked(services)
    await cut_short(services, clip, done=True)
    body = b'{"how":"play","reason":"a","by":"L"}'
    headers = KEY | {"content-type": "application/json"}
    async with api_of(services) as host:
        at = f"/api/v1/clips/{clip}/views"
        unknown = await host.post(at, content=body, headers=headers)
        assert (unknown.status_code, unknown.json()["code"]) == (409, "idempotency-unknown")
        assert await views(host, clip) == 1
        async with services.database.session() as session:
            (await session.scalars(select(KeyedRequest))).one().log_size = 10**6
        assert (await host.post(at, content=body, headers=headers)).status_code == 201
        assert await views(host, clip) == 2


async def test_a_secret_that_is_told_once_is_kept_nowhere(services: Services) -> None:
    async with await person(services, Role.OPERATOR) as operator:
        body = {"name": "p", "expires": "2999-01-01T00:00:00Z", "why": "a"}
        made = await operator.post("/api/v1/clients", json=body, headers=KEY)
        assert made.json()["key"].startswith("evc_")
        again = await operator.post("/api/v1/clients", json=body, headers=KEY)
        assert (again.status_code, again.json()["code"]) == (409, "idempotency-told-once")
    async with services.database.reading() as session:
        assert (await session.scalars(select(KeyedRequest.body))).one() is None


def test_every_answer_that_tells_a_secret_says_so(services: Services) -> None:
    for route in routes_of(create_app(services).routes, unguarded="/api/v1/openapi.json"):
        if "POST" not in (route.methods or ()):
            continue
        model = route.response_model
        assert isinstance(model, type), f"{route.path}: its answers could not be given again"
        fields = set(model.model_fields) if issubclass(model, BaseModel) else set()
        if fields & {"token", "key", "secret", "password", "text"} and "alarms" not in fields:
            assert issubclass(model, ToldOnce), route.path


async def test_keys_are_forgotten_and_one_asker_has_so_many(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST", 2)
    async with api_of(services) as host:

        async def opened(number: int) -> httpx.Response:
            body = {"case_no": str(number), "by": "L"}
            return await host.post(
                "/api/v1/cases", json=body, headers={"idempotency-key": f"k{number}"}
            )

        assert [(await opened(n)).status_code for n in range(3)] == [201, 201, 429]
        later = services.clock.now() + timedelta(hours=49)
        monkeypatch.setattr(services.clock, "now", lambda: later)
        assert (await opened(2)).status_code == 201
    async with services.database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(KeyedRequest)) == 1


# --- entity tags ---------------------------------------------------------------------


async def test_what_one_has_already_is_not_sent_again_until_something_was_stated(
    services: Services,
) -> None:
    clip = await docked(services)
    async with api_of(services) as host:
        await host.post("/api/v1/cases", json={"case_no": "1", "by": "L"})
        tags = {}
        for path in (f"/api/v1/clips/{clip}", "/api/v1/cases/1"):
            tag = tags[path] = (await host.get(path)).headers["etag"]
            same = await host.get(path, headers={"if-none-match": f'"x", W/{tag}'})
            assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
        body = {"clip": clip, "by": "L", "why": "a"}
        assert (await host.post("/api/v1/cases/1/links", json=body)).status_code == 201
        for path, tag in tags.items():
            changed = await host.get(path, headers={"if-none-match": tag})
            assert (changed.status_code, changed.headers["etag"] != tag) == (200, True)


class _Thing(BaseModel):
    name: str


def test_an_act_on_what_has_changed_is_refused() -> None:
    tag = tag_of(17, _Thing(name="a"))
    for field in (None, "*", tag, f'"3.aa", {tag}', tag_of(17, _Thing(name="b"))):
        Conditions(if_match=field).refuse_changed(17)
    for field in ("", f"W/{tag}", tag_of(18, _Thing(name="a")), '"1"', "17", '"17'):
        with pytest.raises(Problem) as refused:
            Conditions(if_match=field).refuse_changed(17)
        assert refused.value.status == HTTPStatus.PRECONDITION_FAILED
