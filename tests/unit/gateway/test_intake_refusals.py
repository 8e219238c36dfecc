from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from gateway.db import Database
from gateway.intake import alarms, refusals
from gateway.intake.admit import Refused
from gateway.intake.entries import Entries
from gateway.intake.leases import Held
from gateway.intake.models import Refusal
from gateway.services import Services
from protocols.ids import dock_id
from protocols.messages import Entry, Retry
from protocols.records import CheckpointRef
from tests.simulators.dock import SimulatedDock
from tests.simulators.means import Sent, means_of
from tests.simulators.migrated import database_in
from tests.simulators.seeded import gateway_on

DOCK = dock_id("dock7")
NOW = datetime(2026, 2, 25, 8, 0, tzinfo=UTC)
ENTRY = Entry(0, 4, b"record", b"statement")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    await database_in(tmp_path)
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}")
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


async def test_what_the_dock_signed_out_of_order_does_not_crowd_out_its_forks(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refusals.MAX_SIGNED > refusals.MAX_UNSIGNED
    monkeypatch.setattr(refusals, "MAX_SIGNED", 40)
    async with database.session() as session:
        for number in range(refusals.MAX_SIGNED + 5):
            gap = refused("chain-gap", number, signed=True)
            kept = await refusals.keep(session, DOCK, ENTRY, gap, NOW)
            assert kept == (number < refusals.MAX_SIGNED)
        assert await refusals.keep(session, DOCK, ENTRY, refused("chain-edit", signed=True), NOW)


async def test_even_forks_are_bounded_and_crowd_out_nothing_else(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "MAX_FORKS", 3)
    kept = [await keep(database, refused("chain-fork", n, signed=True)) for n in range(5)]
    assert kept == [True, True, True, False, False]
    assert await keep(database, refused("statement-form"))


async def test_a_fork_raises_the_alarm_even_when_there_is_no_room_to_keep_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "MAX_FORKS", 0)
    dock = SimulatedDock()
    async with gateway_on(tmp_path) as services:
        with means_of(services, Sent()) as means:
            lease = Held(dock.id, "worker", 1)
            entries = Entries(means, lease)
            fork = refused("chain-fork", signed=True)
            await entries.keep_refused(ENTRY, fork)
            assert await codes_of(services) == {alarms.FORKED}


@pytest.mark.parametrize("code", ["chain-gap", "epoch-unapproved"])
async def test_other_refusals_raise_no_alarm_of_a_fork(code: str, tmp_path: Path) -> None:
    dock = SimulatedDock()
    async with gateway_on(tmp_path) as services:
        with means_of(services, Sent()) as means:
            entries = Entries(means, Held(dock.id, "worker", 1))
            await entries.keep_refused(ENTRY, refused(code, signed=True))
            await entries.keep_refused(ENTRY, refused("chain-fork"))
            assert await codes_of(services) == set()


async def codes_of(services: Services) -> set[str]:
    async with services.database.reading() as session:
        return {alarm.code for alarm in await alarms.standing(session)}


async def test_the_same_unsigned_claim_of_a_checkpoint_is_an_alarm_once(tmp_path: Path) -> None:
    dock = SimulatedDock()
    async with gateway_on(tmp_path) as services:
        with means_of(services, Sent()) as means:
            entries = Entries(means, Held(dock.id, "worker", 1))
            for size in (7, 7, 8, 7, 8):
                claim = CheckpointRef(size=size, root="ab" * 32)
                assert not await entries.confirm(claim, signed=False)
            for size in range(10, 300):
                await entries.confirm(CheckpointRef(size=size, root="ab" * 32), signed=False)
        async with services.database.reading() as session:
            (alarm,) = await alarms.standing(session)
    assert (alarm.code, alarm.times) == (alarms.CLAIMED, 100)
