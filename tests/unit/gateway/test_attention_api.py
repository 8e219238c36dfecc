"""What a person has to see to, over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from gateway.intake import alarms, effects, refusals
from gateway.intake.admit import Refused
from gateway.services import Services
from protocols.ids import EntryId, dock_id
from protocols.messages import Entry, Retry
from tests.simulators.seeded import api_of, gateway_on

DOCK = dock_id("dock7")


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path) as opened:
        yield opened


@pytest.fixture
async def api(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with api_of(services) as client:
        yield client


async def raise_alarm(services: Services, code: str, since: str) -> None:
    async with services.database.session() as session:
        await alarms.raise_alarm(
            session,
            dock=DOCK,
            by=alarms.BY_GATEWAY,
            code=code,
            about="dock7.0.3",
            text="look at the disk",
            since=since,
        )


async def test_nothing_to_see_to(api: httpx.AsyncClient) -> None:
    told = (await api.get("/api/v1/attention")).json()
    assert told == {"alarms": [], "refusals": [], "quarantine": []}


async def test_standing_alarms_oldest_first_and_cleared_ones_not(
    api: httpx.AsyncClient, services: Services
) -> None:
    await raise_alarm(services, "newer", "2026-02-25T09:00:00.000Z")
    await raise_alarm(services, "older", "2026-02-25T08:00:00.000Z")
    await raise_alarm(services, "mended", "2026-02-25T07:00:00.000Z")
    async with services.database.session() as session:
        await alarms.clear_alarm(
            session, dock=DOCK, by=alarms.BY_GATEWAY, code="mended", about="dock7.0.3"
        )
    told = (await api.get("/api/v1/attention")).json()["alarms"]
    assert [alarm["code"] for alarm in told] == ["older", "newer"]
    assert told[0]["text"] == "look at the disk"


async def test_entries_that_were_not_admitted_are_named(
    api: httpx.AsyncClient, services: Services
) -> None:
    entry = Entry(0, 4, b"record", b"statement")
    for code, signed in (("chain-fork", True), ("statement-form", False)):
        refused = Refused(code, "why", Retry.LATER, bytes(32), signed=signed)
        async with services.database.session() as session:
            await refusals.keep(session, DOCK, entry, refused, services.clock.now())
    told = (await api.get("/api/v1/attention")).json()["refusals"]
    assert {(each["code"], each["kept"]) for each in told} == {
        ("chain-fork", True),
        ("statement-form", False),
    }


async def test_entries_whose_effect_was_refused_are_named(
    api: httpx.AsyncClient, services: Services
) -> None:
    async with services.database.session() as session:
        await effects.quarantine(session, EntryId(DOCK, 0, 4), 9, ("record-unknown", "new kind"))
    (told,) = (await api.get("/api/v1/attention")).json()["quarantine"]
    assert (told["seq"], told["index"], told["code"]) == (4, 9, "record-unknown")
