"""Shapes of marks over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import AwareDatetime, Field

from gateway.marks.labels import Label
from gateway.marks.models import ClipMark
from gateway.shapes import Asked, PlainLine, PlainProse, Told


class MarkAsked(Asked):
    """What a clip is to be marked as."""

    label: Label
    why: PlainProse
    until: AwareDatetime | None = Field(None, description="from then on it holds no more")
    by: PlainLine | None = Field(None, description="who says so; stands in the log; none: you")


class UnmarkAsked(Asked):
    """Why a mark is taken back."""

    why: PlainProse
    by: PlainLine | None = Field(None, description="who says so; stands in the log; none: you")


class MarkTold(Told):
    """A mark as the log has it; taken back when it has an ``unmark_index``."""

    clip: str
    mark: str = Field(description="its name, to be given in `acknowledged`")
    label: Label
    by: str
    why: str
    until: datetime | None
    index: int = Field(description="position of clip.marked in the log")
    at: datetime
    unmark_index: int | None
    unmarked_by: str | None
    unmark_why: str | None

    @classmethod
    def of(cls, row: ClipMark) -> Self:
        """From a row."""
        return cls(
            clip=str(row.clip),
            mark=row.mark,
            label=Label(row.label),
            by=row.who,
            why=row.why,
            until=row.until,
            index=row.mark_index,
            at=row.marked_at,
            unmark_index=row.unmark_index,
            unmarked_by=row.unmarked_by,
            unmark_why=row.unmark_why,
        )


class Standing(Told):
    """A mark that stands, as lists of clips tell it."""

    mark: str
    label: Label
    until: datetime | None
