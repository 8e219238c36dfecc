"""Shapes of what is asked of a case itself: its particulars, and what becomes of it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gateway.cases.changes import Particulars
from gateway.cases.masking import masked_name, no_identity
from gateway.cases.models import CaseState
from gateway.cases.schemas import CaseNoText
from gateway.shapes import Asked, Line, PageAsked, PlainLine, PlainProse
from protocols.kinds import CaseDecision, CaseOfficer, CaseParty, CaseStage, ExternalId

_FIRST, _LAST = datetime(1949, 10, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)


def _moment(text: str) -> str:
    """A moment in its one form, with the zone in which it was given."""
    if _MOMENT.fullmatch(text) is None:
        msg = "no time with a zone, such as 2026-03-01T09:30:00+08:00"
        raise ValueError(msg)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        msg = "no time of any calendar"
        raise ValueError(msg) from error
    if not _FIRST <= moment <= _LAST:
        msg = "before 1949 or after 2200"
        raise ValueError(msg)
    return moment.isoformat()


def _day(text: object) -> object:
    # A number would be taken for seconds since 1970.
    if not isinstance(text, str) or re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) is None:
        msg = "no day, such as 2026-03-01"
        raise ValueError(msg)
    return text


Moment = Annotated[str, Field(max_length=40), AfterValidator(_moment)]
Day = Annotated[date, BeforeValidator(_day)]
Name = Annotated[PlainLine, Field(max_length=100)]
Said = Annotated[PlainLine, AfterValidator(no_identity)]
SaidProse = Annotated[PlainProse, AfterValidator(no_identity)]


class PartyAsked(Asked):
    """Whom a case is about. The name of a person is masked before it comes here."""

    name: Annotated[Name, AfterValidator(no_identity)] = Field(examples=["张*"])
    type: Literal["person", "organisation"] = "person"
    role: Annotated[Name, AfterValidator(no_identity)] | None = Field(None, examples=["当事人"])

    @model_validator(mode="after")
    def _masked(self) -> Self:
        if self.type == "person":
            masked_name(self.name)
        return self


class OfficerAsked(Asked):
    """Who acts in a case."""

    name: Name
    number: Name | None = Field(None, description="of the certificate (执法证号) or badge")
    valid_until: Day | None = None
    regular: bool = Field(default=True, description="false: an assistant (辅助人员)")


class StageAsked(Asked):
    """One stage of the procedure; any name is allowed, each once."""

    name: Name = Field(examples=["调查取证"])
    start: Moment | None = Field(None, examples=["2026-03-01T09:30:00+08:00"])
    end: Moment | None = Field(None, description="none while it goes on")
    place: Said | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end is not None:
            if self.start is None:
                msg = "an end without a start"
                raise ValueError(msg)
            if datetime.fromisoformat(self.end) < datetime.fromisoformat(self.start):
                msg = "ends before it starts"
                raise ValueError(msg)
        return self


class DecisionAsked(Asked):
    """What was decided."""

    type: Name = Field(examples=["行政处罚"])
    date: Day | None = None
    number: Name | None = None


class ExternalIdAsked(Asked):
    """The name of the case in another system."""

    system: Name
    id: Name


class ParticularsAsked(Asked):
    """Everything known of a case; what is left out is not so any more."""

    title: SaidProse | None = None
    category: PlainLine | None = Field(None, description="执法类别")
    cause: Annotated[SaidProse, Field(max_length=500)] | None = Field(None, description="案由")
    filed: Day | None = Field(None, description="立案日期")
    unit: PlainLine | None = Field(
        None, description="承办机构, as a path; none: as it is. It moves by `transfer`"
    )
    parties: Annotated[tuple[PartyAsked, ...], Field(max_length=50)] = ()
    officers: Annotated[tuple[OfficerAsked, ...], Field(max_length=50)] = ()
    stages: Annotated[tuple[StageAsked, ...], Field(max_length=50)] = ()
    decision: DecisionAsked | None = None
    external_ids: Annotated[tuple[ExternalIdAsked, ...], Field(max_length=20)] = ()
    archive_no: PlainLine | None = Field(None, description="档案号")
    by: PlainLine | None = Field(None, description="who says so; stands in the log; none: you")
    why: PlainProse | None = None

    @model_validator(mode="after")
    def _once(self) -> Self:
        names = [stage.name for stage in self.stages]
        if len(set(names)) != len(names):
            msg = "a stage stands twice among the stages"
            raise ValueError(msg)
        return self

    def said(self) -> Particulars:
        """In the words of the record."""
        return Particulars(
            title=self.title,
            category=self.category,
            cause=self.cause,
            filed=None if self.filed is None else self.filed.isoformat(),
            parties=tuple(CaseParty(**each.model_dump()) for each in self.parties),
            officers=tuple(
                CaseOfficer.model_validate(each.model_dump(mode="json")) for each in self.officers
            ),
            stages=tuple(CaseStage(**each.model_dump()) for each in self.stages),
            decision=None
            if self.decision is None
            else CaseDecision.model_validate(self.decision.model_dump(mode="json")),
            external_ids=tuple(ExternalId(**each.model_dump()) for each in self.external_ids),
            archive_no=self.archive_no,
        )


class CasesAsked(PageAsked):
    """Which cases to list; everything that is said has to fit."""

    text: Line | None = Field(
        None, description="begins one of its numbers, or stands in title or cause"
    )
    number: Line | None = Field(None, description="begins one of its numbers")
    cause: Line | None = Field(None, description="stands in title or cause")
    unit: Line | None = Field(None, description="this unit or one below it")
    category: Line | None = None
    officer: Line | None = Field(None, description="name or certificate number, whole")
    stage: Line | None = Field(None, description="has a stage of this name")
    filed_from: Day | None = None
    filed_to: Day | None = None
    state: CaseState | None = Field(None, description="none: open and sealed ones")


class ReasonAsked(Asked):
    """Who does it and why; it stands in the log."""

    by: PlainLine | None = Field(None, description="none: you")
    why: PlainProse


class RenumberAsked(ReasonAsked):
    """The number under which a case goes on."""

    case_no: CaseNoText


class MergeAsked(ReasonAsked):
    """The case that it becomes part of."""

    into: Line


class TransferAsked(ReasonAsked):
    """The unit that a case counts to from here on; its people see it, those of before do not."""

    unit: PlainLine


class SealAsked(ReasonAsked):
    """The file of a case is closed."""

    archive_no: PlainLine | None = Field(None, description="档案号")


class ExcuseAsked(ReasonAsked):
    """Why footage of a stage is missing."""

    stage: Line
