"""Proposals over HTTP, from a case or from a clip; to be included before the cases' own routes."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from gateway.access.gate import allowed
from gateway.access.policy import Act
from gateway.access.scope import Scope
from gateway.cases.routes import CaseNo
from gateway.cases.schemas import LinkTold
from gateway.cases.service import ClipUnknownError
from gateway.conditional import Acting
from gateway.evidence.models import Clip
from gateway.evidence.telling import told
from gateway.given import Given
from gateway.marks.heeding import refuse_classified
from gateway.proposals.reach import proposed_for
from gateway.proposals.schemas import (
    AcceptAsked,
    ProposalPage,
    ProposalsAsked,
    ProposalTold,
    RejectAsked,
    RejectionTold,
)
from gateway.proposals.service import Proposals
from gateway.services import Services
from gateway.shapes import EntryText
from protocols.errors import IdError
from protocols.ids import ClipId

router = APIRouter(tags=["proposals"])
_Reading = Annotated[Scope, allowed(Act.CASES_READ)]
_Linking = Annotated[Scope, allowed(Act.CASES_LINK)]
_Name = Annotated[EntryText, Path()]
_Asked = Annotated[ProposalsAsked, Query()]
_MADE: dict[int | str, dict[str, Any]] = {
    201: {"description": "Linked now; 200 when it was so already.", "model": LinkTold}
}


async def _clip(services: Services, scope: Scope, name: str) -> Clip:
    try:
        row = await services.evidence.clip(ClipId.parse(name), within=scope.clips())
    except IdError:
        row = None
    if row is None:
        raise ClipUnknownError("no clip of that name was sealed, or it is not yours to see")
    return row


async def _page(services: Services, scope: Scope, found: Proposals) -> ProposalPage:
    rows = {each.clip.id: each.clip for each in found.proposals}
    clips = await told(services, scope.principal, list(rows.values()))
    by_name = {clip.clip: clip for clip in clips}
    page = [ProposalTold.of(each, by_name[str(each.clip.id)]) for each in found.proposals]
    return ProposalPage(proposals=page, more=found.more)


@router.get("/cases/{case_no:path}/proposals")
async def propose_clips(
    services: Given, scope: _Reading, case_no: CaseNo, asked: _Asked
) -> ProposalPage:
    """Clips within reach that may belong to the case, with reasons; the best first."""
    case = await services.cases.case(case_no, within=scope.cases())
    return await _page(services, scope, await proposed_for(services, scope, case, asked.limit))


@router.get("/clips/{clip}/proposals")
async def propose_cases(
    services: Given, scope: _Reading, clip: _Name, asked: _Asked
) -> ProposalPage:
    """Cases within reach that the clip may belong to, with reasons; the best first."""
    row = await _clip(services, scope, clip)
    await refuse_classified(services.marks, scope.principal, [row.id])
    found = await services.proposing.for_clip(row, within=scope.cases(), limit=asked.limit)
    return await _page(services, scope, found)


@router.post("/cases/{case_no:path}/proposals/{clip}/accept", responses=_MADE)
async def accept_proposal(
    services: Given,
    scope: _Linking,
    case_no: CaseNo,
    clip: _Name,
    asked: AcceptAsked,
    acting: Acting,
    response: Response,
) -> LinkTold:
    """Tie a proposed clip to the case, the reasons on record. The same again changes nothing."""
    await services.cases.case(case_no, within=scope.cases())
    row = await _clip(services, scope, clip)
    await refuse_classified(services.marks, scope.principal, [row.id])
    by = scope.principal.signs(asked.by)
    link, made = await services.proposing.accept(
        case_no, row.id, by=by, why=asked.why, knows=acting
    )
    if made:
        response.status_code = HTTPStatus.CREATED.value
    return LinkTold.of(link)


@router.post("/cases/{case_no:path}/proposals/{clip}/reject")
async def reject_proposal(
    services: Given,
    scope: _Linking,
    case_no: CaseNo,
    clip: _Name,
    asked: RejectAsked,
    acting: Acting,
) -> RejectionTold:
    """Say that a clip does not belong to the case.

    It is not proposed again for it until the case's particulars are set anew.
    """
    case = await services.cases.case(case_no, within=scope.cases())
    row = await _clip(services, scope, clip)
    await refuse_classified(services.marks, scope.principal, [row.id])
    by = scope.principal.signs(asked.by)
    rejected = await services.proposing.reject(case_no, row.id, by=by, why=asked.why, knows=acting)
    return RejectionTold.of(rejected, case.case_no)
