"""What docks are told of open cases: when there is news, to each once, and little of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.cases.offering import AGAIN_S, Offering
from gateway.cases.service import NewCase
from gateway.config import CasesSection
from gateway.services import Services
from protocols.caselist import Cases
from protocols.ids import DockId
from protocols.messages import MAX_JSON
from tests.simulators.seeded import gateway_on

ONE, TWO = DockId("dock1"), DockId("dock2")


class Docks:
    """Docks that hear, or do not."""

    def __init__(self, services: Services, settings: CasesSection | None = None) -> None:
        self.told: list[tuple[DockId, Cases]] = []
        self.reached = True
        self.offering = Offering(
            services.database, settings or CasesSection(), services.clock, self._tell
        )

    async def _tell(self, dock: DockId, payload: bytes) -> bool:
        assert len(payload) <= MAX_JSON
        if self.reached:
            self.told.append((dock, Cases.decode(payload)))
        return self.reached

    async def news(self, *docks: DockId, now: float = 0.0) -> list[DockId]:
        """Whom a round tells."""
        before = len(self.told)
        await self.offering.tell(docks, now)
        return [dock for dock, _ in self.told[before:]]


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path) as running:
        yield running


async def open_case(services: Services, case_no: str, title: str | None = None) -> None:
    await services.cases.open(NewCase(case_no, title, "inspection", "team 2", "Li"))


async def test_each_dock_is_told_once_until_there_is_news(services: Services) -> None:
    docks = Docks(services)
    assert await docks.news(ONE, TWO) == [ONE, TWO]
    assert await docks.news(ONE, TWO) == []
    await open_case(services, "A1")
    assert await docks.news(ONE) == [ONE]
    await open_case(services, "A2")
    assert await docks.news(ONE, TWO) == [ONE, TWO]
    newest = docks.told[-1][1]
    assert [case.case_no for case in newest.cases] == ["A2", "A1"]
    assert newest.revision > docks.told[0][1].revision


async def test_a_dock_that_came_back_or_was_not_reached_is_told_again(services: Services) -> None:
    docks = Docks(services)
    docks.reached = False
    assert await docks.news(ONE) == []
    docks.reached = True
    assert await docks.news(ONE) == [ONE]
    docks.offering.forget(ONE)
    assert await docks.news(ONE, TWO) == [ONE, TWO]
    docks.offering.forget()
    assert await docks.news(ONE, TWO) == [ONE, TWO]


async def test_the_list_is_said_again_so_that_docks_know_it_is_no_older(services: Services) -> None:
    docks = Docks(services)
    await docks.news(ONE, now=5.0)
    assert await docks.news(ONE, now=AGAIN_S) == []
    assert await docks.news(ONE, now=AGAIN_S + 6.0) == [ONE]


async def test_who_opened_a_case_is_not_told_and_a_title_only_in_one_line(
    services: Services,
) -> None:
    await open_case(services, "A1", "first line\nsecond " + "长" * 200)
    docks = Docks(services)
    await docks.news(ONE)
    (case,) = docks.told[0][1].cases
    assert case.title is not None
    assert case.title.startswith("first line second 长")
    assert (len(case.title), case.title[-1]) == (80, "…")
    assert "Li" not in docks.told[0][1].encode().decode()


async def test_words_of_the_settings_are_told(services: Services) -> None:
    settings = CasesSection.model_validate(
        {"categories": [{"code": "x", "zh": "甲", "en": "x"}], "reasons": []}
    )
    docks = Docks(services, settings)
    await docks.news(ONE)
    told = docks.told[0][1]
    assert ([each.code for each in told.categories], told.reasons) == (["x"], ())
