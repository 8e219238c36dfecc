"""Shapes of corrections over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError, model_validator

from gateway.corrections.models import ClipCorrection
from gateway.corrections.service import utc_of
from gateway.shapes import Asked, PlainLine, PlainProse, Told

MOST_ERROR_MS = 366 * 86_400_000
_EARLIEST_YEAR, _LATEST_YEAR = 1970, 9999
_MOMENT = TypeAdapter(AwareDatetime)


class CorrectionAsked(Asked):
    """What is put right: one field, or back to what was claimed."""

    field: Literal["officer", "unit", "started"]
    to: PlainLine | None = Field(
        description="what it is; for `started` a time with its offset; null: as claimed again",
        examples=["014032", "2026-05-04T08:00:00+08:00"],
    )
    error_ms: Annotated[int, Field(ge=0, le=MOST_ERROR_MS)] | None = Field(
        None, description="of a start: it is right to so many milliseconds"
    )
    known_by: PlainProse | None = Field(None, description="of a start: how that is known")
    why: PlainProse
    by: PlainLine | None = Field(None, description="who says so; stands in the log; none: you")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        dated = self.field == "started" and self.to is not None
        if dated != (self.error_ms is not None) or dated != (self.known_by is not None):
            msg = "a start needs error_ms and known_by, and nothing else takes them"
            raise ValueError(msg)
        if dated:
            _moment(self.to or "")
        return self

    @property
    def value(self) -> str | None:
        """What it is, as records have it."""
        dated = self.field == "started" and self.to is not None
        return utc_of(_moment(self.to or "")) if dated else self.to


class CorrectionTold(Told):
    """A correction as the log has it."""

    clip: str
    number: int = Field(description="of the clip's corrections, from 1")
    field: str
    claimed: str | None
    to: str | None = Field(description="null: as claimed again")
    error_ms: int | None
    known_by: str | None
    by: str
    why: str
    index: int = Field(description="position of clip.corrected in the log")
    at: datetime

    @classmethod
    def of(cls, row: ClipCorrection) -> Self:
        """From a row."""
        return cls(
            clip=f"{row.dock}.{row.epoch}.{row.seq}",
            number=row.number,
            field=row.field,
            claimed=row.claimed,
            to=row.value,
            error_ms=row.error_ms,
            known_by=row.known_by,
            by=row.who,
            why=row.why,
            index=row.correction_index,
            at=row.corrected_at,
        )


class Corrected(Told):
    """What counts instead of a claim, who said so and why."""

    to: str
    error_ms: int | None = None
    known_by: str | None = None
    by: str
    why: str
    index: int

    @classmethod
    def of(cls, row: ClipCorrection) -> Self:
        """From a row whose value is not None."""
        return cls(
            to=row.value or "",
            error_ms=row.error_ms,
            known_by=row.known_by,
            by=row.who,
            why=row.why,
            index=row.correction_index,
        )


def _moment(text: str) -> datetime:
    try:
        moment = _MOMENT.validate_python(text)
    except ValidationError as error:
        msg = "no time with its offset, such as 2026-05-04T08:00:00+08:00"
        raise ValueError(msg) from error
    # Years at the ends of the calendar do not survive being told in UTC.
    if not _EARLIEST_YEAR < moment.year < _LATEST_YEAR:
        msg = f"no year of a recording: {moment.year}"
        raise ValueError(msg)
    return moment
