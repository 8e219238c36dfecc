from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.evidence.models import ClipState
from hashing.digest import LEAF_SIZE
from protocols.kinds import ClipStored
from protocols.records import decode_record
from tests.simulators.dock import SimulatedDock, footage
from tests.simulators.intake import config_for, opened
from tests.simulators.mosquitto import mosquitto
from tests.simulators.mqtt_dock import MqttDock

pytestmark = pytest.mark.broker

GATEWAY = """
import asyncio, logging, sys
from pathlib import Path
import structlog
from gateway.intake.service import IntakeWorker
from tests.simulators.intake import config_for, opened

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))

async def main():
    async with opened(config_for(Path(sys.argv[1]), int(sys.argv[2]))) as services:
        await IntakeWorker(services).run()

asyncio.run(main())
"""

POINTS = [
    "intake.admitted",
    "intake.leaf-written:1",
    "intake.leaf-written:3",
    "store.staged-synced:1",
    "store.renamed:1",
    "store.renamed:2",
    "store.read-back:1",
    "log.journal-written:1",
    "log.journal-written:2",
    "log.tiles-written:2",
    "log.before-commit:1",
    "log.before-commit:2",
    "log.after-commit:1",
    "log.after-commit:3",
    "log.checkpoint-signed:2",
    "release.before-publish:1",
    "release.published:1",
]


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    with mosquitto(tmp_path) as port:
        yield port


@asynccontextmanager
async def gateway(
    folder: Path, port: int, crash_at: str | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = {k: v for k, v in os.environ.items() if k != "EVIDOCK_CRASH_AT"}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    if crash_at is not None:
        environment["EVIDOCK_CRASH_AT"] = crash_at
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", GATEWAY, str(folder), str(port), env=environment
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def prepare(folder: Path, port: int) -> MqttDock:
    """An enrolled dock with a shift end to send."""
    dock = SimulatedDock()
    dock.boot()
    dock.shift_end({"A.MP4": footage(3 * LEAF_SIZE + 1, "a"), "B.MP4": footage(900, "b")})
    async with opened(config_for(folder, port)) as services:
        await services.docks.enrol(dock.id, dock.public_pem, "test")
        return MqttDock(dock, services.log.anchors(), port)


async def check(folder: Path, port: int, online: MqttDock) -> None:
    """Nothing lost, nothing doubled, nothing that the dock could not prove."""
    dock = online.dock
    assert online.alarms == []
    async with opened(config_for(folder, port)) as services:
        entries = await services.log.entries(0, 1000)
        mine = [entry.statement for entry in entries if entry.dock == dock.id]
        assert mine == [entry.statement for entry in dock.entries]
        bodies = [decode_record(entry.record).body for entry in entries if entry.dock is None]
        stored = Counter(body.clip for body in bodies if isinstance(body, ClipStored))
        assert stored == Counter(str(clip) for clip in dock.clips)
        for clip, held in dock.clips.items():
            row = await services.evidence.clip(clip)
            assert row is not None
            assert row.state == ClipState.STORED
            pieces = [piece async for piece in services.evidence.content(row, 0, row.size)]
            assert b"".join(pieces) == held.data
        assert online.dock.accepted is not None
        accepted = online.dock.accepted
        await services.log.confirm(accepted.size, bytes.fromhex(accepted.root))
        assert list(services.store.staging.path("any").parent.glob("*.part")) == []


@pytest.mark.parametrize("point", POINTS)
async def test_a_gateway_killed_anywhere_ends_in_the_same_state(
    point: str, tmp_path: Path, port: int
) -> None:
    online = await prepare(tmp_path, port)
    async with online.connected():
        async with gateway(tmp_path, port, point) as process, asyncio.timeout(40):
            assert await process.wait() == -signal.SIGKILL
        async with gateway(tmp_path, port):
            await online.until_released(60)
    await check(tmp_path, port, online)


@pytest.mark.slow
async def test_a_gateway_killed_again_and_again_still_comes_to_the_end(
    tmp_path: Path, port: int
) -> None:
    online = await prepare(tmp_path, port)
    async with online.connected():
        for number in range(8):
            async with gateway(tmp_path, port):
                await asyncio.sleep(1.0 + number * 0.15)
        async with gateway(tmp_path, port):
            await online.until_released(60)
    await check(tmp_path, port, online)
