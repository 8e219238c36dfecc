"""Hears on the broker when releases are on their way to a dock."""

from __future__ import annotations

import asyncio
import threading
import time
from types import TracebackType
from typing import Self

import aiomqtt

from protocols.ids import dock_id
from protocols.messages import ReleaseMessage
from protocols.topics import ToDock, to_dock

PATIENCE_S = 120


class Releases:
    """Listens in a thread of its own, from before the first release."""

    def __init__(self, port: int, dock: str) -> None:
        self._port, self._topic = port, to_dock(dock_id(dock), ToDock.RELEASE)
        self._came: dict[int, float] = {}
        self._listens, self._ended = threading.Event(), threading.Event()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._listen()), daemon=True)
        self._thread.start()
        assert self._listens.wait(PATIENCE_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()

    def times(self, count: int) -> list[float]:
        """When each of the first releases came, by the monotonic clock; repeats do not count."""
        deadline = time.monotonic() + PATIENCE_S
        while len(self._came) < count:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return sorted(self._came.values())[:count]

    async def _listen(self) -> None:
        async with aiomqtt.Client("127.0.0.1", self._port) as client:
            await client.subscribe(self._topic, qos=1)
            self._listens.set()
            async for message in client.messages:
                if self._ended.is_set():
                    return
                release = ReleaseMessage.decode(message.payload)
                self._came.setdefault(release.seq, time.monotonic())
