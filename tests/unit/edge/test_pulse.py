"""Life is told of only while every part gets on."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge import vitals
from edge.config import CamerasSection
from edge.errors import LedgerError
from edge.hotplug import Hotplug
from edge.pulse import CAMERAS, Pulse
from tests.unit.edge.dockside import open_ledger


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_part_has_stalled_when_its_own_time_is_over() -> None:
    clock = Clock()
    pulse = Pulse(clock)
    assert pulse.stalled() == []
    pulse.beat("uplink", 5)
    pulse.beat("cameras", 20)
    clock.now += 10
    assert pulse.stalled() == ["uplink"]
    pulse.beat("uplink", 30)
    assert pulse.stalled() == []
    clock.now += 15
    assert pulse.stalled() == ["cameras"]


@pytest.fixture
def heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """What an init system hears."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.settimeout(0)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        yield listener


def drain(heard: socket.socket) -> int:
    """How many signs of life wait to be heard."""
    count = 0
    while True:
        try:
            count += heard.recv(4096) == b"WATCHDOG=1"
        except BlockingIOError:
            return count


async def until(heard: socket.socket, start: str) -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(20):
        while not (await loop.sock_recv(heard, 4096)).decode().startswith(start):
            pass


async def until_so(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not done():  # noqa: ASYNC110  # nothing rings for this
            await asyncio.sleep(0.01)


async def signs(heard: socket.socket, seconds: float) -> int:
    """How many signs of life come in so many seconds, from now on."""
    drain(heard)
    await asyncio.sleep(seconds)
    return drain(heard)


async def test_a_ledger_that_cannot_commit_ends_the_signs_of_life_until_it_can(
    tmp_path: Path, heard: socket.socket
) -> None:
    ledger = open_ledger(tmp_path / "ledger.db")
    watching = asyncio.ensure_future(vitals.watch(Pulse(), ledger, tmp_path / "none", 0.8))
    await until(heard, "WATCHDOG=1")
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    await until(heard, "STATUS=stalled, and restarted soon unless it goes on: ledger")
    assert await signs(heard, 0.6) == 0
    other.execute("ROLLBACK")
    other.close()
    await until(heard, "WATCHDOG=1")
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    ledger.close()


async def test_a_status_socket_that_answered_once_must_go_on_answering(
    tmp_path: Path, heard: socket.socket
) -> None:
    ledger = open_ledger(tmp_path / "ledger.db")
    path = tmp_path / "status.sock"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"{}\n")
        writer.close()

    pulse = Pulse()
    async with await asyncio.start_unix_server(answer, path):
        watching = asyncio.ensure_future(vitals.watch(pulse, ledger, path, 0.8))
        await until(heard, "WATCHDOG=1")
        assert await signs(heard, 1.0) >= 3
        path.unlink()
        await until(heard, "STATUS=stalled, and restarted soon unless it goes on: status")
        assert await signs(heard, 0.6) == 0
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    ledger.close()


async def test_a_hung_loop_gives_no_sign(tmp_path: Path, heard: socket.socket) -> None:
    ledger = open_ledger(tmp_path / "ledger.db")
    watching = asyncio.ensure_future(vitals.watch(Pulse(), ledger, tmp_path / "none", 0.4))
    await until(heard, "WATCHDOG=1")
    drain(heard)
    # On purpose in the loop's own thread.
    os.system("sleep 0.5")  # noqa: S605, ASYNC221
    with pytest.raises(BlockingIOError):
        heard.recv(4096)
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    ledger.close()


async def test_each_look_for_cameras_is_a_sign_and_a_look_that_hangs_is_none(
    tmp_path: Path,
) -> None:
    clock = Clock()
    pulse = Pulse(clock)
    mounts = tmp_path / "mounts"
    mounts.write_bytes(b"")
    cameras = CamerasSection(mount_root=tmp_path, scan_s=0.05)
    hotplug = Hotplug(cameras, Path("/proc/self/mountinfo"), pulse=pulse)
    events = hotplug.events()
    looking = asyncio.ensure_future(anext(events))
    await until_so(lambda: bool(pulse._due))
    clock.now += 61
    assert pulse.stalled() == [CAMERAS]
    await until_so(lambda: not pulse.stalled())
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking


def test_a_ledger_whose_file_is_gone_is_not_writable(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "ledger.db")
    ledger.must_be_writable()
    (tmp_path / "ledger.db").unlink()
    with pytest.raises(LedgerError, match="gone"):
        ledger.must_be_writable()
    ledger.close()
