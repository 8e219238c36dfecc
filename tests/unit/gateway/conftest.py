"""Tests of what goes through the database run on both of its engines, where they ask for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulators import seeded
from tests.simulators.postgres import Postgres, postgres
from tests.simulators.tools import there

POSTGRES = pytest.mark.skipif(
    not there(pg_ctlcluster="postgresql"),
    reason="PostgreSQL is missing: apt-get install postgresql",
)


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    """One private PostgreSQL for a run of tests."""
    with postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=POSTGRES)])
def both_engines(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """Gateways of this test are on SQLite, then on PostgreSQL; gives the URL of the latter."""
    if request.param == "sqlite":
        yield None
        return
    running: Postgres = request.getfixturevalue("server")
    with running.lent() as name:
        seeded.database_url = running.url(name)
        try:
            yield seeded.database_url
        finally:
            seeded.database_url = None
