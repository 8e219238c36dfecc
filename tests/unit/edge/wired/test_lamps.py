"""Lamps follow the bays' tones; a ready lamp is never lit over a camera that is not safe."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pydantic import ValidationError

from edge.clock import DockClock
from edge.tones import Tone, together
from edge.wired import lamps as lamps_module
from edge.wired.lamps import HALF_S, Lamp, Lamps, Shows, half_s, lit
from edge.wired.port import Port
from edge.wired.relays import KtaBoard, Place
from edge.wired.settings import SerialSection
from edge.wired.wiring import Wired
from tests.simulators.serial_camera import AmbaCamera
from tests.simulators.serial_relay import KtaRelays, ModbusRelays
from tests.unit.edge.wiredside import line, running, until


def board(path: str, **more: object) -> dict[str, object]:
    return {"path": path, "driver": "kta", "channels": {1: "1"}, **more}


# --- what a lamp shows --------------------------------------------------------------


def test_every_lamp_is_dark_over_an_empty_bay() -> None:
    assert not any(lit(shows, None, halves) for shows in Shows for halves in range(8))


@pytest.mark.parametrize("tone", Tone)
def test_a_lamp_of_one_state_is_lit_in_that_state_and_steady(tone: Tone) -> None:
    for shows in (Shows.READY, Shows.WAITING, Shows.BUSY, Shows.ATTENTION):
        assert {lit(shows, tone, halves) for halves in range(8)} == {shows.value == tone.value}


def test_one_lamp_for_all_states_is_steady_when_safe_and_blinks_differently_else() -> None:
    patterns = {
        tone: "".join("x" if lit(Shows.STATE, tone, n) else "." for n in range(8)) for tone in Tone
    }
    assert patterns == {
        Tone.READY: "xxxxxxxx",
        Tone.ATTENTION: "x.x.x.x.",
        Tone.BUSY: "xx..xx..",
        Tone.WAITING: "x...x...",
    }


def test_of_two_cameras_in_one_bay_the_less_good_one_is_shown() -> None:
    assert together([]) is None
    assert together([Tone.READY, Tone.WAITING]) is Tone.WAITING
    assert together([Tone.ATTENTION, Tone.BUSY, Tone.READY]) is Tone.ATTENTION
    assert together([Tone.READY]) is Tone.READY


def test_no_lamp_blinks_faster_than_once_a_second_or_than_its_board_switches() -> None:
    place = Place(KtaBoard(Port(line(Path("/dev/none")))), 1)
    few, many = ([Lamp("1", Shows.STATE, place)] * count for count in (1, 8))
    assert half_s(few) == HALF_S == 0.5
    assert half_s(many) == 2.0
    assert half_s([Lamp("1", Shows.READY, place)] * 8) == HALF_S


# --- settings -----------------------------------------------------------------------


def test_a_bay_may_have_a_lamp_for_each_state_and_none_twice() -> None:
    ready = board("/dev/a", shows="ready")
    SerialSection.model_validate({"lights": [ready, board("/dev/b", shows="attention")]})
    with pytest.raises(ValidationError, match="bay 1 is given twice"):
        SerialSection.model_validate({"lights": [ready, board("/dev/b", shows="ready")]})
    with pytest.raises(ValidationError, match="channel 1 is given twice"):
        SerialSection.model_validate({"lights": [ready, board("/dev/a", shows="busy")]})


def test_blinking_has_to_be_allowed() -> None:
    with pytest.raises(ValidationError, match="wears mechanical relays out"):
        SerialSection.model_validate({"lights": [board("/dev/a", shows="state")]})
    SerialSection.model_validate({"lights": [board("/dev/a", shows="state", blink=True)]})


def test_a_lamp_of_a_state_is_no_place_that_an_officer_is_shown() -> None:
    section = SerialSection.model_validate({"lights": [board("/dev/a", shows="ready")]})
    wired = Wired(section, DockClock(), set)
    assert wired.lights.bays == frozenset()


# --- real lines ---------------------------------------------------------------------


class Shown:
    """Tones that a test sets."""

    def __init__(self, tone: Tone | None = None) -> None:
        self.tone = tone

    def __call__(self) -> dict[str, Tone]:
        return {"1": self.tone} if self.tone else {}


async def test_a_ready_lamp_follows_and_is_told_right_when_its_board_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No second try in this test: what a board is told on its return is what was last so.
    monkeypatch.setattr(lamps_module, "_RETRY_S", 3600.0)
    relays = KtaRelays(tmp_path / "relay")
    shown = Shown(Tone.READY)
    port = Port(line(relays.link, 19200))
    ready_board = KtaBoard(port)
    lamps = Lamps([Lamp("1", Shows.READY, Place(ready_board, 1))], shown)
    async with running(port.run(), ready_board.run(), lamps.run()):
        with relays.plugged():
            await until(lambda: relays.on == {1})
        shown.tone = Tone.BUSY
        await asyncio.sleep(0.6)
        relays.commands.clear()
        with relays.plugged():
            await until(lambda: bool(relays.commands))
            await asyncio.sleep(0.3)
            assert set(relays.commands) == {(1, False)}
            assert relays.on == set()


async def test_a_board_that_is_away_keeps_no_other_dark(tmp_path: Path) -> None:
    relays = ModbusRelays(tmp_path / "relay")
    away = board("/dev/not-there", shows="attention")
    there = {**board(str(relays.link), shows="ready"), "driver": "modbus"}
    section = SerialSection.model_validate({"lights": [away, there]})
    wired = Wired(section, DockClock(), set, Shown(Tone.READY))
    with relays.plugged():
        async with running(wired.run()):
            await until(lambda: relays.on == {1})


async def test_a_state_lamp_blinks_no_faster_than_it_may_and_then_stays_lit(
    tmp_path: Path,
) -> None:
    relays = KtaRelays(tmp_path / "relay")
    section = SerialSection.model_validate(
        {"lights": [board(str(relays.link), shows="state", blink=True)]}
    )
    shown = Shown(Tone.ATTENTION)
    wired = Wired(section, DockClock(), set, shown)
    with relays.plugged():
        async with running(wired.run()):
            await until(lambda: len(relays.commands) >= 2)
            relays.commands.clear()
            await asyncio.sleep(2.0)
            # Two blinks are four commands; one more by where the two seconds are cut.
            assert 2 <= len(relays.commands) <= 5
            shown.tone = Tone.READY
            await until(lambda: relays.commands[-1] == (1, True))
            relays.commands.clear()
            await asyncio.sleep(1.2)
            assert relays.commands == []
            assert relays.on == {1}


# --- batteries ----------------------------------------------------------------------


def control(link: Path, **more: object) -> SerialSection:
    one = {"path": str(link), "bay": "1", "zone": "Asia/Shanghai", **more}
    return SerialSection.model_validate({"control": [one]})


async def test_the_charge_is_known_where_a_command_is_until_the_camera_leaves(
    tmp_path: Path,
) -> None:
    camera = AmbaCamera(tmp_path / "camera")
    wired = Wired(control(camera.link, read_battery="Bat"), DockClock(), set)
    async with running(wired.run()):
        assert wired.batteries.charge("1") is None
        with camera.plugged():
            await until(lambda: wired.batteries.charge("1") == 43)
        await until(lambda: wired.batteries.charge("1") is None)
    assert wired.batteries.charge("2") is None


@pytest.mark.parametrize("said", ["101", "-1", "low", "", "4_3", "\uff14\uff13"])
async def test_what_is_no_charge_is_not_shown(tmp_path: Path, said: str) -> None:
    camera = AmbaCamera(tmp_path / "camera")
    camera.battery = said
    wired = Wired(control(camera.link, read_battery="Bat"), DockClock(), set)
    with camera.plugged():
        async with running(wired.run()):
            await until(lambda: "Bat" in camera.commands)
            await asyncio.sleep(0.1)
            assert wired.batteries.charge("1") is None


async def test_nothing_is_asked_where_no_command_is_known(tmp_path: Path) -> None:
    camera = AmbaCamera(tmp_path / "camera")
    wired = Wired(control(camera.link), DockClock(), set)
    with camera.plugged():
        async with running(wired.run()):
            await asyncio.sleep(0.2)
    assert camera.commands == []
