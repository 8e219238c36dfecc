from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from hashing.digest import LEAF_SIZE
from protocols.messages import ReceiptMessage, ReleaseMessage
from protocols.topics import FromDock, ToDock
from tests.simulators.dock import SimulatedDock, footage
from tests.simulators.intake import RunningIntake, running_intake
from tests.simulators.mosquitto import mosquitto
from tests.simulators.mqtt_dock import Answer, Mischief, MqttDock, Twist

pytestmark = pytest.mark.broker


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    with mosquitto(tmp_path) as port:
        yield port


def shift() -> SimulatedDock:
    dock = SimulatedDock()
    dock.boot()
    dock.shift_end(
        {
            "A.MP4": footage(3 * LEAF_SIZE + 7, "a"),
            "B.MP4": footage(1000, "b"),
            "C.MP4": b"",
            "D.MP4": footage(LEAF_SIZE, "d"),
        }
    )
    return dock


async def stored_rightly(intake: RunningIntake, online: MqttDock) -> bool:
    """Whether every clip is stored as it was sealed and the dock found nothing unproved."""
    clips = online.dock.clips
    return not online.alarms and all(
        [await intake.content(clip) == clips[clip].data for clip in clips]
    )


@pytest.mark.parametrize(
    "name", ["drop", "twice", "late", "corrupt", "cut", "longer", "elsewhere", "foreign"]
)
async def test_a_link_that_spoils_a_fifth_of_the_answers_costs_only_time(
    name: str, tmp_path: Path, port: int
) -> None:
    async with running_intake(tmp_path, port) as intake:
        online = await intake.enrol(shift(), Mischief(7, **{name: 0.2}))
        async with online.connected():
            await online.until_released(100)
        assert await stored_rightly(intake, online)


@pytest.mark.parametrize("seed", [1, 2])
async def test_all_mischief_at_once_ends_the_same(seed: int, tmp_path: Path, port: int) -> None:
    everything = Mischief(
        seed, drop=0.05, twice=0.1, late=0.1, corrupt=0.05, cut=0.03, longer=0.03, foreign=0.03
    )
    async with running_intake(tmp_path, port) as intake:
        online = await intake.enrol(shift(), everything)
        async with online.connected():
            await online.until_released(100)
        assert await stored_rightly(intake, online)


def only(what: FromDock, change: Twist, times: int) -> Twist:
    """Treat the first answers of one kind so; leave the rest alone."""
    left = times

    def twist(answer: Answer) -> Sequence[Answer]:
        nonlocal left
        if answer.what is not what or not left:
            return (answer,)
        left -= 1
        return change(answer)

    return twist


@pytest.mark.parametrize("what", [FromDock.LEDGER, FromDock.LEAVES, FromDock.PART])
async def test_an_answer_that_never_came_is_asked_for_again(
    what: FromDock, tmp_path: Path, port: int
) -> None:
    async with running_intake(tmp_path, port) as intake:
        online = await intake.enrol(shift(), only(what, lambda _: (), 1))
        async with online.connected():
            await online.until_released(60)
        assert await stored_rightly(intake, online)


async def test_parts_in_reverse_order_make_the_same_clip(tmp_path: Path, port: int) -> None:
    held: list[Answer] = []

    def backwards(answer: Answer) -> Sequence[Answer]:
        if answer.what is not FromDock.PART:
            return (answer,)
        held.append(answer)
        if len(held) < 4:
            return ()
        several = tuple(reversed(held))
        held.clear()
        return several

    async with running_intake(tmp_path, port) as intake:
        dock = SimulatedDock()
        dock.shift_end({"A.MP4": footage(8 * LEAF_SIZE)})
        online = await intake.enrol(dock, backwards)
        async with online.connected():
            await online.until_released(60)
        assert await stored_rightly(intake, online)


async def test_a_dock_that_sends_the_same_wrong_leaf_for_a_while_is_not_asked_in_a_storm(
    tmp_path: Path, port: int
) -> None:
    wrong = only(FromDock.PART, lambda a: (Answer(a.what, a.topic, bytes(len(a.payload))),), 10**6)
    async with running_intake(tmp_path, port) as intake:
        dock = SimulatedDock()
        dock.shift_end({"A.MP4": footage(LEAF_SIZE)})
        online = await intake.enrol(dock, wrong)
        async with online.connected():
            await online.until(lambda: online.served[FromDock.PART] >= 12)
            with pytest.raises(TimeoutError):
                await online.until(lambda: online.served[FromDock.PART] > 16, 5)
        assert not online.released


@pytest.mark.parametrize("message", [ToDock.RELEASE, ToDock.RECEIPT])
async def test_what_was_sent_to_a_deaf_dock_is_sent_again_when_it_asks(
    message: ToDock, tmp_path: Path, port: int
) -> None:
    async with running_intake(tmp_path, port) as intake:
        online = await intake.enrol(shift())
        online.deaf_to.add(message)
        async with online.connected():
            async with intake.services.database.reading():
                pass
            await online.until(lambda: intake.services.log.checkpoint().size >= 13, 40)
        online.deaf_to.clear()
        async with online.connected():
            await online.until_released(60)
        assert online.alarms == []


async def test_a_proof_from_elsewhere_is_made_anew_after_the_dock_says_where_it_stands(
    tmp_path: Path, port: int
) -> None:
    """The gateway believes its proofs arrived; the dock lost them all and says so."""
    async with running_intake(tmp_path, port) as intake:
        dock = SimulatedDock()
        online = await intake.enrol(dock)
        async with online.connected():
            dock.shift_end({"A.MP4": footage(10)})
            await online.announce()
            await online.until_released()
            online.deaf_to |= {ToDock.RELEASE, ToDock.RECEIPT}
            (lost,) = dock.shift_end({"B.MP4": footage(20)})
            await online.announce()
            size = intake.services.log.checkpoint().size
            await online.until(lambda: intake.services.log.checkpoint().size >= size + 5)
            online.deaf_to.clear()
            (last,) = dock.shift_end({"C.MP4": footage(30)})
            await online.announce()
            await online.until(lambda: {lost, last} <= online.released.keys(), 60)
        assert online.alarms == []


async def test_a_retained_head_again_and_again_is_answered_once(tmp_path: Path, port: int) -> None:
    async with running_intake(tmp_path, port) as intake:
        dock = SimulatedDock()
        dock.shift_end({f"{n}.MP4": footage(n) for n in range(5)})
        online = await intake.enrol(dock)
        async with online.connected():
            await online.until_released()
            before = sum(online.release_count.values())
            pulls = online.pulls
            head = dock.announcement()
            topic = f"evidock/1/dock/{dock.id}/head"
            for _ in range(200):
                await online._publish(topic, head.encode(), qos=1, retain=True)
            with pytest.raises(TimeoutError):
                await online.until(lambda: sum(online.release_count.values()) > before + 5, 3)
            assert online.pulls <= pulls + 1


async def test_releases_and_receipts_of_one_page_share_one_checkpoint(
    tmp_path: Path, port: int
) -> None:
    receipts: list[ReceiptMessage] = []
    releases: list[ReleaseMessage] = []

    class Listening(MqttDock):
        async def _heard(self, what: ToDock, payload: bytes) -> None:
            if what is ToDock.RECEIPT:
                receipts.append(ReceiptMessage.decode(payload))
            if what is ToDock.RELEASE:
                releases.append(ReleaseMessage.decode(payload))
            await super()._heard(what, payload)

    async with running_intake(tmp_path, port) as intake:
        dock = shift()
        await intake.services.docks.enrol(dock.id, dock.public_pem, "test")
        online = Listening(dock, intake.services.log.anchors(), port)
        async with online.connected():
            await online.until_released()
            await online.until(lambda: len(online.receipts) == len(dock.entries))
    assert len({message.proved.note for message in receipts}) == 1
    assert len(releases) == 4
