"""A bay's power is taken only when nothing is lost by it, and every time is on record."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge.cameras.base import Card, FileState
from edge.errors import LedgerError
from edge.power import HANGS, OFF, PowerCycles
from edge.session import Docking
from edge.wired.relays import BayPower, KtaBoard, Place
from protocols.kinds import AlarmCleared, AlarmRaised, ClipErased, ClipSealed, SessionNoted
from tests.simulators.serial_relay import KtaRelays
from tests.unit.edge.bayside import Bayside, said, until
from tests.unit.edge.wiredside import open_port, running

ON_OFF = [(4, False), (4, True)]


class Powered:
    """A bay with a relay, and the camera in it."""

    def __init__(self, bay: Bayside, relays: KtaRelays, power: BayPower) -> None:
        self.bay = bay
        self.relays = relays
        self.power = power
        self.dockings: list[Docking] = []

    def cycles(self, hangs_s: float | None = None) -> PowerCycles:
        return PowerCycles(
            self.power,
            self.bay.ledger,
            self.bay.signals,
            lambda: self.dockings,
            hangs_s=hangs_s,
            off_s=0.01,
        )

    async def ask(self, **more: Any) -> dict[str, Any]:  # noqa: ANN401  # a question
        question = {"cmd": "power-cycle", "bay": "1", "by": "Li", "reason": "its screen is dark"}
        return await self.cycles().answer(question | more)


@asynccontextmanager
async def wired(bay: Bayside, home: Path) -> AsyncIterator[Powered]:
    relays = KtaRelays(home / "board")
    with relays.plugged():
        async with open_port(relays.link) as port:
            yield Powered(bay, relays, BayPower({"1": Place(KtaBoard(port, 0.3), 4)}))


@pytest.fixture
async def powered(bay: Bayside, tmp_path: Path) -> AsyncIterator[Powered]:
    async with wired(bay, tmp_path) as powered:
        yield powered


async def test_an_empty_bay_is_cycled_on_record(powered: Powered) -> None:
    assert await powered.ask() == {"power": "confirmed"}
    assert powered.relays.commands == ON_OFF
    (raised,), (cleared,) = powered.bay.bodies(AlarmRaised), powered.bay.bodies(AlarmCleared)
    assert (raised.code, raised.about) == (OFF, "1")
    assert "Li takes the power of bay 1: its screen is dark" in raised.text
    assert (cleared.by, cleared.reason) == ("Li", "the power is back: confirmed")


async def test_a_docking_that_waits_is_noted_and_goes_on(powered: Powered) -> None:
    (powered.bay.folder / "a.mp4").write_bytes(b"a")
    async with powered.bay.docked() as docking:
        powered.dockings.append(docking)
        await until(lambda: said(docking) == "copied" and not docking.reading)
        assert await powered.ask() == {"power": "confirmed"}
        (noted,) = powered.bay.bodies(SessionNoted)
        assert (noted.reason, noted.officer) == (OFF, "Li")
        (powered.bay.folder / "b.mp4").write_bytes(b"b")
        await until(lambda: len(powered.bay.bodies(ClipSealed)) == 2)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"bay": "9"}, "no relay switches the power of bay 9; it does for: 1"),
        ({"reason": ""}, "reason"),
        ({"by": None}, "by"),
        ({"forced": "yes"}, "forced"),
        ({"off_s": 600}, "off_s"),
    ],
)
async def test_what_cannot_be_done_is_refused_in_words(
    powered: Powered, asked: dict[str, Any], why: str
) -> None:
    assert why in (await powered.ask(**asked))["error"]
    assert powered.relays.commands == []
    assert powered.bay.kinds() == []


async def test_a_board_that_does_not_answer_leaves_its_alarm(powered: Powered) -> None:
    powered.relays.faults.silent = True
    assert "answered nothing" in (await powered.ask())["error"]
    assert [alarm.code for alarm in powered.bay.ledger.alarms()] == [OFF]


class Held:
    """Something a card does that does not end until it is let."""

    def __init__(self) -> None:
        self.began, self.let = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.began.set()
        self.let.wait(20)


async def test_a_recording_that_is_read_is_cut_by_force_alone(
    powered: Powered, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, real = Held(), Card.open

    def opened(card: Card, path: bytes) -> int:
        held()
        return real(card, path)

    monkeypatch.setattr(Card, "open", opened)
    (powered.bay.folder / "a.mp4").write_bytes(b"a")
    async with powered.bay.docked() as docking:
        powered.dockings.append(docking)
        await asyncio.to_thread(held.began.wait, 20)
        assert "--force" in (await powered.ask())["error"]
        assert powered.relays.commands == []
        assert await powered.ask(forced=True) == {"power": "confirmed"}
        assert "by force" in powered.bay.bodies(AlarmRaised)[0].text
        held.let.set()
        await until(lambda: powered.bay.bodies(ClipSealed))


async def test_a_moment_of_erasing_is_never_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, real = Held(), Card.unlink
    monkeypatch.setattr("edge.power._STEP_S", 0.2)

    def unlink(card: Card, path: bytes, expect: FileState) -> None:
        held()
        real(card, path, expect)

    monkeypatch.setattr(Card, "unlink", unlink)
    bay = Bayside(tmp_path, erase=True)
    for name in ("a.mp4", "b.mp4"):
        (bay.folder / name).write_bytes(name.encode())
    async with wired(bay, tmp_path) as powered, bay.docked() as docking:
        powered.dockings.append(docking)
        await until(lambda: said(docking) == "copied")
        bay.release_all()
        await asyncio.to_thread(held.began.wait, 20)
        assert "is being erased" in (await powered.ask(forced=True))["error"]
        assert powered.relays.commands == []
        # It is asked again, and meanwhile the recording goes: the next one has to wait.
        monkeypatch.setattr("edge.power._STEP_S", 20)
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(powered.ask())
            await asyncio.sleep(0.05)
            held.let.set()
        assert asking.result() == {"power": "confirmed"}
        kinds = bay.kinds()
        assert kinds.index("session.noted") > kinds.index("clip.erased")
        await until(lambda: len(bay.bodies(ClipErased)) == 2)
    bay.close()


async def test_a_camera_that_hangs_is_helped_once_a_docking_and_not_for_ever(
    powered: Powered, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, real = Held(), Card.open
    monkeypatch.setattr("edge.power._LOOK_S", 0.02)
    monkeypatch.setattr("edge.power._MOST", 1)

    def opened(card: Card, path: bytes) -> int:
        held()
        return real(card, path)

    monkeypatch.setattr(Card, "open", opened)
    (powered.bay.folder / "a.mp4").write_bytes(b"a")
    async with running(powered.cycles(hangs_s=0.3).run()):
        async with powered.bay.docked() as docking:
            powered.dockings.append(docking)
            await asyncio.to_thread(held.began.wait, 20)
            await until(lambda: powered.relays.commands == ON_OFF)
            await asyncio.sleep(0.5)
            assert powered.relays.commands == ON_OFF
            held.let.set()
        assert [alarm.code for alarm in powered.bay.ledger.alarms()] == [HANGS]
        powered.dockings.clear()
        powered.bay.ledger.clear_alarm(HANGS, "1")
        held.began.clear()
        held.let.clear()
        (powered.bay.folder / "b.mp4").write_bytes(b"b")
        async with powered.bay.docked() as docking:
            powered.dockings.append(docking)
            await until(powered.bay.ledger.alarms)
            assert "was not taken any more" in powered.bay.ledger.alarms()[0].text
            assert powered.relays.commands == ON_OFF
            held.let.set()


async def test_a_card_that_gets_on_does_not_hang(powered: Powered) -> None:
    (powered.bay.folder / "a.mp4").write_bytes(b"a" * 3_000_000)
    async with running(powered.cycles(hangs_s=0.3).run()), powered.bay.docked() as docking:
        powered.dockings.append(docking)
        await until(lambda: said(docking) == "copied")
        await asyncio.sleep(0.5)
        assert docking.still_s == 0
    assert powered.relays.commands == []


async def test_each_asker_is_on_record_although_an_alarm_stands(powered: Powered) -> None:
    powered.relays.faults.silent = True
    await powered.ask()
    powered.relays.faults.silent = False
    assert await powered.ask(by="Wang", reason="it hangs") == {"power": "confirmed"}
    assert [body.text for body in powered.bay.bodies(AlarmRaised)] == [
        "Li takes the power of bay 1: its screen is dark",
        "Wang takes the power of bay 1: it hangs",
    ]
    assert powered.bay.ledger.alarms() == []


async def test_a_long_reason_is_refused_and_leaves_no_alarm(powered: Powered) -> None:
    (powered.bay.folder / "a.mp4").write_bytes(b"a")
    async with powered.bay.docked() as docking:
        powered.dockings.append(docking)
        await until(lambda: said(docking) == "copied")
        answer = await powered.ask(reason="x" * 1501)
        assert (answer["code"], answer["values"]) == ("text-long", {"most": 1500})
        assert powered.bay.ledger.alarms() == []
        whole = await powered.ask(by="L" * 200, reason="x" * 1500, forced=True)
        assert whole == {"power": "confirmed"}
        assert (powered.bay.bodies(SessionNoted)[0].text or "").endswith("x" * 1500)


async def test_what_cannot_be_noted_leaves_no_alarm_that_says_it_was(
    powered: Powered, monkeypatch: pytest.MonkeyPatch
) -> None:
    (powered.bay.folder / "a.mp4").write_bytes(b"a")
    async with powered.bay.docked() as docking:
        powered.dockings.append(docking)
        await until(lambda: said(docking) == "copied")

        def refuses(*_: object) -> None:
            raise LedgerError("the disk refuses")

        monkeypatch.setattr(powered.bay.ledger, "note_session", refuses)
        assert "the disk refuses" in (await powered.ask(forced=True))["error"]
        assert (powered.bay.ledger.alarms(), powered.relays.commands) == ([], [])


class Hangs:
    """A docking of which nothing is known but whether it hangs."""

    def __init__(self, still_s: float) -> None:
        self.camera = SimpleNamespace(bay="1")
        self.still_s = still_s
        self.session = None
        self.erasing = self.reading = self.left = False

    @contextmanager
    def hold(self) -> Iterator[None]:
        yield


async def test_a_docking_in_the_memory_of_one_that_hung_is_helped(
    powered: Powered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.power._LOOK_S", 0.02)
    # Python numbers objects by their place in memory, and a place is soon another's.
    monkeypatch.setattr("edge.power.id", lambda _: 7, raising=False)
    there: list[Any] = powered.dockings
    there.append(Hangs(9.0))
    async with running(powered.cycles(hangs_s=0.3).run()):
        await until(lambda: powered.relays.commands == ON_OFF)
        there[:] = [Hangs(9.0)]
        await until(lambda: powered.relays.commands == 2 * ON_OFF)


async def test_a_camera_that_left_costs_the_next_one_in_its_bay_nothing(
    powered: Powered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.power._LOOK_S", 0.02)
    pulled, there = Hangs(9.0), Hangs(0.0)
    pulled.left = there.reading = True
    dockings: list[Any] = powered.dockings
    dockings += [pulled, there]
    async with running(powered.cycles(hangs_s=0.3).run()):
        await asyncio.sleep(0.5)
    assert powered.relays.commands == []
    assert powered.bay.ledger.alarms() == []


async def test_a_moment_of_erasing_is_not_cut_although_its_camera_is_said_to_have_left(
    powered: Powered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.power._STEP_S", 0.2)
    flickers = Hangs(0.0)
    flickers.left = flickers.erasing = True
    dockings: list[Any] = powered.dockings
    dockings.append(flickers)
    assert "is being erased" in (await powered.ask(forced=True))["error"]
    assert powered.relays.commands == []
    flickers.erasing = False
    assert await powered.ask() == {"power": "confirmed"}
