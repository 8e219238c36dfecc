"""What tests of serial lines share: a running port, and waiting for what a thread does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, Final

from edge.wired.port import Line, Port

PATIENCE_S: Final = 10.0


def line(path: Path, speed: int = 9600) -> Line:
    """A line that is tried again soon."""
    return Line(str(path), speed, min_backoff_s=0.02, max_backoff_s=0.1)


@contextlib.asynccontextmanager
async def running(*parts: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Parts that run meanwhile, and are cancelled; one that fails fails the test."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(part) for part in parts]
        yield
        for task in tasks:
            task.cancel()


@contextlib.asynccontextmanager
async def open_port(path: Path, speed: int = 9600) -> AsyncIterator[Port]:
    """A port whose device is there."""
    port = Port(line(path, speed))
    async with running(port.run()):
        async with asyncio.timeout(PATIENCE_S):
            await port.connected()
        yield port


async def until(true: Callable[[], bool]) -> None:
    """Wait for what another thread or task brings about."""
    async with asyncio.timeout(PATIENCE_S):
        while not true():  # noqa: ASYNC110 -- a thread sets no event of this loop
            await asyncio.sleep(0.005)
