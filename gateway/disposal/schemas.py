"""Shapes of disposals over HTTP."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Annotated, Self

from pydantic import Field

from gateway.disposal.models import Disposal, DisposalItem, DisposalState
from gateway.disposal.reconciling import Counted, Report
from gateway.disposal.selecting import Looked
from gateway.evidence.models import Clip
from gateway.retention.deciding import Decision
from gateway.retention.schemas import RetentionTold
from gateway.retention.service import InForce
from gateway.shapes import Asked, DockText, EntryText, Line, PageAsked, PlainProse, Position, Told
from protocols.kinds import MAX_DUE_CLIPS


class ClipsDue(Asked):
    """Where to look for clips that are due."""

    unit: Line | None = Field(None, description="this unit and those below it")
    dock: DockText | None = None
    category: Line | None = Field(None, description="as the officer tagged it")


class DryRunAsked(ClipsDue):
    """A dry run: which clips would be due."""

    by: date | None = Field(None, description="due at the end of this day, in UTC; none: now")
    due_only: bool = True
    cursor: Position | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50

    def moment(self, now: datetime) -> datetime:
        """The moment that is asked about."""
        return now if self.by is None else datetime.combine(self.by, time.max, tzinfo=UTC)


class DryRunTold(Told):
    """A page of a dry run; when `next` is set, there is more to look at, due or not."""

    by: datetime
    clips: list[DueTold]
    looked_at: int
    next: int | None

    @classmethod
    def of(cls, by: datetime, looked: Looked, rules: InForce | None) -> Self:
        """From what was found."""
        clips = [DueTold.whole(row, decision, rules, by) for row, decision in looked.found]
        return cls(by=by, clips=clips, looked_at=looked.looked_at, next=looked.next)


class DueTold(RetentionTold):
    """A clip, and why it is due or kept."""

    name: str
    officer: str | None
    unit: str | None
    category: str | None
    size: int
    sha256: str
    due: bool

    @classmethod
    def whole(cls, row: Clip, decision: Decision, rules: InForce | None, by: datetime) -> Self:
        """From a row and what was decided."""
        return cls(
            **RetentionTold.of(str(row.id), decision, rules).model_dump(),
            name=row.name,
            officer=row.officer,
            unit=row.unit,
            category=row.tagged_category,
            size=row.size,
            sha256=row.sha256.hex(),
            due=decision.is_over(by),
        )


class DisposalAsked(Asked):
    """A disposal to propose: these clips, or the first that are due."""

    clips: Annotated[list[EntryText], Field(min_length=1, max_length=MAX_DUE_CLIPS)] | None = Field(
        None, description=f"none: the first {MAX_DUE_CLIPS} that are due"
    )
    due: ClipsDue = ClipsDue()
    reason: PlainProse


class DecisionAsked(Asked):
    """Why a disposal is approved or refused."""

    reason: PlainProse


class DisposalsAsked(PageAsked):
    """Which disposals to list."""

    state: DisposalState | None = None


class DisposalTold(Told):
    """A disposal as the log has it."""

    disposal: str
    state: DisposalState
    unit: str | None
    reason: str
    clips: int
    bytes: int
    rules_version: int
    proposed_by: str
    proposed_index: int
    proposed_at: datetime
    approved_by: str | None
    approve_reason: str | None
    approved_index: int | None
    approved_at: datetime | None
    wait_s: int = Field(description="seconds of running between approval and disposal")
    waited_s: float = Field(description="of these so far")
    refused_by: str | None
    refuse_reason: str | None
    refused_index: int | None
    closed_index: int | None
    disposed: int | None
    disposed_bytes: int | None

    @classmethod
    def of(cls, row: Disposal) -> Self:
        """From a row."""
        columns = {name: getattr(row, name, None) for name in cls.model_fields}
        return cls.model_validate(columns | {"disposal": row.token})


class ItemTold(Told):
    """One clip of a disposal."""

    clip: str
    size: int
    sha256: str
    due: str
    disposed_index: int | None
    left_code: str | None
    left_reason: str | None

    @classmethod
    def of(cls, row: DisposalItem, *, concealed: bool) -> Self:
        """From a row; concealed, why it stayed is not told."""
        columns = {name: getattr(row, name, None) for name in cls.model_fields}
        if concealed and row.left_code is not None:
            columns |= {"left_code": "classified", "left_reason": None}
        return cls.model_validate(columns | {"clip": str(row.clip), "sha256": row.sha256.hex()})


class DisposalDetail(DisposalTold):
    """A disposal with its clips, in the order of its list."""

    items: list[ItemTold]
    blocked: str | None = Field(description="why nothing is disposed of at this gateway now")


class DisposalPage(Told):
    """One page of disposals, newest first."""

    disposals: list[DisposalTold]
    next: int | None = Field(description="cursor of the next page, none on the last")


class ReportTold(DisposalTold):
    """What became of a disposal, recounted; the signed word about it is at `closed_index`."""

    proposed: int
    gone: int = Field(description="clips with a tombstone, by the rows")
    gone_bytes: int
    list_sha256: str = Field(description="over the lines `clip sha256 size` of those")
    signed_list_sha256: str | None = Field(description="the same, as disposal.closed says")
    left_out: dict[str, int] = Field(description="how many stayed, by reason")
    wrong: list[str] = Field(description="where log, rows and store disagree; empty: they agree")
    items: list[ItemTold]

    @classmethod
    def whole(cls, report: Report, items: list[ItemTold]) -> Self:
        """From what was counted, and its clips as they are told to whoever asks."""
        return cls(
            **DisposalTold.of(report.row).model_dump(),
            proposed=report.row.clips,
            gone=report.disposed,
            gone_bytes=report.bytes,
            list_sha256=report.list_sha256,
            signed_list_sha256=None if report.closed is None else report.closed.list_sha256,
            left_out=report.left_out,
            wrong=list(report.wrong),
            items=items,
        )


class CountedTold(Told):
    """Every clip that was ever sealed, counted over."""

    sealed: int
    logged: int
    set_aside: int
    states: dict[str, int]
    tombstones: int
    stored_bytes: int
    disposed_bytes: int
    looked_at: int
    wrong: list[str] = Field(description="what does not add up; empty: everything does")

    @classmethod
    def of(cls, counted: Counted) -> Self:
        """From what was counted."""
        return cls.model_validate(counted)
