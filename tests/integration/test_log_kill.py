"""SIGKILL at every point of an append: nothing lost, nothing doubled, nothing rewound.

The child is this very file, run as a program: a gateway's services that log a dock's
entries with their effects, store clips, and state them as stored, over and over. It writes
a line for everything it has promised. The parent kills it, opens the log, and compares.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import func, select

from gateway.db import Database
from gateway.evidence.models import Clip, ClipState
from gateway.log.models import LogEntry
from gateway.logs import configure
from gateway.services import Services
from hashing.merkle import verify_consistency
from protocols.messages import Entry, decode_page, encode_page
from tests.simulators.dock import SimulatedDock, footage
from tests.simulators.seeded import admit, enrol, gateway_on, store

ROOT = Path(__file__).parents[2]
CLIPS = 3
POINTS = (
    "log.journal-written",
    "log.tiles-written",
    "log.before-commit",
    "log.after-commit",
    "log.checkpoint-signed",
    "store.staged-synced",
    "store.renamed",
)


# --- the child ------------------------------------------------------------------------


async def child(folder: Path) -> None:
    """Log everything of the dock, whatever an earlier run has done of it."""
    configure(json=True, level=logging.ERROR)
    dock = kept_dock(folder)
    async with gateway_on(folder / "data") as services:
        promise(services, "open", -1)
        await enrol(services, dock)
        promise(services, "enrolled", -1)
        for first in range(0, len(dock.entries), 3):
            indices = await admit(services, dock, dock.entries[first : first + 3])
            for entry, index in zip(dock.entries[first:], indices, strict=False):
                promise(services, f"entry {entry.seq}", index)
        for clip in dock.clips.values():
            row = await services.evidence.clip(clip.clip)
            if row is not None and row.stored_index is None:
                await stage_and_put(services, str(clip.clip.seq), clip.data)
                promise(services, f"stored {clip.clip.seq}", await store(services, clip))
    sys.stdout.write("done\n")


async def stage_and_put(services: Services, name: str, data: bytes) -> None:
    """The way of a clip's bytes through staging."""
    staged = services.store.staging.path(f"clip-{name}")
    await asyncio.to_thread(staged.write_bytes, data)
    await services.store.put_file(f"clips/staged/0/{name}", staged)


def promise(services: Services, what: str, index: int) -> None:
    """Say what nobody may take back: a position, and the checkpoint over it."""
    at = services.log.checkpoint()
    line = json.dumps({"what": what, "index": index, "size": at.size, "root": at.root.hex()})
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def kept_dock(folder: Path) -> SimulatedDock:
    """The dock with the ledger the parent wrote down: signatures differ with every signing."""
    dock = SimulatedDock()
    dock.shift_end({f"REC{n}.MP4": footage(40_000 + n, str(n)) for n in range(CLIPS)})
    dock.signer = type(dock.signer).from_pem((folder / "dock.pem").read_bytes())
    dock.entries[:] = decode_page((folder / "ledger.cbor").read_bytes())
    return dock


# --- the parent -----------------------------------------------------------------------


@dataclass(frozen=True)
class Promise:
    """One line of the child."""

    what: str
    index: int
    size: int
    root: bytes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    dock = SimulatedDock()
    dock.shift_end({f"REC{n}.MP4": footage(40_000 + n, str(n)) for n in range(CLIPS)})
    (tmp_path / "dock.pem").write_bytes(dock.signer.pem())
    (tmp_path / "ledger.cbor").write_bytes(encode_page(dock.entries))
    return tmp_path


@contextmanager
def running(folder: Path, crash_at: str | None = None) -> Iterator[subprocess.Popen[str]]:
    environment = {name: value for name, value in os.environ.items() if "EVIDOCK" not in name}
    environment["PYTHONPATH"] = str(ROOT)
    if crash_at:
        environment["EVIDOCK_CRASH_AT"] = crash_at
    command = [sys.executable, "-W", "error", __file__, str(folder)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        yield process


def run(folder: Path, crash_at: str | None = None) -> tuple[int, list[Promise], bool]:
    """Run the child to its end; gives its exit code, its promises, and whether it was done."""
    with running(folder, crash_at) as process:
        lines = process.communicate(timeout=100)[0].splitlines()
    return process.returncode, promises(lines), lines[-1:] == ["done"]


def promises(lines: list[str]) -> list[Promise]:
    found = []
    for line in lines:
        if line.startswith("{") and line.endswith("}"):
            said = json.loads(line)
            root = bytes.fromhex(said["root"])
            found.append(Promise(said["what"], said["index"], said["size"], root))
    return found


@asynccontextmanager
async def reopened(folder: Path) -> AsyncIterator[Services]:
    async with gateway_on(folder / "data") as services:
        yield services


async def check_kept(folder: Path, made: list[Promise]) -> None:
    """Everything promised is in the log where it was said, once, and the tree only grew."""
    ledger = {entry.seq: entry for entry in decode_page((folder / "ledger.cbor").read_bytes())}
    async with reopened(folder) as services:
        now = services.log.checkpoint()
        for promised in made:
            path = await services.log.consistency(promised.size, now.size)
            verify_consistency(promised.size, promised.root, now.size, now.root, path)
            if promised.what.startswith("entry"):
                row = await services.log.entry(promised.index)
                assert row.statement == ledger[int(promised.what.split()[1])].statement
            if promised.what.startswith("stored"):
                clip = (await services.log.entry(promised.index)).subject
                assert clip.endswith(f".{promised.what.split()[1]}")
        await check_whole(services.database, ledger)
        await services.log.receipts(range(now.size))


async def check_whole(database: Database, ledger: dict[int, Entry]) -> None:
    """Rows and log say the same: every logged sealing has its clip, every storing its state."""
    async with database.reading() as session:
        logged = (await session.scalars(select(LogEntry).order_by(LogEntry.index))).all()
        clips = {clip.seq: clip for clip in await session.scalars(select(Clip))}
        doubled = select(LogEntry.subject).where(LogEntry.kind == "clip.stored")
        doubled = doubled.group_by(LogEntry.subject).having(func.count() > 1)
        assert (await session.scalars(doubled)).all() == []
    assert [row.index for row in logged] == list(range(len(logged)))
    of_dock = [row for row in logged if row.dock is not None]
    assert [row.seq for row in of_dock] == list(range(len(of_dock)))
    assert all(row.statement == ledger[row.seq or 0].statement for row in of_dock)
    assert set(clips) == {row.seq for row in of_dock if row.kind == "clip.sealed"}
    stored = {row.subject: row.index for row in logged if row.kind == "clip.stored"}
    for clip in clips.values():
        assert clip.stored_index == stored.get(clip.id.clip_urn)
        assert (clip.state == ClipState.STORED) == (clip.id.clip_urn in stored)


async def check_finished(folder: Path) -> None:
    async with reopened(folder) as services:
        entries = len(decode_page((folder / "ledger.cbor").read_bytes()))
        # log.opened, dock.enrolled, the ledger, clip.stored of each.
        assert services.log.checkpoint().size == 2 + entries + CLIPS


@pytest.mark.parametrize("point", POINTS)
async def test_killed_at_every_pass_of_a_point_it_ends_as_if_nothing_had_been(
    folder: Path, point: str
) -> None:
    made: list[Promise] = []
    for _ in range(60):
        # The third pass, so that every run gets further than the one before.
        code, promised, done = await asyncio.to_thread(run, folder, f"{point}:3")
        made += promised
        await check_kept(folder, made)
        if done:
            break
        assert code == -signal.SIGKILL
    else:
        pytest.fail("the child made no progress")
    assert len(made) > CLIPS
    await check_finished(folder)


@pytest.mark.parametrize("point", POINTS[:5])
async def test_killed_at_its_very_first_start_it_founds_one_log(folder: Path, point: str) -> None:
    code, made, _ = await asyncio.to_thread(run, folder, point)
    assert (code, made) == (-signal.SIGKILL, [])
    code, made, done = await asyncio.to_thread(run, folder)
    assert (code, done) == (0, True)
    await check_kept(folder, made)
    await check_finished(folder)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_killed_at_any_moment_it_keeps_what_it_promised(folder: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  # moments of a test, not a secret
    made: list[Promise] = []
    done = False
    for _ in range(40):
        with running(folder) as process:
            patience = chance.uniform(0.3, 3.0)
            try:
                out, _ = await asyncio.to_thread(process.communicate, timeout=patience)
            except subprocess.TimeoutExpired:
                process.kill()
                out, _ = await asyncio.to_thread(process.communicate)
        lines = out.splitlines()
        made += promises(lines)
        done = lines[-1:] == ["done"]
        if done:
            break
    if not done:
        _, promised, done = await asyncio.to_thread(run, folder)
        made += promised
    assert done
    await check_kept(folder, made)
    await check_finished(folder)


if __name__ == "__main__":
    asyncio.run(child(Path(sys.argv[1])))
