"""The status socket and what it says; real parts, a real socket."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from edge import screen
from edge.answers import Answers
from edge.clock import DockClock
from edge.config import UplinkSection
from edge.proofs import Proofs
from edge.session import Docking
from edge.status import Status, StatusServer
from edge.uplink import Uplink
from protocols.kinds import AlarmCleared
from tests.unit.edge.bayside import Bayside, said, until
from tests.unit.edge.dockside import DOCK


class Shown:
    """A dock's parts with a status socket."""

    def __init__(self, tmp_path: Path) -> None:
        self.bay = Bayside(tmp_path)
        self.dockings: list[Docking] = []
        self.socket = tmp_path / "status.sock"
        ledger, spool = self.bay.ledger, self.bay.spool
        uplink = Uplink(
            UplinkSection(),
            DOCK,
            "1.0",
            ledger=ledger,
            spool=spool,
            proofs=Proofs(ledger, self.bay.log.anchors),
            answers=Answers(DOCK, ledger, spool, lambda *_: None),
            signals=self.bay.signals,
        )
        self.status = Status(
            "1.0",
            ledger=ledger,
            spool=spool,
            room=self.bay.tools.room,
            uplink=uplink,
            signals=self.bay.signals,
            clock=DockClock(),
            dockings=lambda: self.dockings,
        )

    async def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """Ask as the command does."""
        answer = await asyncio.to_thread(screen.ask, self.socket, question)
        assert answer is not None
        return answer


@pytest.fixture
async def shown(tmp_path: Path) -> AsyncIterator[Shown]:
    shown = Shown(tmp_path)
    async with asyncio.TaskGroup() as group:
        server = group.create_task(StatusServer(shown.socket, shown.status).run())
        await until(shown.socket.exists)
        yield shown
        server.cancel()
    shown.bay.close()


async def test_a_dock_without_cameras_says_so(shown: Shown) -> None:
    answer = await shown.ask({"cmd": "status"})
    assert (answer["dock"], answer["version"], answer["bays"]) == ("dock7", "1.0", [])
    assert answer["uplink"]["connected"] is False
    assert answer["head"] is None
    assert "no camera is docked" in screen.table(answer)


async def test_a_bay_says_how_far_it_is_in_two_languages(shown: Shown) -> None:
    (shown.bay.folder / "a\x1b.mp4").write_bytes(b"a" * 1000)
    async with shown.bay.docked() as docking:
        shown.dockings.append(docking)
        await until(lambda: said(docking) == "copied")
        answer = await shown.ask({"cmd": "status"})
        (bay,) = answer["bays"]
        assert bay["bay"] == "1"
        assert bay["message"] == {
            "en": "copied to the dock; leave the camera in its bay",
            "zh": "已复制到采集站，请勿取走",
            "safe": False,
            "tone": "waiting",
        }
        assert answer["queue"] == {"clips": 1, "bytes": 1000}
        (stands,) = shown.status.standing()
        assert (stands.bay, stands.phase, stands.done, stands.total) == ("1", "copied", 1000, 1000)
        shown.bay.release_all()
        await until(lambda: docking.session is None)
        answer = await shown.ask({"cmd": "status"})
        # Erasing is off at this dock, so the card is not empty and nobody says that it is.
        message = answer["bays"][0]["message"]
        assert (message["zh"], message["safe"]) == ("已安全入库，可以取走；卡内文件仍保留", True)
        text = screen.table(answer)
        assert "safe; the recordings stay on the card" in text
        assert "\x1b" not in text


async def test_an_operator_clears_an_alarm_on_record(shown: Shown) -> None:
    shown.bay.ledger.raise_alarm("clip-lost", "gone", about="dock7.0.1")
    answer = await shown.ask({"cmd": "status"})
    assert "ALARM clip-lost (dock7.0.1): gone" in screen.table(answer)
    question = {"cmd": "clear-alarm", "code": "clip-lost", "about": "dock7.0.1"}
    assert (await shown.ask(question))["cleared"] == "dock7.0.1"
    assert (await shown.ask(question))["cleared"] is None
    assert shown.bay.kinds() == ["alarm.raised", "alarm.cleared"]


async def test_who_cleared_an_alarm_and_why_stand_on_record(shown: Shown) -> None:
    shown.bay.ledger.raise_alarm("gateway-log-forked", "two checkpoints")
    question: dict[str, Any] = {"cmd": "clear-alarm", "code": "gateway-log-forked"}
    for said_by in ({}, {"by": "Li"}, {"by": "Li", "reason": ""}, {"reason": "a test"}):
        assert (await shown.ask(question | said_by))["error"]
    assert shown.bay.ledger.alarms()
    answer = await shown.ask(question | {"by": "Li", "reason": "restored from the copy of May"})
    assert answer["cleared"] == "dock7.0.1"
    (cleared,) = shown.bay.bodies(AlarmCleared)
    assert (cleared.by, cleared.reason) == ("Li", "restored from the copy of May")


@pytest.mark.parametrize(
    "line",
    [b"nonsense\n", b"[]\n", b'{"cmd": "erase"}\n', b'{"cmd": 7}\n', b"[" * 3000 + b"\n"],
)
async def test_nonsense_gets_an_error_and_the_next_question_an_answer(
    shown: Shown, line: bytes
) -> None:
    reader, writer = await asyncio.open_unix_connection(shown.socket)
    writer.write(line)
    assert "error" in json.loads(await reader.readline())
    writer.write(b'{"cmd": "status"}\n')
    assert json.loads(await reader.readline())["dock"] == "dock7"
    writer.close()


async def test_a_line_without_end_closes_only_its_own_connection(shown: Shown) -> None:
    reader, writer = await asyncio.open_unix_connection(shown.socket)
    writer.write(b"x" * 100_000)
    assert await reader.read() == b""
    writer.close()
    assert (await shown.ask({"cmd": "status"}))["dock"] == "dock7"


async def test_a_socket_left_by_a_killed_run_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "status.sock"
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(path))
    shown = Shown(tmp_path)
    async with asyncio.TaskGroup() as group:
        server = group.create_task(StatusServer(path, shown.status).run())
        await until(lambda: screen_answers(path))
        server.cancel()
    assert not path.exists()
    shown.bay.close()


def screen_answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


async def test_a_socket_that_cannot_be_made_does_not_end_the_dock(tmp_path: Path) -> None:
    shown = Shown(tmp_path)
    await StatusServer(tmp_path / ("x" * 200), shown.status).run()
    shown.bay.close()


def test_sizes_are_for_people() -> None:
    assert [screen.size(n) for n in (0, 1023, 1024, 5 << 20, 3 << 40)] == [
        "0 B",
        "1023 B",
        "1.0 KiB",
        "5.0 MiB",
        "3.0 TiB",
    ]


@pytest.mark.parametrize(
    ("silent_s", "clips", "told"),
    [(None, 1, True), (91.0, 1, True), (89.0, 1, False), (999, 0, False)],
)
def test_a_gateway_that_keeps_silent_while_clips_wait_is_named(
    silent_s: float | None, clips: int, *, told: bool
) -> None:
    uplink = {"connected": True, "problem": "", "understood": True, "gateway_silent_s": silent_s}
    answer: dict[str, object] = {
        "dock": "dock7",
        "head": None,
        "queue": {"clips": clips, "bytes": 0},
        "clips": {"released": 0, "erased": 0},
        "uplink": uplink,
        "free_bytes": 0,
        "bays": None,
        "alarms": [],
        "refusals": [],
    }
    assert ("has not been heard" in "\n".join(screen._heading(answer))) is told


async def watched(shown: Shown) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_unix_connection(shown.socket, limit=1 << 20)
    writer.write(b'{"cmd": "watch"}\n')
    return reader, writer


async def test_a_watch_says_changes_at_once_and_is_never_long_silent(shown: Shown) -> None:
    reader, writer = await watched(shown)
    assert json.loads(await reader.readline())["bays"] == []
    began = asyncio.get_running_loop().time()
    assert json.loads(await reader.readline())["clock"]["source"]
    # Nothing changed: that was the heartbeat.
    assert asyncio.get_running_loop().time() - began > 0.8
    (shown.bay.folder / "a.mp4").write_bytes(b"a" * 1000)
    async with shown.bay.docked() as docking:
        shown.dockings.append(docking)
        async with asyncio.timeout(40):
            while True:
                answer = json.loads(await reader.readline())
                # What the ledger says is asked beside the looks, and comes a moment later.
                copied = answer["bays"] and answer["bays"][0]["phase"] == "copied"
                if copied and answer["queue"]["clips"] == 1:
                    break
        assert answer["recent"][0]["clips"] == 1
        shown.bay.release_all()
        async with asyncio.timeout(40):
            while not json.loads(await reader.readline())["bays"][0]["message"]["safe"]:
                pass
    assert docking.left
    async with asyncio.timeout(40):
        while json.loads(await reader.readline())["bays"]:
            # A camera that has left says nothing any more, least of all "safe".
            pass
    writer.close()


async def test_only_so_many_may_watch(shown: Shown) -> None:
    watching = [await watched(shown) for _ in range(8)]
    for reader, _ in watching:
        assert "bays" in json.loads(await reader.readline())
    assert "watch already" in (await shown.ask({"cmd": "watch"}))["error"]
    for _, writer in watching:
        writer.close()
    async with asyncio.timeout(40):
        while "error" in await shown.ask({"cmd": "watch"}):  # noqa: ASYNC110  # of a socket
            await asyncio.sleep(0.1)


async def test_the_screens_user_clears_no_alarm(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown.bay.ledger.raise_alarm("clip-lost", "gone")
    monkeypatch.setattr("edge.status._is_own", lambda _: False)
    answer = await shown.ask({"cmd": "clear-alarm", "code": "clip-lost"})
    assert "own user" in answer["error"]
    assert len(shown.bay.ledger.alarms()) == 1


async def test_a_slip_is_asked_over_the_socket(shown: Shown) -> None:
    assert "no session" in (await shown.ask({"cmd": "slip", "session": "dock7.0.3"}))["error"]


async def test_whoever_takes_all_places_takes_none_of_the_docks_files(shown: Shown) -> None:
    """The screen's program may be taken over; what it opens must not cost a card its file."""
    idle = [await asyncio.open_unix_connection(shown.socket) for _ in range(112)]
    await asyncio.sleep(0.1)
    reader, writer = await asyncio.open_unix_connection(shown.socket)
    told = {"error": "too many ask at once", "code": "busy"}
    assert json.loads(await reader.readline()) == told
    assert await reader.read() == b""
    for _, each in [*idle, (reader, writer)]:
        each.close()
    await asyncio.sleep(0.1)
    assert (await shown.ask({"cmd": "status"}))["dock"] == "dock7"


async def test_a_watcher_that_does_not_read_loses_its_place(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.status._WATCHED_S", 0.3)
    # Enough to fill what the system holds for a reader within a few words.
    monkeypatch.setattr(shown.status, "_version", "v" * 600_000)
    deaf = []
    for _ in range(8):
        asking = socket.socket(socket.AF_UNIX)
        asking.connect(str(shown.socket))
        asking.sendall(b'{"cmd": "watch"}\n')
        deaf.append(asking)
    await asyncio.sleep(2)
    monkeypatch.setattr(shown.status, "_version", "1.0")
    reader, writer = await watched(shown)
    assert json.loads(await reader.readline())["version"] == "1.0"
    writer.close()
    for asking in deaf:
        asking.close()
