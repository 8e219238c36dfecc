from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import aiomqtt
import pytest

from gateway.evidence.models import ClipState
from gateway.intake.models import Quarantine
from hashing.digest import LEAF_SIZE
from protocols.ids import ClipId
from protocols.kinds import ClipLost, ClipTagged
from protocols.messages import NackReason, PartWant, State
from protocols.topics import FromDock, from_dock
from tests.simulators.dock import SimulatedDock, footage
from tests.simulators.intake import eventually, running_intake
from tests.simulators.mosquitto import mosquitto
from tests.simulators.mqtt_dock import MqttDock

pytestmark = pytest.mark.broker

SHIFT = {
    "EMPTY.MP4": b"",
    "ONE.MP4": b"x",
    "PART.MP4": footage(256 * 1024),
    "LEAF.MP4": footage(LEAF_SIZE),
    "MORE.MP4": footage(LEAF_SIZE + 1),
    "LONG.MP4": footage(5_300_001),
}


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    with mosquitto(tmp_path) as port:
        yield port


async def test_a_shift_end_is_stored_released_and_receipted(tmp_path: Path, port: int) -> None:
    async with running_intake(tmp_path, port) as intake:
        dock = SimulatedDock()
        dock.boot()
        clips = dock.shift_end(SHIFT)
        online = await intake.enrol(dock)
        async with online.connected():
            await online.until_released()
            await online.until(lambda: len(online.receipts) == len(dock.entries))
        for clip in clips:
            assert await intake.content(clip) == dock.clips[clip].data
        assert online.alarms == []
        assert online.refusals == []


async def test_every_release_comes_once_and_no_proof_is_stale(tmp_path: Path, port: int) -> None:
    async with running_intake(tmp_path, port) as intake:
        dock = SimulatedDock()
        dock.shift_end(SHIFT)
        online = await intake.enrol(dock)
        async with online.connected():
            await online.until_released()
        assert set(online.release_count.values()) == {1}
        assert online.stale == 0


async def test_marked_clips_come_first_and_tagged_ones_next(tmp_path: Path, port: int) -> None:
    async with running_intake(tmp_path, port, window_messages=1) as intake:
        dock = SimulatedDock()
        session = dock.open_session()
        plain = dock.seal(session, footage(3 * LEAF_SIZE, "a"), name="A.MP4")
        tagged = dock.seal(session, footage(3 * LEAF_SIZE, "b"), name="B.MP4")
        marked = dock.seal(session, footage(3 * LEAF_SIZE, "c"), name="C.MP4", marked=True)
        dock.append(ClipTagged(clip=str(tagged), case_no="A1"))
        online = await intake.enrol(dock)
        async with online.connected():
            await online.until_released()
        order = list(dict.fromkeys(w.seq for w in online.asked if isinstance(w, PartWant)))
        assert order == [marked.seq, tagged.seq, plain.seq]


async def test_entries_made_while_connected_flow_as_they_are_announced(
    tmp_path: Path, port: int
) -> None:
    async with running_intake(tmp_path, port) as intake:
        dock = SimulatedDock()
        online = await intake.enrol(dock)
        async with online.connected():
            for number in range(4):
                dock.shift_end({f"R{number}.MP4": footage(400_000, str(number))})
                await online.announce()
                await online.until_released()
        assert online.alarms == []


async def test_a_dock_is_served_by_a_gateway_that_starts_later(tmp_path: Path, port: int) -> None:
    dock = SimulatedDock()
    async with running_intake(tmp_path, port) as intake:
        online = await intake.enrol(dock)
    dock.shift_end({"A.MP4": footage(700_000)})
    async with online.connected():
        await asyncio.sleep(0.3)
        async with running_intake(tmp_path, port):
            await online.until_released()


async def test_a_gateway_that_stops_in_the_middle_goes_on_where_it_was(
    tmp_path: Path, port: int
) -> None:
    dock = SimulatedDock()
    dock.shift_end({"LONG.MP4": footage(24 * LEAF_SIZE)})
    async with running_intake(tmp_path, port) as intake:
        online = await intake.enrol(dock)
    async with online.connected():
        slow_down(online, 0.02)
        async with running_intake(tmp_path, port):
            await online.until(lambda: online.served[FromDock.PART] > 60)
        online.twist = lambda answer: (answer,)
        before = online.served[FromDock.PART]
        async with running_intake(tmp_path, port):
            await online.until_released()
    again = before + online.served[FromDock.PART] - 24 * 4
    assert online.served[FromDock.PART] - before < 24 * 4 - 20, again


def slow_down(online: MqttDock, seconds: float) -> None:
    """Answer one after the other, each a little later than the one before."""
    count = itertools.count(1)
    online.twist = lambda answer: (replace(answer, later_s=next(count) * seconds),)


async def test_a_stranger_is_told_so_and_served_once_enrolled(tmp_path: Path, port: int) -> None:
    async with running_intake(tmp_path, port) as intake:
        dock = SimulatedDock("stranger")
        dock.shift_end({"A.MP4": footage(10)})
        online = MqttDock(dock, intake.services.log.anchors(), port)
        async with online.connected():
            await online.until(lambda: bool(online.refusals))
            assert online.refusals[0].code == "dock-unknown"
            assert [row.id for row in await intake.services.docks.strangers()] == ["stranger"]
            enrolled = await intake.enrol(dock)
        async with enrolled.connected():
            await enrolled.until_released()
        assert enrolled.hello is not None


async def test_many_docks_are_served_side_by_side(tmp_path: Path, port: int) -> None:
    async with running_intake(tmp_path, port, worker_bytes=8 << 20) as intake:
        docks = [SimulatedDock(f"dock{number}") for number in range(12)]
        for dock in docks:
            dock.shift_end({"A.MP4": footage(2_500_000, dock.id), "B.MP4": footage(5, dock.id)})
        online = [await intake.enrol(dock) for dock in docks]

        async def serve(one: MqttDock) -> None:
            async with one.connected():
                await one.until_released(60)

        async with asyncio.TaskGroup() as tasks:
            for one in online:
                tasks.create_task(serve(one))
        assert [alarm for one in online for alarm in one.alarms] == []


async def test_a_clip_the_dock_has_lost_holds_up_no_other(tmp_path: Path, port: int) -> None:
    async with running_intake(tmp_path, port) as intake:
        dock = SimulatedDock()
        lost, kept = dock.shift_end({"A.MP4": footage(2_000_000), "B.MP4": footage(300_000)})
        online = await intake.enrol(dock)
        online.missing[lost] = NackReason.LOST
        async with online.connected():
            await online.until(lambda: kept in online.released)
            dock.append(ClipLost(clip=str(lost), reason="spool disk died"))
            await online.announce()
            await online.until(lambda: len(online.receipts) == len(dock.entries))
        row = await intake.services.evidence.clip(lost)
        assert row is not None
        assert row.state == ClipState.LOST


async def test_a_clip_that_is_busy_comes_when_it_is_there(tmp_path: Path, port: int) -> None:
    async with running_intake(tmp_path, port) as intake:
        dock = SimulatedDock()
        (clip,) = dock.shift_end({"A.MP4": footage(2_000_000)})
        online = await intake.enrol(dock)
        online.missing[clip] = NackReason.BUSY
        async with online.connected():
            await online.until(lambda: online.served[FromDock.NACK] > 0)
            online.missing.clear()
            await online.until_released()


async def test_strange_entries_block_nothing_and_the_dock_hears_why(
    tmp_path: Path, port: int
) -> None:
    async with running_intake(tmp_path, port) as intake:
        dock = SimulatedDock()
        strange = [dock.append_bytes(b"no json"), dock.append_bytes(b"{}" * 60_000)]
        bad = dock.append(ClipTagged(clip="dock9.0.3", case_no="A1"), subject="urn:evidock:x")
        dock.shift_end({"A.MP4": footage(10)})
        online = await intake.enrol(dock)
        async with online.connected():
            await online.until_released()
            await online.until(lambda: len(online.receipts) == len(dock.entries))
        assert {refusal.seq for refusal in online.refusals} == {n.seq for n in [*strange, bad]}
        async with intake.services.database.reading() as session:
            assert await session.get(Quarantine, (dock.id, 0, bad.seq)) is not None


async def test_hundreds_of_small_entries_come_in_pages(tmp_path: Path, port: int) -> None:
    async with running_intake(tmp_path, port) as intake:
        dock = SimulatedDock()
        for _ in range(700):
            dock.boot()
        online = await intake.enrol(dock)
        async with online.connected():
            await online.until(lambda: len(online.receipts) == 700, 60)


async def test_whether_a_dock_is_connected_is_on_record(tmp_path: Path, port: int) -> None:
    async with running_intake(tmp_path, port) as intake:
        dock = SimulatedDock()
        online = await intake.enrol(dock)

        async def state_is(wanted: str) -> None:
            async def so() -> bool:
                return (await intake.services.docks.dock(dock.id)).state == wanted

            await eventually(so)

        async with online.connected():
            await state_is("online")
        async with aiomqtt.Client("127.0.0.1", port) as client:
            offline = State(state="offline", version="0.1.0").encode()
            await client.publish(from_dock(dock.id, FromDock.STATE), offline, 1, retain=True)
            await state_is("offline")


async def test_a_broker_that_goes_away_and_comes_back_is_found_again(tmp_path: Path) -> None:
    dock = SimulatedDock()
    clips: list[ClipId] = []
    with mosquitto(tmp_path) as port:
        pass
    async with running_intake(tmp_path, port) as intake:
        online = await intake.enrol(dock)
        for round_ in range(2):
            clips += dock.shift_end({"A.MP4": footage(900_000, str(round_))})
            with mosquitto(tmp_path, port=port):
                async with online.connected():
                    await online.until_released(40)
        assert await intake.standing() == set()
    assert online.released.keys() == set(clips)
