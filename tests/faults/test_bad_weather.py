"""Brokers that restart, disks that lie or fill up: nothing lost, nothing doubled."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.bench.broker import Mosquitto
from tests.demo.station import Broker, Station
from tests.faults.oracle import all_released, check, digests, make_card, wait_for

MIB = 1 << 20


def _start(station: Station) -> None:
    station.start_gateway()
    station.enrol()
    station.start_dock()


def _card(station: Station, **recordings: bytes) -> Path:
    files = {f"DCIM/{name}.MP4": data for name, data in recordings.items()}
    return make_card(station.root / "card", files)


def _alarms(station: Station) -> set[str]:
    status = station.status_or_none()
    return {alarm["code"] for alarm in status["alarms"]} if status else set()


@pytest.mark.broker
def test_a_broker_that_restarts_mid_transfer_costs_nothing(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    broker.start()
    with Station(tmp_path / "station", broker=Broker(broker.port), erase=False) as station:
        _start(station)
        card = _card(station, a=os.urandom(60 * MIB), b=os.urandom(5 * MIB))
        docked = digests(card)
        station.insert(card)
        for _ in range(3):
            wait_for(lambda: bool(station.clips()), "a clip on its way")
            broker.restart()
        wait_for(all_released(station, 2), "every clip released")
        check(station, docked)
    broker.stop()


def test_a_clip_whose_spool_file_was_damaged_is_taken_from_the_card_again(tmp_path: Path) -> None:
    with Station(tmp_path / "station", erase=False) as station:
        _start(station)
        station.gateway.stop()
        card = _card(station, a=os.urandom(5 * MIB), b=os.urandom(MIB))
        docked = digests(card)
        station.insert(card)
        wait_for(lambda: station.status()["queue"]["clips"] == 2, "both clips sealed")
        damaged = max(
            (path for path in (station.state / "spool").rglob("*") if path.is_file()),
            key=lambda path: path.stat().st_size,
        )
        with damaged.open("r+b") as spool:
            spool.seek(3 * MIB)
            spool.write(b"\x00damaged\x00")
        station.start_gateway()
        # The damaged clip is named as lost; the card's recording is sealed anew.
        wait_for(all_released(station, 2), "every recording released", 90)
        assert sorted(clip["state"] for clip in station.clips()) == ["lost", "stored", "stored"]
        check(station, docked)


def test_wrong_bytes_in_the_store_are_never_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Station(tmp_path / "station") as station:
        _start(station)
        station.gateway.stop()
        monkeypatch.setenv("EVIDOCK_CRASH_AT", "store.renamed")
        station.start_gateway()
        card = _card(station, a=os.urandom(3 * MIB))
        docked = digests(card)
        station.insert(card)
        station.gateway.wait_killed()
        (stored,) = (path for path in (station.store / "clips").rglob("*") if path.is_file())
        with stored.open("r+b") as bytes_at_rest:
            bytes_at_rest.seek(MIB)
            bytes_at_rest.write(b"\x00rotten\x00")
        monkeypatch.delenv("EVIDOCK_CRASH_AT")
        station.start_gateway()
        wait_for(all_released(station, 1), "the clip pulled again and released")
        check(station, docked)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    options = ["-t", "tmpfs", "-o", "size=24m", "tmpfs"]
    subprocess.run(["mount", *options, str(disk)], check=True)
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_spool_pauses_ingest_with_an_alarm_and_goes_on_by_itself(
    tmp_path: Path, small_disk: Path
) -> None:
    settings: Mapping[str, Mapping[str, object]] = {
        "dock": {"state_dir": str(small_disk / "state")},
        "spool": {"reserve_mb": 4},
    }
    with Station(tmp_path / "station", erase=False, dock_settings=settings) as station:
        station.state = small_disk / "state"
        _start(station)
        station.gateway.stop()
        card = _card(station, **{f"r{number}": os.urandom(6 * MIB) for number in range(5)})
        docked = digests(card)
        station.insert(card)
        wait_for(lambda: "spool-full" in _alarms(station), "an alarm that the spool is full")
        assert digests(station.bay) == docked
        station.start_gateway()
        wait_for(all_released(station, 5), "every clip released")
        wait_for(lambda: "spool-full" not in _alarms(station), "the alarm cleared")
        check(station, docked)


def test_a_gateway_stopped_for_a_while_is_caught_up_without_a_hand(tmp_path: Path) -> None:
    with Station(tmp_path / "station") as station:
        _start(station)
        station.gateway.kill()
        card = _card(station, **{f"r{number}": os.urandom(100_000) for number in range(70)})
        docked = digests(card)
        station.insert(card)
        wait_for(lambda: station.status()["queue"]["clips"] == 70, "every clip sealed")
        assert digests(station.bay) == docked, "nothing may be erased before its release"
        station.start_gateway()
        wait_for(all_released(station, 70), "every clip released")
        wait_for(lambda: not digests(station.bay), "the card erased")
        check(station, docked)
