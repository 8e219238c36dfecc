"""The database: its two kinds of transaction, its migration, its failures."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from gateway import recovery
from gateway.db import Base, Database, database_now
from gateway.docks.models import UnknownDock
from gateway.errors import ConfigError, DatabaseUnavailableError
from gateway.log.models import EntrySubject
from tests.simulators.postgres import Postgres
from tests.unit.gateway.conftest import POSTGRES

NOON = datetime(2026, 2, 25, 12, tzinfo=UTC)


@pytest.fixture
def url(both_engines: str | None, tmp_path: Path) -> str:
    return both_engines or f"sqlite+aiosqlite:///{tmp_path}/deep/gateway.db"


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    opened = Database(url)
    await opened.upgrade()
    yield opened
    await opened.close()


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(f"sqlite+aiosqlite:///{tmp_path}/deep/gateway.db")
    await opened.upgrade()
    yield opened
    await opened.close()


async def add(database: Database, name: str, count: int = 1) -> None:
    async with database.session() as session:
        session.add(UnknownDock(id=name, count=count, seen_at=NOON))


async def names(database: Database) -> list[str]:
    async with database.reading() as session:
        return list(await session.scalars(select(UnknownDock.id).order_by(UnknownDock.id)))


async def pragma(database: Database, name: str) -> object:
    async with database.reading() as session:
        return await session.scalar(text(f"PRAGMA {name}"))


async def test_a_transaction_is_committed_at_its_end(database: Database) -> None:
    await add(database, "a")
    assert await names(database) == ["a"]


async def test_an_exception_undoes_the_transaction(database: Database) -> None:
    with pytest.raises(LookupError):
        await fail(database)
    assert await names(database) == []


async def fail(database: Database) -> None:
    async with database.session() as session:
        session.add(UnknownDock(id="a", count=1, seen_at=NOON))
        await session.flush()
        raise LookupError


async def test_a_commit_is_on_the_disk_before_it_returns(sqlite: Database) -> None:
    full = 2
    assert await pragma(sqlite, "synchronous") == full
    assert await pragma(sqlite, "journal_mode") == "wal"
    assert await pragma(sqlite, "foreign_keys") == 1


async def test_readers_see_the_state_before_an_open_transaction(database: Database) -> None:
    async with database.session() as session:
        session.add(UnknownDock(id="a", count=1, seen_at=NOON))
        await session.flush()
        assert await names(database) == []
    assert await names(database) == ["a"]


async def test_a_view_stays_what_it_was_while_others_write(database: Database) -> None:
    async with database.reading() as session:
        assert (await session.scalars(select(UnknownDock))).all() == []
        await add(database, "a")
        assert (await session.scalars(select(UnknownDock))).all() == []


COUNTS = "SELECT id, count FROM dock_unknown WHERE count >= :least ORDER BY id"


async def test_a_look_up_finds_what_is_committed_and_holds_nobody_up(database: Database) -> None:
    await add(database, "a", 3)
    async with database.session() as session:
        session.add(UnknownDock(id="b", count=4, seen_at=NOON))
        await session.flush()
        assert await database.look_up(COUNTS, {"least": 0}) == [("a", 3)]
    found = await asyncio.gather(*(database.look_up(COUNTS, {"least": n}) for n in range(3, 6)))
    assert found == [[("a", 3), ("b", 4)], [("b", 4)], []]


async def test_a_look_up_that_fails_or_is_cancelled_spoils_none_after_it(
    database: Database,
) -> None:
    await add(database, "a")
    with pytest.raises((DatabaseUnavailableError, ProgrammingError), match="nowhere"):
        await database.look_up("SELECT 1 FROM nowhere WHERE 1 = :one", {"one": 1})
    for turns in range(12):
        asked = asyncio.ensure_future(database.look_up(COUNTS, {"least": 0}))
        for _ in range(turns):
            await asyncio.sleep(0)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        assert await database.look_up(COUNTS, {"least": 0}) == [("a", 1)]
    await add(database, "b")


async def test_nothing_is_written_through_a_look_up(database: Database) -> None:
    await add(database, "a")
    with pytest.raises(DatabaseUnavailableError, match=r"read-?only"):
        await database.look_up("DELETE FROM dock_unknown WHERE count = :one", {"one": 1})
    assert await names(database) == ["a"]
    await add(database, "b")


async def test_a_glance_finds_what_is_committed_and_writes_nothing(database: Database) -> None:
    async with database.session() as session:
        session.add(UnknownDock(id="a", count=3, seen_at=NOON))
        await session.flush()
        async with database.glance() as look:
            assert await look.get(UnknownDock, "a") is None
    async with database.glance() as look:
        found = await look.get_one(UnknownDock, "a")
        found.count = 4
    with contextlib.suppress(DatabaseUnavailableError):
        async with database.glance() as look:
            await look.execute(text("UPDATE dock_unknown SET count = 5"))
    async with database.reading() as session:
        assert (await session.get_one(UnknownDock, "a")).count == 3


async def test_changes_through_a_view_for_reading_are_refused(database: Database) -> None:
    with pytest.raises(RuntimeError, match="view for reading"):
        await write_through_view(database)
    assert await names(database) == []


async def write_through_view(database: Database) -> None:
    async with database.reading() as session:
        session.add(UnknownDock(id="a", count=1, seen_at=NOON))


async def test_a_transaction_inside_a_transaction_fails_at_once(database: Database) -> None:
    with pytest.raises(RuntimeError, match="inside a transaction"):
        await nest(database)
    await add(database, "still-works")


async def nest(database: Database) -> None:
    async with database.session():
        await add(database, "b")


async def test_a_cancellation_at_any_moment_leaves_the_database_free(database: Database) -> None:
    async def work() -> None:
        async with database.session() as session:
            await session.execute(text("DELETE FROM dock_unknown"))
            await session.execute(text("SELECT 1"))

    # Kept, as a task group keeps a failure: what its frames hold is not collected.
    cut: list[object] = []
    for moment in range(60):
        task = asyncio.ensure_future(work())
        await asyncio.sleep(moment * 0.0001)
        task.cancel()
        cut.extend(await asyncio.gather(task, return_exceptions=True))
        async with asyncio.timeout(5):
            await work()


async def test_writers_that_read_first_lose_no_update(database: Database) -> None:
    await add(database, "a", 0)

    async def count_up() -> None:
        async with database.session() as session:
            row = await session.get_one(UnknownDock, "a")
            before = row.count
            await asyncio.sleep(0)
            row.count = before + 1

    await asyncio.gather(*(count_up() for _ in range(30)))
    async with database.reading() as session:
        assert (await session.get_one(UnknownDock, "a")).count == 30


async def test_two_programs_that_read_first_lose_no_update(database: Database, url: str) -> None:
    await add(database, "a", 0)
    other = Database(url)

    async def count_up(one: Database) -> None:
        async with one.session() as session:
            row = await session.get_one(UnknownDock, "a")
            await asyncio.sleep(0)
            row.count += 1

    try:
        await asyncio.gather(*(count_up(one) for one in (database, other) for _ in range(15)))
    finally:
        await other.close()
    async with database.reading() as session:
        assert (await session.get_one(UnknownDock, "a")).count == 30


async def test_two_programs_on_one_database_lose_no_update(database: Database, url: str) -> None:
    other = Database(url)
    try:
        await asyncio.gather(
            *(add(database, f"a{i}") for i in range(10)), *(add(other, f"b{i}") for i in range(10))
        )
        assert len(await names(database)) == 20
    finally:
        await other.close()


async def test_a_cancelled_transaction_leaves_nothing_and_frees_the_way(
    database: Database,
) -> None:
    async def hang() -> None:
        async with database.session() as session:
            session.add(UnknownDock(id="a", count=1, seen_at=NOON))
            await session.flush()
            await asyncio.sleep(3600)

    hanging = asyncio.ensure_future(hang())
    await asyncio.sleep(0.1)
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging
    await add(database, "b")
    assert await names(database) == ["b"]


async def test_a_row_that_breaks_a_rule_is_the_callers_to_handle(database: Database) -> None:
    await add(database, "a")
    with pytest.raises(IntegrityError):
        await add(database, "a")
    with pytest.raises(IntegrityError):
        await orphan(database)


async def orphan(database: Database) -> None:
    async with database.session() as session:
        session.add(EntrySubject(subject="urn:x", index=7))


async def test_moments_come_back_in_utc_whatever_zone_they_came_in(database: Database) -> None:
    beijing = timezone(timedelta(hours=8))
    async with database.session() as session:
        session.add(UnknownDock(id="a", count=1, seen_at=NOON.astimezone(beijing)))
    async with database.reading() as session:
        seen = (await session.get_one(UnknownDock, "a")).seen_at
    assert (seen, seen.tzinfo) == (NOON, UTC)


@pytest.mark.parametrize("year", [1, 1969, 9999])
async def test_moments_of_every_year_of_the_calendar_come_back(
    database: Database, year: int
) -> None:
    for name, at in (
        ("a", datetime(year, 1, 1, tzinfo=UTC)),
        ("b", datetime(year, 12, 31, 23, 59, tzinfo=UTC)),
    ):
        async with database.session() as session:
            session.add(UnknownDock(id=name, count=1, seen_at=at))
        async with database.reading() as session:
            assert (await session.get_one(UnknownDock, name)).seen_at == at


async def test_text_is_sorted_and_compared_by_code_points(database: Database) -> None:
    said = ["a", "B", "b", "ä", "Z", "中", "é", "-", "\U0001f600"]
    for name in said:
        await add(database, name)
    async with database.reading() as session:
        found = await session.scalars(
            select(UnknownDock.id).where(UnknownDock.id >= "Z").order_by(UnknownDock.id)
        )
        assert found.all() == sorted(name for name in said if name >= "Z")


async def test_numbers_have_64_bits(database: Database) -> None:
    await add(database, "a", 2**63 - 1)
    async with database.reading() as session:
        assert (await session.get_one(UnknownDock, "a")).count == 2**63 - 1


async def test_the_database_tells_its_own_time(database: Database) -> None:
    async with database.reading() as session:
        first, second = await database_now(session), await database_now(session)
    assert first.tzinfo is not None
    assert timedelta(0) <= second - first < timedelta(seconds=10)


async def test_upgrading_again_changes_nothing(database: Database) -> None:
    await add(database, "a")
    await database.upgrade()
    assert await names(database) == ["a"]


async def test_the_migration_makes_exactly_the_tables_of_the_models(database: Database) -> None:
    # Importing recovery imports every feature, so every model is declared.
    assert callable(recovery.apply)

    def differences(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_an_upgrade_that_fails_half_way_leaves_no_tables(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/gateway.db")
    async with database.session() as session:
        # In the way of a table that is made late.
        await session.execute(text("CREATE VIEW log_node AS SELECT 1"))
    with pytest.raises(DatabaseUnavailableError):
        await database.upgrade()
    async with database.session() as session:
        found = await session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'"))
        assert found.all() == []
        await session.execute(text("DROP VIEW log_node"))
    await database.upgrade()
    assert await names(database) == []
    await database.close()


async def test_a_database_of_a_newer_program_is_left_alone(database: Database) -> None:
    async with database.session() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseUnavailableError, match="another version"):
        await database.upgrade()


async def test_a_file_that_is_no_database_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "gateway.db").write_bytes(b"this is no database, and long enough to be read" * 9)
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/gateway.db")
    with pytest.raises(DatabaseUnavailableError, match="not a database"):
        await database.upgrade()
    await database.close()


@pytest.mark.parametrize("wrong", ["nonsense", "mysteriousdb://x/y", "postgresql+nobody://x/y"])
def test_a_url_that_names_no_driver_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigError, match="database url"):
        Database(wrong)


@POSTGRES
async def test_a_postgresql_that_compares_text_as_a_language_does_is_refused(
    server: Postgres,
) -> None:
    for kind in ("ENCODING 'UTF8' LC_COLLATE 'C.UTF-8'", "ENCODING 'LATIN1' LC_COLLATE 'C'"):
        other = Database(server.url(server.make(more=f"{kind} LC_CTYPE 'C' TEMPLATE")))
        with pytest.raises(ConfigError, match="CREATE DATABASE evidock"):
            await other.upgrade()
        await other.close()


@POSTGRES
async def test_a_postgresql_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    database = Database(f"postgresql+psycopg://x@/y?host={tmp_path}")
    with pytest.raises(DatabaseUnavailableError, match="connection"):
        await database.upgrade()
    await database.close()
