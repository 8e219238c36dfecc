"""A clip's whole life with the real programs: card, dock, broker, gateway, case, trail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.broker import Mosquitto
from tests.demo.cards import CameraCard, copied_card, left_on, made_card, sha256_of
from tests.demo.screen import Screen
from tests.demo.station import BAY, CAMERA, Broker, Station
from tests.demo.story import Story, Watch
from tests.demo.wired import Wired

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def card(tmp_path: Path) -> CameraCard:
    """A card of made footage: good, marked, cut and empty recordings."""
    return made_card(tmp_path / "card", takes=3, seconds=2)


def test_the_story_of_the_readme_is_true(
    tmp_path: Path, card: CameraCard, capsys: pytest.CaptureFixture[str]
) -> None:
    wired = Wired(tmp_path / "dev", BAY, CAMERA)
    with wired.plugged(), Station(tmp_path / "station", dock_tables=wired.tables) as station:
        Story(station, card, Screen(), wired).tell()
    transcript = capsys.readouterr().out
    with capsys.disabled():
        print(transcript)


def test_real_camera_files_live_through_the_same_story_over_mosquitto(
    tmp_path: Path, real_footage: Path
) -> None:
    card = copied_card(tmp_path / "card", real_footage)
    with (
        Mosquitto(tmp_path) as broker,
        Station(tmp_path / "station", broker=Broker(broker.port)) as station,
    ):
        Story(station, card, Screen()).tell()


def test_a_power_cut_of_both_programs_midway_loses_nothing_and_doubles_nothing(
    tmp_path: Path, card: CameraCard
) -> None:
    with Station(tmp_path / "station", erase=False) as station:
        _started(station)
        station.insert(card.root)
        station.dock.wait_until(lambda: station.clips() or None, "a first clip", 60)
        station.dock.kill()
        station.gateway.kill()
        station.start_gateway()
        station.start_dock()
        Watch(station, Screen()).until_safe()
        _all_stored_once(station, card)


def test_a_camera_pulled_and_docked_again_is_taken_over_whole(
    tmp_path: Path, card: CameraCard
) -> None:
    with Station(tmp_path / "station", erase=False) as station:
        _started(station)
        station.insert(card.root)
        station.dock.wait_until(lambda: station.clips() or None, "a first clip", 60)
        station.remove(card.root)
        station.insert(card.root)
        Watch(station, Screen()).until_safe()
        _all_stored_once(station, card)
        assert left_on(card, station.bay) == [one.path for one in card.recordings]


def test_the_gateway_may_be_away_while_a_card_is_docked(tmp_path: Path, card: CameraCard) -> None:
    with Station(tmp_path / "station") as station:
        _started(station)
        station.gateway.stop()
        station.insert(card.root)
        sealed = station.dock.wait_until(
            lambda: True if _sealed(station) == len(card.recordings) else None, "all sealed", 60
        )
        assert sealed
        assert left_on(card, station.bay) == [one.path for one in card.recordings]
        station.start_gateway()
        Watch(station, Screen()).until_safe()
        _all_stored_once(station, card)
        assert not left_on(card, station.bay)


def _started(station: Station) -> None:
    station.start_gateway()
    station.enrol()
    station.start_dock()


def _sealed(station: Station) -> int:
    return sum(station.status()["clips"].values())


def _all_stored_once(station: Station, card: CameraCard) -> None:
    clips = station.clips()
    assert sorted(clip["path"] for clip in clips) == sorted(one.path for one in card.recordings)
    sha256 = {one.path: one.sha256 for one in card.recordings}
    for clip in clips:
        assert clip["sha256"] == sha256[clip["path"]]
        assert sha256_of(station.stored_object(clip["clip"])) == sha256[clip["path"]]
