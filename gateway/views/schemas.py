"""Shapes of views over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

from pydantic import Field

from gateway.shapes import Acknowledged, Asked, PlainLine, PlainProse, Told
from gateway.views.models import ClipView
from gateway.views.service import LIFE


class ViewAsked(Asked):
    """Why somebody looks at a clip."""

    how: Literal["play", "copy"] = Field(description="`copy`: the bytes are kept by who asks.")
    reason: PlainProse
    acknowledged: Acknowledged = Field(
        default=(), description="marks of the clip that you took note of, by their names"
    )
    by: PlainLine | None = Field(None, description="for whom; none: you")


class ViewTold(Told):
    """A view as the log has it."""

    clip: str
    how: str
    by: str
    reason: str
    acknowledged: list[str]
    index: int = Field(description="position of clip.viewed in the log")
    until: datetime = Field(description="for so long the content is given")

    @classmethod
    def of(cls, row: ClipView) -> Self:
        """From a row."""
        return cls(
            clip=f"{row.dock}.{row.epoch}.{row.seq}",
            how=row.how,
            by=row.who,
            reason=row.why,
            acknowledged=row.acknowledged or [],
            index=row.view_index,
            until=row.viewed_at + LIFE,
        )
