"""Cases over HTTP. A case number in an address is percent-encoded whole, slashes too."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from gateway.access.gate import allowed
from gateway.access.policy import Act
from gateway.access.scope import Scope
from gateway.addresses import segment_text
from gateway.cases.asked import CasesAsked
from gateway.cases.models import Case
from gateway.cases.schemas import (
    CaseAsked,
    CaseDetail,
    CasePage,
    CaseTold,
    CoverageTold,
    LinkAsked,
    LinkTold,
    PartTold,
    UnlinkAsked,
)
from gateway.cases.searching import CaseFilter
from gateway.cases.service import ClipUnknownError, NewCase, NewLink
from gateway.conditional import NOT_MODIFIED, Acting, Conditions, Reading
from gateway.given import Given
from gateway.marks.heeding import legible, refuse_classified
from gateway.problems import Problem
from gateway.services import Services
from gateway.shapes import EntryText, FromSize
from protocols.errors import IdError
from protocols.ids import ClipId, case_urn

router = APIRouter(prefix="/cases", tags=["cases"])
_MADE = {201: {"description": "Done now; 200 when it was so already."}}

_Reading = Annotated[Scope, allowed(Act.CASES_READ)]
_Opening = Annotated[Scope, allowed(Act.CASES_OPEN)]
_Linking = Annotated[Scope, allowed(Act.CASES_LINK)]


def _case_no(case_no: Annotated[str, Path(max_length=2400)]) -> str:
    return segment_text(case_no)


CaseNo = Annotated[str, Depends(_case_no)]


def _clip_id(text: str) -> ClipId:
    try:
        return ClipId.parse(text)
    except IdError as error:
        raise Problem(HTTPStatus.NOT_FOUND, "clip-unknown", str(error)) from error


@router.post("", responses={201: {**_MADE[201], "model": CaseTold}})
async def open_case(
    services: Given, scope: _Opening, asked: CaseAsked, response: Response
) -> CaseTold:
    """Open a case. The same again is answered alike; other particulars are a conflict."""
    unit = asked.unit or scope.principal.unit or None
    if not scope.has_unit(unit):
        raise Problem(
            HTTPStatus.FORBIDDEN, "beyond-your-unit", "this unit is not in your part of the tree"
        )
    by = scope.principal.signs(asked.by)
    new = NewCase(asked.case_no, asked.title, asked.category, unit, by)
    case, opened = await services.cases.open(new)
    if opened:
        response.status_code = HTTPStatus.CREATED.value
    return CaseTold.of(case)


@router.get("")
async def list_cases(
    services: Given, scope: _Reading, asked: Annotated[CasesAsked, Query()]
) -> CasePage:
    """List cases within reach, newest first; what is merged into another shows only as such."""
    sought = asked.model_dump(exclude={"cursor", "limit"})
    wanted = CaseFilter(**sought, within=scope.cases(), before=asked.cursor)
    rows = await services.cases.find(limit=asked.limit + 1, wanted=wanted)
    page, more = rows[: asked.limit], rows[asked.limit :]
    return CasePage(
        cases=[CaseTold.of(row) for row in page],
        next=page[-1].opened_index if more else None,
    )


@router.get("/{case_no:path}/trail", response_class=Response)
async def get_trail(
    services: Given,
    scope: Annotated[Scope, allowed(Act.TRAILS_READ)],
    case_no: CaseNo,
    from_size: FromSize = None,
) -> Response:
    """Everything in the log about the case and its clips, for offline verification."""
    case = await services.cases.case(case_no, within=scope.cases())
    clips = {link.clip for link in await services.cases.links(case)}
    await refuse_classified(services.marks, scope.principal, clips)
    document = await services.trails.of_case(case, from_size=from_size)
    # A long trail takes a while to write out, and the intake lives in this loop too.
    text = await asyncio.to_thread(document.model_dump_json)
    return Response(text, media_type="application/json")


@router.get("/{case_no:path}/coverage")
async def get_coverage(services: Given, scope: _Reading, case_no: CaseNo) -> CoverageTold:
    """What footage of each stage of the case there is, by which clips, and where it is missing."""
    case = await services.cases.case(case_no, within=scope.cases())
    readable = legible(services.marks, scope.principal)
    return CoverageTold.of(case, await services.stages.coverage(case, readable))


@router.get("/{case_no:path}/links")
async def list_links(services: Given, scope: _Reading, case_no: CaseNo) -> list[LinkTold]:
    """Every link ever made to the case, withdrawn ones included, oldest first."""
    case = await services.cases.case(case_no, within=scope.cases())
    return [LinkTold.of(link) for link in await services.cases.links(case)]


@router.get("/{case_no:path}/links/{clip}")
async def get_link(
    services: Given, scope: _Reading, case_no: CaseNo, clip: Annotated[EntryText, Path()]
) -> LinkTold:
    """The newest link between the case and a clip, be it withdrawn."""
    await services.cases.case(case_no, within=scope.cases())
    return LinkTold.of(await services.cases.newest_link(case_no, _clip_id(clip)))


@router.post("/{case_no:path}/links", responses={201: {**_MADE[201], "model": LinkTold}})
async def link_clip(
    services: Given,
    scope: _Linking,
    case_no: CaseNo,
    asked: LinkAsked,
    acting: Acting,
    response: Response,
) -> LinkTold:
    """Tie a clip to the case. The same again is answered alike."""
    await services.cases.case(case_no, within=scope.cases())
    clip = _clip_id(asked.clip)
    if not scope.is_everything and not await services.evidence.clip(clip, within=scope.clips()):
        raise ClipUnknownError(f"no clip {clip} was sealed, or it is not yours to see")
    # It would give the footage to those of the case's unit who may see what is classified.
    await refuse_classified(services.marks, scope.principal, [clip])
    new = NewLink(clip, scope.principal.signs(asked.by), asked.why, asked.how)
    link, made = await services.cases.link(case_no, new, knows=acting)
    if made:
        response.status_code = HTTPStatus.CREATED.value
    return LinkTold.of(link)


@router.delete("/{case_no:path}/links/{clip}")
async def unlink_clip(
    services: Given,
    scope: _Linking,
    case_no: CaseNo,
    clip: Annotated[EntryText, Path()],
    asked: UnlinkAsked,
    acting: Acting,
) -> LinkTold:
    """Withdraw a link; it stays on record."""
    await services.cases.case(case_no, within=scope.cases())
    by = scope.principal.signs(asked.by)
    link = await services.cases.unlink(case_no, _clip_id(clip), by=by, why=asked.why, knows=acting)
    return LinkTold.of(link)


@router.get("/{case_no:path}", responses=NOT_MODIFIED)
async def get_case(
    services: Given, scope: _Reading, case_no: CaseNo, reading: Reading, response: Response
) -> CaseDetail:
    """One case with its particulars and its links, withdrawn ones included.

    A former number, and one of a case that was merged into another, is answered with the case
    that answers for it now; `asked` says so.
    """
    case = await services.cases.case(case_no, within=scope.cases())
    return await tagged(services, case, case_no, reading, response)


async def tagged(
    services: Services, case: Case, case_no: str, conditions: Conditions, response: Response
) -> CaseDetail:
    """All of a case, with its entity tag."""
    # First, so that the tag is never of more than what is told.
    version = await services.log.newest_about(case_urn(case.token))
    told = await detail(services, case, case_no)
    conditions.tag(response, version, told)
    return told


async def detail(services: Services, case: Case, case_no: str) -> CaseDetail:
    """All of a case, as asked for under one of its numbers."""
    cases, given = services.cases, await services.cases.number(case_no)
    asked = "current" if case.case_no == case_no else "former"
    lists = dict.fromkeys(("parties", "officers", "stages", "external_ids"), ()) | {
        "decision": None
    }
    told = {
        **CaseTold.of(case).model_dump(),
        **lists,
        **(case.particulars or {}),
        "asked": asked if given.origin == case.token else "merged",
        "numbers": [number.case_no for number in await cases.numbers(case)],
        "merged": [PartTold.of(part) for part in await cases.parts(case)],
        "links": [LinkTold.of(link) for link in await cases.links(case)],
    }
    return CaseDetail.model_validate(told)
