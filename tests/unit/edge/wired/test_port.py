"""A port that stays open through everything a USB device does."""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
import threading
import time
from pathlib import Path

import pytest
import serial  # type: ignore[import-untyped]  # pyserial brings no types

from edge.wired.errors import NoAnswer, PortAway
from edge.wired.port import Line, Port, _Wire, open_line
from tests.simulators.serial_line import Device
from tests.unit.edge.wiredside import PATIENCE_S, line, open_port, running, until


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path / "pci-0000:00:14.0-usb-0:2:1.0-port0")


async def receive(port: Port, size: int) -> bytes:
    data = b""
    async with asyncio.timeout(PATIENCE_S):
        while len(data) < size:
            data += await port.receive()
    return data


async def test_bytes_go_both_ways(device: Device) -> None:
    with device.plugged():
        async with open_port(device.link) as port:
            assert port.state.connected
            assert port.state.problem is None
            device.send(b"from the device \x00\xff\r\n")
            assert await receive(port, 20) == b"from the device \x00\xff\r\n"
            await port.send(b"\x1bC 1\r\n\x00")
            await until(lambda: bytes(device.heard) == b"\x1bC 1\r\n\x00")


async def test_a_device_comes_back_under_the_same_path_and_another_number(device: Device) -> None:
    with device.plugged():
        async with open_port(device.link) as port:
            first = device.link.resolve()
            device.unplug()
            with pytest.raises(PortAway):
                await port.receive()
            await until(lambda: not port.state.connected)
            keeper = os.openpty()
            try:
                device.plug()
                async with asyncio.timeout(PATIENCE_S):
                    await port.connected()
                assert port.state.opened == 2
                device.send(b"again")
                assert await receive(port, 5) == b"again"
                assert device.link.resolve() != first
            finally:
                for each in keeper:
                    os.close(each)


async def test_a_device_that_shows_up_is_opened_at_once_however_long_it_was_away(
    device: Device,
) -> None:
    port = Port(Line(str(device.link), 9600, min_backoff_s=600, max_backoff_s=600))
    async with running(port.run()):
        await until(lambda: port.state.problem == "not plugged in")
        with device.plugged():
            async with asyncio.timeout(5):
                await port.connected()


async def test_a_device_that_is_not_plugged_in_is_waited_for(device: Device) -> None:
    port = Port(line(device.link))
    async with running(port.run()):
        await until(lambda: port.state.problem == "not plugged in")
        with pytest.raises(PortAway, match="not plugged in"):
            await port.send(b"x")
        with pytest.raises(PortAway, match="not plugged in"):
            await port.receive()
        with pytest.raises(PortAway, match="not plugged in"):
            port.discard()
        with device.plugged():
            async with asyncio.timeout(PATIENCE_S):
                await port.connected()


async def test_what_came_before_the_plug_was_pulled_is_still_read(device: Device) -> None:
    with device.plugged():
        async with open_port(device.link) as port:
            device.send(b"last words")
            await until(lambda: port._wire is not None and len(port._wire._in) == 10)
            wire = port._wire
            assert wire is not None
            device.unplug()
            await until(lambda: not port.state.connected)
            assert await wire.read() == b"last words"
            with pytest.raises(PortAway):
                await wire.read()
            with pytest.raises(PortAway):
                await wire.write(b"x")


async def test_two_programs_do_not_share_a_device(device: Device) -> None:
    with device.plugged():
        async with open_port(device.link):
            second = Port(line(device.link))
            async with running(second.run()):
                await until(lambda: second.state.problem == "in use by another program")


async def test_a_file_is_no_device(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    port = Port(line(path))
    async with running(port.run()):
        await until(lambda: port.state.problem == "not a serial device")


async def test_a_pipe_does_not_hold_the_daemon(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    port = Port(line(tmp_path / "pipe"))
    async with running(port.run()):
        await until(lambda: port.state.problem == "not a serial device")


async def test_an_open_that_hangs_is_told_and_left_behind(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.wired.port._OPEN_PATIENCE_S", 0.05)
    release, closed = threading.Event(), threading.Event()
    calls = []

    def hangs(line: Line) -> serial.Serial:
        calls.append(line)
        release.wait()
        opened = open_line(line)
        close = opened.close

        def closing() -> None:
            close()
            closed.set()

        opened.close = closing
        return opened

    with device.plugged():
        port = Port(line(device.link), opener=hangs)
        async with running(port.run()):
            await until(lambda: port.state.problem == "opening it does not end")
            await asyncio.sleep(0.2)
            assert len(calls) == 1
            started = time.monotonic()
        assert time.monotonic() - started < 1.0
        # What was opened too late is closed again, or the device would stay taken.
        release.set()
        await asyncio.to_thread(closed.wait, PATIENCE_S)
        assert closed.is_set()


async def test_cancelling_ends_within_a_second_and_frees_the_device(device: Device) -> None:
    with device.plugged():
        async with open_port(device.link):
            started = time.monotonic()
        assert time.monotonic() - started < 1.0
        async with open_port(device.link) as again:
            assert again.state.opened == 1


async def test_a_device_that_takes_no_bytes_blocks_nobody(device: Device) -> None:
    device.faults.deaf = True
    with device.plugged():
        async with open_port(device.link) as port:
            ticks = 0

            async def tick() -> None:
                nonlocal ticks
                while True:
                    await asyncio.sleep(0.01)
                    ticks += 1

            async with running(tick()):
                with pytest.raises(NoAnswer, match="takes no bytes"):
                    await port.send(b"x" * (1 << 20), timeout_s=0.3)
            assert ticks > 5
            device.faults.deaf = False
            await until(lambda: len(device.heard) > 0)
            await port.send(b"and again")


async def test_a_write_that_waits_ends_when_the_device_leaves(device: Device) -> None:
    device.faults.deaf = True
    with device.plugged():
        async with open_port(device.link) as port:

            async def sends() -> None:
                with pytest.raises(PortAway):
                    await port.send(b"x" * (1 << 20), timeout_s=PATIENCE_S)

            async with asyncio.TaskGroup() as group:
                group.create_task(sends())
                await asyncio.sleep(0.05)
                device.unplug()


async def test_what_nobody_fetches_takes_no_memory(device: Device) -> None:
    with device.plugged():
        async with open_port(device.link) as port:
            sent = 0
            while port.state.dropped == 0:
                await asyncio.to_thread(device.send, b"0123456789abcdef" * 64)
                await asyncio.sleep(0.001)
                sent += 1
                assert sent < 2000
            assert len(await port.receive()) <= 1 << 16


async def test_what_came_unasked_can_be_dropped(device: Device) -> None:
    with device.plugged():
        async with open_port(device.link) as port:
            await asyncio.to_thread(device.send, b"stale")
            port.discard()
            await asyncio.to_thread(device.send, b"fresh")
            assert await receive(port, 5) == b"fresh"


async def test_nothing_to_read_is_no_unplugged_device(device: Device) -> None:
    with device.plugged():
        async with open_port(device.link) as port:
            for _ in range(3):
                port.discard()
            device.send(b"there")
            assert await receive(port, 5) == b"there"
            assert port.state.opened == 1


async def test_a_failed_open_says_why(tmp_path: Path) -> None:
    def refused(line: Line) -> serial.Serial:
        raise OSError(errno.EACCES, "no", line.path)

    def broken(line: Line) -> serial.Serial:
        raise serial.SerialException(f"Could not configure port: {line.path}")

    for opener, problem in ((refused, "dialout"), (broken, "Could not configure")):
        port = Port(line(tmp_path / "tty"), opener=opener)
        async with running(port.run()):
            await until(lambda port=port, problem=problem: problem in str(port.state.problem))  # type: ignore[misc]


async def test_pauses_between_attempts_grow_up_to_a_ceiling(tmp_path: Path) -> None:
    times: list[float] = []

    def absent(line: Line) -> serial.Serial:
        times.append(time.monotonic())
        raise FileNotFoundError(errno.ENOENT, "absent", line.path)

    port = Port(Line(str(tmp_path / "tty"), 9600, 0.05, 0.4), opener=absent)
    async with running(port.run()):
        await until(lambda: len(times) >= 6)
    pauses = [later - sooner for sooner, later in itertools.pairwise(times)]
    assert pauses[0] < pauses[4]
    assert all(pause >= 0.025 for pause in pauses)


async def test_a_device_that_was_steady_is_opened_again_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.wired.port._STEADY_S", 0.0)
    times: list[float] = []

    def absent(line: Line) -> serial.Serial:
        times.append(time.monotonic())
        raise FileNotFoundError(errno.ENOENT, "absent", line.path)

    port = Port(Line(str(tmp_path / "tty"), 9600, 0.001, 60.0), opener=absent)
    async with running(port.run()):
        await until(lambda: len(times) >= 20)


async def test_a_driver_that_reports_an_error_has_lost_its_device() -> None:
    # Neither end of a pipe does the other's work: errors as from a device that is half gone.
    reading, writing = os.pipe()
    try:
        wire = _Wire(writing, "pipe")
        wire._readable()
        with pytest.raises(PortAway, match="Bad file descriptor"):
            await wire.read()
        with pytest.raises(PortAway, match="Bad file descriptor"):
            await _Wire(reading, "pipe").write(b"x")
        wire.discard()
    finally:
        os.close(reading)
        os.close(writing)
