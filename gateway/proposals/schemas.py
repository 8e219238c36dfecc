"""Shapes of proposals over HTTP."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field

from gateway.evidence.schemas import ClipTold
from gateway.proposals.models import ProposalRejection
from gateway.proposals.service import Proposal
from gateway.shapes import Asked, PlainLine, PlainProse, Told


class ProposalsAsked(Asked):
    """How many proposals to list."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50


class AcceptAsked(Asked):
    """Who takes a proposal; the reasons for it go on record with the link."""

    by: PlainLine | None = Field(None, description="stands in the log; none: you")
    why: Annotated[PlainProse, Field(max_length=1000)] | None = Field(
        None, description="what else speaks for it"
    )


class RejectAsked(Asked):
    """Why a clip does not belong to a case."""

    by: PlainLine | None = Field(None, description="stands in the log; none: you")
    why: PlainProse


class ReasonTold(Told):
    """One thing that speaks for a proposal."""

    code: str = Field(
        description="officer-number, officer-name, in-stage, in-stage-claimed, maybe-in-stage, "
        "filed-day, same-docking, same-camera, same-unit, near-unit or same-place"
    )
    points: int
    says: str
    about: str | None = Field(description="officer, stage, day or place that the code is about")


class ProposalTold(Told):
    """A clip that may belong to a case."""

    case_no: str
    case: str
    title: str | None
    score: int = Field(description="300 to 1000; no probability")
    reasons: list[ReasonTold]
    clip: ClipTold

    @classmethod
    def of(cls, proposal: Proposal, clip: ClipTold) -> Self:
        """From what was worked out, and the clip as the asker may see it."""
        return cls(
            case_no=proposal.case.case_no,
            case=proposal.case.token,
            title=proposal.case.title,
            score=proposal.score.points,
            reasons=[ReasonTold.model_validate(each) for each in proposal.score.reasons],
            clip=clip,
        )


class ProposalPage(Told):
    """The best proposals first."""

    proposals: list[ProposalTold]
    more: bool = Field(description="whether more may fit than was looked at or is shown")


class RejectionTold(Told):
    """A clip that does not belong to a case, as somebody said."""

    case_no: str
    clip: str
    by: str
    why: str
    rejected_index: int

    @classmethod
    def of(cls, row: ProposalRejection, case_no: str) -> Self:
        """From a row."""
        return cls(
            case_no=case_no,
            clip=str(row.clip),
            by=row.who,
            why=row.why,
            rejected_index=row.rejected_index,
        )
