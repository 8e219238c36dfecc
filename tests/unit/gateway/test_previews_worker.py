"""Copies that wait are made whatever happens to those before them, and to the gateway."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.access.policy import Role
from gateway.config import PreviewsSection
from gateway.errors import ObjectMissingError, StoreError
from gateway.evidence.models import Clip
from gateway.previews import originals, worker
from gateway.previews.models import Preview
from gateway.previews.service import PREFIX, object_key
from gateway.previews.wanted import Kind, State
from gateway.previews.worker import ATTEMPTS, PreviewWorker
from gateway.services import Services
from protocols.ids import ClipId
from tests.simulators.dock import SimulatedDock
from tests.simulators.filmed import filmed
from tests.simulators.people import person
from tests.simulators.seeded import enrol, gateway_on, shift_end


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path / "gateway") as opened:
        yield opened


async def docked(services: Services, count: int = 1) -> list[ClipId]:
    dock = SimulatedDock()
    await enrol(services, dock)
    film = filmed(seconds=1)
    return await shift_end(services, dock, {f"{number}.MP4": film for number in range(count)})


async def row_of(services: Services, clip: ClipId, kind: Kind = Kind.THUMBNAIL) -> Preview:
    return (await services.previews.of(clip))[kind]


async def write(services: Services, row: Preview, **columns: Any) -> None:  # noqa: ANN401  # of any type
    async with services.database.session() as session:
        found = await session.get_one(Preview, (row.dock, row.epoch, row.seq, row.kind))
        for name, value in columns.items():
            setattr(found, name, value)


async def waits(services: Services, clip: ClipId) -> bool:
    rows = (await services.previews.of(clip)).values()
    return any(row.state in {State.WAITING, State.WORKING} for row in rows)


def in_fork(monkeypatch: pytest.MonkeyPatch, behaviour: str) -> list[int]:
    """Let the real process do something else in its forks; gives the numbers of processes."""
    work = f"def work(q, d):\n    {behaviour}"
    program = f"import os, time\nfrom limited.serving import serve\n{work}\nserve(work)\n"
    real, started = subprocess.Popen, []

    def popen(command: list[str], **options: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401  # passed on as they came
        process = real([command[0], "-I", "-c", program], **options)
        started.append(process.pid)
        return process

    monkeypatch.setattr(subprocess, "Popen", popen)
    return started


async def test_what_was_being_made_when_the_power_went_is_begun_again_a_few_times(
    services: Services,
) -> None:
    (clip,) = await docked(services)
    for attempts, state in ((1, State.WAITING), (ATTEMPTS, State.FAILED)):
        row = await row_of(services, clip)
        await write(services, row, state=State.WORKING.value, attempts=attempts)
        await services.preview_worker.recover()
        assert (await row_of(services, clip)).state == state
    assert (await row_of(services, clip)).code == "interrupted"


async def test_a_crash_is_tried_again_a_few_times_and_then_when_asked(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clip,) = await docked(services)
    with monkeypatch.context() as patched:
        in_fork(patched, "os._exit(3)")
        assert await services.preview_worker.drain([Kind.THUMBNAIL]) == ATTEMPTS
    row = await row_of(services, clip)
    assert (row.state, row.code, row.attempts) == ("failed", "crashed", ATTEMPTS)
    async with await person(services, Role.SUPERVISOR) as client:
        asked = await client.post(f"/api/v1/clips/{clip}/preview")
        assert (asked.status_code, asked.json()["thumbnail"]["state"]) == (202, "waiting")
    assert await services.preview_worker.drain([Kind.THUMBNAIL]) == 1
    assert (await row_of(services, clip)).state == State.MADE


async def test_asked_for_comes_first_then_the_newest(services: Services) -> None:
    clips = await docked(services, 3)
    await services.previews.ask(clips[1], [Kind.THUMBNAIL])
    order = []
    while (row := await services.preview_worker._taken([Kind.THUMBNAIL])) is not None:
        order.append(row.clip)
    assert order == [clips[1], clips[2], clips[0]]


async def test_what_takes_all_the_time_is_not_first_again_however_often_it_is_asked_for(
    services: Services,
) -> None:
    clips = await docked(services, 3)
    for clip, code in ((clips[0], "time"), (clips[1], "encrypted")):
        row = await row_of(services, clip)
        await write(services, row, state=State.FAILED.value, code=code, attempts=ATTEMPTS)
        await services.previews.ask(clip, [Kind.THUMBNAIL])
    order = []
    while (row_ := await services.preview_worker._taken([Kind.THUMBNAIL])) is not None:
        order.append(row_.clip)
    assert order == [clips[1], clips[2], clips[0]]


async def test_one_original_that_the_store_cannot_give_does_not_stop_the_others(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = await docked(services, 3)
    wrong = {clips[2]: StoreError("bad sector"), clips[1]: ObjectMissingError("gone")}

    def original_of(row: Clip, *rest: Any) -> Any:  # noqa: ANN401  # a context
        if row.id in wrong:
            raise wrong[row.id]
        return originals.original_of(row, *rest)

    monkeypatch.setattr(worker, "original_of", original_of)
    # The newest is first, and is tried again when the others had their turn.
    for _ in range(2):
        with pytest.raises(StoreError):
            await services.preview_worker.drain([Kind.THUMBNAIL])
    rows = [await row_of(services, clip) for clip in clips]
    assert [(row.state, row.code) for row in rows] == [
        ("made", None),
        ("failed", "original-missing"),
        ("waiting", None),
    ]


async def test_originals_keep_the_last_room(services: Services) -> None:
    (clip,) = await docked(services)
    parts = (services.database, services.store, services.previews, services.clip_keys)
    greedy = PreviewsSection(keep_free_gib=100_000.0)
    assert await PreviewWorker(greedy, *parts, services.clock).drain() == 0
    row = await row_of(services, clip)
    assert (row.state, row.attempts) == (State.WAITING, 0)


async def test_turned_off_nothing_is_made(services: Services) -> None:
    parts = (services.database, services.store, services.previews, services.clip_keys)
    await PreviewWorker(PreviewsSection(enabled=False), *parts, services.clock).run()


async def test_the_end_of_the_gateway_ends_the_process_and_blames_nobody(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clip,) = await docked(services)
    started = in_fork(monkeypatch, "time.sleep(60)")
    running = asyncio.ensure_future(services.preview_worker.run())
    async with asyncio.timeout(20):
        while not (started and (await row_of(services, clip)).state == State.WORKING):  # noqa: ASYNC110  # of another process
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    for number in started:
        with pytest.raises(ProcessLookupError):
            os.kill(number, 0)
    row = await row_of(services, clip)
    assert (row.state, row.attempts) == (State.WAITING, 0)


async def test_a_running_worker_makes_what_comes(services: Services) -> None:
    running = asyncio.ensure_future(services.preview_worker.run())
    (clip,) = await docked(services)
    await services.previews.ask(clip, Kind)
    async with asyncio.timeout(30):
        while await waits(services, clip):  # noqa: ASYNC110  # for rows of the database
            await asyncio.sleep(0.1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    states = {kind: row.state for kind, row in (await services.previews.of(clip)).items()}
    made = dict.fromkeys([Kind.THUMBNAIL, Kind.CONTACT_STRIP], State.MADE.value)
    assert states == made | {Kind.PREVIEW: State.UNNEEDED.value}


async def test_copies_go_with_their_original(services: Services) -> None:
    one, other = await docked(services, 2)
    await services.preview_worker.drain([Kind.THUMBNAIL])
    assert await services.store.exists(object_key(one, Kind.THUMBNAIL))
    await services.previews.forget([one, other])
    assert await services.previews.of(one) == {}
    assert [key async for key in services.store.iterate(PREFIX)] == []
    assert await services.preview_worker.drain() == 0
