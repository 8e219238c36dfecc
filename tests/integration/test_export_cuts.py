"""SIGKILL at every point of an export, and a disk that is full in its middle: never half a pack."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn

from gateway.app import create_app
from gateway.errors import SetupError
from gateway.export.command import Manner, export_pack
from gateway.services import Services
from gateway.trail.client import ApiClient
from hashing.verdict import Outcome, Verdict
from protocols.kinds import ClipExported
from protocols.progress import Quiet
from protocols.records import decode_record
from tests.simulators.packs import WANTED, filled
from tests.simulators.seeded import gateway_on
from verifier.pack import verify_pack
from verifier.sources import opened

POINTS = (
    "export.asking",
    "export.stated",
    "export.dossier",
    "export.original",
    "export.originals",
    "export.read",
    "export.written",
    "export.named",
)
# What comes before is the same for both.
IN_A_ZIP = ("export.original", "export.written")


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[Services, str]]:
    """A gateway's API on a port of this machine."""
    async with gateway_on(folder) as services:
        await filled(services)
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            config = uvicorn.Config(create_app(services), log_level="error", lifespan="off")
            server = uvicorn.Server(config)
            port = listening.getsockname()[1]
            with services.host.left_for(port):
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(server.serve(sockets=[listening]))
                    yield services, f"http://127.0.0.1:{port}"
                    server.should_exit = True


def run(url: str, out: Path, *, as_zip: bool) -> Verdict:
    with ApiClient(url) as client:
        return export_pack(client, WANTED, out, lambda _: None, Manner(as_zip=as_zip))


def killed_at(point: str, url: str, out: Path, *, as_zip: bool) -> int:
    """Run in a child that dies there; returns the signal that ended it."""
    child = os.fork()
    if child == 0:
        os.environ["EVIDOCK_CRASH_AT"] = point
        run(url, out, as_zip=as_zip)
        os._exit(0)
    return child


async def numbers(services: Services) -> list[tuple[int, str]]:
    rows, _ = await services.log.page(0, 200, most_bytes=8 << 20)
    bodies = [decode_record(row.record).body for row in rows]
    return [(body.export, body.clip) for body in bodies if isinstance(body, ClipExported)]


@pytest.mark.parametrize("as_zip", [False, True], ids=["folder", "zip"])
async def test_a_kill_at_any_point_leaves_no_pack_or_a_whole_one(
    tmp_path: Path, *, as_zip: bool
) -> None:
    async with served(tmp_path / "gateway") as (services, url):
        for count, point in enumerate(IN_A_ZIP if as_zip else POINTS, 1):
            out = tmp_path / f"{point}.pack"
            child = killed_at(point, url, out, as_zip=as_zip)
            _, status = await asyncio.to_thread(os.waitpid, child, 0)
            assert os.WTERMSIG(status) == signal.SIGKILL, point
            # Only after it got its name is anything there, and then it is whole.
            assert out.exists() == (point == "export.named"), point
            if point != "export.named":
                verdict = await asyncio.to_thread(lambda at: run(url, at, as_zip=as_zip), out)
                assert verdict.outcome is Outcome.INTACT, (point, verdict.problems)
                assert not out.with_name(f".{out.name}.partial").exists()
            with opened(out) as source:
                checked = verify_pack(source, services.log.anchors(), Quiet())
            assert checked.verdict.outcome is Outcome.INTACT, (point, checked.verdict.problems)
            assert len(await numbers(services)) == 2 * count, f"{point}: one export each"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=700k", "evidock-test", str(disk)]
    subprocess.run(mounted, check=True)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


async def test_a_full_disk_is_said_and_the_same_command_goes_on(
    tmp_path: Path, small_disk: Path
) -> None:
    async with served(tmp_path / "gateway") as (services, url):
        for as_zip in (False, True):
            out = small_disk / f"pack{as_zip}"
            with pytest.raises(SetupError, match="No space left on device; run again"):
                await asyncio.to_thread(lambda at: run(url, at, as_zip=as_zip), out)  # noqa: B023
            assert not out.exists()
            larger = ["mount", "-o", "remount,size=8m", str(small_disk)]
            await asyncio.to_thread(subprocess.run, larger, check=True)
            verdict = await asyncio.to_thread(lambda at: run(url, at, as_zip=as_zip), out)  # noqa: B023
            assert verdict.outcome is Outcome.INTACT
            if not as_zip:
                smaller = ["mount", "-o", "remount,size=2300k", str(small_disk)]
                await asyncio.to_thread(subprocess.run, smaller, check=True)
        assert [number for number, _ in await numbers(services)] == [1, 1, 2, 2]
