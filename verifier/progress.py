"""How far a long check has come: one line on the terminal, at most a few times a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

_EVERY_S = 0.25
_MIB = 1 << 20


class Progress(Protocol):
    """Told while originals are read."""

    def advance(self, count: int) -> None:
        """So many more bytes were read."""

    def close(self) -> None:
        """Nothing more comes."""


class Quiet:
    """Says nothing."""

    def advance(self, count: int) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class Line:
    """Rewrites one line: MiB read of how many, and how long it may take."""

    def __init__(
        self,
        total: int,
        write: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total = total
        self._write = write
        self._clock = clock
        self._began = self._told = clock()
        self._done = 0

    def advance(self, count: int) -> None:
        """So many more bytes were read."""
        self._done += count
        now = self._clock()
        if now - self._told >= _EVERY_S:
            self._told = now
            self._write(f"\r{self._text(now)}   ")

    def close(self) -> None:
        """End the line."""
        self._write(f"\r{self._text(self._clock())}   \n")

    def _text(self, now: float) -> str:
        speed = self._done / max(now - self._began, 0.001)
        left = (self._total - self._done) / speed if speed else 0
        share = 100 * self._done // self._total if self._total else 100
        told = f"{self._done // _MIB} of {self._total // _MIB} MiB read ({share} %)"
        return f"{told}, {left:.0f} s left" if left >= 1 else told
