"""The same store gives the same rows on either engine, whatever strangers wrote into it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gateway.access.policy import Role
from gateway.db import Base
from gateway.services import Services
from protocols.kinds import ClipTagged
from tests.simulators import seeded
from tests.simulators.dock import SimulatedDock, footage
from tests.simulators.people import person
from tests.simulators.postgres import Postgres
from tests.simulators.seeded import admit, api_of, enrol, gateway_on, link_all, store
from tests.unit.gateway.conftest import POSTGRES

pytestmark = POSTGRES

# What no log tells: sign-ins, who is connected, when something was last looked at.
_NOT_IN_THE_LOG = {"alembic_version", "lease", "log_checkpoint"}
HOSTILE = "\x01\u202e'; DROP TABLE clip; --%_\\\U000e0001"


@pytest.fixture
def empty(server: Postgres) -> Iterator[str]:
    yield server.url(server.make())
    seeded.database_url = None


async def rows(services: Services) -> dict[str, list[Any]]:
    found = {}
    async with services.database.reading() as session:
        for table in Base.metadata.sorted_tables:
            if table.name not in _NOT_IN_THE_LOG:
                each = await session.execute(select(table))
                found[table.name] = sorted(repr(tuple(row)) for row in each)
    return found


async def test_a_database_rebuilt_on_postgresql_has_the_rows_that_sqlite_had(
    tmp_path: Path, empty: str
) -> None:
    async with gateway_on(tmp_path) as services:
        await _a_life(services)
        before = await rows(services)
    seeded.database_url = empty
    async with gateway_on(tmp_path) as services:
        after = await rows(services)
    assert before["clip"]
    assert before["clip_counts_to"]
    assert after["clip"] == before["clip"]
    different = {name for name in before if before[name] != after[name]}
    assert different == {"signed_in"}


async def _a_life(services: Services) -> None:
    dock = SimulatedDock()
    dock.officer, dock.unit = HOSTILE * 7, "/".join("局" for _ in range(100))
    await enrol(services, dock)
    session = dock.open_session(officer=HOSTILE)
    name = ("\U000e0001" * 2000) + ".MP4"
    clips = [
        dock.seal(session, footage(9), name=name, started="0001-01-01T00:00:00"),
        dock.seal(session, footage(8), name="\x01\u2028.MP4", started="9999-12-31T23:59:59"),
        dock.seal(session, footage(7), name="REC.MP4"),
    ]
    tag = "\u202e" * 200
    dock.append(ClipTagged(clip=str(clips[0]), case_no=tag, category=tag, officer=tag))
    await admit(services, dock, dock.entries)
    await store(services, dock.clips[clips[2]])
    await link_all(services, "案1", clips)
    await services.cases.unlink("案1", clips[0], by="Li", why="wrong")
    async with await person(services, Role.CUSTODIAN, unit=None, login="li") as client:
        asked = {"how": "play", "reason": "case 1"}
        assert (await client.post(f"/api/v1/clips/{clips[2]}/views", json=asked)).is_success


async def test_nul_in_a_request_is_refused_and_not_sent_to_the_database(
    tmp_path: Path, server: Postgres
) -> None:
    seeded.database_url = server.url(server.make())
    try:
        async with gateway_on(tmp_path) as services, api_of(services) as api:
            for query in ("name=%00", "officer=a%00b", "unit=%00", "camera=%00a", "case_no=%00"):
                answer = await api.get(f"/api/v1/clips?{query}")
                assert (answer.status_code, answer.json()["code"]) == (422, "request-invalid")
    finally:
        seeded.database_url = None
