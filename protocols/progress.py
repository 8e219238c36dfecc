"""How far a long work has come: one line on a terminal, at most a few times a second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

_EVERY_S = 0.25


class Progress(Protocol):
    """Told while something long is done."""

    def advance(self, count: int) -> None:
        """So much more was done."""

    def close(self) -> None:
        """Nothing more comes."""


class Quiet:
    """Says nothing."""

    def advance(self, count: int) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Unit:
    """In what it is counted: ``{done} of {total} {name}``, each of so many."""

    name: str
    each: int = 1


MIB_READ = Unit("MiB read", 1 << 20)


class Line:
    """Rewrites one line: how much of how much, and how long it may take."""

    def __init__(
        self,
        total: int,
        write: Callable[[str], object],
        clock: Callable[[], float],
        unit: Unit = MIB_READ,
    ) -> None:
        """Begin.

        Args:
            total: how much there is to do.
            write: shows text on the terminal.
            clock: seconds that only go forward.
            unit: what is counted.
        """
        self._total = total
        self._write = write
        self._clock = clock
        self._unit = unit
        self._began = self._told = clock()
        self._done = 0

    def advance(self, count: int) -> None:
        """So much more was done."""
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
        done, total = self._done // self._unit.each, self._total // self._unit.each
        told = f"{done} of {total} {self._unit.name} ({share} %)"
        return f"{told}, {left:.0f} s left" if left >= 1 else told
