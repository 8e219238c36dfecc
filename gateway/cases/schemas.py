"""Shapes of the API for cases and links."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field

from gateway.cases.models import Case, CaseLink
from gateway.shapes import Asked, EntryText, PlainLine, PlainProse, Told


def _addressable(case_no: str) -> str:
    if case_no in {".", ".."}:
        # As a segment of an address they mean something else, encoded or not (RFC 3986, 5.2.4).
        msg = "a case of that number could not be asked for"
        raise ValueError(msg)
    return case_no


class CaseAsked(Asked):
    """A case to open. Its number is data: nothing is read from its form."""

    case_no: Annotated[PlainLine, AfterValidator(_addressable)] = Field(
        examples=["云商执2026-17号"]
    )
    title: PlainProse | None = None
    category: PlainLine | None = None
    unit: PlainLine | None = None
    by: PlainLine | None = Field(None, description="who opens it; stands in the log; none: you")


class LinkAsked(Asked):
    """A clip to tie to the case."""

    clip: EntryText
    by: PlainLine | None = Field(None, description="who links it; stands in the log; none: you")
    why: PlainProse
    how: Literal["manual", "officer-tag", "case-system", "confirmed-proposal"] = "manual"


class UnlinkAsked(Asked):
    """Why a link is withdrawn."""

    by: PlainLine | None = Field(None, description="who withdraws it; stands in the log; none: you")
    why: PlainProse


class LinkTold(Told):
    """A tie between the case and a clip; withdrawn when it has an ``unlink_index``."""

    link: str
    clip: str
    how: str
    by: str
    why: str
    link_index: int
    unlink_index: int | None
    unlinked_by: str | None
    unlink_why: str | None

    @classmethod
    def of(cls, row: CaseLink) -> Self:
        """From a row."""
        columns = {name: getattr(row, name, None) for name in cls.model_fields}
        return cls.model_validate(columns | {"link": row.id, "clip": str(row.clip), "by": row.who})


class CaseTold(Told):
    """A case."""

    case_no: str
    case: str = Field(description="the opaque name that statements use")
    title: str | None
    category: str | None
    unit: str | None
    opened_by: str
    opened_index: int = Field(description="log position of case.opened")
    created_at: datetime = Field(description="when it was logged, by the gateway's clock")

    @classmethod
    def of(cls, row: Case) -> Self:
        """From a row."""
        columns = {name: getattr(row, name, None) for name in cls.model_fields}
        return cls.model_validate(columns | {"case": row.token})


class CaseDetail(CaseTold):
    """A case with its links, withdrawn ones included, oldest first."""

    links: list[LinkTold]


class CasePage(Told):
    """One page of cases, newest first."""

    cases: list[CaseTold]
    next: int | None = Field(description="cursor of the next page, none on the last")
