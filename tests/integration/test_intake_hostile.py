from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiomqtt
import psutil
import pytest
from sqlalchemy import select

from gateway.docks.service import apply
from gateway.evidence.models import ClipState
from gateway.intake import alarms
from gateway.intake.models import Refusal
from gateway.intake.service import IntakeWorker
from hashing import cbor
from hashing.digest import LEAF_SIZE
from hashing.keys import Es256Signer
from hashing.ledger import NO_PREV, DockLink
from protocols.kinds import DockBooted, DockRevoked, LedgerReopened
from protocols.messages import Head, LedgerWant, Nack, NackReason, PartWant, Ref, encode_page
from protocols.records import CheckpointRef
from tests.simulators.dock import SimulatedDock, footage
from tests.simulators.intake import (
    RunningIntake,
    config_for,
    opened,
    running_intake,
    working,
)
from tests.simulators.mosquitto import mosquitto
from tests.simulators.mqtt_dock import MqttDock

pytestmark = pytest.mark.broker


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    with mosquitto(tmp_path) as port:
        yield port


@pytest.fixture
async def intake(tmp_path: Path, port: int) -> AsyncIterator[RunningIntake]:
    async with running_intake(tmp_path, port) as running:
        yield running


@asynccontextmanager
async def stranger(port: int) -> AsyncIterator[aiomqtt.Client]:
    """Somebody on the broker who may publish anything."""
    async with aiomqtt.Client("127.0.0.1", port, identifier="mallory", timeout=30) as client:
        client.pending_calls_threshold = 10_000
        yield client


async def codes(intake: RunningIntake) -> set[str]:
    async with intake.services.database.reading() as session:
        return {row.code for row in (await session.scalars(select(Refusal))).all()}


def ledger_topic(intake: RunningIntake, dock: str) -> str:
    return f"evidock/1/dock/{dock}/ledger/{intake.worker.name}"


async def test_garbage_on_every_topic_stops_nobody(intake: RunningIntake) -> None:
    dock = SimulatedDock()
    dock.shift_end({"A.MP4": footage(6 * LEAF_SIZE)})
    online = await intake.enrol(dock)
    chance = random.Random(5)  # noqa: S311  # repeatable rubbish
    name = intake.worker.name
    tails = [
        "head",
        "state",
        f"ledger/{name}",
        f"nack/{name}",
        f"part/{name}/0/2/0",
        f"part/{name}/0/2/{2**62}",
        f"leaves/{name}/0/2/0",
        f"part/{name}/99999999999999999999/2/0",
        f"part/{name}/-1/x/0",
        f"part/{name}",
        f"ledger/{name}/0/0/0",
        "nothing",
    ]
    bodies = [
        b"",
        b"\x00",
        b"[" * 60_000,
        b'{"epoch":' + b"9" * 5000 + b"}",
        b'{"epoch":0,"seq":0,"hash":null,"unreleased":[],"free_bytes":0}',
        b'{"epoch":-1,"unreleased":[[1e999,2,3]],"free_bytes":0}',
        b"\xff" * 300,
        cbor.dumps([[0, 0, b"{}", b"x"]] * 64),
        cbor.dumps([[2**63 - 1, 2**63 - 1, b"", b""]]),
        chance.randbytes(2000),
        bytes(1_000_000),
    ]
    async with stranger(intake.port) as mallory, online.connected():
        for tail in tails:
            for body in bodies:
                await mallory.publish(f"evidock/1/dock/{dock.id}/{tail}", body, qos=0)
        await online.announce()
        await online.until_released()
    assert online.alarms == []


async def test_forged_parts_are_never_stored_and_the_true_ones_are(intake: RunningIntake) -> None:
    dock = SimulatedDock()
    (clip,) = dock.shift_end({"A.MP4": footage(12 * LEAF_SIZE)})
    online = await intake.enrol(dock)
    stop = asyncio.Event()

    async def forge(mallory: aiomqtt.Client) -> None:
        part = bytes(256 * 1024)
        place = f"evidock/1/dock/{dock.id}/part/{intake.worker.name}/0/{clip.seq}"
        while not stop.is_set():
            for offset in range(0, 12 * LEAF_SIZE, 5 * 256 * 1024):
                await mallory.publish(f"{place}/{offset}", part, qos=0)
            await asyncio.sleep(0.3)

    async with stranger(intake.port) as mallory, asyncio.TaskGroup() as tasks:
        tasks.create_task(forge(mallory))
        async with online.connected():
            try:
                await online.until_released(60)
            finally:
                stop.set()
    assert await intake.content(clip) == dock.clips[clip].data


async def test_a_forged_ledger_changes_nothing_and_the_true_one_is_logged(
    intake: RunningIntake,
) -> None:
    dock = SimulatedDock()
    dock.shift_end({"A.MP4": footage(1000)})
    forger = SimulatedDock(dock.id, signer=Es256Signer.generate())
    forger.shift_end({"EVIL.MP4": footage(9)})
    online = await intake.enrol(dock)
    async with stranger(intake.port) as mallory, online.connected():
        for _ in range(5):
            await mallory.publish(ledger_topic(intake, dock.id), encode_page(forger.entries), qos=1)
        await online.until_released(60)
    assert online.alarms == []
    logged = await intake.services.log.dock_entries(dock.id, 0, 0, 10)
    assert [row.statement for row in logged] == [entry.statement for entry in dock.entries]


async def test_while_somebody_goes_on_forging_the_docks_next_shifts_are_released(
    intake: RunningIntake,
) -> None:
    dock = SimulatedDock()
    dock.shift_end({"A.MP4": footage(1000)})
    genuine = dock.entries[0]
    forger = SimulatedDock(dock.id, signer=Es256Signer.generate())
    online = await intake.enrol(dock)
    topic = ledger_topic(intake, dock.id)
    waits = itertools.count()

    async def forge(mallory: aiomqtt.Client) -> None:
        while True:
            next_place = len(dock.entries) + 5
            for entry in (
                forger.forge(
                    DockBooted(version="1", ledger_check="intact"),
                    DockLink(0, next_place, NO_PREV),
                ),
                replace(genuine, seq=next_place),
            ):
                await mallory.publish(topic, encode_page([entry]), qos=1)
            next(waits)
            await asyncio.sleep(0.05)

    # Delayed answers let some forgery be first every time.
    online.twist = lambda answer: (replace(answer, later_s=0.3),)
    async with stranger(intake.port) as mallory, online.connected(), asyncio.TaskGroup() as tasks:
        forging = tasks.create_task(forge(mallory))
        await online.until_released(60)
        for number in range(3):
            (more,) = dock.shift_end({f"B{number}.MP4": footage(2000 + number)})
            await online.announce()
            await online.until(lambda: more in online.released, 30)  # noqa: B023  # awaited here
        forging.cancel()
    assert next(waits) > 20
    told = Counter(refusal.code for refusal in online.refusals)
    assert max(told.values()) == 1
    assert told.keys() <= {"statement-signature", "statement-place"}
    assert await intake.standing() == set()


async def test_forged_nacks_do_not_keep_the_docks_own_pages_out(intake: RunningIntake) -> None:
    dock = SimulatedDock()
    for _ in range(150):
        dock.boot()
    online = await intake.enrol(dock)
    topic = f"evidock/1/dock/{dock.id}/nack/{intake.worker.name}"
    nack = Nack(LedgerWant(0, 0, 0), NackReason.LOST).encode()

    async def forge(mallory: aiomqtt.Client) -> None:
        while True:
            await mallory.publish(topic, nack, qos=1)
            await asyncio.sleep(0.05)

    online.twist = lambda answer: (replace(answer, later_s=0.3),)
    async with stranger(intake.port) as mallory, online.connected(), asyncio.TaskGroup() as tasks:
        forging = tasks.create_task(forge(mallory))
        await online.until(lambda: len(online.receipts) == 150, 20)
        forging.cancel()


async def test_pages_nobody_asked_for_are_not_even_looked_at(intake: RunningIntake) -> None:
    dock = SimulatedDock()
    dock.shift_end({"A.MP4": footage(1000)})
    forger = SimulatedDock(dock.id, signer=Es256Signer.generate())
    forged = forger.forge(DockBooted(version="1", ledger_check="intact"), DockLink(0, 9, NO_PREV))
    online = await intake.enrol(dock)
    async with stranger(intake.port) as mallory, online.connected():
        await online.until_released(60)
        for _ in range(20):
            await mallory.publish(ledger_topic(intake, dock.id), encode_page([forged]), qos=1)
        (more,) = dock.shift_end({"B.MP4": footage(2000)})
        await online.announce()
        await online.until(lambda: more in online.released, 20)
    assert await codes(intake) == set()


async def test_huge_pages_of_nothing_do_not_hold_up_the_loop(intake: RunningIntake) -> None:
    dock = SimulatedDock()
    dock.shift_end({"A.MP4": footage(2 * LEAF_SIZE)})
    online = await intake.enrol(dock)
    body = b"\x9a\x00\x0f\x00\x00" + b"\x80" * 0xF0000
    online.twist = lambda answer: (replace(answer, later_s=0.2),)
    topics = [ledger_topic(intake, dock.id), f"evidock/1/dock/{dock.id}/nack/{intake.worker.name}"]
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(0.02)
            longest = max(longest, loop.time() - before)

    async def flood(mallory: aiomqtt.Client) -> None:
        while True:
            for topic in topics:
                await mallory.publish(topic, body, qos=1)
            await asyncio.sleep(0.1)

    async with stranger(intake.port) as mallory, online.connected(), asyncio.TaskGroup() as tasks:
        others = [tasks.create_task(watch()), tasks.create_task(flood(mallory))]
        await online.until_released(60)
        for other in others:
            other.cancel()
    # Building the million values of one of them takes seconds.
    assert longest < 1.5


async def test_what_strangers_sign_is_counted_and_its_bytes_are_not_kept(
    intake: RunningIntake,
) -> None:
    dock = SimulatedDock()
    await intake.services.docks.enrol(dock.id, dock.public_pem, "test")
    forger = SimulatedDock(dock.id, signer=Es256Signer.generate())
    async with stranger(intake.port) as mallory:
        forger.boot()
        head = forger.announcement()
        await mallory.publish(f"evidock/1/dock/{dock.id}/head", head.encode(), qos=1)

        async def send(count: int) -> None:
            for _ in range(count):
                entry = forger.forge(
                    DockBooted(version="1", ledger_check="intact"), DockLink(0, 0, NO_PREV)
                )
                await mallory.publish(ledger_topic(intake, dock.id), encode_page([entry]), qos=1)

        # Pages that came before the gateway asked for any are let go unread.
        async with asyncio.timeout(30):
            while "statement-signature" not in await codes(intake):
                await send(30)
        await send(300)
        await asyncio.sleep(1)
    async with intake.services.database.reading() as session:
        rows = (await session.scalars(select(Refusal))).all()
    assert 0 < len(rows) <= 200
    assert {row.statement for row in rows} == {b""}
    assert await intake.services.log.dock_head(dock.id) is None


async def test_a_forged_head_makes_no_alarm_and_the_true_one_is_obeyed(
    intake: RunningIntake,
) -> None:
    dock = SimulatedDock()
    dock.shift_end({"A.MP4": footage(1000)})
    online = await intake.enrol(dock)
    lies = [
        Head(epoch=0, seq=0, hash="f" * 64, unreleased=(), free_bytes=0, nonce=1),
        Head(epoch=0, seq=2**63 - 1, hash="f" * 64, unreleased=(), free_bytes=0, nonce=2),
        Head(epoch=2**63 - 1, seq=5, hash="f" * 64, unreleased=(), free_bytes=0, nonce=3),
        Head(
            epoch=0,
            seq=3,
            hash="f" * 64,
            unreleased=tuple((0, 0, 2**63 - 1) for _ in range(1000)),
            free_bytes=0,
            nonce=4,
        ),
    ]
    async with stranger(intake.port) as mallory, online.connected():
        for lie in lies:
            await mallory.publish(f"evidock/1/dock/{dock.id}/head", lie.encode(), qos=1)
            await asyncio.sleep(0.1)
        (more,) = dock.shift_end({"B.MP4": footage(2000)})
        await online.announce()
        await online.until(lambda: more in online.released, 60)
    assert await intake.standing() == set()


async def test_a_checkpoint_this_log_never_had_raises_an_alarm(intake: RunningIntake) -> None:
    dock = SimulatedDock()
    online = await intake.enrol(dock)
    claim = Head(
        epoch=0,
        unreleased=(),
        free_bytes=0,
        accepted=Ref(size=10**6, root="ab" * 32),
    )
    async with online.connected():
        await online._publish(f"evidock/1/dock/{dock.id}/head", claim.encode(), qos=1)
        await intake.until_standing(alarms.CLAIMED)
        dock.accepted = CheckpointRef(size=1, root="ab" * 32)
        dock.boot()
        dock.accepted = None
        await online.announce()
        await intake.until_standing(alarms.CLAIMED, alarms.REWOUND)


async def test_a_nack_for_what_was_not_asked_is_ignored(intake: RunningIntake) -> None:
    dock = SimulatedDock()
    (clip,) = dock.shift_end({"A.MP4": footage(2 * LEAF_SIZE)})
    online = await intake.enrol(dock)
    topic = f"evidock/1/dock/{dock.id}/nack/{intake.worker.name}"
    async with stranger(intake.port) as mallory, online.connected():
        for offset in (7, 2**62):
            nack = Nack(PartWant(0, clip.seq, offset, 2**40), NackReason.LOST)
            await mallory.publish(topic, nack.encode(), qos=1)
        await online.until_released()


async def test_floods_of_made_up_docks_and_parts_fill_no_memory(intake: RunningIntake) -> None:
    dock = SimulatedDock()
    dock.shift_end({"A.MP4": footage(4 * LEAF_SIZE)})
    online = await intake.enrol(dock)
    part = bytes(500_000)
    before = psutil.Process().memory_info().rss
    async with stranger(intake.port) as mallory, online.connected():
        for number in range(3000):
            head = Head(epoch=0, unreleased=(), free_bytes=number)
            await mallory.publish(f"evidock/1/dock/x{number}/head", head.encode(), qos=0)
            if number % 10 == 0:
                topic = f"evidock/1/dock/{dock.id}/part/{intake.worker.name}/0/2/{number}"
                await mallory.publish(topic, part, qos=0)
        await online.until_released(60)
    assert psutil.Process().memory_info().rss - before < 100 << 20
    assert len(await intake.services.docks.strangers()) <= 1000


# --- a dock gone bad ----------------------------------------------------------------


async def test_a_dock_with_two_histories_is_stopped_and_both_are_kept(
    intake: RunningIntake,
) -> None:
    dock = SimulatedDock()
    dock.boot()
    dock.shift_end({"A.MP4": footage(100)})
    online = await intake.enrol(dock)
    async with online.connected():
        await online.until_released()
    restored = SimulatedDock(dock.id, signer=dock.signer)
    restored.boot()
    restored.shift_end({"OTHER.MP4": footage(50)})
    restored.accepted = dock.accepted
    again = MqttDock(restored, intake.services.log.anchors(), intake.port)
    async with again.connected():
        await again.until(lambda: any(r.code == "chain-fork" for r in again.refusals))
    assert await intake.standing() == {alarms.FORKED}
    async with intake.services.database.reading() as session:
        (kept,) = (await session.scalars(select(Refusal))).all()
    assert kept.statement == restored.entries[-1].statement
    assert kept.record == restored.entries[-1].record
    logged = await intake.services.log.dock_entries(dock.id, 0, kept.seq, kept.seq)
    assert logged[0].statement != kept.statement


async def test_a_dock_that_went_on_from_an_older_history_is_stopped(
    intake: RunningIntake,
) -> None:
    dock = SimulatedDock()
    for _ in range(3):
        dock.boot()
    online = await intake.enrol(dock)
    async with online.connected():
        await online.until(lambda: len(online.receipts) == 3)
    restored = SimulatedDock(dock.id, signer=dock.signer)
    for number in range(5):
        restored.append(DockBooted(version=f"1.{number}", ledger_check="intact"))
    restored.accepted = dock.accepted
    again = MqttDock(restored, intake.services.log.anchors(), intake.port)
    async with again.connected():
        await again.until(lambda: any(r.code == "chain-edit" for r in again.refusals))
    assert await intake.standing() == {alarms.FORKED}
    await intake.services.decisions.settle_alarm(
        dock.id, alarms.FORKED, by="operator Wang", reason="an old copy was put back"
    )
    assert await intake.standing() == set()


async def test_a_new_epoch_waits_for_the_operator(intake: RunningIntake) -> None:
    dock = SimulatedDock()
    dock.boot()
    online = await intake.enrol(dock)
    async with online.connected():
        await online.until(lambda: len(online.receipts) == 1)
        dock.reopen()
        dock.append(LedgerReopened(approval="from the operator"))
        (clip,) = dock.shift_end({"A.MP4": footage(10)})
        await online.announce()
        await online.until(lambda: any(r.code == "epoch-unapproved" for r in online.refusals))
        await intake.services.decisions.approve_epoch(
            dock.id, 1, by="operator Wang", reason="its disk failed"
        )
        await online.until(lambda: clip in online.released, 60)


async def test_a_clip_sealed_with_two_digests_of_different_bytes_is_never_released(
    intake: RunningIntake,
) -> None:
    dock = SimulatedDock()
    session = dock.open_session()
    clip = dock.seal(session, footage(LEAF_SIZE + 5))
    sealed = dock.entries.pop()
    lying = SimulatedDock(dock.id, signer=dock.signer)
    lying.append_bytes(dock.entries[0].record, subject=session.session_urn)
    true = dock.clips[clip].digest.sha256.hex().encode()
    lying.append_bytes(sealed.record.replace(true, b"ab" * 32), subject=clip.clip_urn)
    lying.clips[clip] = dock.clips[clip]
    (other,) = lying.shift_end({"B.MP4": footage(10)})
    online = await intake.enrol(lying)
    async with online.connected():
        await online.until(lambda: any(r.code == "clip-sha256" for r in online.refusals))
        await online.until(lambda: other in online.released)
    assert clip not in online.released
    row = await intake.services.evidence.clip(clip)
    assert row is not None
    assert row.state == ClipState.REFUSED


async def test_entries_after_a_revocation_are_logged_and_have_no_effect(
    intake: RunningIntake,
) -> None:
    dock = SimulatedDock()
    dock.shift_end({"A.MP4": footage(10)})
    online = await intake.enrol(dock)
    async with online.connected():
        await online.until_released()
        body = DockRevoked(
            dock=dock.id,
            kid=dock.signer.public.kid.hex(),
            last_epoch=0,
            last_seq=len(dock.entries) - 1,
            reason="stolen",
        )
        async with intake.services.database.session() as session:
            await apply(session, body, 99)
        (clip,) = dock.shift_end({"B.MP4": footage(20)})
        await online.announce()
        await online.until(lambda: len(online.receipts) == len(dock.entries))
        assert {refusal.code for refusal in online.refusals} == {"revoked"}
    assert await intake.services.evidence.clip(clip) is None


async def test_the_second_of_two_workers_takes_over_when_the_first_is_gone(
    tmp_path: Path, port: int
) -> None:
    dock = SimulatedDock()
    dock.shift_end({"A.MP4": footage(5 * LEAF_SIZE)})
    async with opened(config_for(tmp_path, port, lease_s=1)) as services:
        await services.docks.enrol(dock.id, dock.public_pem, "test")
        online = MqttDock(dock, services.log.anchors(), port)
        first = IntakeWorker(services, name="first", alone=False)
        second = IntakeWorker(services, name="second", alone=False)
        async with working(second), online.connected():
            async with working(first):
                await online.until_released()
            await asyncio.sleep(0.5)
            (more,) = dock.shift_end({"B.MP4": footage(3000)})
            await online.announce()
            await online.until(lambda: more in online.released)
        assert online.alarms == []
        assert online.terms == sorted(set(online.terms))
