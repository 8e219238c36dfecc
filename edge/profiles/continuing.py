"""A camera's numbers over several dockings: gaps that go on record, and where it stopped.

``numbering`` looks at one card by itself. Here a run goes on from what the dock saw before:
numbers that it took and erased itself are no gap, and what is missing between the last
docking and this one is. Each gap is named once, right before a number that is new to the
inventory. It says that files were there or that a counter was moved, never which of both.

Numbers stand as *places*: their distance from the newest number of the last docking, around
the ring where a camera begins again after its highest. Half a ring behind the newest is
remembered, so that a second round is not taken for the first. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Final

from pydantic import Field

from edge.profiles.numbering import in_order
from edge.profiles.profile import NameFacts
from edge.profiles.schema import NumberingTable, Role
from protocols.kinds import FileName, NumberGap, Part

MAX_SPANS: Final = 200
MAX_SCOPES: Final = 50
MAX_GAPS: Final = 200
_TENTH: Final = 10
# A page's rows leave this much of a record, and a path may be long.
_BYTES: Final = 24 * 1024

_Span = tuple[int, int]


class Run(Part):
    """Where one run of numbers stood.

    Attributes:
        scope: of the numbers, in hex: a folder, day or user; empty for the whole card.
        last: its newest number.
        seen: places that were on a card, as ranges; 0 is ``last``, those before it below 0.
    """

    scope: Annotated[str, Field(max_length=16_384)] = ""
    last: int
    seen: Annotated[tuple[tuple[int, int], ...], Field(max_length=MAX_SPANS)] = ((0, 0),)


@dataclass(frozen=True, slots=True)
class Numbered:
    """A recording with a number of its camera's.

    Attributes:
        path: on the card.
        scope: what the number counts within.
        fresh: whether no docking before knew it.
    """

    path: bytes
    scope: bytes
    number: int
    fresh: bool


@dataclass(frozen=True, slots=True)
class Went:
    """How the numbers went on.

    Attributes:
        gaps: for the inventory.
        runs: to be remembered.
        anew: words on numbering that began anew; empty if none did.
    """

    gaps: tuple[NumberGap, ...] = ()
    runs: tuple[Run, ...] = ()
    anew: str = ""


def numbered(files: Iterable[tuple[bytes, NameFacts, bool]]) -> list[Numbered]:
    """The recordings among files that have a number; the flag says whether each is fresh."""
    return [
        Numbered(path, facts.scope, facts.number, fresh)
        for path, facts, fresh in files
        if facts.role is Role.RECORDING and facts.number is not None
    ]


def go_on(before: Iterable[Run], found: Sequence[Numbered], table: NumberingTable | None) -> Went:
    """Take what an inventory adds.

    Args:
        before: the runs so far.
        found: what is listed now.
        table: how the camera counts; None if its names do not tell.
    """
    runs = {run.scope: run for run in before}
    if table is None:
        return Went(runs=tuple(runs.values()))
    gaps: list[NumberGap] = []
    anew: list[str] = []
    by_scope: dict[str, list[Numbered]] = {}
    for each in found:
        by_scope.setdefault(each.scope.hex(), []).append(each)
    for scope, those in sorted(by_scope.items()):
        run = runs.pop(scope, None)
        ring = _ring(table, [each.number for each in those], run)
        began = None if run is None else _began_anew(run, those, ring)
        if run is not None and began is not None:
            anew.append(f"number {began} is new although {run.last} was reached")
            # What was there before belongs to the numbering that ended.
            run, those = None, [each for each in those if each.fresh]  # noqa: PLW2901  # as said
        told, runs[scope] = _run_on(run, scope, those, ring)
        gaps += told
    kept = tuple(runs.values())[-MAX_SCOPES:]
    return Went(_that_fit(gaps), kept, "; ".join(anew[:3]))


@dataclass(frozen=True, slots=True)
class _Ring:
    """How numbers follow each other; a size of 0 is a line without end."""

    lowest: int
    size: int

    def place(self, number: int, last: int) -> int:
        if not self.size:
            return number - last
        ahead = (number - last) % self.size
        return ahead if ahead < (self.size + 1) // 2 else ahead - self.size

    def number(self, place: int, last: int) -> int:
        if not self.size:
            return max(last + place, 0)
        return self.lowest + (last - self.lowest + place) % self.size


def _ring(table: NumberingTable, numbers: Iterable[int], run: Run | None) -> _Ring:
    known = [*numbers, *([] if run is None else [run.last])]
    # A number that the camera cannot count to says that this is no such ring.
    if table.highest is None or not all(table.lowest <= n <= table.highest for n in known):
        return _Ring(table.lowest, 0)
    return _Ring(table.lowest, table.highest - table.lowest + 1)


def _began_anew(run: Run, those: Iterable[Numbered], ring: _Ring) -> int | None:
    """The number that shows it, or None.

    What is new stands after everything that was seen, or fills a gap: pieces of the newest
    recording share its number. A camera that ran out of numbers leaves out few of them.
    """
    oldest = min(start for start, _ in run.seen)
    for each in sorted(those, key=lambda each: each.number):
        place = ring.place(each.number, run.last)
        again = any(start <= place <= end for start, end in run.seen)
        behind = place < 0 and (again or place < oldest)
        far = place > ring.size // _TENTH and each.number < run.last
        if each.fresh and (behind or far):
            return each.number
    return None


def _run_on(
    run: Run | None, scope: str, those: Sequence[Numbered], ring: _Ring
) -> tuple[list[NumberGap], Run]:
    numbers = {each.number for each in those}
    if run is None:
        # Nothing is known of what came before; the newest on the card is the end of the run.
        highest = ring.lowest + ring.size - 1 if ring.size else None
        ordered = in_order(sorted(numbers), ring.lowest, highest)
        last = ordered[-1]
        places = {
            -((last - each.number) % ring.size) if ring.size else each.number - last: each
            for each in those
        }
        spans: list[_Span] = []
    else:
        last = run.last
        places = {ring.place(each.number, last): each for each in those}
        spans = list(run.seen)
    fresh = {place for place, each in places.items() if each.fresh}
    merged = _merged([*spans, *((place, place) for place in places)])
    gaps = [
        NumberGap.model_validate(
            {
                **FileName.names(places[after].path.rpartition(b"/")[0] or b"."),
                "after": ring.number(end, last),
                "before": places[after].number,
                "missing": after - end - 1,
            }
        )
        for (_, end), (after, _) in pairwise(merged)
        if after in fresh
    ]
    return gaps, _remembered(scope, last, merged, ring)


def _remembered(scope: str, last: int, merged: Sequence[_Span], ring: _Ring) -> Run:
    newest = merged[-1][1]
    oldest = newest - (ring.size // 2) + 1 if ring.size else None
    kept = [
        (start - newest if oldest is None else max(start, oldest) - newest, end - newest)
        for start, end in merged
        if oldest is None or end >= oldest
    ]
    return Run(scope=scope, last=ring.number(newest, last), seen=tuple(kept[-MAX_SPANS:]))


def _merged(spans: Iterable[_Span]) -> list[_Span]:
    found: list[_Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def _that_fit(gaps: Sequence[NumberGap]) -> tuple[NumberGap, ...]:
    """Gaps that fit a record; the rest as one, whose bounds hold numbers that are there."""
    kept: list[NumberGap] = []
    room = _BYTES
    for position, gap in enumerate(gaps):
        room -= len(gap.model_dump_json())
        rest = gaps[position:]
        if len(rest) > 1 and (room < 0 or len(kept) == MAX_GAPS - 1):
            said = {"before": rest[-1].before, "missing": sum(each.missing for each in rest)}
            return (*kept, gap.model_copy(update=said))
        kept.append(gap)
    return tuple(kept)
