"""Room in the spool: only released clips go, and ingest waits rather than loses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.config import SpoolSection
from edge.errors import CameraGone, SpoolDamaged
from edge.ledger import ClipState, Ledger
from edge.places import in_place
from edge.room import Room
from edge.signals import Signals
from edge.spool import Spool
from protocols.ids import ClipId
from tests.simulators.log import SimulatedLog
from tests.unit.edge.bayside import until
from tests.unit.edge.dockside import camera_opened, draft_of, open_ledger, release

MIB = 1 << 20


class SmallSpool(Spool):
    """A spool on a disk of 10 MiB."""

    def free_bytes(self) -> int:
        return 10 * MIB - self.held_bytes()


class Filled:
    """A small spool with clips in it."""

    def __init__(self, tmp_path: Path, keep_days: int = 0) -> None:
        self.ledger: Ledger = open_ledger(tmp_path / "ledger.db")
        self.spool = SmallSpool(tmp_path / "spool", 0)
        self.signals = Signals()
        self.log = SimulatedLog()
        self.session = self.ledger.open_session(camera_opened())
        section = SpoolSection(reserve_mb=1, keep_released_days=keep_days)
        self.room = Room(self.spool, self.ledger, self.signals, section)

    def add(self, name: str, size: int = 3 * MIB) -> ClipId:
        """Put a sealed clip into the spool."""
        data = name.encode() * (size // len(name))
        file = self.spool.begin(len(data))
        file.write(data)
        file.publish()
        draft = draft_of(self.session, data, path=name.encode(), name=file.name)
        return self.ledger.seal_clip(draft)

    def release(self, clip: ClipId) -> None:
        """Let it be released."""
        proved, raw = release(self.ledger, self.log, clip)
        self.ledger.record_release(clip, proved, raw)
        self.signals.release(clip)


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Filled]:
    filled = Filled(tmp_path)
    yield filled
    filled.ledger.close()


async def test_released_clips_are_dropped_and_others_stay(filled: Filled) -> None:
    kept, gone = filled.add("kept"), filled.add("gone")
    async with asyncio.TaskGroup() as group:
        task = group.create_task(filled.room.run())
        filled.release(gone)
        await until(lambda: len(filled.spool.names()) == 1)
        task.cancel()
    assert [row.clip for row in filled.ledger.spooled()] == [kept]


async def test_released_clips_are_kept_for_the_days_but_yield_to_recordings(
    tmp_path: Path,
) -> None:
    filled = Filled(tmp_path, keep_days=7)
    for name in ("a", "b"):
        filled.release(filled.add(name))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(filled.room.run())
        await asyncio.sleep(0.1)
        task.cancel()
    assert len(filled.spool.names()) == 2
    assert await filled.room.make(5 * MIB, lambda: False)
    assert len(filled.spool.names()) == 1
    filled.ledger.close()


async def test_while_it_is_full_ingest_waits_with_an_alarm_until_a_release_makes_room(
    filled: Filled,
) -> None:
    clips = [filled.add(name) for name in "abc"]
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(filled.room.make(5 * MIB, lambda: False))
        second = group.create_task(filled.room.make(1, lambda: False))
        await until(filled.ledger.alarms)
        assert [alarm.code for alarm in filled.ledger.alarms()] == ["spool-full"]
        assert filled.room.full
        filled.release(clips[0])
        await asyncio.sleep(0.1)
        # Not even what would fit goes before the one that waits.
        assert not second.done()
        filled.release(clips[1])
        assert await asyncio.wait_for(waiting, 10)
        assert await asyncio.wait_for(second, 10)
    assert filled.ledger.alarms() == []
    assert not filled.room.full


async def test_what_can_never_fit_is_said_once_and_holds_up_nobody(tmp_path: Path) -> None:
    filled = Filled(tmp_path, keep_days=7)
    filled.release(filled.add("released"))
    filled.add("waiting")
    before = filled.spool.names()
    # 10 MiB with 1 MiB in reserve.
    for size in (9 * MIB + 1, 1 << 42, 9 * MIB + 1):
        assert not await asyncio.wait_for(filled.room.make(size, lambda: False), 10)
        assert [alarm.code for alarm in filled.ledger.alarms()] == ["recording-too-large"]
        assert not filled.room.full
        assert await asyncio.wait_for(filled.room.make(1, lambda: False), 10)
    # Nothing was dropped for it, and the alarm neither comes anew nor goes.
    assert filled.spool.names() == before
    head = filled.ledger.head()
    assert head is not None
    assert head.seq == 3
    filled.ledger.close()


async def test_what_fits_once_everything_else_is_gone_is_waited_for(filled: Filled) -> None:
    clip = filled.add("a")
    half = filled.spool.begin(3 * MIB)
    half.write(bytes(3 * MIB))
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(filled.room.make(9 * MIB, lambda: False))
        await until(lambda: filled.room.full)
        filled.release(clip)
        half.discard()
        assert await asyncio.wait_for(waiting, 10)
    assert filled.ledger.alarms() == []


async def test_a_larger_disk_ends_the_alarm_about_what_was_too_large(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not await filled.room.make(10 * MIB, lambda: False)
    monkeypatch.setattr(filled.spool, "free_bytes", lambda: 20 * MIB)
    assert await filled.room.make(9 * MIB, lambda: False)
    assert filled.ledger.alarms() != []
    assert await filled.room.make(10 * MIB, lambda: False)
    assert filled.ledger.alarms() == []


async def test_a_clips_row_lets_go_of_its_file_before_the_file_goes(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = filled.add("a")
    filled.release(clip)
    seen: list[str | None] = []

    def power_cut(name: str) -> None:
        row = filled.ledger.clip(clip.epoch, clip.seq)
        assert row is not None
        assert name in filled.spool.names()
        seen.append(row.spool_name)
        raise SpoolDamaged("the power goes")

    monkeypatch.setattr(filled.spool, "remove", power_cut)
    with pytest.raises(SpoolDamaged):
        await filled.room.make(9 * MIB, lambda: False)
    # Named by a row until the end, a file that is gone would look like a loss.
    assert seen == [None]


async def test_a_camera_that_left_waits_no_longer(filled: Filled) -> None:
    filled.add("a", 9 * MIB)
    left = False
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(filled.room.make(5 * MIB, lambda: left))
        await until(lambda: filled.room.full)
        left = True
        assert not await asyncio.wait_for(waiting, 10)


async def test_an_alarm_of_the_run_before_is_cleared_when_there_is_room(filled: Filled) -> None:
    filled.ledger.raise_alarm("spool-full", "of the run before")
    assert await filled.room.make(1, lambda: False)
    assert filled.ledger.alarms() == []
    assert filled.ledger.spooled(ClipState.SEALED) == []


async def test_who_leaves_while_others_wait_for_room_waits_no_longer(filled: Filled) -> None:
    for name in ("a", "b", "c"):
        filled.add(name)
    left = False
    first = asyncio.ensure_future(filled.room.make(5 * MIB, lambda: False))
    await until(lambda: filled.room.full)
    second = asyncio.ensure_future(filled.room.make(MIB, lambda: left))
    await asyncio.sleep(0.05)
    assert not second.done()
    left = True
    assert await asyncio.wait_for(second, 5) is False
    assert not first.done()
    first.cancel()


async def test_room_goes_to_those_who_wait_in_the_order_they_came(filled: Filled) -> None:
    clips = [filled.add(name) for name in ("a", "b", "c")]
    large = asyncio.ensure_future(filled.room.make(5 * MIB, lambda: False))
    await until(lambda: filled.room.full)
    small = asyncio.ensure_future(filled.room.make(MIB, lambda: False))
    filled.release(clips[0])
    await asyncio.sleep(0.2)
    assert not small.done()
    filled.release(clips[1])
    assert await asyncio.wait_for(large, 5)
    assert await asyncio.wait_for(small, 0.9)
    await filled.room.make(MIB, lambda: False)


async def test_who_leaves_while_others_are_copied_waits_for_no_place() -> None:
    places, left = asyncio.Semaphore(1), False

    def wanted() -> None:
        if left:
            raise CameraGone("pulled")

    loop = asyncio.get_running_loop()
    held: asyncio.Future[int] = loop.create_future()
    long = asyncio.ensure_future(in_place(places, lambda: held, lambda: 0, "long"))
    await asyncio.sleep(0)
    begun: list[str] = []

    def begin() -> asyncio.Future[int]:
        begun.append("x")
        return held

    waits = asyncio.ensure_future(in_place(places, begin, lambda: 0, "x", wanted=wanted))
    await asyncio.sleep(0.05)
    left = True
    with pytest.raises(CameraGone):
        await asyncio.wait_for(waits, 5)
    assert begun == []
    held.set_result(1)
    assert await long == 1
    # The place was given back once, and by nobody else.
    assert places.locked() is False
    await places.acquire()
    assert places.locked()
