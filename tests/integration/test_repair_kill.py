"""SIGKILL at every step of a repair: the same command again ends in one repair, on record once."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.evidence.service import leaf_list_key, object_key
from hashing.digest import LEAF_SIZE
from hashing.verdict import Outcome
from protocols.ids import ClipId
from protocols.kinds import ClipRepaired
from protocols.records import decode_record
from protocols.trail import verify_trail
from tests.simulators.dock import SimulatedDock, footage
from tests.simulators.seeded import enrol, gateway_on, shift_end

DATA = footage(3 * LEAF_SIZE + 1000)
CLIP = ClipId.parse("dock7.0.2")
POINTS = ("repair.set-aside", "store.renamed", "log.before-commit")
FURTHER = (
    "repair.leaf-written:2",
    "repair.read-back",
    "repair.noted",
    "store.staged-synced",
    "repair.swapped",
    "log.journal-written",
    "log.after-commit",
    "repair.stated",
)


async def filled(folder: Path) -> None:
    dock = SimulatedDock()
    async with gateway_on(folder) as services:
        await enrol(services, dock)
        (clip,) = await shift_end(services, dock, {"A.MP4": DATA})
        assert clip == CLIP
        await services.store.put_bytes(leaf_list_key(clip), dock.clips[clip].leaves)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled") / "data"
    asyncio.run(filled(folder))
    return folder


def run(folder: Path, replica: Path, crash_at: str | None = None) -> int:
    command = [sys.executable, "-m", "gateway", "repair", "--data-dir", str(folder)]
    command += ["--from", str(replica), "--by", "Li", "--reason", "disk"]
    env = {**os.environ, **({"EVIDOCK_CRASH_AT": crash_at} if crash_at else {})}
    return subprocess.run(command, env=env, timeout=120, check=False).returncode


async def said(folder: Path) -> list[ClipRepaired]:
    """What the log says once a gateway has started on it; the trail has to verify."""
    async with gateway_on(folder) as services:
        row = await services.evidence.clip(CLIP)
        assert row is not None
        document = await services.trails.of_clip(row)
        report = verify_trail(document, services.log.anchors())
        assert report.verdict.outcome is Outcome.INTACT, report.verdict.problems
        rows = await services.log.entries_of(CLIP.clip_urn)
    bodies = [decode_record(row.record).body for row in rows]
    return [body for body in bodies if isinstance(body, ClipRepaired)]


@pytest.mark.parametrize(
    "point", [*POINTS, *(pytest.param(each, marks=pytest.mark.slow) for each in FURTHER)]
)
def test_a_repair_that_is_killed_is_never_half_done_nor_left_unsaid(
    original: Path, tmp_path: Path, point: str
) -> None:
    folder = tmp_path / "data"
    shutil.copytree(original, folder)
    path = folder / "store/objects" / object_key(CLIP)
    raw = bytearray(DATA)
    raw[LEAF_SIZE] ^= 1
    path.unlink()
    path.write_bytes(raw)
    assert run(folder, original, point) == -signal.SIGKILL
    # The object is the damaged one or the whole one, at every moment.
    between = path.read_bytes()
    assert between in {bytes(raw), DATA}
    # A gateway that starts in between says what was done, and no more than that.
    stated = asyncio.run(said(folder))
    assert len(stated) == (between == DATA)
    assert not list((folder / "store/objects/repairs").rglob("2"))
    assert not list((folder / "store/staging").glob("repair-*"))
    assert run(folder, original) == 0
    assert path.read_bytes() == DATA
    (body,) = asyncio.run(said(folder))
    assert body.replaced == 1
    assert body.before.aside is not None
    assert (folder / "store/objects" / body.before.aside).read_bytes() == bytes(raw)
