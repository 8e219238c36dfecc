"""Shapes of the API for cases and links."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, TypeAdapter

from gateway.cases.coverage import Covered, StageCoverage
from gateway.cases.details import CaseExcuse
from gateway.cases.models import Case, CaseLink, CaseState
from gateway.cases.service import How
from gateway.cases.stages import CaseCoverage
from gateway.shapes import Asked, EntryText, PlainLine, PlainProse, Told
from protocols.kinds import CaseDecision, CaseOfficer, CaseParty, CaseStage, ExternalId


def _addressable(case_no: str) -> str:
    if case_no in {".", ".."}:
        # As a segment of an address they mean something else, encoded or not (RFC 3986, 5.2.4).
        msg = "a case of that number could not be asked for"
        raise ValueError(msg)
    return case_no


CaseNoText = Annotated[PlainLine, AfterValidator(_addressable), Field(examples=["云商执2026-17号"])]
"""A case number to state."""

CaseNoChecked: TypeAdapter[str] = TypeAdapter(CaseNoText)
"""Says whether one from an address may be stated."""


class CaseAsked(Asked):
    """A case to open. Its number is data: nothing is read from its form."""

    case_no: CaseNoText
    title: PlainProse | None = None
    category: PlainLine | None = None
    unit: PlainLine | None = None
    by: PlainLine | None = Field(None, description="who opens it; stands in the log; none: you")


class LinkAsked(Asked):
    """A clip to tie to the case."""

    clip: EntryText
    by: PlainLine | None = Field(None, description="who links it; stands in the log; none: you")
    why: PlainProse
    how: How = "manual"


class UnlinkAsked(Asked):
    """Why a link is withdrawn."""

    by: PlainLine | None = Field(None, description="who withdraws it; stands in the log; none: you")
    why: PlainProse


class LinkTold(Told):
    """A tie between the case and a clip; withdrawn when it has an ``unlink_index``."""

    link: str
    clip: str
    filed_under: str = Field(
        description="opaque name of the case it was made to: this one, or one merged into it"
    )
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
    cause: str | None
    filed: date | None
    archive_no: str | None
    state: CaseState
    opened_by: str
    opened_index: int = Field(description="log position of case.opened")
    set_index: int | None = Field(description="log position of the newest case.set")
    changed_index: int = Field(description="of the newest act on the case itself")
    created_at: datetime = Field(description="when it was logged, by the gateway's clock")

    @classmethod
    def of(cls, row: Case) -> Self:
        """From a row."""
        columns = {name: getattr(row, name, None) for name in cls.model_fields}
        return cls.model_validate(columns | {"case": row.token})


class PartTold(Told):
    """A case that became part of this one; its trail stands in this one's."""

    case_no: str
    case: str
    merged_into: str | None = Field(description="opaque name of the case it was merged into")

    @classmethod
    def of(cls, row: Case) -> Self:
        """From a row."""
        return cls(case_no=row.case_no, case=row.token, merged_into=row.merged_into)


class CaseDetail(CaseTold):
    """A case with its particulars and its links, withdrawn ones included, oldest first.

    Times of stages are as the case system gave them. Asked for under a number it does not have
    any more, ``asked`` says which.
    """

    asked: Literal["current", "former", "merged"] = Field(
        description="the number that was asked for: this case's, a former one, or one of a case "
        "that was merged into it"
    )
    numbers: list[str] = Field(description="every number under which it answers, oldest first")
    merged: list[PartTold]
    parties: list[CaseParty]
    officers: list[CaseOfficer]
    stages: list[CaseStage]
    decision: CaseDecision | None
    external_ids: list[ExternalId]
    links: list[LinkTold]


class CasePage(Told):
    """One page of cases, newest first."""

    cases: list[CaseTold]
    next: int | None = Field(description="cursor of the next page, none on the last")


class GapTold(Told):
    """A time without footage."""

    start: datetime
    end: datetime
    sure: bool = Field(description="whether no clip can have been recorded then")


class ExcuseTold(Told):
    """Why footage of a stage is missing, as somebody said."""

    by: str
    why: str
    excuse_index: int


class StageTold(Told):
    """What footage there is of one stage."""

    stage: str
    start: datetime | None
    end: datetime | None
    covered: Covered
    sure: bool = Field(description="whether no error of a clock changes that")
    clips: list[str] = Field(description="that likely show it, in order of time")
    perhaps: list[str] = Field(description="that may show it; their time is not known well enough")
    gaps: list[GapTold]
    excuse: ExcuseTold | None


class CoverageTold(Told):
    """What footage of a case there is."""

    case_no: str
    at: datetime = Field(description="until when stages that go on were looked at")
    stages: list[StageTold]
    undated: list[str] = Field(description="linked clips of which nobody can tell the time")
    gone: list[str] = Field(description="linked clips whose footage is not there; not counted")

    @classmethod
    def of(cls, case: Case, found: CaseCoverage) -> Self:
        """From what was worked out."""
        return cls(
            case_no=case.case_no,
            at=found.at,
            stages=[_stage_told(each, excuse) for each, excuse in found.stages],
            undated=list(found.undated),
            gone=list(found.gone),
        )


def _stage_told(each: StageCoverage, excuse: CaseExcuse | None) -> StageTold:
    said = None
    if excuse is not None:
        said = ExcuseTold(by=excuse.who, why=excuse.why, excuse_index=excuse.excuse_index)
    return StageTold(
        stage=each.stage.name,
        start=each.stage.start,
        end=each.stage.end,
        covered=each.covered,
        sure=each.sure,
        clips=list(each.clips),
        perhaps=list(each.perhaps),
        gaps=[GapTold.model_validate(gap) for gap in each.gaps],
        excuse=said,
    )
