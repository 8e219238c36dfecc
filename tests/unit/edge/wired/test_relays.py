"""Relays that do as they are told, that do not, that say nothing, and that come back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.wired.errors import NoAnswer, PortAway, Refused, SwitchMismatch, Unsupported
from edge.wired.frames.framing import FrameError
from edge.wired.port import Port
from edge.wired.relays import (
    BayLights,
    BayPower,
    Board,
    KtaBoard,
    LcusBoard,
    LcusStatus,
    ModbusBoard,
    Outcome,
    Place,
)
from tests.simulators.serial_relay import KtaRelays, LcusRelays, ModbusRelays, Relays
from tests.unit.edge.wiredside import line, open_port, running, until

ANSWER_S = 2.0

KINDS: dict[str, tuple[Callable[[Path], Relays], Callable[[Port], Board]]] = {
    "kta": (KtaRelays, lambda port: KtaBoard(port, ANSWER_S)),
    "lcus-bytes": (
        lambda link: LcusRelays(link, 4, "bytes"),
        lambda port: LcusBoard(port, LcusStatus.BYTES, 4, ANSWER_S),
    ),
    "lcus-echo": (
        lambda link: LcusRelays(link, 4, "bytes", echo=True),
        lambda port: LcusBoard(port, LcusStatus.BYTES, 4, ANSWER_S),
    ),
    "lcus-text": (
        lambda link: LcusRelays(link, 4, "text"),
        lambda port: LcusBoard(port, LcusStatus.TEXT, 4, ANSWER_S),
    ),
    "modbus": (ModbusRelays, lambda port: ModbusBoard(port, 1, ANSWER_S)),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_switch_is_confirmed_by_asking(kind: str, tmp_path: Path) -> None:
    simulator, driver = KINDS[kind]
    relays = simulator(tmp_path / "board")
    with relays.plugged():
        async with open_port(relays.link) as port:
            board = driver(port)
            assert await board.switch(3, on=True) is Outcome.CONFIRMED
            assert relays.on == {3}
            assert await board.is_on(3)
            assert not await board.is_on(2)
            assert await board.switch(3, on=False) is Outcome.CONFIRMED
            assert relays.on == set()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_relay_that_sticks_is_named(kind: str, tmp_path: Path) -> None:
    simulator, driver = KINDS[kind]
    relays = simulator(tmp_path / "board")
    relays.stuck = {2}
    with relays.plugged():
        async with open_port(relays.link) as port:
            with pytest.raises(SwitchMismatch, match="channel 2 was switched on and says off") as e:
                await driver(port).switch(2, on=True)
            assert (e.value.channel, e.value.wanted, e.value.found) == (2, True, False)
            assert relays.commands == [(2, True), (2, True)]


@pytest.mark.parametrize("kind", KINDS)
async def test_single_bytes_and_noise_do_no_harm(kind: str, tmp_path: Path) -> None:
    simulator, driver = KINDS[kind]
    relays = simulator(tmp_path / "board")
    relays.faults.split = True
    relays.faults.before = b"\xfe\x7f"
    with relays.plugged():
        async with open_port(relays.link) as port:
            assert await driver(port).switch(1, on=True) is Outcome.CONFIRMED


@pytest.mark.parametrize("kind", KINDS)
async def test_a_board_that_says_nothing_is_no_confirmation(kind: str, tmp_path: Path) -> None:
    simulator, driver = KINDS[kind]
    relays = simulator(tmp_path / "board")
    relays.faults.silent = True
    with relays.plugged():
        async with open_port(relays.link) as port:
            board = driver(port)
            board._answer_s = 0.1
            with pytest.raises(NoAnswer, match="answered nothing"):
                await board.switch(1, on=True)
            await until(lambda: relays.on == {1})
            relays.faults.silent = False
            board._answer_s = ANSWER_S
            assert await board.is_on(1)


async def test_a_wrong_checksum_is_no_answer(tmp_path: Path) -> None:
    relays = ModbusRelays(tmp_path / "board")
    relays.faults.flip = 4
    with relays.plugged():
        async with open_port(relays.link) as port:
            with pytest.raises(NoAnswer, match=r"nothing it should \([1-9]\d* faults\)"):
                await ModbusBoard(port, 1, 0.2).is_on(1)


async def test_an_exception_reply_is_a_refusal(tmp_path: Path) -> None:
    relays = ModbusRelays(tmp_path / "board", channels=2)
    with relays.plugged():
        async with open_port(relays.link) as port:
            board = ModbusBoard(port, 1, ANSWER_S)
            with pytest.raises(Refused, match="illegal data address"):
                await board.switch(3, on=True)
            relays.refuses = 6
            with pytest.raises(Refused, match="busy"):
                await board.is_on(1)


async def test_an_answer_for_another_channel_is_none(tmp_path: Path) -> None:
    relays = KtaRelays(tmp_path / "board")
    relays.other = 1
    with relays.plugged():
        async with open_port(relays.link) as port:
            with pytest.raises(NoAnswer, match="another channel than 3"):
                await KtaBoard(port, ANSWER_S).is_on(3)


async def test_a_reply_to_another_request_is_no_answer(tmp_path: Path) -> None:
    relays = ModbusRelays(tmp_path / "board")
    relays.mixed_up = True
    with relays.plugged():
        async with open_port(relays.link) as port:
            board = ModbusBoard(port, 1, ANSWER_S)
            with pytest.raises(NoAnswer, match="to another request"):
                await board.switch(1, on=True)
            with pytest.raises(NoAnswer, match="to another request"):
                await board.is_on(1)


async def test_a_channel_that_a_board_does_not_list_is_unknown(tmp_path: Path) -> None:
    relays = LcusRelays(tmp_path / "board", channels=1, status="text")
    with relays.plugged():
        async with open_port(relays.link) as port:
            with pytest.raises(NoAnswer, match="said nothing of channel 2"):
                await LcusBoard(port, LcusStatus.TEXT, 1, ANSWER_S).is_on(2)


async def test_a_board_that_cannot_be_asked_is_only_told(tmp_path: Path) -> None:
    relays = LcusRelays(tmp_path / "board", status="none")
    with relays.plugged():
        async with open_port(relays.link) as port:
            board = LcusBoard(port, LcusStatus.NONE, 4)
            assert await board.switch(1, on=True) is Outcome.SENT
            await until(lambda: relays.on == {1})
            with pytest.raises(Unsupported):
                await board.is_on(1)


async def test_commands_keep_their_distance(tmp_path: Path) -> None:
    relays = LcusRelays(tmp_path / "board", status="none")
    with relays.plugged():
        async with open_port(relays.link) as port:
            board = LcusBoard(port, LcusStatus.NONE, 4)
            started = time.monotonic()
            async with asyncio.TaskGroup() as group:
                for channel in (1, 2, 3, 4):
                    group.create_task(board.switch(channel, on=True))
            assert time.monotonic() - started >= 0.3
            await until(lambda: relays.on == {1, 2, 3, 4})


async def test_a_board_that_comes_back_is_told_again(tmp_path: Path) -> None:
    relays = KtaRelays(tmp_path / "board")
    with relays.plugged():
        async with open_port(relays.link) as port:
            board = KtaBoard(port, ANSWER_S)
            async with running(board.run()):
                await board.switch(5, on=True)
                relays.unplug()
                await until(lambda: not port.state.connected)
                with pytest.raises(PortAway):
                    await board.switch(6, on=True)
                relays.plug()
                await until(lambda: relays.on == {5, 6})


async def test_a_channel_that_no_board_has_is_refused(tmp_path: Path) -> None:
    relays = KtaRelays(tmp_path / "board")
    with relays.plugged():
        async with open_port(relays.link) as port:
            with pytest.raises(FrameError):
                await KtaBoard(port).is_on(9)


async def test_a_bay_is_restarted_by_taking_its_power_away(tmp_path: Path) -> None:
    relays = KtaRelays(tmp_path / "board")
    with relays.plugged():
        async with open_port(relays.link) as port:
            power = BayPower({"A": Place(KtaBoard(port, ANSWER_S), 4)})
            assert power.bays == {"A"}
            assert await power.restart("A", off_s=0.01) is Outcome.CONFIRMED
            assert relays.commands == [(4, False), (4, True)]
            assert await power.is_on("A")
            with pytest.raises(Unsupported, match="bay B"):
                await power.switch("B", on=True)


async def test_a_restart_that_is_cancelled_leaves_the_bay_on(tmp_path: Path) -> None:
    relays = KtaRelays(tmp_path / "board")
    with relays.plugged():
        async with open_port(relays.link) as port:
            power = BayPower({"A": Place(KtaBoard(port, ANSWER_S), 4)})

            async def restarts() -> None:
                await power.restart("A", off_s=60.0)

            async with running(restarts()):
                await until(lambda: relays.commands == [(4, False)])
            assert relays.on == {4}


async def test_a_light_that_fails_stops_nobody(tmp_path: Path) -> None:
    port = Port(line(tmp_path / "absent"))
    lights = BayLights({"A": Place(KtaBoard(port), 1)})
    assert not await lights.show("A", on=True)
    assert not await lights.blink("A")
    assert set(await lights.switch_all(on=True)) == {"A"}


async def test_a_light_blinks_and_stays_lit(tmp_path: Path) -> None:
    relays = LcusRelays(tmp_path / "board", status="none")
    with relays.plugged():
        async with open_port(relays.link) as port:
            lights = BayLights({"A": Place(LcusBoard(port, LcusStatus.NONE, 1), 1)})
            assert await lights.blink("A", times=2, half_s=0.01)
            await until(lambda: [on for _, on in relays.commands] == [True, False] * 2 + [True])
