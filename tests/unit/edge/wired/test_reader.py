"""Taps, from a reader at the end of a line that misbehaves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.wired.frames.badges import ReaderKind
from edge.wired.frames.framing import Fault
from edge.wired.reader import BadgeReader, Tap
from tests.simulators.serial_badge import Reader
from tests.unit.edge.wiredside import open_port, running, until

CARD, OTHER = "62E3086CED", "0100ABCDEF"


class Readout:
    """A reader under test, and what it told."""

    def __init__(self, reader: BadgeReader) -> None:
        self.reader = reader
        self.now_s = 0.0
        self.taps: list[Tap] = []

    async def listen(self) -> None:
        async for tap in self.reader:
            self.taps.append(tap)

    @property
    def cards(self) -> list[str]:
        return [tap.badge.raw for tap in self.taps]


@contextlib.asynccontextmanager
async def read_out(device: Reader) -> AsyncIterator[Readout]:
    async with open_port(device.link) as port:
        readout = Readout(BadgeReader(port, device.kind, bay="3"))
        readout.reader._clock = lambda: readout.now_s
        async with running(readout.listen()):
            yield readout


@pytest.fixture
def device(tmp_path: Path) -> Reader:
    return Reader(tmp_path / "reader")


@pytest.mark.parametrize(
    ("kind", "card"),
    [
        (ReaderKind.RDM6300, CARD),
        (ReaderKind.EM18, CARD),
        (ReaderKind.DUAL, "DEADBEEF"),
        (ReaderKind.IDTECK, "0123456789"),
    ],
)
async def test_every_kind_of_reader_tells_a_tap(
    device: Reader, kind: ReaderKind, card: str
) -> None:
    device.kind = kind
    with device.plugged():
        async with read_out(device) as readout:
            device.tap(card)
            await until(lambda: readout.cards == [card])
            assert readout.taps[0].bay == "3"
            assert readout.taps[0].badge.reader is kind


async def test_two_taps_are_two_and_a_held_card_is_one(device: Reader) -> None:
    with device.plugged():
        async with read_out(device) as readout:
            fed = readout.reader._held
            for at_s, card in ((0.0, CARD), (0.1, CARD), (0.2, CARD), (5.0, CARD), (5.1, OTHER)):
                readout.now_s = at_s
                device.tap(card)
                await until(lambda: fed._badge is not None and fed._seen_s == readout.now_s)
            await until(lambda: len(readout.cards) == 3)
            assert readout.cards == [CARD, CARD, OTHER]


async def test_a_card_that_is_held_repeats_in_real_time_and_is_one_tap(device: Reader) -> None:
    with device.plugged():
        async with open_port(device.link) as port:
            # Wider than on a dock: two busy cores may stall either side for longer.
            readout = Readout(BadgeReader(port, device.kind, held_s=2.0))
            async with running(readout.listen()):
                await asyncio.to_thread(device.hold, CARD, 8, 0.03)
                await asyncio.to_thread(device.tap, OTHER)
                await until(lambda: readout.cards[-1:] == [OTHER])
            assert readout.cards == [CARD, OTHER]


@pytest.mark.parametrize("noise", [b"\x00\xff\x02", b"\x0262E3086", b"\x03\x03" * 50])
async def test_noise_and_single_bytes_cost_no_tap(device: Reader, noise: bytes) -> None:
    device.faults.before = noise
    device.faults.split = True
    with device.plugged():
        async with read_out(device) as readout:
            await asyncio.to_thread(device.tap, CARD)
            await until(lambda: readout.cards == [CARD])
            assert readout.reader.faults.total() >= 1


async def test_a_wrong_checksum_is_no_tap(device: Reader) -> None:
    with device.plugged():
        async with read_out(device) as readout:
            device.faults.flip = 1
            device.tap(CARD)
            device.faults.flip = None
            device.tap(OTHER)
            await until(lambda: readout.cards == [OTHER])
            assert readout.reader.faults[Fault.CHECKSUM] == 1


async def test_half_a_frame_does_not_outlive_an_unplugged_reader(device: Reader) -> None:
    with device.plugged():
        async with read_out(device) as readout:
            device.send(b"\x0262E3086")
            await until(lambda: readout.reader._parser.held == 8)
            device.unplug()
            await until(lambda: not readout.reader.port.state.connected)
            device.plug()
            await until(lambda: readout.reader.port.state.opened == 2)
            device.tap(OTHER)
            await until(lambda: readout.cards == [OTHER])
            assert readout.reader.faults[Fault.TRUNCATED] == 1


async def test_half_a_frame_does_not_outlive_a_silence(
    device: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.wired.reader._SILENCE_S", 0.05)
    with device.plugged():
        async with read_out(device) as readout:
            device.send(b"\x0262E3086")
            await until(lambda: readout.reader.faults[Fault.TRUNCATED] == 1)
            assert readout.reader._parser.held == 0
