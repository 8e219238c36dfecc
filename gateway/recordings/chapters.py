"""What a rule proposes as one recording, and how chapters lie in time; pure.

A camera splits a recording into files of some minutes, numbers them one after the other, and
begins the next where the last one ended. So clips of one docking and one camera whose names
carry consecutive numbers, and of which each begins when the one before ended, are proposed as
one recording. It is a proposal and nobody's word: gaps are told, and a person decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from protocols.ids import ClipId

TOLERANCE_MS: Final = 3000
"""Names and containers tell whole seconds, and a camera takes a moment to begin the next file."""

MOST_TOLERANCE_MS: Final = 600_000

# GoPro and its likes: the chapter stands before the number of the recording.
_CHAPTER_FIRST: Final = re.compile(
    r"(?P<head>G[HXLPS])(?P<chapter>\d{2})(?P<number>\d{4})", re.IGNORECASE
)
_DIGITS: Final = re.compile(r"\d+")
# Longer runs of digits are dates, times and serial numbers.
_MOST_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class Chapter:
    """A clip as this rule sees it.

    Attributes:
        session: of the docking. camera: what the camera said it is.
        name: of the file.
        started: by the camera's clock, or as it was put right; None when it did not say.
        duration_ms: as the container says; None when nobody could tell.
    """

    clip: ClipId
    session: str
    camera: str | None
    name: str
    started: datetime | None
    duration_ms: int | None

    @property
    def ended(self) -> datetime | None:
        """When it ended, by the same clock."""
        if self.started is None or self.duration_ms is None:
            return None
        try:
            return self.started + timedelta(milliseconds=self.duration_ms)
        except OverflowError:
            return None


def numbered(name: str) -> tuple[str, int] | None:
    """The series that a file's name belongs to, and its number there.

    Args:
        name: without its folder.

    Returns:
        None for a name without a number. Dates and times in a name belong to no series: they
        are different in every chapter.
    """
    stem, _, ending = name.rpartition(".")
    stem, ending = (stem, ending.lower()) if stem else (ending, "")
    chaptered = _CHAPTER_FIRST.fullmatch(stem)
    if chaptered is not None:
        series = f"{chaptered['head'].upper()}\0{chaptered['number']}\0{ending}"
        return series, int(chaptered["chapter"])
    runs = list(_DIGITS.finditer(stem))
    if not runs or len(runs[-1].group()) > _MOST_DIGITS or not runs[-1].group().isascii():
        return None
    last = runs[-1]
    skeleton = _DIGITS.sub("\0", stem[: last.start()]) + "\1" + stem[last.end() :]
    return f"{skeleton}.{ending}", int(last.group())


def gap_ms(before: Chapter, after: Chapter) -> int | None:
    """Milliseconds between two chapters; less than 0 where they overlap.

    None where nobody can tell: a start or a length is missing, or only one of both clocks says
    its zone.
    """
    ended, started = before.ended, after.started
    if ended is None or started is None or (ended.tzinfo is None) != (started.tzinfo is None):
        return None
    return (started - ended) // timedelta(milliseconds=1)


def propose(clips: Iterable[Chapter], tolerance_ms: int = TOLERANCE_MS) -> list[list[Chapter]]:
    """Recordings of two or more chapters, each in order.

    A number that two clips have is nobody's next one: which of both it is cannot be told.

    Args:
        clips: any; in any order.
        tolerance_ms: how far a start may be from the end before it, in either direction.
    """
    found: list[list[Chapter]] = []
    for series in _series(clips):
        run: list[tuple[int, Chapter]] = []
        for number, chapter in series:
            if run and not _goes_on(run[-1], (number, chapter), tolerance_ms):
                found.append([each for _, each in run])
                run = []
            run.append((number, chapter))
        found.append([each for _, each in run])
    recordings = [recording for recording in found if len(recording) > 1]
    return sorted(recordings, key=lambda recording: recording[0].clip)


def _series(clips: Iterable[Chapter]) -> list[list[tuple[int, Chapter]]]:
    """Clips of one docking, camera and series of names, by number; no number twice."""
    rows = []
    for clip in clips:
        place = numbered(clip.name)
        if place is not None and clip.camera is not None:
            rows.append(((clip.session, clip.camera, place[0]), place[1], clip))
    rows.sort(key=lambda row: (row[0], row[1], row[2].clip))
    series = []
    for _, same in groupby(rows, key=lambda row: row[0]):
        by_number = [list(each) for _, each in groupby(same, key=lambda row: row[1])]
        series.append([(each[0][1], each[0][2]) for each in by_number if len(each) == 1])
    return series


def _goes_on(last: tuple[int, Chapter], here: tuple[int, Chapter], tolerance_ms: int) -> bool:
    gap = gap_ms(last[1], here[1])
    return here[0] == last[0] + 1 and gap is not None and abs(gap) <= tolerance_ms


def proposal_of(
    clip: ClipId, clips: Sequence[Chapter], tolerance_ms: int = TOLERANCE_MS
) -> list[Chapter]:
    """The proposed recording that a clip is a chapter of; empty when there is none."""
    for recording in propose(clips, tolerance_ms):
        if any(each.clip == clip for each in recording):
            return recording
    return []
