"""What is released has been seen in the store, and what is committed has a lease behind it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.crashpoints import reach
from gateway.errors import ObjectMissingError, StoreError
from gateway.evidence.models import Clip, ClipState
from gateway.evidence.service import mark_lost, mark_missing, object_key
from gateway.intake import alarms
from gateway.intake.confirming import Confirming
from gateway.intake.entries import Entries
from gateway.intake.keeping import Keeper, Kept
from gateway.intake.leases import Held, LeaseLostError, Leases
from gateway.intake.means import Means
from gateway.intake.proofs import MOST_AT_ONCE, Proofs
from gateway.services import Services
from gateway.storage import local
from gateway.storage.uncached import StoredHash
from protocols.ids import ClipId
from protocols.kinds import ClipLost
from protocols.messages import Head, Ref, ReleaseMessage
from protocols.topics import ToDock
from tests.simulators.disk import path_of
from tests.simulators.dock import SimulatedDock, footage
from tests.simulators.intake import eventually
from tests.simulators.means import Sent, means_of
from tests.simulators.seeded import api_of, enrol, gateway_on, shift_end

DATA = footage(3000)


async def lease_on(services: Services, dock: SimulatedDock) -> Held:
    held = await Leases(services.database, "worker", 600).acquire(dock.id)
    assert held is not None
    return held


async def row_of(services: Services, clip: ClipId) -> Clip:
    row = await services.evidence.clip(clip)
    assert row is not None
    return row


async def standing(services: Services) -> set[str]:
    async with services.database.reading() as session:
        return {alarm.code for alarm in await alarms.standing(session)}


def staged(services: Services, clip: ClipId, data: bytes = DATA) -> Path:
    path = services.store.staging.path(f"{clip}.part")
    path.write_bytes(data)
    return path


@asynccontextmanager
async def stored_before(
    folder: Path,
) -> AsyncIterator[tuple[Services, Means, Held, SimulatedDock, ClipId]]:
    """A gateway that starts with one stored clip, its database rebuilt from the log."""
    dock = SimulatedDock()
    async with gateway_on(folder) as services:
        await enrol(services, dock)
        (clip,) = await shift_end(services, dock, {"A.MP4": DATA})
    for name in ("gateway.db", "gateway.db-wal", "gateway.db-shm"):
        (folder / name).unlink(missing_ok=True)
    async with gateway_on(folder) as services:
        with means_of(services, Sent()) as means:
            yield services, means, await lease_on(services, dock), dock, clip


class Answers:
    """One dock's proofs with what confirms them, running inside the block."""

    def __init__(self, means: Means, lease: Held, head: Head) -> None:
        self.missing: list[ClipId] = []
        self.confirming = Confirming(
            means,
            lease,
            confirmed=lambda clip: self.proofs.stored(clip),  # noqa: PLW0108  # made below
            missing=lambda row: self.missing.append(row.id),
        )
        self.proofs = Proofs(means, lease.dock, pinned_size=1, confirm=self.confirming.add)
        self.proofs.announced(head)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        tasks = [
            asyncio.ensure_future(self.proofs.run()),
            asyncio.ensure_future(self.confirming.run()),
        ]
        try:
            yield
            assert not any(task.done() for task in tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def until(self, done: Callable[[], object]) -> None:
        async def so() -> bool:
            return bool(done())

        await eventually(so, 20)


def sent_by(means: Means) -> Sent:
    sent = getattr(means.publish, "__self__", None)
    assert isinstance(sent, Sent)
    return sent


# --- the object is looked at before a release goes out --------------------------------


async def test_a_clip_that_is_still_there_is_released_again_after_a_start(tmp_path: Path) -> None:
    async with stored_before(tmp_path) as (_, means, lease, dock, clip):
        answers = Answers(means, lease, dock.announcement())
        sent = sent_by(means)
        async with answers.running():
            await answers.until(lambda: sent.of(ToDock.RELEASE))
        (payload,) = sent.of(ToDock.RELEASE)
        assert ReleaseMessage.decode(payload).seq == clip.seq
        assert answers.missing == []


@pytest.mark.parametrize("damage", ["gone", "short", "altered"])
async def test_a_clip_the_store_has_lost_is_not_released_but_fetched_again(
    damage: str, tmp_path: Path
) -> None:
    async with stored_before(tmp_path) as (services, means, lease, dock, clip):
        path = path_of(services.store, object_key(clip))
        spoilt = {"short": DATA[:-1], "altered": bytes([DATA[0] ^ 1]) + DATA[1:]}.get(damage)
        path.unlink()
        if spoilt is not None:
            path.write_bytes(spoilt)
        answers = Answers(means, lease, dock.announcement())
        async with answers.running():
            await answers.until(lambda: answers.missing)
            # The dock asks again while the bytes are on their way.
            answers.proofs.announced(dock.announcement())
            sent = sent_by(means)
            await answers.until(lambda: sent.of(ToDock.RECEIPT))
        assert sent.of(ToDock.RELEASE) == []
        assert answers.missing == [clip]
        assert (await row_of(services, clip)).state == ClipState.SEALED
        assert await standing(services) == {alarms.CONTENT_MISSING}


async def test_a_clip_that_came_back_is_released_under_the_statement_it_had(
    tmp_path: Path,
) -> None:
    async with stored_before(tmp_path) as (services, means, lease, dock, clip):
        path_of(services.store, object_key(clip)).unlink()
        answers = Answers(means, lease, dock.announcement())
        size = services.log.checkpoint().size
        async with answers.running():
            await answers.until(lambda: answers.missing)
            row = await row_of(services, clip)
            kept = await Keeper(means, lease).keep(row, staged(services, clip))
            answers.proofs.stored(clip)
            await answers.until(lambda: sent_by(means).of(ToDock.RELEASE))
        assert kept is Kept.STORED
        assert (await row_of(services, clip)).state == ClipState.STORED
        assert services.log.checkpoint().size == size
        assert await standing(services) == set()


async def test_nothing_is_released_on_the_word_of_the_log_alone(tmp_path: Path) -> None:
    async with stored_before(tmp_path) as (_, means, lease, _, clip):
        head = Head(epoch=0, unreleased=(), free_bytes=0)
        answers = Answers(means, lease, head)
        async with answers.running():
            answers.proofs.stored(clip)
            await asyncio.sleep(0.3)
        assert sent_by(means).messages == []


async def test_who_lost_the_lease_does_not_call_a_clip_missing(tmp_path: Path) -> None:
    async with stored_before(tmp_path) as (services, means, lease, _, clip):
        path_of(services.store, object_key(clip)).unlink()
        lost = Held(lease.dock, lease.worker, lease.term - 1)
        confirming = Confirming(means, lost, confirmed=lambda _: None, missing=lambda _: None)
        confirming.add(clip)
        with pytest.raises(LeaseLostError):
            await confirming.run()
        assert (await row_of(services, clip)).state == ClipState.STORED


@pytest.mark.parametrize(("failures", "lost"), [(1, False), (99, True)])
async def test_one_failed_look_is_no_word_about_the_object(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failures: int,
    lost: bool,  # noqa: FBT001  # a case of the table
) -> None:
    monkeypatch.setattr("gateway.intake.confirming._AGAIN_S", 0.01)
    async with stored_before(tmp_path) as (services, means, lease, dock, _):
        real, looks = services.store.sha256_uncached, itertools.count()

        async def failing(key: str) -> StoredHash:
            if next(looks) < failures:
                raise StoreError("too many open files")
            return await real(key)

        monkeypatch.setattr(services.store, "sha256_uncached", failing)
        answers = Answers(means, lease, dock.announcement())
        async with answers.running():
            await answers.until(lambda: answers.missing or sent_by(means).of(ToDock.RELEASE))
        assert bool(answers.missing) is lost
        assert next(looks) == (3 if lost else 2)


async def test_the_newest_question_is_answered_first(tmp_path: Path) -> None:
    async with stored_before(tmp_path) as (_, means, lease, _, clip):
        answered: list[ClipId] = []
        confirming = Confirming(means, lease, confirmed=answered.append, missing=lambda _: None)
        others = [ClipId(clip.dock, 0, 1000 + number) for number in range(5)]
        for asked in (*others, clip):
            confirming.add(asked)
        assert next(reversed(confirming._waiting)) == clip
        task = asyncio.ensure_future(confirming.run())

        async def so() -> bool:
            return bool(answered)

        await eventually(so, 20)
        task.cancel()
        assert answered == [clip]


async def test_a_clip_that_is_on_its_way_in_again_is_not_begun_anew(tmp_path: Path) -> None:
    async with stored_before(tmp_path) as (services, means, lease, dock, clip):
        path_of(services.store, object_key(clip)).unlink()
        answers = Answers(means, lease, dock.announcement())
        async with answers.running():
            await answers.until(lambda: answers.missing)
            answers.confirming.add(clip)
            await answers.until(lambda: not answers.confirming._waiting)
        assert answers.missing == [clip]


async def test_a_clip_seen_and_then_found_missing_is_not_released(tmp_path: Path) -> None:
    async with stored_before(tmp_path) as (services, means, lease, _, clip):
        means.seen.add(clip)
        async with services.database.session() as session:
            await mark_missing(session, clip)
        answers = Answers(means, lease, Head(epoch=0, unreleased=(), free_bytes=0))
        async with answers.running():
            answers.proofs.stored(clip)
            await answers.until(lambda: clip in answers.proofs._released_at)
            await asyncio.sleep(0.1)
        assert sent_by(means).messages == []


async def test_who_lost_the_lease_does_not_call_a_clip_back(tmp_path: Path) -> None:
    async with stored_before(tmp_path) as (services, means, lease, _, clip):
        async with services.database.session() as session:
            await mark_missing(session, clip)
        row = await row_of(services, clip)
        with pytest.raises(LeaseLostError):
            await Keeper(means, Held(lease.dock, "another", lease.term)).confirm(row)
        assert (await row_of(services, clip)).state == ClipState.SEALED


async def test_a_clip_that_has_to_come_again_can_be_lost_and_is_not_shown_meanwhile(
    tmp_path: Path,
) -> None:
    async with stored_before(tmp_path) as (services, _, _, _, clip):
        body = ClipLost(clip=str(clip), reason="spool disk died")
        async with services.database.session() as session:
            await mark_lost(session, body)
        assert (await row_of(services, clip)).state == ClipState.STORED
        async with services.database.session() as session:
            await mark_missing(session, clip)
        async with api_of(services) as api:
            answer = await api.get(f"/api/v1/clips/{clip}/content")
        assert (answer.status_code, answer.json()["code"]) == (503, "content-missing")
        async with services.database.session() as session:
            await mark_lost(session, body)
        assert (await row_of(services, clip)).state == ClipState.LOST


async def test_one_answer_to_a_head_is_bounded_and_the_next_goes_on_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.intake.proofs.MOST_AT_ONCE", 2)
    assert MOST_AT_ONCE == 1000
    dock = SimulatedDock()
    async with gateway_on(tmp_path) as services:
        await enrol(services, dock)
        files = {f"{number}.MP4": b"x" * number for number in range(1, 6)}
        await shift_end(services, dock, files, stored=False)
        with means_of(services, Sent()) as means:
            size = services.log.checkpoint().size
            answers = Answers(means, await lease_on(services, dock), everything(size, nonce=1))
            receipts = sent_by(means)
            async with answers.running():
                for nonce, count in ((2, 2), (3, 4), (4, 5)):
                    await answers.until(lambda: len(receipts.of(ToDock.RECEIPT)) == count)  # noqa: B023  # awaited here
                    await asyncio.sleep(0.1)
                    assert len(receipts.of(ToDock.RECEIPT)) == count
                    answers.proofs.announced(everything(size, nonce=nonce))


def everything(accepted: int, *, nonce: int) -> Head:
    ref = Ref(size=accepted, root="ab" * 32)
    waits = ((0, 0, 2**63 - 1),)
    return Head(epoch=0, accepted=ref, unreleased=waits, free_bytes=0, nonce=nonce)


# --- commits need the lease -------------------------------------------------------------


async def test_a_clip_is_not_stated_as_stored_under_a_lost_lease(tmp_path: Path) -> None:
    dock = SimulatedDock()
    async with gateway_on(tmp_path) as services:
        await enrol(services, dock)
        (clip,) = await shift_end(services, dock, {"A.MP4": DATA}, stored=False)
        lease = await lease_on(services, dock)
        lost = Held(lease.dock, "another", lease.term)
        size = services.log.checkpoint().size
        row = await row_of(services, clip)
        with means_of(services, Sent()) as means:
            keeper = Keeper(means, lost)
            with pytest.raises(LeaseLostError):
                await keeper.keep(row, staged(services, clip))
            found = await services.store.sha256_uncached(object_key(clip))
            with pytest.raises(LeaseLostError):
                await keeper._state(row, found)
            assert clip not in means.seen
            assert services.log.checkpoint().size == size
            assert (await row_of(services, clip)).state == ClipState.SEALED
            assert await Keeper(means, lease).confirm(row) is Kept.STORED
            assert clip in means.seen


async def test_entries_are_not_logged_under_a_lost_lease(tmp_path: Path) -> None:
    dock = SimulatedDock()
    dock.shift_end({"A.MP4": DATA})
    async with gateway_on(tmp_path) as services:
        await enrol(services, dock)
        lease = await lease_on(services, dock)
        lost = Held(lease.dock, lease.worker, lease.term + 1)
        with means_of(services, Sent()) as means:
            entries = Entries(means, lost)
            await entries.load()
            with pytest.raises(LeaseLostError):
                await entries.take(dock.entries)
            assert await services.log.dock_head(dock.id) is None
            entries = Entries(means, lease)
            await entries.load()
            assert len((await entries.take(dock.entries)).logged) == len(dock.entries)


# --- one keeper at a time ---------------------------------------------------------------


async def test_a_keeper_without_a_staging_file_makes_none_up(tmp_path: Path) -> None:
    dock = SimulatedDock()
    async with gateway_on(tmp_path) as services:
        await enrol(services, dock)
        (clip,) = await shift_end(services, dock, {"A.MP4": DATA}, stored=False)
        row, lease = await row_of(services, clip), await lease_on(services, dock)
        gone = services.store.staging.path(f"{clip}.part")
        with means_of(services, Sent()) as means:
            with pytest.raises(ObjectMissingError):
                await Keeper(means, lease).keep(row, gone)
            assert not gone.exists()
            await services.store.put_bytes(object_key(clip), DATA)
            assert await Keeper(means, lease).keep(row, gone) is Kept.STORED


@pytest.mark.folder
async def test_a_cancelled_keeper_leaves_no_thread_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock = SimulatedDock()
    reached, go_on = threading.Event(), threading.Event()

    def wait_at(point: str) -> None:
        if point == "store.staged-synced":
            reached.set()
            go_on.wait(20)
        reach(point)

    monkeypatch.setattr(local, "reach", wait_at)
    async with gateway_on(tmp_path) as services:
        await enrol(services, dock)
        (clip,) = await shift_end(services, dock, {"A.MP4": DATA}, stored=False)
        row, lease = await row_of(services, clip), await lease_on(services, dock)
        with means_of(services, Sent()) as means:
            path = staged(services, clip)
            keeping = asyncio.ensure_future(Keeper(means, lease).keep(row, path))
            assert await asyncio.to_thread(reached.wait, 20)
            keeping.cancel()
            await asyncio.sleep(0.1)
            ended_before = keeping.done()
            go_on.set()
            with contextlib.suppress(asyncio.CancelledError):
                await keeping
        assert not ended_before
        assert not path.exists()
        assert path_of(services.store, object_key(clip)).read_bytes() == DATA
