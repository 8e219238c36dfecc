"""SIGKILL at every step of ingest, seal, release and of the gateway's order of writing.

One dock and one gateway live through all of it: for each point a card is docked, the
program kills itself there, is started again, and everything must come to the same end.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.demo.station import Station
from tests.faults.oracle import Witness, all_released, check, digests, make_card, wait_for

DOCK_POINTS = [
    "session.opened",
    "session.inventory",
    "ingest.copied",
    "ingest.synced",
    "ingest.read-back",
    "ingest.published",
    "seal.before-commit",
    "seal.after-commit",
    "release.recorded",
    "proofs.recorded",
    "erase.intended",
    "erase.compared",
    "erase.unlinked",
    "erase.recorded",
]
GATEWAY_POINTS = [
    "intake.admitted",
    "intake.leaf-written:3",
    "store.staged-synced",
    "store.renamed",
    "store.read-back",
    "log.journal-written",
    "log.tiles-written",
    "log.before-commit",
    "log.after-commit",
    "log.checkpoint-signed",
    "log.journal-written:3",
    "log.before-commit:3",
    "release.before-publish",
    "release.published",
]


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    with Station(tmp_path_factory.mktemp("station")) as station:
        station.start_gateway()
        station.enrol()
        station.start_dock()
        yield station


class Life:
    """What was docked so far at this station."""

    def __init__(self, station: Station) -> None:
        self.station = station
        self.witness = Witness(station)
        self.docked: Counter[str] = Counter()
        self.cards = 0

    def insert(self) -> Path:
        """Dock a card of three recordings, one of several leaves, one empty."""
        self.cards += 1
        card = make_card(
            self.station.root / f"card{self.cards}",
            {
                "DCIM/0001.MP4": os.urandom(3_500_000),
                "DCIM/0002.MP4": os.urandom(1000),
                "DCIM/0003.MP4": b"",
            },
        )
        self.docked += digests(card)
        self.station.insert(card)
        return card

    def comes_to_rest(self, card: Path) -> None:
        """Everything released and erased; then look at it all, and take the card out."""
        wait_for(all_released(self.station, self.docked.total()), "every clip released")
        wait_for(lambda: not digests(self.station.bay), "the card erased")
        check(self.station, self.docked)
        self.witness.look()
        self.station.remove(card)


@pytest.fixture(scope="module")
def life(station: Station) -> Life:
    return Life(station)


@pytest.mark.parametrize("point", DOCK_POINTS)
def test_a_dock_that_loses_power_ends_in_the_same_state(
    life: Life, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = life.station
    station.dock.stop()
    monkeypatch.setenv("EVIDOCK_CRASH_AT", point)
    station.start_dock()
    card = life.insert()
    station.dock.wait_killed()
    monkeypatch.delenv("EVIDOCK_CRASH_AT")
    station.start_dock()
    life.comes_to_rest(card)


@pytest.mark.parametrize("point", GATEWAY_POINTS)
def test_a_gateway_that_loses_power_ends_in_the_same_state(
    life: Life, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = life.station
    station.gateway.stop()
    monkeypatch.setenv("EVIDOCK_CRASH_AT", point)
    station.start_gateway()
    card = life.insert()
    station.gateway.wait_killed()
    monkeypatch.delenv("EVIDOCK_CRASH_AT")
    station.start_gateway()
    life.comes_to_rest(card)
