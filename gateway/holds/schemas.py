"""Shapes of holds over HTTP."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import Field, model_validator

from gateway.holds.service import MAX_CLIPS, HoldShown
from gateway.shapes import Asked, EntryText, Line, PageAsked, PlainLine, PlainProse, Told


class HoldAsked(Asked):
    """What is to be held: a case with every clip of it, or clips."""

    case_no: Line | None = None
    clips: Annotated[list[EntryText], Field(min_length=1, max_length=MAX_CLIPS)] | None = None
    reason: PlainProse
    authority: PlainLine = Field(description="who ordered it, such as a court")
    document: PlainLine | None = Field(None, description="number of the order")
    until: date | None = Field(
        None, description="after this day somebody has to look at it again; it does not end then"
    )
    by: PlainLine | None = Field(None, description="for whom; none: you")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.case_no is None) == (self.clips is None):
            msg = "give either case_no or clips"
            raise ValueError(msg)
        return self


class LiftAsked(Asked):
    """Why a hold ends."""

    reason: PlainProse
    by: PlainLine | None = Field(None, description="for whom; none: you")


class HoldsAsked(PageAsked):
    """Which holds to list."""

    clip: EntryText | None = Field(None, description="only what covers this clip now")
    case_no: Line | None = None
    in_force: bool | None = None
    due: bool = Field(default=False, description="only those that somebody has to look at again")


class HoldTold(Told):
    """A hold as the log has it."""

    hold: str
    case_no: str | None
    clips: list[str] = Field(description=f"the first {MAX_CLIPS} of those that it names itself")
    clips_total: int
    reason: str
    authority: str
    document: str | None
    until: str | None
    due: bool = Field(description="in force, and its day is over: somebody has to look at it")
    by: str
    placed_index: int = Field(description="log position of the first hold.placed")
    placed_at: datetime
    lifted_index: int | None
    lifted_by: str | None
    lift_reason: str | None

    @classmethod
    def of(cls, shown: HoldShown) -> Self:
        """From rows."""
        row = shown.row
        return cls(
            hold=row.token,
            case_no=shown.case_no,
            clips=[str(clip) for clip in shown.clips],
            clips_total=shown.count,
            reason=row.reason,
            authority=row.authority,
            document=row.document,
            until=row.review_after,
            due=shown.is_due,
            by=row.who,
            placed_index=row.placed_index,
            placed_at=row.placed_at,
            lifted_index=row.lifted_index,
            lifted_by=row.lifted_by,
            lift_reason=row.lift_reason,
        )


class HoldPage(Told):
    """One page of holds, newest first."""

    holds: list[HoldTold]
    next: int | None = Field(description="cursor of the next page, none on the last")
