from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from gateway.db import Database
from gateway.intake import refusals
from gateway.intake.admit import Refused
from gateway.intake.models import Refusal
from protocols.ids import dock_id
from protocols.messages import Entry, Retry

DOCK = dock_id("dock7")
NOW = datetime(2026, 2, 25, 8, 0, tzinfo=UTC)
ENTRY = Entry(0, 4, b"record", b"statement")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}")
    await database.upgrade()
    yield database
    await database.close()


def refused(code: str, number: int = 0, *, signed: bool = False) -> Refused:
    return Refused(code, "why", Retry.LATER, number.to_bytes(32), signed=signed)


async def keep(database: Database, what: Refused, after: timedelta = timedelta()) -> bool:
    async with database.session() as session:
        return await refusals.keep(session, DOCK, ENTRY, what, NOW + after)


async def rows(database: Database) -> list[Refusal]:
    async with database.reading() as session:
        return list((await session.scalars(select(Refusal))).all())


async def test_the_same_refusal_again_is_counted(database: Database) -> None:
    assert await keep(database, refused("statement-form"))
    assert not await keep(database, refused("statement-form"), timedelta(minutes=5))
    (row,) = await rows(database)
    assert (row.seen, row.first_seen, row.last_seen) == (2, NOW, NOW + timedelta(minutes=5))


async def test_the_bytes_of_a_signed_fork_are_kept(database: Database) -> None:
    await keep(database, refused("chain-fork", signed=True))
    (row,) = await rows(database)
    assert (row.statement, row.record) == (ENTRY.statement, ENTRY.record)


@pytest.mark.parametrize(("code", "signed"), [("chain-gap", True), ("statement-form", False)])
async def test_the_bytes_of_anything_else_are_not(
    code: str,
    signed: bool,  # noqa: FBT001  # a case of the table
    database: Database,
) -> None:
    await keep(database, refused(code, signed=signed))
    (row,) = await rows(database)
    assert (row.statement, row.record) == (b"", b"")


async def test_strangers_cannot_fill_the_table_nor_crowd_out_what_the_dock_signed(
    database: Database,
) -> None:
    async with database.session() as session:
        for number in range(refusals.MAX_UNSIGNED + 50):
            await refusals.keep(session, DOCK, ENTRY, refused("statement-form", number), NOW)
        assert await refusals.keep(session, DOCK, ENTRY, refused("chain-fork", signed=True), NOW)
    async with database.reading() as session:
        count = await session.scalar(select(func.count()).select_from(Refusal))
    assert count == refusals.MAX_UNSIGNED + 1
