"""A camera on its control line: visited before its disk shows, and its session knows."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from edge.cameras.base import Camera
from edge.clock import DockClock
from edge.inventory import Found
from edge.ledger import Ledger
from edge.timing.drift import Remembered
from edge.timing.meeting import MEMORY, Clocks
from edge.timing.visit import Duty
from edge.wired.control import CameraControl
from edge.wired.port import Port
from protocols.clock import ClockReading, ClockSource
from protocols.kinds import CameraClaim, ClipSealed, ClockOffset, Disposition, SessionOpened
from tests.simulators.serial_camera import ZONE, AmbaCamera
from tests.unit.edge.bayside import Bayside, until
from tests.unit.edge.dockside import open_ledger
from tests.unit.edge.wiredside import line, running

NUMBER = "BWC000123"


class Synchronised(DockClock):
    """The machine's clock, as if its kernel called it synchronised."""

    def read(self) -> ClockReading:
        return super().read().model_copy(update={"source": ClockSource.NTP, "error_ms": 5})


class Lost(DockClock):
    """The machine's clock, as if nothing kept it right."""

    def read(self) -> ClockReading:
        return (
            super()
            .read()
            .model_copy(update={"source": ClockSource.UNSYNCHRONISED, "error_ms": None})
        )


@dataclass
class Line:
    """A control line in bay 1 with a camera that can be plugged in."""

    home: Path
    set_clock: bool = False
    disk_mode: bool = False
    read_clock: str | None = "Gtm"
    clock: DockClock | None = None

    def __post_init__(self) -> None:
        self.camera = AmbaCamera(self.home / "line", device_id=NUMBER, offset_s=3600.0)
        self.port = Port(line(self.camera.link))
        self.dock_clock = self.clock or Synchronised()
        control = CameraControl(
            self.port, self.dock_clock, ZONE, read_clock=self.read_clock, answer_s=0.5
        )
        self.duty = Duty(control, ZONE, set_clock=self.set_clock, disk_mode=self.disk_mode)

    @contextlib.asynccontextmanager
    async def clocks(self, ledger: Ledger | None = None) -> AsyncIterator[Clocks]:
        """The dock's clocks while they attend the line."""
        clocks = Clocks(self.dock_clock, ledger, {"1": self.duty})
        async with running(self.port.run(), clocks.run()):
            yield clocks

    async def visited(self, clocks: Clocks) -> None:
        """Wait until the camera that was plugged in has been seen to."""
        await until(lambda: clocks._lines["1"].visit is not None)


def docked(root: Path) -> Camera:
    return Camera("k", root, "label:CAM01", "1", "generic", CameraClaim(), read_only=False)


async def test_a_camera_is_measured_and_named_for_its_session(tmp_path: Path) -> None:
    here = Line(tmp_path)
    with here.camera.plugged():
        async with here.clocks() as clocks:
            await here.visited(clocks)
            told = await clocks.met(docked(tmp_path))
            assert told is not None
            assert told.offset_ms is not None
            assert told.offset_error_ms is not None
            assert abs(told.offset_ms - 3_600_000) <= told.offset_error_ms
            assert told.set_to_dock is False
            assert clocks.named("1") == NUMBER
            assert clocks.named("2") is None
    assert "Stm" not in here.camera.commands
    assert "ATH" not in here.camera.commands


async def test_the_offset_is_measured_before_the_clock_is_set(tmp_path: Path) -> None:
    here = Line(tmp_path, set_clock=True, disk_mode=True)
    here.camera.leaves = True
    with here.camera.plugged():
        async with here.clocks() as clocks:
            await here.visited(clocks)
            told = await clocks.met(docked(tmp_path))
            assert told is not None
            assert told.offset_ms is not None
            assert abs(told.offset_ms - 3_600_000) <= 1000
            assert told.set_to_dock is True
            # It left the line for its disk, and is the same camera all the same.
            assert clocks.named("1") == NUMBER
            clocks.left("1")
            assert clocks.named("1") is None
    assert here.camera.disk
    assert abs(here.camera.offset) < timedelta(seconds=1)


async def test_a_clock_that_cannot_be_read_first_is_not_set(tmp_path: Path) -> None:
    here = Line(tmp_path, set_clock=True, disk_mode=True, read_clock="Nix")
    here.camera.mute.add("Nix")
    with here.camera.plugged():
        async with here.clocks() as clocks:
            await here.visited(clocks)
            assert clocks.named("1") == NUMBER
            assert await clocks.met(docked(tmp_path)) is None
            visit = clocks._lines["1"].visit
            assert visit is not None
            assert any("clock_offset: NoAnswer" in problem for problem in visit.problems)
            assert any("could not be read first" in problem for problem in visit.problems)
    assert here.camera.disk, "the footage comes first"
    assert here.camera.offset == timedelta(hours=1)


async def test_a_dock_that_does_not_know_the_time_sets_no_clock(tmp_path: Path) -> None:
    here = Line(tmp_path, set_clock=True, clock=Lost())
    with here.camera.plugged():
        async with here.clocks() as clocks:
            await here.visited(clocks)
            told = await clocks.met(docked(tmp_path))
    assert told is not None
    assert told.set_to_dock is False
    assert here.camera.offset == timedelta(hours=1)


async def test_a_silent_camera_keeps_no_session_waiting(tmp_path: Path) -> None:
    here = Line(tmp_path, set_clock=True, disk_mode=True)
    here.camera.faults.silent = True
    with here.camera.plugged():
        async with here.clocks() as clocks:
            await until(lambda: here.port.state.connected)
            async with asyncio.timeout(9):
                assert await clocks.met(docked(tmp_path)) is None
            assert clocks.named("1") is None


async def test_a_visit_under_way_is_waited_for_and_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Line(tmp_path)
    here.camera.faults.answer_late_s = 0.2
    monkeypatch.setattr("edge.timing.meeting._PATIENCE_S", 0.1)
    with here.camera.plugged():
        async with here.clocks() as clocks:
            await until(lambda: here.port.state.connected)
            await until(lambda: not clocks._lines["1"].idle.is_set())
            assert await clocks.met(docked(tmp_path)) is None
            await here.visited(clocks)
            assert await clocks.met(docked(tmp_path)) is not None


async def test_a_camera_that_was_pulled_lends_its_clock_to_no_other(tmp_path: Path) -> None:
    here = Line(tmp_path)
    with here.camera.plugged():
        async with here.clocks() as clocks:
            await here.visited(clocks)
            here.camera.unplug()
            await until(lambda: not here.port.state.connected)
            assert await clocks.met(docked(tmp_path)) is None
            here.camera.device_id = "BWC000999"
            here.camera.plug()
            await until(lambda: clocks.named("1") == "BWC000999")


async def test_a_card_of_another_camera_is_not_judged_by_this_clock(tmp_path: Path) -> None:
    here, found = Line(tmp_path), Found(b"a", Disposition.INGEST, 1, 1)
    with here.camera.plugged():
        async with here.clocks() as clocks:
            await here.visited(clocks)
            told = await clocks.met(docked(tmp_path), "BWC000777", [found])
            assert told is not None
            assert told.offset_ms is not None
            stand = clocks.stand(docked(tmp_path), found)
            assert stand.measured is None
            assert stand.doubt.startswith("camera-differs: the card says BWC000777")
            await clocks.met(docked(tmp_path), NUMBER, [found])
            assert clocks.stand(docked(tmp_path), found).measured is not None


async def test_drift_is_known_at_the_second_docking(tmp_path: Path) -> None:
    here, ledger = Line(tmp_path), open_ledger(tmp_path / "ledger.db")
    day = 86_400_000
    with contextlib.closing(ledger), here.camera.plugged():
        async with here.clocks(ledger) as clocks:
            await here.visited(clocks)
            told = await clocks.met(docked(tmp_path))
            assert told is not None
            assert "not met before" in told.method
            kept = Remembered.read(ledger.recall(MEMORY, NUMBER))
            assert kept is not None
            assert kept.offset_ms is not None
            # As if that had been ten days ago, and the clock 20 s further behind.
            earlier = {"at_ms": kept.at_ms - 10 * day, "offset_ms": kept.offset_ms - 20_000}
            ledger.remember(MEMORY, NUMBER, kept.model_copy(update=earlier).model_dump_json())
            here.camera.unplug()
            await until(lambda: clocks.named("1") is None)
            here.camera.plug()
            await until(lambda: clocks.named("1") == NUMBER)
            told = await clocks.met(docked(tmp_path))
            assert told is not None
            assert told.drift_ms_per_day is not None
            assert told.drift_error_ms_per_day is not None
            assert abs(told.drift_ms_per_day - 2000) <= told.drift_error_ms_per_day < 300


async def test_what_came_after_the_session_opened_was_seen_later(tmp_path: Path) -> None:
    clocks, camera = Clocks(zone=ZoneInfo("Asia/Shanghai")), docked(tmp_path)
    there = Found(b"a", Disposition.INGEST, 1, 1)
    assert clocks.stand(camera, there).measured is None
    await clocks.met(camera, None, [there])
    first, later = clocks.stand(camera, there), clocks.stand(camera, replace(there, size=2))
    assert first.seen.monotonic_ns < later.seen.monotonic_ns
    assert first == clocks.stand(camera, there)


@pytest.mark.parametrize(
    ("age_s", "words"),
    [
        (600, "s before it was docked: its clock is not further behind"),
        (-600, "s after it was docked: its clock was ahead"),
    ],
)
async def test_without_a_line_the_newest_recording_bounds_the_clock(
    tmp_path: Path, age_s: int, words: str
) -> None:
    clocks = Clocks(Synchronised(), zones={"1": ZoneInfo("Asia/Shanghai")})
    mtime = time.time_ns() - age_s * 10**9
    found = [Found(b"a", Disposition.INGEST, 1, mtime), Found(b"b", Disposition.INGEST, 1, 0)]
    told = await clocks.met(docked(tmp_path), None, found)
    assert told is not None
    assert told == ClockOffset(method=told.method)
    assert words in told.method


async def test_a_sessions_clips_carry_the_offset_and_an_interval(tmp_path: Path) -> None:
    bay, here = Bayside(tmp_path / "dock"), Line(tmp_path)
    try:
        with here.camera.plugged():
            async with here.clocks(bay.ledger) as clocks:
                await here.visited(clocks)
                bay.tools = replace(bay.tools, clocks=clocks)
                recording = bay.folder / "a.mp4"
                recording.write_bytes(b"a")
                # An hour ahead, as the camera's clock is: made ten minutes ago.
                at = recording.stat().st_mtime + 3000
                os.utime(recording, (at, at))
                async with bay.docked():
                    await until(lambda: bay.bodies(ClipSealed))
        opened, clip = bay.bodies(SessionOpened)[0], bay.bodies(ClipSealed)[0]
        assert opened.camera.serial == NUMBER
        assert opened.clock is not None
        assert clip.camera_clock.offset_ms == opened.clock.offset_ms
        assert clip.camera_clock.interval is not None
        assert clip.camera_clock.doubts == ()
        assert clip.camera_clock.interval.earliest is None
        assert "no start claimed" in clip.camera_clock.interval.basis
    finally:
        bay.close()
