"""SIGKILL at every step of a disposal: what was logged is finished, and nothing else goes."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.evidence.models import ClipState
from gateway.evidence.service import leaf_list_key, object_key
from hashing.verdict import Outcome
from protocols.ids import ClipId
from protocols.trail import verify_trail
from tests.simulators.keeping import WAIT, YEAR, Ahead, believed, docked, office
from tests.simulators.seeded import api_of, gateway_on

POINTS = ("disposal.stated", "disposal.removed", "disposal.all-removed", "log.journal-written")
FURTHER = (
    "disposal.before-stating:2",
    "log.before-commit:2",
    "log.after-commit",
    "disposal.removed:3",
    "disposal.closed",
)
CLIPS = tuple(ClipId.parse(f"dock7.0.{number}") for number in (2, 3))

RUN = """
import asyncio, sys
from pathlib import Path
from tests.integration.test_disposal_kill import dispose

asyncio.run(dispose(Path(sys.argv[1])))
"""


async def dispose(folder: Path) -> None:
    """A gateway of its own, a year later and when the waiting is over: it does as approved."""
    patch = pytest.MonkeyPatch()
    try:
        ahead = Ahead(patch)
        ahead += YEAR
        async with gateway_on(folder) as services:
            believed(services)
            await services.executing.tick()
            ahead += WAIT
            await services.executing.tick()
    finally:
        patch.undo()


async def filled(folder: Path) -> str:
    patch = pytest.MonkeyPatch()
    try:
        async with gateway_on(folder) as services, AsyncExitStack() as stack:
            desk = await office(stack, services, folder, patch)
            _, clips = await docked(services, {"A.MP4": b"a" * 10, "B.MP4": b"b" * 10})
            assert tuple(clips) == CLIPS
            for clip in clips:
                await services.store.put_bytes(leaf_list_key(clip), b"leaves")
            desk.ahead += YEAR
            return await desk.approved(*clips)
    finally:
        patch.undo()


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("filled") / "data"
    return folder, asyncio.run(filled(folder))


def killed(folder: Path, crash_at: str) -> int:
    env = {**os.environ, "EVIDOCK_CRASH_AT": crash_at}
    command = [sys.executable, "-c", RUN, str(folder)]
    return subprocess.run(command, env=env, timeout=120, check=False).returncode


async def agree(folder: Path) -> set[ClipId]:
    """The clips that are gone once a gateway has started: by log, rows and store alike."""
    async with gateway_on(folder) as services:
        counted = await services.reconciling.reconcile(store=True)
        assert counted.wrong == []
        gone = set()
        for clip in CLIPS:
            row = await services.evidence.clip(clip)
            assert row is not None
            kinds = [entry.kind for entry in await services.log.entries_of(clip.clip_urn)]
            there = await services.store.exists(object_key(clip))
            assert kinds.count("clip.disposed") == (row.state == ClipState.DISPOSED)
            assert there == (row.state == ClipState.STORED)
            if not there:
                gone.add(clip)
                assert not await services.store.exists(leaf_list_key(clip))
            document = await services.trails.of_clip(row)
            report = verify_trail(document, services.log.anchors())
            assert report.verdict.outcome is Outcome.INTACT, report.verdict.problems
        return gone


@pytest.mark.parametrize(
    "point", [*POINTS, *(pytest.param(each, marks=pytest.mark.slow) for each in FURTHER)]
)
def test_a_disposal_that_is_killed_is_finished_as_logged_and_no_further(
    original: tuple[Path, str], tmp_path: Path, point: str
) -> None:
    source, token = original
    folder = tmp_path / "data"
    shutil.copytree(source, folder)
    assert killed(folder, point) == -signal.SIGKILL
    between = asyncio.run(agree(folder))
    asyncio.run(dispose(folder))
    assert asyncio.run(agree(folder)) == set(CLIPS) >= between
    assert asyncio.run(closed(folder, token)) == (2, [])


async def closed(folder: Path, token: str) -> tuple[int, list[str]]:
    async with gateway_on(folder) as services, api_of(services) as host:
        told = (await host.get(f"/api/v1/disposals/{token}/report")).json()
        return told["disposed"], told["wrong"]
