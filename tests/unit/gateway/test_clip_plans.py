"""Every kind of list is a walk through an index: none looks at every clip."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Select, create_engine, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import psycopg as dialect

from gateway.cases.models import Case
from gateway.cases.searching import CaseFilter, query
from gateway.db import Base
from gateway.evidence.finding import Between, ClipFilter, ClipReach, Order, clips_query
from gateway.evidence.models import Clip, ClipState
from gateway.evidence.service import is_among
from protocols.ids import ClipId, DockId
from tests.bench.seed import BRANCHES, SQUADS, Size, seed
from tests.simulators.postgres import Postgres
from tests.unit.gateway.conftest import POSTGRES

HOUR = datetime(2024, 6, 1, 8, tzinfo=UTC)
BRANCH = ClipReach(unit=BRANCHES[0], officer="000004")
SOME = [ClipId(DockId(f"dock-{number}"), 0, number) for number in range(50)]
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
def filled(server: Postgres) -> Iterator[psycopg.Connection]:
    with server.lent() as name:
        seed(server.url(name), Size(2_000, officers=200, cameras=300, docks=50, cases=200))
        with psycopg.connect(f"host={server.folder} user=postgres dbname={name}") as connection:
            # So few rows are read faster than any index: now only where none fits.
            connection.execute("SET enable_seqscan = off")
            yield connection


@POSTGRES
def test_a_mark_a_category_and_a_time_are_one_walk(filled: psycopg.Connection) -> None:
    year = Between(HOUR, HOUR + timedelta(days=365))
    asked = ClipFilter(marked=True, tagged_category="traffic", started=year, order=Order.START)
    for wanted in (asked, replace(asked, unit=SQUADS[0], within=BRANCH)):
        plan = plan_of(filled, clips_query(wanted, None, 51))
        assert "clip_marked_of_category" in plan, plan


@POSTGRES
def test_a_short_time_in_the_logs_order_is_gathered_by_its_own_index(
    filled: psycopg.Connection,
) -> None:
    month, reach = Between(HOUR, HOUR + timedelta(days=30)), ClipReach(unit=BRANCHES[0])
    asked = ClipFilter(started=month, within=reach)
    for wanted in (replace(asked, within=None), replace(asked, unit=SQUADS[0]), asked):
        plan = plan_of(filled, clips_query(wanted, None, 51))
        assert "using clip_by_start on clip" in plan, plan
        assert "Backward using clip_one_entry_index" not in plan, plan
        # Else the planner joins everything of that time instead of looking a page up.
        assert "Hash Join" not in plan, plan


def plan_of(connection: psycopg.Connection, asked: Select[Clip] | Select[Case]) -> str:
    compiled = asked.compile(dialect=dialect.dialect())  # type: ignore[no-untyped-call]
    explained = connection.execute(f"EXPLAIN {compiled}".encode(), compiled.params)
    return "\n".join(row[0] for row in explained)


@POSTGRES
def test_no_list_looks_at_every_clip(filled: psycopg.Connection) -> None:
    for name, wanted in LISTS.items():
        plan = plan_of(filled, clips_query(wanted, None, 51))
        assert "Seq Scan on clip" not in plan, f"{name}:\n{plan}"


@POSTGRES
def test_cases_are_found_by_words_or_number_without_looking_at_all(
    filled: psycopg.Connection,
) -> None:
    for wanted in (CaseFilter(text="盗窃案 12"), CaseFilter(number="云公执〔2025〕1")):
        plan = plan_of(filled, query(wanted, 51))
        assert "Seq Scan" not in plan, plan
        # Else a piece of the words is looked up for every case.
        assert "hashed SubPlan" not in plan, plan


@POSTGRES
def test_clips_are_found_by_their_names_through_the_key(filled: psycopg.Connection) -> None:
    plan = plan_of(filled, select(Clip).where(is_among(SOME)))
    assert "Index Scan using clip_pk on clip" in plan, plan


def test_sqlite_finds_clips_by_all_three_parts_of_their_names(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/plans.db")
    asked = select(Clip).where(is_among(SOME)).compile(dialect=sqlite.dialect())
    with engine.begin() as connection:
        Base.metadata.create_all(connection, [Base.metadata.tables["clip"]])
        explained = connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {asked}", tuple(asked.params.values())
        )
        plan = "\n".join(str(row[3]) for row in explained)
    engine.dispose()
    assert "(dock=? AND epoch=? AND seq=?)" in plan, plan


def test_a_statement_about_clips_has_one_text_however_many_they_are() -> None:
    texts = {
        str(select(Clip).where(is_among(SOME[:count])).compile(dialect=sqlite.dialect()))
        for count in (0, 1, 50)
    }
    assert len(texts) == 1
