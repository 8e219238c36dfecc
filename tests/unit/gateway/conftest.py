"""Tests of what goes through database and store run on both kinds of them, where they ask for it.

``make engines`` asks for all of them: everything that is tried of a gateway in one process, on
PostgreSQL and a bucket.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.simulators import disk, seeded
from tests.simulators.bucket import Buckets, buckets
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


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buckets]:
    """One private S3 service for a run of tests."""
    with buckets(tmp_path_factory.mktemp("s3")) as served:
        yield served


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=POSTGRES)])
def both_engines(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """Gateways of this test are on SQLite and a folder, then on PostgreSQL and a bucket.

    Gives the URL of the latter's database.
    """
    if request.param == "sqlite":
        yield None
        return
    with _elsewhere(request) as url:
        yield url


@pytest.fixture(autouse=bool(os.environ.get("EVIDOCK_ENGINES")))
def other_engines(request: pytest.FixtureRequest) -> Iterator[None]:
    """Gateways of this test are on PostgreSQL and a bucket."""
    chosen = "both_engines" in request.fixturenames
    if chosen or request.node.get_closest_marker("folder") is not None:
        yield
        return
    with _elsewhere(request):
        yield


@contextmanager
def _elsewhere(request: pytest.FixtureRequest) -> Iterator[str]:
    running: Postgres = request.getfixturevalue("server")
    served: Buckets = request.getfixturevalue("service")
    with running.lent() as name:
        seeded.database_url, seeded.store_url = running.url(name), served.new_url()
        disk.served = served, seeded.store_url
        try:
            yield seeded.database_url
        finally:
            seeded.database_url = seeded.store_url = disk.served = None
