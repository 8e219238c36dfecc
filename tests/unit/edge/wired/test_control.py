"""A camera's control line: who it is, how wrong its clock is, its disk."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.clock import DockClock
from edge.wired.control import CameraControl, DiskMode
from edge.wired.errors import ClockUnsteady, NoAnswer, PortAway, Refused, Unsupported
from edge.wired.offset import Sample, offset_of
from edge.wired.port import Port
from protocols.clock import ClockReading, ClockSource, utc_text
from tests.simulators.serial_camera import ZONE, AmbaCamera
from tests.unit.edge.wiredside import line, open_port, running, until

ANSWER_S = 5.0
SECOND = 1_000_000_000


@pytest.fixture
def camera(tmp_path: Path) -> AmbaCamera:
    return AmbaCamera(tmp_path / "camera")


def control(port: Port, *, read_clock: str | None = "Gtm") -> CameraControl:
    return CameraControl(port, DockClock(), ZONE, read_clock=read_clock, answer_s=ANSWER_S)


async def test_a_camera_says_its_number(camera: AmbaCamera) -> None:
    with camera.plugged():
        async with open_port(camera.link) as port:
            assert await control(port).identify() == "BWC000123"
            assert camera.commands == ["Ver", "Gdv"]


async def test_it_is_greeted_once_for_each_time_it_turns_up(camera: AmbaCamera) -> None:
    with camera.plugged():
        async with open_port(camera.link) as port:
            controls = control(port)
            await controls.identify()
            await controls.identify()
            assert camera.commands.count("Ver") == 1
            camera.unplug()
            await until(lambda: not port.state.connected)
            with pytest.raises(PortAway):
                await controls.identify()
            camera.plug()
            await until(lambda: port.state.connected)
            await controls.identify()
            assert camera.commands.count("Ver") == 2


async def test_noise_and_single_bytes_do_no_harm(camera: AmbaCamera) -> None:
    camera.faults.split = True
    camera.faults.before = b"\xff@Gd"
    with camera.plugged():
        async with open_port(camera.link) as port:
            assert await control(port).identify() == "BWC000123"


async def test_a_wrong_password_is_a_refusal(camera: AmbaCamera) -> None:
    camera.password = "not-the-default"  # noqa: S105 -- a simulator's
    with camera.plugged():
        async with open_port(camera.link) as port:
            with pytest.raises(Refused, match="Gdv answered 'ERROR'"):
                await control(port).identify()


async def test_silence_is_no_answer(camera: AmbaCamera) -> None:
    camera.faults.silent = True
    with camera.plugged():
        async with open_port(camera.link) as port:
            controls = control(port)
            controls._answer_s = 0.1
            with pytest.raises(NoAnswer, match="no answer to Ver"):
                await controls.identify()


async def test_an_empty_number_is_no_answer(camera: AmbaCamera) -> None:
    camera.device_id = "  "
    with camera.plugged():
        async with open_port(camera.link) as port:
            with pytest.raises(NoAnswer, match="empty"):
                await control(port).identify()


@pytest.mark.parametrize("wrong_s", [0.0, 3.7, -86_400.0 * 400])
async def test_the_offset_is_within_its_stated_error(camera: AmbaCamera, wrong_s: float) -> None:
    camera.offset = timedelta(seconds=wrong_s)
    camera.faults.answer_late_s = 0.05
    with camera.plugged():
        async with open_port(camera.link) as port:
            offset = await control(port).clock_offset()
    assert abs(offset.offset_ms - wrong_s * 1000) <= offset.error_ms
    # One reading alone bounds it to more than half a second.
    assert offset.error_ms < 600


async def test_setting_the_clock_tells_how_wrong_it_was(camera: AmbaCamera) -> None:
    camera.offset = timedelta(seconds=-123.4)
    with camera.plugged():
        async with open_port(camera.link) as port:
            change = await control(port).set_clock()
    assert change.before is not None
    assert abs(change.before.offset_ms + 123_400) <= change.before.error_ms
    assert change.after is not None
    assert abs(change.after.offset_ms) <= change.after.error_ms + 500
    assert abs(camera.offset.total_seconds()) < 1.0
    assert change.at.boot


async def test_a_clock_that_cannot_be_read_is_set_without_an_offset(camera: AmbaCamera) -> None:
    camera.offset = timedelta(days=-9000)
    with camera.plugged():
        async with open_port(camera.link) as port:
            controls = control(port, read_clock=None)
            change = await controls.set_clock()
            assert (change.before, change.after) == (None, None)
            assert abs(camera.offset.total_seconds()) < 1.0
            with pytest.raises(Unsupported):
                await controls.clock_offset()
    assert "Gtm" not in camera.commands


async def test_a_clock_that_says_nonsense_is_no_answer(
    camera: AmbaCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Nonsense(datetime):
        def strftime(self, _format: str) -> str:
            return "20261399999999"

    monkeypatch.setattr(camera, "now", lambda: Nonsense(2026, 1, 1, tzinfo=ZONE))
    with camera.plugged():
        async with open_port(camera.link) as port:
            with pytest.raises(NoAnswer):
                await control(port).clock_offset()


class StoppedClock(DockClock):
    """A dock's clock just before the camera's midnight, which then goes on."""

    def __init__(self, start: datetime) -> None:
        self._start_ns = int(start.timestamp()) * SECOND
        self._since_ns = time.monotonic_ns()

    def read(self) -> ClockReading:
        now_ns = time.monotonic_ns()
        return ClockReading(
            utc=utc_text(self._start_ns + now_ns - self._since_ns),
            source=ClockSource.UNSYNCHRONISED,
            boot="",
            monotonic_ns=now_ns,
        )


async def test_no_clock_is_set_across_midnight() -> None:
    clock = StoppedClock(datetime(2026, 6, 19, 23, 59, 56, tzinfo=ZONE))
    waited: list[float] = []
    controls = CameraControl(Port(line(Path("/nowhere"))), clock, ZONE)
    real = asyncio.sleep

    async def passes(delay: float) -> None:
        waited.append(delay)
        await real(0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("edge.wired.control.asyncio.sleep", passes)
        moment = await controls._next_second()
    assert (moment.day, moment.hour, moment.minute) == (20, 0, 0)
    assert 5 < waited[0] <= 7.1


async def test_disk_mode_may_be_answered(camera: AmbaCamera) -> None:
    with camera.plugged():
        async with open_port(camera.link) as port:
            assert await control(port).enter_disk_mode() is DiskMode.ANSWERED
            assert camera.disk


async def test_disk_mode_may_end_the_line(camera: AmbaCamera) -> None:
    camera.leaves = True
    with camera.plugged():
        async with open_port(camera.link) as port:
            assert await control(port).enter_disk_mode() is DiskMode.LEFT
            await until(lambda: not port.state.connected)


async def test_a_camera_that_had_left_before_did_not_become_a_disk(camera: AmbaCamera) -> None:
    with camera.plugged():
        async with open_port(camera.link) as port:
            controls = control(port)
            await controls.identify()
            camera.unplug()
            await until(lambda: not port.state.connected)
            with pytest.raises(PortAway):
                await controls.enter_disk_mode()


async def test_disk_mode_needs_a_camera(tmp_path: Path) -> None:
    port = Port(line(tmp_path / "absent"))
    async with running(port.run()):
        with pytest.raises(PortAway):
            await control(port).enter_disk_mode()


# --- arithmetic ---------------------------------------------------------------------


@given(
    true_ms=st.integers(-(10**12), 10**12),
    asks=st.lists(
        st.tuples(st.integers(0, 10**10), st.integers(0, 10**9), st.integers(0, 10**9)),
        min_size=1,
        max_size=6,
    ),
)
def test_the_true_offset_is_always_inside(true_ms: int, asks: list[tuple[int, int, int]]) -> None:
    start = int(datetime(2026, 6, 19, tzinfo=UTC).timestamp()) * SECOND
    samples = []
    for later, there, back in asks:
        asked = start + later
        camera_ns = asked + there + true_ms * 1_000_000
        samples.append(Sample(asked, asked + there + back, camera_ns // SECOND * SECOND))
    offset = offset_of(samples)
    assert abs(offset.offset_ms - true_ms) <= offset.error_ms
    assert offset.error_ms <= min(there + back for _, there, back in asks) // 2_000_000 + 502


def test_more_readings_never_make_it_worse() -> None:
    samples = [
        Sample(k * 1_230_000_000, k * 1_230_000_000, k * 1_230_000_000 // SECOND * SECOND)
        for k in range(5)
    ]
    errors = [offset_of(samples[: count + 1]).error_ms for count in range(5)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 150


def test_a_clock_that_jumps_has_no_offset() -> None:
    with pytest.raises(ClockUnsteady):
        offset_of([Sample(0, 1, 0), Sample(0, 1, 60 * SECOND)])
