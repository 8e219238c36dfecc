"""How much memory a program takes at most, and its helper processes beside it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import psutil

EVERY_S = 0.05


@dataclass
class Peak:
    """Watches one process from another thread; resident bytes, highest seen.

    Attributes:
        own: of the process itself.
        helpers: of all its children together.
    """

    pid: int
    own: int = 0
    helpers: int = 0
    _end: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        process = psutil.Process(self.pid)
        while not self._end.wait(EVERY_S):
            try:
                self.own = max(self.own, process.memory_info().rss)
                helpers = sum(_resident(child) for child in process.children(recursive=True))
            except psutil.NoSuchProcess:
                return
            self.helpers = max(self.helpers, helpers)


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
