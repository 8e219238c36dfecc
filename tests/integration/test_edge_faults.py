"""A real dock program cut at every named point, with a full spool, on bad sectors."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.ledger_check import check_file
from protocols.kinds import SessionClosed
from tests.simulators.edge_daemon import EdgeDaemon, bay
from tests.simulators.exfat_card import ExfatCard, available
from tests.simulators.gateway import GrowingLog, SimulatedGateway
from tests.simulators.mosquitto import mosquitto

pytestmark = [pytest.mark.broker, pytest.mark.timeout(240)]

POINTS = [
    "session.opened",
    "session.inventory",
    "ingest.copied:2",
    "ingest.synced:2",
    "ingest.read-back:2",
    "ingest.published:2",
    "seal.before-commit:2",
    "seal.after-commit:2",
    "release.recorded:2",
    "erase.intended:2",
    "erase.compared:2",
    "erase.unlinked:2",
    "erase.recorded:2",
]


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    with mosquitto(tmp_path) as port:
        yield port


def prepared(home: Path, port: int, **options: object) -> tuple[EdgeDaemon, SimulatedGateway]:
    log = GrowingLog()
    daemon = EdgeDaemon(home, log.anchors, port=port, **options)  # type: ignore[arg-type]  # test options pass through
    return daemon, SimulatedGateway(port, {daemon.dock: daemon.public}, log=log)


@pytest.mark.parametrize("point", POINTS)
async def test_cut_at_any_point_the_next_run_ends_in_the_same_state(
    tmp_path: Path, port: int, point: str
) -> None:
    daemon, gateway = prepared(tmp_path / "dock", port, erase=True)
    contents = {f"{i}.mp4": os.urandom(100_000 + i) for i in range(4)}
    for name, data in contents.items():
        (daemon.folder / name).write_bytes(data)
    async with gateway.running():
        daemon.start(EVIDOCK_CRASH_AT=point)
        assert daemon.process is not None
        assert await asyncio.to_thread(daemon.process.wait, 60) == -9, daemon.tail()
        async with daemon.running():
            view = gateway.docks[daemon.dock]
            await daemon.until(lambda s: bay(s)["phase"] in {"safe", "empty"}, 60)
            await daemon.until(lambda s: s["clips"]["erased"] == 4)
            await gateway.until(
                lambda: (
                    len(view.bodies("session.closed")) == len(view.bodies("session.opened"))
                    and len(view.bodies("clip.erased")) == 4
                )
            )
    # Nothing lost, nothing sealed twice, nothing left on the card or in the spool.
    stored = {c.body.source.name: gateway.content(c.sealed.clip) for c in view.clips.values()}
    assert stored == contents
    assert len(view.clips) == 4
    assert list(daemon.folder.iterdir()) == []
    assert list(daemon.spool.glob("*.part")) == []
    check_file(daemon.database, dock=daemon.dock, key=daemon.public)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A dock's home whose state directory is a disk of 96 MiB."""
    state = tmp_path / "dock" / "state"
    state.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(state)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small disk")
    yield tmp_path / "dock"
    subprocess.run(["umount", "-l", str(state)], check=False)


async def test_a_full_spool_pauses_with_an_alarm_and_goes_on_when_the_gateway_takes_clips(
    small_disk: Path, port: int
) -> None:
    daemon, gateway = prepared(small_disk, port)
    gateway.releasing = False
    for i in range(5):
        (daemon.folder / f"{i}.mp4").write_bytes(os.urandom(1 << 20) * 30)
    async with gateway.running(), daemon.running():
        status = await daemon.until(lambda s: bool(s["alarms"]), 60)
        assert status["alarms"][0]["code"] == "spool-full"
        # The alarm is raised while the second recording is still being sealed.
        await daemon.until(lambda s: bay(s)["phase"] == "full" and s["clips"]["sealed"] == 2)
        gateway.releasing = True
        status = await daemon.until(lambda s: bay(s)["phase"] == "safe", 90)
        assert status["alarms"] == []
        assert status["clips"]["released"] == 5


async def test_told_to_end_while_copying_it_ends_within_seconds_and_continues_later(
    tmp_path: Path, port: int
) -> None:
    daemon, gateway = prepared(tmp_path / "dock", port)
    with (daemon.folder / "big.mp4").open("wb") as file:
        for _ in range(1500):
            file.write(os.urandom(1 << 10) * 1024)
    async with gateway.running():
        gateway.keep = False
        async with daemon.running():
            await daemon.until(
                lambda s: any(r["done"] > 50 << 20 for r in bay(s).get("recordings", ())), 60
            )
            began = time.monotonic()
            assert daemon.end() == 0
            assert time.monotonic() - began < 8
        async with daemon.running():
            await daemon.until(lambda s: bay(s)["phase"] == "safe", 150)
            view = gateway.docks[daemon.dock]
            await gateway.until(lambda: len(view.bodies("session.closed")) == 2)
    closed = [body for body in view.bodies("session.closed") if isinstance(body, SessionClosed)]
    assert [body.reason for body in closed] == ["power", "released"]


@pytest.mark.skipif(not available(), reason="needs root, FUSE, loop devices and exfat-fuse")
async def test_a_recording_on_bad_sectors_is_named_and_the_others_are_taken(
    tmp_path: Path, port: int
) -> None:
    media = tmp_path / "media"
    media.mkdir()
    daemon, gateway = prepared(tmp_path / "dock", port, cameras=f'mount_root = "{media}"')
    card = ExfatCard(tmp_path / "card.img", size_mb=64)
    point = media / "BWC1"
    try:
        card.mount(point)
        (point / "a.mp4").write_bytes(os.urandom(1_000_000))
        (point / "bad.mp4").write_bytes(os.urandom(40_000_000))
        card.unmount()
        card.mount(point, "-o", "ro")
        # What lies behind the cut cannot be read: a true input/output error from the kernel.
        os.truncate(card.image, 20 << 20)
        async with gateway.running(), daemon.running():
            status = await daemon.until(lambda s: bay(s)["phase"] == "attention", 60)
            (problem,) = bay(status)["problems"]
            assert problem["name"] == "bad.mp4"
            assert not bay(status)["message"]["safe"]
            view = gateway.docks[daemon.dock]
            await gateway.until(lambda: bool(view.bodies("session.closed")))
        assert [c.body.source.name for c in view.clips.values()] == ["a.mp4"]
        (closed,) = view.bodies("session.closed")
        assert isinstance(closed, SessionClosed)
        assert [(left.path, left.outcome) for left in closed.leftovers] == [
            ("bad.mp4", "unreadable")
        ]
    finally:
        card.unmount()
