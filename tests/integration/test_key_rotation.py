"""Rotation and revocation with the real dock in its own process, a real broker, a real intake."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.crashpoints import VARIABLE
from gateway.evidence.service import ClipFilter
from gateway.intake import alarms
from hashing.note import open_checkpoint
from hashing.verdict import Outcome, Verdict
from protocols.trail import verify_trail
from protocols.trail.whole import LoggedEntry, WholeLog
from tests.simulators.edge_daemon import EdgeDaemon
from tests.simulators.intake import RunningIntake, eventually, running_intake
from tests.simulators.mosquitto import mosquitto

pytestmark = [pytest.mark.broker, pytest.mark.timeout(180)]
ROTATE = ("rotate-key", "--by", "Wang", "--reason", "yearly")
# The other two are tried on the ledger alone, which is quicker.
POINTS = ("rotate.before-commit", "rotate.stated")


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    with mosquitto(tmp_path) as port:
        yield port


async def enrolled(tmp_path: Path, intake: RunningIntake) -> EdgeDaemon:
    daemon = EdgeDaemon(tmp_path / "dock", intake.services.log.anchors(), port=intake.port)
    await intake.services.docks.enrol(daemon.dock, daemon.public.pem(), "test")
    return daemon


def record(daemon: EdgeDaemon, name: str) -> None:
    (daemon.folder / name).write_bytes(os.urandom(50_000))


async def until_released(daemon: EdgeDaemon, count: int) -> None:
    await daemon.until(lambda s: s["clips"]["released"] == count and not s["queue"]["clips"])


async def rotated(daemon: EdgeDaemon) -> str:
    done = await asyncio.to_thread(daemon.cli, *ROTATE)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def whole_log(intake: RunningIntake) -> Verdict:
    log, anchors = intake.services.log, intake.services.log.anchors()
    checkpoint = open_checkpoint(log.checkpoint().note, anchors.checkpoint_key)
    whole = WholeLog(anchors)
    for index in range(checkpoint.size):
        entry = await log.entry(index)
        whole.take(LoggedEntry(index, entry.statement, entry.record))
    return whole.verdict(checkpoint)


async def test_a_running_dock_rotates_its_key_and_goes_on(tmp_path: Path, port: int) -> None:
    async with running_intake(tmp_path / "gateway", port) as intake:
        daemon = await enrolled(tmp_path, intake)
        record(daemon, "before.mp4")
        async with daemon.running():
            await until_released(daemon, 1)
            told = await rotated(daemon)
            assert "gives the old key up" in told
            record(daemon, "after.mp4")
            await until_released(daemon, 2)
        row = await intake.services.docks.dock(daemon.dock)
        assert row.statement_key in told
        assert (daemon.home / "dock.key.pem.next").exists() is False
        assert (await whole_log(intake)).outcome is Outcome.INTACT
        await _trails_hold(intake)
        (daemon.home / "first.pem").write_text(daemon.public.pem())
        (daemon.home / "newest.pem").write_text(row.statement_key)
        for key in ("first.pem", "newest.pem"):
            proved = daemon.cli("verify-ledger", "--public-key", str(daemon.home / key))
            assert proved.stdout.startswith("intact: ")
        async with daemon.running():
            record(daemon, "next.mp4")
            await until_released(daemon, 3)


async def _trails_hold(intake: RunningIntake) -> None:
    rows = await intake.services.evidence.find(ClipFilter(), 10)
    assert rows
    for row in rows:
        document = await intake.services.trails.of_clip(row)
        report = verify_trail(document, intake.services.log.anchors())
        problems = [each for each in report.verdict.problems if each.step == 4]
        assert not problems


@pytest.mark.parametrize("point", POINTS)
async def test_a_power_cut_while_rotating_leaves_one_key_that_the_gateway_takes(
    tmp_path: Path, port: int, point: str
) -> None:
    async with running_intake(tmp_path / "gateway", port) as intake:
        daemon = await enrolled(tmp_path, intake)
        daemon.start(**{VARIABLE: point})
        await daemon.until(lambda _: True)
        cut = await asyncio.to_thread(daemon.cli, *ROTATE)
        assert cut.returncode == 1
        assert daemon.process is not None
        assert await asyncio.to_thread(daemon.process.wait, 10) == -9
        record(daemon, "a.mp4")
        async with daemon.running():
            await until_released(daemon, 1)
            await rotated(daemon)
            record(daemon, "b.mp4")
            await until_released(daemon, 2)
        assert (await whole_log(intake)).outcome is Outcome.INTACT
        assert await intake.standing() == set()


async def test_an_old_image_of_a_dock_from_before_its_rotation_is_seen_by_both(
    tmp_path: Path, port: int
) -> None:
    async with running_intake(tmp_path / "gateway", port) as intake:
        daemon = await enrolled(tmp_path, intake)
        record(daemon, "a.mp4")
        async with daemon.running():
            await until_released(daemon, 1)
        shutil.copytree(daemon.home, tmp_path / "image", ignore=shutil.ignore_patterns("*.sock"))
        async with daemon.running():
            await rotated(daemon)
            record(daemon, "b.mp4")
            await until_released(daemon, 2)
        shutil.rmtree(daemon.home)
        shutil.copytree(tmp_path / "image", daemon.home)
        record(daemon, "c.mp4")
        async with daemon.running():
            raised = await daemon.until(
                lambda s: any(each["code"] == "entries-not-ours" for each in s["alarms"])
            )
            assert raised
            await intake.until_standing(alarms.FORKED)


async def test_a_revocation_takes_effect_on_a_running_intake(tmp_path: Path, port: int) -> None:
    async with running_intake(tmp_path / "gateway", port) as intake:
        daemon = await enrolled(tmp_path, intake)
        record(daemon, "a.mp4")
        async with daemon.running():
            await until_released(daemon, 1)
            head = await intake.services.log.dock_head(daemon.dock)
            assert head is not None
            row, _ = await intake.services.revoking.revoke(
                daemon.dock, (head.epoch, head.seq), by="Li", reason="stolen"
            )
            assert row.trusted_seq == head.seq
            record(daemon, "b.mp4")
            answer = await daemon.until(
                # What is refused first may be the docking, before its clip is sealed.
                lambda s: (
                    any(each["code"] == "revoked" for each in s["refusals"])
                    and s["clips"]["sealed"] == 1
                )
            )
            # What came late is in the log all the same, with a receipt for the dock.
            await eventually(lambda: _logged_beyond(intake, daemon, head.seq))
            await intake.until_standing(alarms.BEYOND)
            assert answer["clips"]["released"] == 1
        problems = {(each.step, each.outcome) for each in (await whole_log(intake)).problems}
        assert problems == {(4, Outcome.REVOKED)}


async def _logged_beyond(intake: RunningIntake, daemon: EdgeDaemon, seq: int) -> bool:
    head = await intake.services.log.dock_head(daemon.dock)
    return head is not None and head.seq > seq
