"""From a tap to a light, and from a light to the officer of a session."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from edge.clock import DockClock
from edge.wired.desk import ANYWHERE, Desk
from edge.wired.frames.badges import Badge, ReaderKind
from edge.wired.reader import Tap
from edge.wired.settings import SerialSection
from edge.wired.wiring import Wired
from tests.simulators.serial_badge import Reader
from tests.simulators.serial_camera import AmbaCamera
from tests.simulators.serial_relay import KtaRelays, LcusRelays, ModbusRelays
from tests.unit.edge.wiredside import running, until

CARD, OTHER = "62E3086CED", "0100ABCDEF"
BAYS = ("2", "10")


def tap(card: str, at_s: float, bay: str | None = None) -> Tap:
    return Tap(Badge(ReaderKind.RDM6300, card), "reader", bay, at_s)


def card(found: Tap | None) -> str | None:
    return None if found is None else found.badge.raw


# --- the desk -----------------------------------------------------------------------


def test_a_tap_counts_for_one_camera() -> None:
    desk = Desk(60.0, BAYS)
    assert desk.tap(tap(CARD, 0.0), ()) == "2"
    assert card(desk.take("2", 1.0)) == CARD
    assert desk.take("2", 1.0) is None


def test_a_bay_without_a_tap_has_no_officer() -> None:
    desk = Desk(60.0, BAYS)
    desk.tap(tap(CARD, 0.0), ())
    assert desk.take("10", 1.0) is None


def test_bays_are_offered_in_their_order_and_without_a_camera() -> None:
    desk = Desk(60.0, BAYS)
    assert [desk.tap(tap(f"0{n}", 0.0), ()) for n in range(3)] == ["2", "10", None]
    assert Desk(60.0, BAYS).tap(tap(CARD, 0.0), {"2"}) == "10"
    assert Desk(60.0, BAYS).tap(tap(CARD, 0.0), {"2", "10"}) is None


def test_tapping_again_keeps_the_bay_and_waits_longer() -> None:
    desk = Desk(60.0, BAYS)
    assert desk.tap(tap(CARD, 0.0), {"2"}) == desk.tap(tap(CARD, 50.0), ()) == "10"
    assert card(desk.take("10", 100.0)) == CARD


def test_a_claim_that_waited_too_long_is_gone() -> None:
    desk = Desk(60.0, BAYS)
    desk.tap(tap(CARD, 0.0), ())
    assert desk.waiting(59.9) == {"2"}
    assert desk.waiting(60.0) == frozenset()
    assert desk.take("2", 60.0) is None


def test_a_reader_of_one_bay_speaks_for_that_bay_and_the_later_tap_has_it() -> None:
    desk = Desk(60.0, BAYS)
    assert desk.tap(tap(CARD, 0.0, "7"), {"7"}) == "7"
    assert desk.tap(tap(OTHER, 1.0, "7"), {"7"}) == "7"
    assert card(desk.take("7", 2.0)) == OTHER


def test_a_tap_for_a_camera_that_leaves_is_not_for_the_next_one() -> None:
    desk = Desk(60.0, BAYS)
    desk.tap(tap(CARD, 0.0, "7"), {"7"})
    desk.left("7")
    desk.left("7")
    assert desk.take("7", 2.0) is None


def test_one_card_waits_in_one_bay() -> None:
    desk = Desk(60.0, BAYS)
    desk.tap(tap(CARD, 0.0), ())
    assert desk.tap(tap(CARD, 1.0, "7"), ()) == "7"
    assert desk.waiting(2.0) == {"7"}


def test_without_lights_the_next_camera_is_the_last_officers() -> None:
    desk = Desk(60.0, ())
    assert desk.tap(tap(CARD, 0.0), {"1"}) == ANYWHERE
    assert desk.tap(tap(OTHER, 1.0), {"1"}) == ANYWHERE
    assert desk.waiting(2.0) == frozenset()
    assert card(desk.take("5", 2.0)) == OTHER
    assert desk.take("6", 2.0) is None


# --- all of it ----------------------------------------------------------------------


def section(tmp_path: Path) -> SerialSection:
    return SerialSection.model_validate(
        {
            "readers": [
                {"path": str(tmp_path / "reader"), "driver": "rdm6300", "held_s": 0.05},
            ],
            "power": [
                {"path": str(tmp_path / "board"), "driver": "kta", "channels": {1: "A", 2: "B"}},
            ],
            "lights": [
                {"path": str(tmp_path / "board"), "driver": "kta", "channels": {7: "A", 8: "B"}},
            ],
            "control": [
                {"path": str(tmp_path / "camera"), "bay": "A", "zone": "Asia/Shanghai"},
            ],
        }
    )


async def test_a_tap_lights_a_bay_until_its_camera_is_docked(tmp_path: Path) -> None:
    reader, board = Reader(tmp_path / "reader"), KtaRelays(tmp_path / "board")
    camera = AmbaCamera(tmp_path / "camera")
    occupied = {"A"}
    wired = Wired(section(tmp_path), DockClock(), lambda: occupied)
    with reader.plugged(), board.plugged(), camera.plugged():
        async with running(wired.run()):
            # The power of all bays, no light.
            await until(lambda: board.on == {1, 2})
            await until(lambda: all(state.connected for state in wired.states()))
            reader.tap(CARD)
            await until(lambda: board.on == {1, 2, 8})
            assert wired.officer("A") is None
            assert wired.officer("B") == f"rdm6300:{CARD}"
            await until(lambda: board.on == {1, 2})
            assert await wired.duties["A"].control.identify() == "BWC000123"


async def test_a_dock_without_its_devices_runs_and_says_so(tmp_path: Path) -> None:
    wired = Wired(section(tmp_path), DockClock(), set)
    async with running(wired.run()):
        await until(lambda: all(state.problem == "not plugged in" for state in wired.states()))
        assert len(wired.states()) == 3
        reader = Reader(tmp_path / "reader")
        with reader.plugged():
            await until(lambda: any(state.connected for state in wired.states()))
            reader.tap(CARD)
            await until(lambda: bool(wired._desk.waiting(time.monotonic())))
            wired.left("A")
            assert wired.officer("A") is None
            await asyncio.to_thread(time.sleep, 0.1)
            reader.tap(CARD)
            await until(lambda: bool(wired._desk.waiting(time.monotonic())))
        assert wired.officer("A") == f"rdm6300:{CARD}"


async def test_a_light_that_was_left_on_goes_out_at_the_start(tmp_path: Path) -> None:
    board = KtaRelays(tmp_path / "board")
    wired = Wired(section(tmp_path), DockClock(), set)
    with board.plugged():
        board.on = {7, 8}
        async with running(wired.run()):
            await until(lambda: board.on == {1, 2})


@pytest.mark.parametrize("driver", ["lcus", "modbus"])
async def test_other_boards_are_wired_alike(tmp_path: Path, driver: str) -> None:
    kinds = {"lcus": LcusRelays, "modbus": ModbusRelays}
    board = kinds[driver](tmp_path / "board")
    channels = {1: "A", 4: "B"}
    place = {"path": str(board.link), "driver": driver, "channels": channels, "status": "bytes"}
    wired = Wired(SerialSection.model_validate({"power": [place]}), DockClock(), set)
    with board.plugged():
        async with running(wired.run()):
            await until(lambda: board.on == {1, 4})


async def test_cancelling_ends_all_of_it_within_a_second(tmp_path: Path) -> None:
    reader, board = Reader(tmp_path / "reader"), KtaRelays(tmp_path / "board")
    board.faults.silent = True
    wired = Wired(section(tmp_path), DockClock(), set)
    with reader.plugged(), board.plugged():
        async with running(wired.run()):
            await until(lambda: sum(state.connected for state in wired.states()) == 2)
            await asyncio.sleep(0.05)
            started = time.monotonic()
        assert time.monotonic() - started < 1.0
