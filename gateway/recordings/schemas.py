"""Shapes of recordings over HTTP."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gateway.recordings.chapters import MOST_TOLERANCE_MS, TOLERANCE_MS
from gateway.shapes import Asked, EntryText, PlainLine, PlainProse, Told
from protocols.kinds import MAX_CHAPTERS

Tolerance = Annotated[
    int,
    Field(
        ge=0,
        le=MOST_TOLERANCE_MS,
        description="of the rule: a chapter begins so many milliseconds from the last one's end",
    ),
]


class RecordingAsked(Asked):
    """Clips that are one recording, in order."""

    clips: Annotated[list[EntryText], Field(min_length=2, max_length=MAX_CHAPTERS)]
    how: Literal["by-hand", "proposal"] = "by-hand"
    tolerance_ms: Tolerance = TOLERANCE_MS
    why: PlainProse
    by: PlainLine | None = Field(None, description="who says so; stands in the log; none: you")


class UngroupAsked(Asked):
    """Why clips are not one recording after all."""

    why: PlainProse
    by: PlainLine | None = Field(None, description="who says so; stands in the log; none: you")


class ChapterTold(Told):
    """A chapter; times are the camera's claims, or what was put right."""

    clip: str
    name: str
    started: str | None
    duration_ms: int | None
    gap_ms: int | None = Field(
        description="from the end of the chapter before; less than 0: they overlap; "
        "null: the first one, or nobody can tell"
    )


class ProposalTold(Told):
    """What the rule would take for one recording: nobody's word."""

    chapters: list[ChapterTold]


class RecordingTold(Told):
    """Clips that somebody took for one recording, as far as they are within your reach."""

    recording: str
    how: str
    by: str
    why: str
    index: int = Field(description="position of recording.grouped in the log")
    chapters: list[ChapterTold]
    ungroup_index: int | None
    ungrouped_by: str | None
    ungroup_why: str | None


class RecordingOfClip(Told):
    """What a clip is a chapter of: by somebody's word, else by the rule."""

    recording: RecordingTold | None
    proposal: ProposalTold | None = Field(description="null where somebody grouped it already")


class RecordingsOfSession(Told):
    """The recordings of one docking."""

    recordings: list[RecordingTold]
    proposals: list[ProposalTold]
