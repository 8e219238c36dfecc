from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.db import Database
from gateway.intake.leases import Held, LeaseLostError, Leases, check
from protocols.ids import dock_id
from tests.simulators.migrated import database_in

DOCK = dock_id("dock7")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    await database_in(tmp_path)
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'gateway.db'}")
    yield database
    await database.close()


async def test_the_first_worker_gets_the_lease_and_the_second_does_not(database: Database) -> None:
    assert await Leases(database, "one", 15).acquire(DOCK) == Held(DOCK, "one", 1)
    assert await Leases(database, "two", 15).acquire(DOCK) is None


async def test_a_worker_that_asks_again_keeps_its_term(database: Database) -> None:
    leases = Leases(database, "one", 15)
    assert await leases.acquire(DOCK) == await leases.acquire(DOCK)


async def test_a_lease_that_ran_out_goes_over_with_a_higher_term(database: Database) -> None:
    first = await Leases(database, "one", 0.05).acquire(DOCK)
    assert first is not None
    await asyncio.sleep(0.2)
    second = await Leases(database, "two", 15).acquire(DOCK)
    assert second is not None
    assert second.term > first.term
    async with database.session() as session:
        await check(session, second)
        with pytest.raises(LeaseLostError):
            await check(session, first)


async def test_a_renewed_lease_does_not_run_out(database: Database) -> None:
    leases = Leases(database, "one", 0.5)
    held = await leases.acquire(DOCK)
    assert held is not None
    for _ in range(4):
        await asyncio.sleep(0.2)
        assert await leases.renew([held]) == set()
    assert await Leases(database, "two", 15).acquire(DOCK) is None


async def test_renewing_says_which_leases_are_lost(database: Database) -> None:
    leases = Leases(database, "one", 0.05)
    held = await leases.acquire(DOCK)
    assert held is not None
    await asyncio.sleep(0.2)
    await Leases(database, "two", 15).acquire(DOCK)
    assert await leases.renew([held]) == {DOCK}


async def test_a_lease_given_back_can_be_taken_at_once_with_a_higher_term(
    database: Database,
) -> None:
    one, two = Leases(database, "one", 15), Leases(database, "two", 15)
    held = await one.acquire(DOCK)
    assert held is not None
    await one.release([held])
    after = await two.acquire(DOCK)
    assert after == Held(DOCK, "two", held.term + 1)
    await one.release([held])
    assert await two.renew([after]) == set()


async def test_a_lone_worker_clears_what_a_crash_left(database: Database) -> None:
    await Leases(database, "crashed", 600).acquire(DOCK)
    new = Leases(database, "new", 15)
    await new.clear()
    assert await new.acquire(DOCK) == Held(DOCK, "new", 2)


async def test_many_workers_at_once_make_one_owner(database: Database) -> None:
    workers = [Leases(database, f"worker-{number}", 15) for number in range(12)]
    won = [held for held in await asyncio.gather(*(w.acquire(DOCK) for w in workers)) if held]
    assert len(won) == 1


async def test_a_commit_under_a_lost_lease_leaves_nothing(database: Database) -> None:
    first = await Leases(database, "one", 0.05).acquire(DOCK)
    assert first is not None
    await asyncio.sleep(0.2)
    await Leases(database, "two", 15).acquire(DOCK)
    with pytest.raises(LeaseLostError):
        async with database.session() as session:
            await check(session, first)


async def test_nobody_holds_a_lease_that_was_never_taken(database: Database) -> None:
    with pytest.raises(LeaseLostError):
        async with database.session() as session:
            await check(session, Held(DOCK, "one", 1))
