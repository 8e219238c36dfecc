"""What lies beyond somebody's reach looks like what does not exist, at every address there is.

The routes are the application's own: who adds one whose parameters or body this does not know how
to fill learns it here, and says below what they name.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gateway.access.gate import COOKIE, routes_of
from gateway.access.policy import Role
from gateway.accounts.clients import NewClient
from gateway.accounts.service import NewAccount
from gateway.app import create_app
from gateway.services import Services
from gateway.webhooks.service import NewWebhook
from tests.simulators.dock import SimulatedDock
from tests.simulators.people import browser, person
from tests.simulators.seeded import enrol, gateway_on, shift_end

EAST, WEST = "市局/城东", "市局/城西"
_TOKEN = "0f" * 16

# Parameters of paths and queries that name what belongs to a unit, and a name that nothing has.
NOBODYS: dict[str, str] = {
    "clip": "dock9.9.9",
    "clips": "dock9.9.9 dock9.9.8",
    "case_no": "没有此案",
    "token": _TOKEN,
    "hold": _TOKEN,
    "webhook": _TOKEN,
    "login": "nobody",
    "name": "nobody",
    "number": "999",
    "mark": _TOKEN,
    "correction": _TOKEN,
    "recording": _TOKEN,
    "proposal": _TOKEN,
}
# Those that belong to the agency as a whole, or to what another one names.
EVERYBODYS: dict[str, str] = {
    "dock": "dockw",
    "serial": "0f" * 20,
    "version": "1",
    "index": "0",
    "address": "0/000",
    "code": "none",
    "language": "en",
    "event": "1",
    "disposal": _TOKEN,
    "origin": _TOKEN,
}
# Names that mean something else in these paths.
ELSEWHERE = {
    ("/invitations/{number}/withdraw", "number"): "999",
    ("/static/{name}", "name"): "evidock.css",
}
# A case's number is taken or it is not: whoever wants it for his own case learns that much.
TAKEN = {("PUT", "/cases/{case_no:path}"), ("POST", "/cases")}
RENUMBER = ("POST", "/cases/{case_no:path}/renumber")
# What else bodies need; names of things are filled in by the tests.
FILLED: dict[str, object] = {
    **dict.fromkeys(("why", "reason", "recipient", "authority", "title", "text"), "因故"),
    "how": "play",
    "field": "unit",
    "to": EAST,
    "stage": "调查取证",
    "unit": EAST,
    "kind": "privacy",
    "into": "东1",
    "id": "dockn",
    "dock": "dockn",
    "roles": ["officer"],
    "url": "https://93.184.215.14/",
    "expires": "2999-01-01T00:00:00Z",
    "epoch": 1,
    "last_epoch": 0,
    "last_seq": 0,
    "password": "a",
    "label": "privacy",
    "note": "a",
    "statement_key": "a",
    "pack": "a",
    "signature": "a",
    "token": "a",
    "case": "东1",
    "name": "nobody",
    "login": "nobody",
    "code": "a",
    "clip": "dock9.9.9",
    "case_no": "东9",
    "key": "0" * 32,
    "clips": ["dock9.9.9", "dock9.9.8"],
}
# Fields of bodies that name what belongs to a unit.
NAMING = frozenset({"clip", "clips", "client", "into", "case", "hold", "case_no", "cases"})


@dataclass
class Theirs:
    """What belongs to the west, by the parameter that names it."""

    names: dict[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path) as opened:
        yield opened


async def west(services: Services, monkeypatch: pytest.MonkeyPatch) -> Theirs:
    """One of everything in the western unit."""
    dock = SimulatedDock("dockw")
    dock.unit, dock.officer = WEST, "西所民警七"
    await enrol(services, dock)
    recorded = {"西.MP4": b"west", "西2.MP4": b"further west"}
    clips = [str(clip) for clip in await shift_end(services, dock, recorded)]
    clip = clips[0]
    expires = services.clock.now().replace(year=2999)
    client, _ = await services.clients.add(NewClient("westsys", WEST, expires, "t"), "t")

    async def anywhere(_: object, text: str) -> str:
        return text

    monkeypatch.setattr(type(services.webhooks.deliveries.sender.reachable), "find", anywhere)
    hook, _ = await services.webhooks.add(
        NewWebhook(client.token, "https://west.example/", None, "t", "t")
    )
    async with await person(services, *_ALL_ROLES, login="westwang", unit=WEST) as wang:
        case = (await _made(wang, "/cases", case_no="西案7", title="西所机密")).json()
        await _made(wang, f"/cases/{quote('西案7')}/links", clip=clip, why="西因")
        hold = (await _made(wang, "/holds", clips=[clip], reason="西由", authority="a")).json()
        await _made(wang, "/exports", clip=clip, reason="西由", recipient="西院")
        mark = (await _made(wang, f"/clips/{clip}/marks", label="privacy", why="西私")).json()
        grouped = (await _made(wang, "/recordings", clips=clips, why="西连")).json()
    return Theirs(
        {
            "clip": clip,
            "case_no": "西案7",
            "token": case["case"],
            "hold": hold["hold"],
            "webhook": hook.token,
            "login": "westwang",
            "name": "westsys",
            "number": "1",
            "mark": mark["mark"],
            "recording": grouped["recording"],
            "clips": " ".join(clips),
        },
        (
            "西所民警七",
            "西案7",
            "西所机密",
            "西因",
            "西由",
            "西院",
            "西私",
            "西连",
            "west.example",
            *clips,
        ),
    )


_ALL_ROLES = tuple(role for role in Role if role is not Role.CASE_SYSTEM)


async def _made(client: httpx.AsyncClient, path: str, **body: object) -> httpx.Response:
    answer = await client.post(f"/api/v1{path}", json=body)
    assert answer.is_success, (path, answer.text)
    return answer


def routes(services: Services) -> Iterator[tuple[str, APIRoute]]:
    """Every method and route, those of pages too."""
    for route in routes_of(create_app(services).routes, unguarded="/api/v1/openapi.json"):
        for method in sorted(route.methods or ()):
            yield method, route


def address(route: APIRoute, names: dict[str, str]) -> str:
    """A route's address with its parameters filled in, without the API's prefix."""
    path = route.path
    for param in route.param_convertors:
        given = ELSEWHERE.get((route.path, param)) or names.get(param) or EVERYBODYS.get(param)
        assert given is not None, f"say what {param} in {route.path} names (NOBODYS, EVERYBODYS)"
        for written in (f"{{{param}:path}}", f"{{{param}}}"):
            path = path.replace(written, quote(given, safe=""))
    return path


def owned(route: APIRoute) -> set[str]:
    """Those of its parameters that name what belongs to a unit."""
    params = set(route.param_convertors)
    return {each for each in params & set(NOBODYS) if (route.path, each) not in ELSEWHERE}


def body_of(route: APIRoute) -> type[BaseModel] | None:
    """The model of its body."""
    if route.body_field is None:
        return None
    model = route.body_field.field_info.annotation
    assert isinstance(model, type), route.path
    assert issubclass(model, BaseModel), route.path
    return model


def filled(route: APIRoute, **names: object) -> dict[str, object] | None:
    """The least body that is understood."""
    model = body_of(route)
    if model is None:
        return None
    body = {}
    for name, info in model.model_fields.items():
        if name in names:
            body[name] = names[name]
        elif info.is_required():
            assert name in FILLED, f"say how to fill {name} in the body of {route.path} (FILLED)"
            body[name] = FILLED[name]
    return body


async def ask(
    client: httpx.AsyncClient, method: str, path: str, body: object = None
) -> httpx.Response:
    for prefix in ("/api/v1", ""):
        answer = await client.request(method, prefix + path, json=body)
        unknown = answer.status_code == HTTPStatus.NOT_FOUND and "nothing-here" in answer.text
        if not unknown:
            return answer
    raise AssertionError(path)


async def _everybody_in_the_east(services: Services) -> httpx.AsyncClient:
    """Somebody with every role there is, so that nothing but his unit stands in the way."""
    new = NewAccount("eastwang", "东", "东警", frozenset(_ALL_ROLES), EAST, why="t")
    account = await services.accounts.set(new, "t")
    value = await services.sessions.begin(account.token)
    return browser(services, cookie=f"{COOKIE}={value}")


def _told(answer: httpx.Response, names: dict[str, str]) -> str:
    text = answer.text
    for name in sorted({*names.values(), *NOBODYS.values()}, key=len, reverse=True):
        if len(name) > 3:
            text = text.replace(name, "…").replace(quote(name, safe=""), "…")
    return text


async def test_at_every_address_what_is_others_looks_like_what_does_not_exist(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = await west(services, monkeypatch)
    wrong = []
    async with await _everybody_in_the_east(services) as client:
        await _made(client, "/cases", case_no="东1")
        for method, route in routes(services):
            if not owned(route) or (method, route.path) in TAKEN:
                continue
            assert owned(route) <= set(theirs.names), f"make one of {owned(route)} in west()"
            body = filled(route)
            there = await ask(client, method, address(route, theirs.names), body)
            nowhere = await ask(client, method, address(route, NOBODYS), body)
            same = (there.status_code, _told(there, theirs.names)) == (
                nowhere.status_code,
                _told(nowhere, theirs.names),
            )
            if not same or there.status_code != HTTPStatus.NOT_FOUND:
                wrong.append((method, route.path, there.text[:200], nowhere.text[:200]))
    assert not wrong, json.dumps(wrong, indent=1, ensure_ascii=False)


async def test_no_body_and_no_query_names_what_is_others(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = await west(services, monkeypatch)
    wrong = []
    async with await _everybody_in_the_east(services) as client:
        await _made(client, "/cases", case_no="东1")
        own = dict(NOBODYS, case_no="东1")
        for method, route in routes(services):
            model = body_of(route)
            for name, info in ({} if model is None else model.model_fields).items():
                if name not in NAMING or (method, route.path) in {*TAKEN, RENUMBER}:
                    continue
                answers = []
                for names in (theirs.names, NOBODYS):
                    value = _naming(name, info, names)
                    body = filled(route, **{name: value})
                    answers.append(await ask(client, method, address(route, own), body))
                there, nowhere = answers
                if there.status_code != nowhere.status_code or there.is_success:
                    wrong.append((method, route.path, name, there.text[:200], nowhere.text[:200]))
            for query in {each.name for each in route.dependant.query_params} & {"clip", "case_no"}:
                at = address(route, own)
                there = await ask(client, method, f"{at}?{query}={quote(theirs.names[query])}")
                nowhere = await ask(client, method, f"{at}?{query}={quote(NOBODYS[query])}")
                if _told(there, theirs.names) != _told(nowhere, theirs.names):
                    wrong.append((method, route.path, query, there.text[:200], nowhere.text[:200]))
    assert not wrong, json.dumps(wrong, indent=1, ensure_ascii=False)


def _naming(name: str, info: FieldInfo, names: dict[str, str]) -> object:
    match name:
        case "clips":
            return names["clips"].split()
        case "client":
            return names["name"]
        case "into" | "case" | "case_no":
            return names["case_no"]
        case _:
            assert name in names, f"say what {name} names: {info!r}"
            return names[name]


async def test_no_list_and_no_page_has_a_byte_of_what_is_others(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = await west(services, monkeypatch)
    wrong = []
    async with await _everybody_in_the_east(services) as client:
        for method, route in routes(services):
            # A stream has no end, and is the same as what has happened.
            if method != "GET" or owned(route) or route.path == "/events":
                continue
            answer = await ask(client, method, address(route, NOBODYS))
            found = [each for each in theirs.secrets if each in answer.text]
            if found:
                wrong.append((route.path, found))
    assert not wrong, wrong


async def test_a_number_that_is_taken_tells_nothing_of_the_case(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = await west(services, monkeypatch)
    async with await _everybody_in_the_east(services) as client:
        await _made(client, "/cases", case_no="东1")
        for method, route in routes(services):
            if (method, route.path) in {*TAKEN, RENUMBER}:
                body: dict[str, Any] = filled(route, case_no="西案7", title="东") or {}
                names = {"case_no": "东1"} if (method, route.path) == RENUMBER else theirs.names
                answer = await ask(client, method, address(route, names), body)
                assert not answer.is_success, (method, route.path)
                told = answer.text.replace("西案7", "")
                assert not [each for each in theirs.secrets if each in told], told
