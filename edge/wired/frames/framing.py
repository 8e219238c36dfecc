"""What every parser of serial bytes does: hold a little, find frames, count what is wrong.

A line is hostile: noise, half frames, a device that talks without end. So a parser holds a
bounded number of bytes whatever it is fed, drops as little as it can to find the next frame,
and says what it dropped in counters instead of exceptions, since nobody could do anything
about one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Generic, TypeAlias, TypeVar

F = TypeVar("F")


class Fault(StrEnum):
    """Why bytes were skipped.

    NOISE lay between frames; MALFORMED began like a frame; CHECKSUM was one but for its
    checksum; TOO_LONG had no end within what a frame may be; TRUNCATED was cut by another
    frame's start or by silence.
    """

    NOISE = "noise"
    MALFORMED = "malformed"
    CHECKSUM = "checksum"
    TOO_LONG = "too-long"
    TRUNCATED = "truncated"


class FrameError(ValueError):
    """A frame that cannot be built from these values."""


@dataclass(frozen=True, slots=True)
class Took(Generic[F]):
    """A frame, and how many bytes it was."""

    count: int
    frame: F


@dataclass(frozen=True, slots=True)
class Skip:
    """Bytes that are none; without a fault where the grammar allows them."""

    count: int
    fault: Fault | None


Step: TypeAlias = Took[F] | Skip | None


class Parser(ABC, Generic[F]):
    """Finds the frames of one grammar.

    Attributes:
        limit: no frame is longer; a parser holds less than twice as many bytes at any time,
            and less than once between two calls.
        faults: how often bytes were skipped, by reason.
    """

    limit: ClassVar[int]

    def __init__(self) -> None:
        self.faults: Counter[Fault] = Counter()
        self._held = bytearray()

    @property
    def held(self) -> int:
        """How many bytes wait for the rest of their frame."""
        return len(self._held)

    def feed(self, data: bytes) -> list[F]:
        """Take bytes as they came from the line.

        Returns:
            The frames that are whole now, in order.
        """
        frames: list[F] = []
        for start in range(0, len(data), self.limit):
            self._held += data[start : start + self.limit]
            self._drain(frames)
        return frames

    def idle(self) -> None:
        """Say that the line was silent for longer than any frame: half of one is none."""
        if self._held:
            self.faults[Fault.TRUNCATED] += 1
            self._held.clear()

    def _drain(self, frames: list[F]) -> None:
        while self._held:
            # Never more than a frame may be: what is one must not depend on the pieces.
            step = self._next(bytes(self._held[: self.limit]))
            if step is None:
                if len(self._held) < self.limit:
                    return
                step = Skip(1, Fault.TOO_LONG)
            if isinstance(step, Took):
                frames.append(step.frame)
            elif step.fault is not None:
                self.faults[step.fault] += 1
            del self._held[: step.count]

    @abstractmethod
    def _next(self, held: bytes) -> Step[F]:
        """What to do with what is held, which is never empty; None to wait for more."""


def seek(held: bytes, start: bytes) -> Skip | None:
    """Skip to the first byte of a frame, if it is not the first already."""
    at = held.find(start)
    if at == 0:
        return None
    return Skip(at if at > 0 else len(held), Fault.NOISE)


def xor(data: bytes) -> int:
    """All bytes xored."""
    value = 0
    for byte in data:
        value ^= byte
    return value
