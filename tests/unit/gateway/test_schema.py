"""Hostile and ordinary requests made from the API's own description, at the real application.

Whatever schemathesis makes of the description is asked as each sort of asker, of a gateway
that has clips, a case and what hangs on them. No answer may be a failure of ours, and each has
to be one that the description tells of. Examples are derived, not drawn by chance: what fails
once fails again.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.access.policy import Role
from gateway.app import create_app
from gateway.services import Services
from tests.simulators.dock import SimulatedDock, footage
from tests.simulators.people import browser, case_system, person
from tests.simulators.seeded import enrol, gateway_on, host_header, link_all, shift_end

_Case = schemathesis.Case[Any]
_Operation = APIOperation[Any, Any, Any, Any]
CASE = "2026/17 云"
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
# Not asked here, each for its reason; everything else is.
LEFT_OUT: Final = {
    "GET /api/v1/events": "a stream without an end; tests/unit/gateway/test_events.py reads it",
    "DELETE /api/v1/session": "signs the asker out, after whom nothing more would be asked",
    "POST /api/v1/docks/{dock}/revocation": "ends the dock on whose clips all others are tried",
}


@dataclass(frozen=True, slots=True)
class Known:
    """What is there, by the names of parameters in addresses."""

    names: dict[str, list[str]]
    platform: dict[str, str]

    def put(self, parameters: dict[str, Any], draw: Callable[[list[str]], str]) -> None:
        """Let an address be one of something that is there."""
        for name in parameters:
            if self.names.get(name):
                parameters[name] = draw(self.names[name])


@asynccontextmanager
async def filled(folder: Path) -> AsyncIterator[tuple[Services, Known]]:
    """A gateway with a little of everything."""
    async with gateway_on(folder) as services:
        dock = SimulatedDock("dock7")
        dock.unit = "市局/城东"
        await enrol(services, dock)
        clips = [
            str(each)
            for each in await shift_end(
                services, dock, {"A.MP4": footage(70_000), "B.MP4": footage(9_000)}
            )
        ]
        await link_all(services, CASE, [next(iter(dock.clips))])
        key = await case_system(services)
        known = await _more(services, clips)
        yield services, Known(known, {"authorization": f"Bearer {key}"})


async def _more(services: Services, clips: list[str]) -> dict[str, list[str]]:
    async with browser(services, **host_header(services)) as host:

        async def made(path: str, body: dict[str, Any]) -> dict[str, Any]:
            answer = await host.post(f"/api/v1{path}", json=body | {"by": "Li"})
            assert answer.is_success, answer.text
            told: dict[str, Any] = answer.json()
            return told

        hold = await made("/holds", {"clips": clips[:1], "reason": "a", "authority": "court"})
        webhook = await made(
            "/webhooks", {"url": "https://1.1.1.1/a", "client": "platform", "why": "a"}
        )
        mark = await made(f"/clips/{clips[1]}/marks", {"label": "privacy", "why": "a"})
        export = await made("/exports", {"case_no": CASE, "reason": "a", "recipient": "b"})
    return {
        "case_no": [CASE],
        "clip": clips,
        "dock": ["dock7"],
        "hold": [hold["hold"]],
        "webhook": [webhook["webhook"]],
        "mark": [mark["mark"]],
        "number": [str(export["number"])],
        "index": ["0", "3"],
    }


class _Asker:
    """Asks the application, which runs in a loop, from a thread, as each sort of asker."""

    def __init__(self, services: Services, shown: list[dict[str, str]]) -> None:
        app = create_app(services)
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False),
            base_url="http://127.0.0.1:8080",
        )
        self._shown = shown
        self._loop = asyncio.get_running_loop()

    def ask(self, case: _Case, who: int) -> httpx.Response:
        """The answer to what was generated."""
        asked = case.as_transport_kwargs(base_url="http://127.0.0.1:8080")
        headers = {
            **asked["headers"],
            **self._shown[who % len(self._shown)],
            "sec-fetch-site": "same-origin",
        }
        content = asked.get("data")
        if "json" in asked:
            content = json.dumps(asked["json"]).encode()
        request = self._client.build_request(
            asked["method"],
            asked["url"],
            params=asked.get("params"),
            headers=[(name.encode(), value.encode()) for name, value in headers.items()],
            content=content,
        )
        return asyncio.run_coroutine_threadsafe(self._client.send(request), self._loop).result(60)


def _document(app: FastAPI) -> dict[str, Any]:
    """The description without what askers show: the tests show it themselves."""
    document: dict[str, Any] = copy.deepcopy(app.openapi())
    document["components"].pop("securitySchemes")
    for operations in document["paths"].values():
        for operation in operations.values():
            operation.pop("security")
    return document


def _try_all(asker: _Asker, document: dict[str, Any], known: Known, examples: int) -> list[str]:
    """Ask everything; returns what was wrong."""
    wrong: list[str] = []
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        operation: _Operation = found.ok()  # type: ignore[union-attr]  # the description is ours
        if operation.label in LEFT_OUT:
            continue
        for mode in GenerationMode:
            try:
                _try(asker, operation, known, mode, examples)
            except (Failure, FailureGroup) as error:
                wrong.append(f"{operation.label} ({mode.value}): {_said(error)}")
    return wrong


def _said(error: BaseException) -> str:
    return " / ".join(str(each) for each in getattr(error, "exceptions", [error]))[:1500]


def _try(
    asker: _Asker, operation: _Operation, known: Known, mode: GenerationMode, examples: int
) -> None:
    turns = iter(range(examples * 100))

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), there=st.booleans())
    def once(case: _Case, there: bool) -> None:  # noqa: FBT001
        # Each in turn: left to the strategy, the first would ask most of it.
        who = next(turns)
        if there:
            known.put(case.path_parameters, lambda names: names[who % len(names)])
        answer = asker.ask(case, who)
        case.validate_response(answer, checks=CHECKS)

    try:
        once()
    except Unsatisfiable:
        # Nothing can be wrong with a request that has no parts.
        assert mode is GenerationMode.NEGATIVE


async def askers(services: Services, known: Known) -> list[dict[str, str]]:
    """What each sort of asker shows."""
    shown = [host_header(services), known.platform]
    for role in (Role.CUSTODIAN, Role.OPERATOR):
        async with await person(services, role, login=role.value) as client:
            shown.append({"cookie": client.headers["cookie"]})
    return shown


async def ask_everything(folder: Path, first: int, examples: int) -> None:
    """Ask everything, each asker in turn, beginning with one of them."""
    async with filled(folder) as (services, known):
        shown = await askers(services, known)
        asker = _Asker(services, shown[first:] + shown[:first])
        document = _document(create_app(services))
        wrong = await asyncio.to_thread(_try_all, asker, document, known, examples)
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.timeout(900)
async def test_every_answer_is_one_that_the_description_tells_of(tmp_path: Path) -> None:
    await ask_everything(tmp_path, 0, 2)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("both_engines")
@pytest.mark.parametrize("first", range(4))
async def test_so_is_every_one_of_many(tmp_path: Path, first: int) -> None:
    await ask_everything(tmp_path, first, 20)
