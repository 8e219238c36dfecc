"""Footage is given to whoever has said why he looks at it, and that is on record before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from gateway.access.policy import Role
from gateway.clock import GatewayClock
from gateway.services import Services
from gateway.views.service import LIFE
from hashing.verdict import Outcome
from protocols.ids import ClipId
from protocols.progress import Quiet
from tests.simulators.dock import SimulatedDock
from tests.simulators.packs import CASE_NO, exported, filled
from tests.simulators.people import browser, case_system, person
from tests.simulators.seeded import api_of, enrol, gateway_on, shift_end
from verifier.pack import verify_pack
from verifier.sources import opened

WHY = {"how": "play", "reason": "complaint 2026-114"}


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path / "gateway") as opened_:
        yield opened_


async def docked(services: Services) -> ClipId:
    dock = SimulatedDock()
    await enrol(services, dock)
    return (await shift_end(services, dock, {"A.MP4": b"footage"}))[0]


async def content(client: httpx.AsyncClient, clip: ClipId) -> httpx.Response:
    return await client.get(f"/api/v1/clips/{clip}/content")


async def say(client: httpx.AsyncClient, clip: ClipId, **more: str) -> httpx.Response:
    return await client.post(f"/api/v1/clips/{clip}/views", json=WHY | more)


async def test_a_reason_is_on_record_before_the_first_byte(services: Services) -> None:
    clip = await docked(services)
    async with await person(services, Role.SUPERVISOR) as client:
        unsaid = await content(client, clip)
        assert (unsaid.status_code, unsaid.json()["code"]) == (409, "view-needed")
        size = services.log.checkpoint().size
        said = await say(client, clip)
        assert said.status_code == HTTPStatus.CREATED, said.text
        told = said.json()
        assert (told["index"], told["by"]) == (size, "王警官 <wang>")
        entry = await services.log.entry(size)
        assert (entry.kind, entry.subject) == ("clip.viewed", clip.clip_urn)
        for _ in range(2):
            assert (await content(client, clip)).content == b"footage"
        again = await say(client, clip, how="copy")
        assert again.json()["index"] == size + 1
        listed = (await client.get(f"/api/v1/clips/{clip}/views")).json()
        assert [each["how"] for each in listed] == ["copy", "play"]


async def test_a_view_is_its_asker_s_and_its_clip_s_and_for_a_shift(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock = SimulatedDock()
    await enrol(services, dock)
    one, other = await shift_end(services, dock, {"A.MP4": b"1", "B.MP4": b"2"})
    async with (
        await person(services, Role.SUPERVISOR) as wang,
        await person(services, Role.SUPERVISOR, login="li") as li,
    ):
        await say(wang, one)
        assert (await content(wang, one)).status_code == HTTPStatus.OK
        assert (await content(wang, other)).status_code == HTTPStatus.CONFLICT
        assert (await content(li, one)).status_code == HTTPStatus.CONFLICT
    now = GatewayClock.now
    for ahead, given in ((LIFE - timedelta(minutes=1), True), (LIFE, False), (-2 * LIFE, False)):
        monkeypatch.setattr(GatewayClock, "now", lambda self, by=ahead: now(self) + by)
        async with await person(services, Role.SUPERVISOR) as wang:
            assert (await content(wang, one)).is_success == given, ahead


async def test_officers_need_no_reason_for_their_own_and_the_machine_none_at_all(
    services: Services,
) -> None:
    clip = await docked(services)
    officer = await person(services, Role.OFFICER, officer="officer 014032")
    async with officer, api_of(services) as host:
        for client in (officer, host):
            assert (await content(client, clip)).content == b"footage"


async def test_case_systems_say_for_whom(services: Services) -> None:
    clip = await docked(services)
    key = await case_system(services)
    async with browser(services, authorization=f"Bearer {key}") as client:
        assert (await content(client, clip)).status_code == HTTPStatus.CONFLICT
        assert (await say(client, clip)).json()["code"] == "by-missing"
        assert (await say(client, clip, by="李警官")).json()["by"] == "李警官 via <platform>"
        assert (await content(client, clip)).content == b"footage"


@pytest.mark.parametrize("body", [{}, {"how": "play"}, WHY | {"reason": " "}, WHY | {"how": "x"}])
async def test_no_reason_no_view(services: Services, body: dict[str, str]) -> None:
    clip = await docked(services)
    async with await person(services, Role.SUPERVISOR) as client:
        answer = await client.post(f"/api/v1/clips/{clip}/views", json=body)
        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert (await content(client, clip)).status_code == HTTPStatus.CONFLICT


async def test_a_clip_beyond_reach_takes_no_reason(services: Services) -> None:
    clip = await docked(services)
    async with await person(services, Role.CUSTODIAN, unit="市局/城东") as client:
        for answer in (await say(client, clip), await client.get(f"/api/v1/clips/{clip}/views")):
            assert answer.json()["code"] == "clip-unknown"


async def test_views_are_known_again_to_a_database_made_anew(tmp_path: Path) -> None:
    async with gateway_on(tmp_path) as services:
        clip = await docked(services)
        async with await person(services, Role.SUPERVISOR) as client:
            await say(client, clip)
            before = (await client.get(f"/api/v1/clips/{clip}/views")).json()
    forget_database(tmp_path)
    async with gateway_on(tmp_path) as services, api_of(services) as host:
        assert (await host.get(f"/api/v1/clips/{clip}/views")).json() == before


def forget_database(folder: Path) -> None:
    for left in folder.glob("gateway.db*"):
        left.unlink()


async def test_a_pack_shows_who_looked_and_verifies(services: Services, tmp_path: Path) -> None:
    clips, trust = await filled(services)
    async with await person(services, Role.SUPERVISOR) as client:
        await say(client, clips[0])
    await exported(services, tmp_path / "pack")
    with opened(tmp_path / "pack") as source:
        checked = verify_pack(source, trust, Quiet())
    assert checked.verdict.outcome is Outcome.INTACT, checked.verdict.problems
    report = (tmp_path / "pack" / "data" / "report.json").read_text()
    assert "clip.viewed" in report
    assert "complaint 2026-114" in report
    assert CASE_NO in report
