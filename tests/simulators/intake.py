"""A gateway's intake with a real broker, store and database, inside the test's own loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.config import Config
from gateway.intake import alarms
from gateway.intake.service import IntakeWorker
from gateway.services import Services, build
from protocols.ids import ClipId
from tests.simulators.dock import SimulatedDock
from tests.simulators.mqtt_dock import MqttDock, Twist, honest


async def eventually(condition: Callable[[], Awaitable[bool]], timeout_s: float = 30) -> None:
    """Wait until something in the database has become true."""
    async with asyncio.timeout(timeout_s):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.1)


@dataclass(frozen=True, slots=True)
class RunningIntake:
    """What a test talks to."""

    services: Services
    worker: IntakeWorker
    port: int

    async def enrol(self, dock: SimulatedDock, twist: Twist = honest) -> MqttDock:
        """Enrol a dock's key; gives the dock with a connection to make."""
        await self.services.docks.enrol(dock.id, dock.public_pem, "test")
        return MqttDock(dock, self.services.log.anchors(), self.port, twist=twist)

    async def standing(self) -> set[str]:
        """Codes of the alarms that are up."""
        async with self.services.database.reading() as session:
            return {alarm.code for alarm in await alarms.standing(session)}

    async def until_standing(self, *codes: str) -> None:
        """Wait until exactly these alarms are up."""

        async def so() -> bool:
            return await self.standing() == set(codes)

        await eventually(so)

    async def content(self, clip: ClipId) -> bytes:
        """What is stored of a clip."""
        row = await self.services.evidence.clip(clip)
        assert row is not None
        pieces = [piece async for piece in self.services.evidence.content(row, 0, row.size)]
        return b"".join(pieces)


def config_for(folder: Path, port: int, **intake: Any) -> Config:  # noqa: ANN401  # any setting
    """A gateway below a folder that uses the broker on a port."""
    return Config.model_validate(
        {
            "gateway": {"data_dir": folder},
            "broker": {"embedded": False, "port": port},
            "intake": intake,
        }
    )


@asynccontextmanager
async def opened(config: Config) -> AsyncIterator[Services]:
    """Services, open inside the block."""
    services = build(config)
    try:
        await services.open()
        yield services
    finally:
        await services.close()


@asynccontextmanager
async def running_intake(folder: Path, port: int, **intake: Any) -> AsyncIterator[RunningIntake]:  # noqa: ANN401  # any setting
    """A gateway's services with one worker."""
    config = config_for(folder, port, **intake)
    async with opened(config) as services:
        worker = IntakeWorker(services)
        async with working(worker):
            yield RunningIntake(services, worker, port)


@asynccontextmanager
async def working(worker: IntakeWorker) -> AsyncIterator[None]:
    """Run a worker inside the block; its failure fails the test."""
    task = asyncio.ensure_future(worker.run())
    try:
        yield
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
