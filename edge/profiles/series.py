"""Recordings that a camera cut into pieces: chapters, segments, continuations.

Pieces stay separate recordings, each sealed by itself; this only says which belong together,
for whoever watches them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from edge.profiles.profile import NameFacts
from edge.profiles.schema import PiecesTable, Role

_File = tuple[bytes, NameFacts]


@dataclass(frozen=True, slots=True)
class Series:
    """Pieces of one recording in their order, and numbers of those that are not there."""

    pieces: tuple[bytes, ...]
    missing: tuple[int, ...] = ()


def series(files: Iterable[tuple[bytes, NameFacts]], how: PiecesTable | None) -> list[Series]:
    """Put pieces together; recordings of one piece are left out, unless others are missing.

    Args:
        files: paths and what their names say.
        how: as the profile has it; None for cameras that cut nothing.
    """
    if how is None:
        return []
    found: dict[bytes, list[_File]] = {}
    for path, facts in files:
        if facts.role is Role.RECORDING and facts.series is not None:
            found.setdefault(facts.series, []).append((path, facts))
    made = []
    for key in sorted(found):
        ordered = sorted(found[key], key=_place)
        for run in _runs(ordered, how):
            missing = _missing(run) if how.how == "counted" else ()
            if len(run) > 1 or missing:
                made.append(Series(tuple(path for path, _ in run), missing))
    return made


def _place(file: _File) -> tuple[int, str, bytes]:
    path, facts = file
    return facts.order, facts.started.text if facts.started else "", path


def _runs(files: list[_File], how: PiecesTable) -> list[list[_File]]:
    """Files in their order, cut wherever one does not go on from the one before it."""
    runs: list[list[_File]] = []
    for file in files:
        if runs and _goes_on(runs[-1][-1], file, how):
            runs[-1].append(file)
        else:
            runs.append([file])
    return runs


def _goes_on(before: _File, after: _File, how: PiecesTable) -> bool:
    if how.how == "continued":
        return after[1].continues
    return how.within_s is None or _seconds(before, after) <= how.within_s


def _seconds(before: _File, after: _File) -> float:
    """From start to start, as claimed; endless where a claim is missing or is no time."""
    starts = [facts.started.text if facts.started else "" for _, facts in (before, after)]
    try:
        begun, went_on = map(datetime.fromisoformat, starts)
        return (went_on - begun).total_seconds()
    except (ValueError, TypeError):  # no time, or one with and one without a zone
        return math.inf


def _missing(files: list[_File]) -> tuple[int, ...]:
    # Cameras begin with 0 or 1, and a chapter has three digits at most.
    orders = {facts.order for _, facts in files}
    return tuple(number for number in range(1, max(orders)) if number not in orders)
