"""Every kind of list is a walk through an index: none looks at every clip."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy.dialects.postgresql import psycopg as dialect

from gateway.evidence.finding import Between, ClipFilter, ClipReach, Order, clips_query
from gateway.evidence.models import ClipState
from protocols.ids import DockId
from tests.bench.seed import BRANCHES, SQUADS, Size, migrate, seed
from tests.simulators.postgres import Postgres
from tests.unit.gateway.conftest import POSTGRES

pytestmark = POSTGRES
HOUR = datetime(2024, 6, 1, 8, tzinfo=UTC)
BRANCH = ClipReach(unit=BRANCHES[0], officer="000004")
LISTS = {
    "newest": ClipFilter(),
    "in reach": ClipFilter(within=BRANCH),
    "own": ClipFilter(within=ClipReach(officer="000004")),
    "officer": ClipFilter(officer="000004", within=BRANCH),
    "camera": ClipFilter(camera="T00000004"),
    "unit": ClipFilter(unit=SQUADS[0], within=BRANCH),
    "dock": ClipFilter(dock=DockId("dock-4")),
    "session": ClipFilter(session="dock-4.0.8"),
    "sha256": ClipFilter(sha256=bytes(32)),
    "case typed": ClipFilter(tagged_case="云公执〔2025〕1号"),
    "state": ClipFilter(state=ClipState.LOST),
    "name": ClipFilter(name="DSJ_00000004"),
    "start": ClipFilter(started=Between(HOUR, HOUR + timedelta(hours=1)), order=Order.START),
    "sealed": ClipFilter(sealed=Between(HOUR, None), order=Order.SEALED),
    "stored": ClipFilter(stored=Between(None, HOUR), order=Order.STORED, within=BRANCH),
}


@pytest.fixture(scope="module")
def filled(server: Postgres) -> Iterator[str]:
    name = server.make()
    asyncio.run(migrate(server.url(name)))
    seed(server.url(name), Size(20_000, officers=200, cameras=300, docks=50, cases=200))
    yield f"host={server.folder} user=postgres dbname={name}"
    server.run(f"DROP DATABASE {name} WITH (FORCE)")


def test_no_list_looks_at_every_clip(filled: str) -> None:
    with psycopg.connect(filled) as connection:
        for name, wanted in LISTS.items():
            query = clips_query(wanted, None, 51).compile(dialect=dialect.dialect())  # type: ignore[no-untyped-call]
            explained = connection.execute(f"EXPLAIN {query}".encode(), query.params)
            plan = "\n".join(row[0] for row in explained)
            assert "Seq Scan on clip" not in plan, f"{name}:\n{plan}"
