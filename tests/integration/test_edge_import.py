"""Files that somebody brings: from a shell, by the real dock program, into a real gateway."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from edge.ledger_check import check_file
from gateway.evidence.finding import ClipFilter
from hashing.verdict import Outcome
from protocols.trail import verify_trail
from tests.simulators.edge_daemon import EdgeDaemon
from tests.simulators.intake import eventually, running_intake
from tests.simulators.mosquitto import mosquitto
from tests.simulators.seeded import api_of

pytestmark = [pytest.mark.broker, pytest.mark.timeout(180)]
SAYS = ("--by", "李警官", "--why", "报案人手机录像", "--from", "王某, 接警大厅")
TOLD = {"by": "李警官", "why": "报案人手机录像", "origin": "王某, 接警大厅"}


def brought(folder: Path) -> dict[str, bytes]:
    """A phone's folder."""
    folder.mkdir()
    contents = {f"VID_{number}.mp4": os.urandom(200_000 + number) for number in range(3)}
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return contents


def of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def smuggling(home: Path, folder: Path) -> Path:
    """A folder with a pipe, and a file of the dock's own under a second name."""
    folder.mkdir()
    os.mkfifo(folder / "pipe.mp4")
    mine = next(each for each in (home / "state").rglob("*") if each.is_file())
    os.link(mine, folder / "VID_9.mp4")
    return folder


async def test_what_somebody_brings_is_evidence_with_his_name_and_stays_as_it_was(
    tmp_path: Path,
) -> None:
    phone = tmp_path / "phone"
    contents = brought(phone)
    with mosquitto(tmp_path) as port:
        async with running_intake(tmp_path, port) as intake:
            services = intake.services
            daemon = EdgeDaemon(tmp_path / "dock", services.log.anchors(), port=port, erase=True)
            await services.docks.enrol(daemon.dock, daemon.public.pem(), "test")

            async def run(*arguments: str) -> tuple[int, str]:
                ended = await asyncio.to_thread(daemon.cli, "import", *arguments)
                return ended.returncode, ended.stdout + ended.stderr

            async with daemon.running():
                own = await run(*SAYS, str(daemon.home / "state"))
                assert (own[0], "the dock's own" in own[1]) == (1, True), own
                kernel = await run(*SAYS, "/proc/self")
                assert (kernel[0], "the kernel shows" in kernel[1]) == (1, True), kernel
                smuggled = await run(*SAYS, str(smuggling(daemon.home, tmp_path / "smuggled")))
                assert (smuggled[0], "second name" in smuggled[1]) == (1, True), smuggled
                one = await run(*SAYS, "--officer", "014032", str(phone / "VID_0.mp4"))
                assert (one[0], "1 sealed" in one[1]) == (0, True), one
                daemon.kill()
            async with daemon.running():
                whole = await run(*SAYS, str(phone))
                assert (whole[0], "3 sealed" in whole[1]) == (0, True), whole
                again = await run(*SAYS, str(phone))
                assert (again[0], "0 sealed, 3 known" in again[1]) == (0, True), again

                async def stored() -> bool:
                    rows = await services.evidence.find(ClipFilter(), 10)
                    return [row.state for row in rows] == ["stored"] * 4

                await eventually(stored)
                assert daemon.end() == 0
            rows = await services.evidence.find(ClipFilter(), 10)
            assert {row.name for row in rows} == set(contents)
            assert {row.officer for row in rows} == {None, "014032"}
            async with api_of(services) as host:
                for row in rows:
                    told = (await host.get(f"/api/v1/clips/{row.id}")).json()
                    assert (told["imported"], told["erased_index"]) == (TOLD, None)
                    kept = (await host.get(f"/api/v1/clips/{row.id}/content")).content
                    assert kept == contents[row.name]
            report = verify_trail(await services.trails.of_clip(rows[0]), services.log.anchors())
            assert report.verdict.outcome is Outcome.INTACT, report.verdict.problems
            said = [event.record.body for event in report.events if event.record is not None]
            assert any(getattr(body, "imported", None) is not None for body in said)
    assert await asyncio.to_thread(of, phone) == contents
    check_file(daemon.database, dock=daemon.dock, key=daemon.public)
