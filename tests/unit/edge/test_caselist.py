"""The dock's copy of the open cases: newest counts, outlives restarts, says how old it is."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge.caselist import MEMORY, CaseList
from edge.clock import DockClock
from edge.ledger import Ledger
from protocols.caselist import CATEGORIES, Cases, Choice, OpenCase
from protocols.clock import ClockReading
from protocols.errors import MessageError
from tests.unit.edge.bayside import until
from tests.unit.edge.dockside import open_ledger

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Clock(DockClock):
    """A clock that a test moves."""

    def __init__(self) -> None:
        super().__init__()
        self.passed_s, self.set_by_s, self.boot = 0.0, 0.0, "first"

    def read(self) -> ClockReading:
        now = NOON + timedelta(seconds=self.passed_s + self.set_by_s)
        monotonic_ns = int(self.passed_s * 1e9)
        found = super().read().model_dump() | {"utc": now.isoformat(), "boot": self.boot}
        return ClockReading.model_validate(found | {"monotonic_ns": monotonic_ns})


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path / "ledger.db")
    yield opened
    opened.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def sent(*numbers: int, at: datetime = NOON, officers: tuple[str, ...] = ()) -> bytes:
    those = tuple(
        OpenCase(case=f"{n:032x}", case_no=f"case {n}", officers=officers if n == 1 else ())
        for n in numbers
    )
    return Cases(revision=len(numbers), time=at.isoformat(), cases=those).encode()


def numbers(cases: CaseList, officer: str | None = None) -> list[str]:
    return [case.case_no for case in cases.cases(officer)]


def test_a_dock_that_heard_of_no_case_has_words_all_the_same(ledger: Ledger) -> None:
    cases = CaseList(ledger)
    assert (cases.cases(None), cases.stale_s, cases.more) == ([], None, 0)
    assert cases.categories == tuple(CATEGORIES)
    assert any(choice.code == "battery" for choice in cases.reasons)


def test_the_newest_list_counts_and_outlives_a_restart(ledger: Ledger, clock: Clock) -> None:
    cases = CaseList(ledger, clock)
    cases.take(sent(1), retained=False)
    cases.take(sent(2, 1), retained=False)
    assert numbers(cases) == ["case 2", "case 1"]
    clock.passed_s = 90.0
    again = CaseList(ledger, clock)
    assert numbers(again) == ["case 2", "case 1"]
    assert again.stale_s == 90.0


def test_an_officers_own_cases_come_first(ledger: Ledger) -> None:
    cases = CaseList(ledger)
    cases.take(sent(3, 2, 1, officers=("王",)), retained=False)
    assert numbers(cases, "王") == ["case 1", "case 3", "case 2"]
    assert numbers(cases, "李") == ["case 3", "case 2", "case 1"]


def test_what_a_broker_kept_is_as_old_as_it_says(ledger: Ledger, clock: Clock) -> None:
    cases = CaseList(ledger, clock)
    cases.take(sent(1, at=NOON - timedelta(days=3)), retained=True)
    assert cases.stale_s == 3 * 86_400


def test_what_a_broker_kept_makes_no_list_younger(ledger: Ledger, clock: Clock) -> None:
    cases = CaseList(ledger, clock)
    cases.take(sent(1), retained=False)
    clock.passed_s = 50.0
    cases.take(sent(1), retained=True)
    assert cases.stale_s == 50.0


def test_a_clock_that_went_back_over_a_restart_makes_the_age_unknown(
    ledger: Ledger, clock: Clock
) -> None:
    CaseList(ledger, clock).take(sent(1), retained=False)
    clock.boot, clock.set_by_s = "second", -3600.0
    assert CaseList(ledger, clock).stale_s is None
    clock.set_by_s = 3600.0
    assert CaseList(ledger, clock).stale_s == 3600.0


@pytest.mark.parametrize("payload", [b"", b"{}", b"[]", sent(1).replace(b'"revision":1', b"")])
def test_nonsense_leaves_what_was_heard_before(ledger: Ledger, payload: bytes) -> None:
    cases = CaseList(ledger)
    cases.take(sent(7), retained=False)
    cases.take(payload, retained=False)
    assert numbers(cases) == ["case 7"]


def test_a_list_that_is_too_large_is_refused_unread(ledger: Ledger) -> None:
    with pytest.raises(MessageError, match="65536 allowed"):
        CaseList(ledger).hear(b" " * 65_537, retained=False)


def test_a_memory_of_another_version_is_forgotten(ledger: Ledger) -> None:
    ledger.remember(MEMORY, "", '{"cases": []}')
    cases = CaseList(ledger)
    assert cases.cases(None) == []
    cases.take(sent(1), retained=False)
    assert numbers(CaseList(ledger)) == ["case 1"]


def test_the_same_list_again_is_not_written_again(ledger: Ledger, clock: Clock) -> None:
    cases = CaseList(ledger, clock)
    cases.take(sent(1), retained=False)
    written = ledger.recall(MEMORY, "")
    clock.passed_s = 600.0
    cases.take(sent(1, at=NOON + timedelta(minutes=10)), retained=False)
    assert (ledger.recall(MEMORY, ""), cases.stale_s) == (written, 0.0)
    clock.passed_s = 4000.0
    cases.take(sent(1, at=NOON + timedelta(minutes=70)), retained=False)
    assert ledger.recall(MEMORY, "") != written


async def test_of_a_flood_the_newest_is_looked_at(ledger: Ledger) -> None:
    cases = CaseList(ledger)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(cases.run())
        for n in range(1, 1000):
            cases.hear(sent(n), retained=False)
        await until(lambda: numbers(cases) == ["case 999"])
        task.cancel()


def test_words_of_the_gateway_replace_the_built_in_ones(ledger: Ledger) -> None:
    cases = CaseList(ledger)
    own = (Choice(code="x-ray", zh="检查", en="x-ray"),)
    stated = Cases(revision=1, time="now", cases=(), categories=own)
    cases.take(stated.encode(), retained=False)
    assert cases.categories == own
    assert cases.stale_s is not None
