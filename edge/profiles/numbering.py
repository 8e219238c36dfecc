"""Gaps in a camera's own numbering: a hint that something was there once.

A missing number proves nothing: the camera may keep that recording in another folder, an
earlier docking may have taken it, or it was never finished. It is what a person asks about.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from itertools import pairwise

MAX_TOLD = 50


@dataclass(frozen=True, slots=True)
class Gaps:
    """What is missing between the numbers of one run.

    Attributes:
        first: number the run begins with; greater than ``last`` if the numbers wrapped around.
        last: number it ends with.
        missing: inclusive ranges in the order of the run, 50 at most.
        missing_total: how many numbers are missing altogether.
        reused: numbers that more than one recording has, 50 at most.
        reused_total: how many such numbers there are.
    """

    first: int
    last: int
    missing: tuple[tuple[int, int], ...] = ()
    missing_total: int = 0
    reused: tuple[int, ...] = ()
    reused_total: int = 0

    @property
    def wrapped(self) -> bool:
        """Whether the numbers began again within the run."""
        return self.first > self.last


def gaps(
    numbers: Iterable[tuple[int, Hashable | None]], *, lowest: int = 1, highest: int | None = None
) -> Gaps | None:
    """Look for gaps.

    Args:
        numbers: each with what tells recordings of the same number apart (when they began,
            say), which views of one recording share; None where nothing tells.
        lowest: number the camera begins with again.
        highest: number after which it does; None if it never does.

    Returns:
        None if there are no numbers.
    """
    owners: dict[int, set[Hashable]] = {}
    for number, owner in numbers:
        owners.setdefault(number, set()).update(() if owner is None else (owner,))
    if not owners:
        return None
    run = in_order(sorted(owners), lowest, highest)
    missing = [span for pair in pairwise(run) for span in _between(*pair, lowest, highest)]
    reused = sorted(number for number, whose in owners.items() if len(whose) > 1)
    return Gaps(
        run[0],
        run[-1],
        tuple(missing[:MAX_TOLD]),
        sum(end - start + 1 for start, end in missing),
        tuple(reused[:MAX_TOLD]),
        len(reused),
    )


def in_order(ordered: list[int], lowest: int, highest: int | None) -> list[int]:
    """The numbers in the order they were given, starting anew in the middle if they wrapped.

    Only a card with numbers of both the first and the last tenth is taken for one where they
    wrapped; it is cut where it is emptiest.
    """
    if highest is None or ordered[-1] > highest or ordered[0] < lowest:
        return ordered
    tenth = (highest - lowest + 1) // 10
    if ordered[0] >= lowest + tenth or ordered[-1] <= highest - tenth:
        return ordered
    around = (ordered[0] - lowest) + (highest - ordered[-1])
    widest, cut = around, 0
    for at, (before, after) in enumerate(pairwise(ordered), 1):
        if after - before - 1 > widest:
            widest, cut = after - before - 1, at
    return ordered[cut:] + ordered[:cut]


def _between(before: int, after: int, lowest: int, highest: int | None) -> list[tuple[int, int]]:
    if after > before or highest is None:
        spans = [(before + 1, after - 1)]
    else:
        spans = [(before + 1, highest), (lowest, after - 1)]
    return [(start, end) for start, end in spans if start <= end]
