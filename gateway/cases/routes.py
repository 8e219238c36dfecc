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
from gateway.cases.models import Case
from gateway.cases.schemas import (
    CaseAsked,
    CaseDetail,
    CasePage,
    CaseTold,
    LinkAsked,
    LinkTold,
    UnlinkAsked,
)
from gateway.cases.service import ClipUnknownError, NewCase, NewLink
from gateway.given import Given
from gateway.problems import Problem
from gateway.shapes import EntryText, FromSize, PageAsked
from protocols.errors import IdError
from protocols.ids import ClipId

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
    services: Given, scope: _Reading, asked: Annotated[PageAsked, Query()]
) -> CasePage:
    """List cases within reach, newest first."""
    rows = await services.cases.find(
        before=asked.cursor, limit=asked.limit + 1, within=scope.cases()
    )
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
    document = await services.trails.of_case(case, from_size=from_size)
    # A long trail takes a while to write out, and the intake lives in this loop too.
    text = await asyncio.to_thread(document.model_dump_json)
    return Response(text, media_type="application/json")


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
    services: Given, scope: _Linking, case_no: CaseNo, asked: LinkAsked, response: Response
) -> LinkTold:
    """Tie a clip to the case. The same again is answered alike."""
    await services.cases.case(case_no, within=scope.cases())
    clip = _clip_id(asked.clip)
    if not scope.is_everything and not await services.evidence.clip(clip, within=scope.clips()):
        raise ClipUnknownError(f"no clip {clip} was sealed, or it is not yours to see")
    new = NewLink(clip, scope.principal.signs(asked.by), asked.why, asked.how)
    link, made = await services.cases.link(case_no, new)
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
) -> LinkTold:
    """Withdraw a link; it stays on record."""
    await services.cases.case(case_no, within=scope.cases())
    by = scope.principal.signs(asked.by)
    return LinkTold.of(await services.cases.unlink(case_no, _clip_id(clip), by=by, why=asked.why))


@router.get("/{case_no:path}")
async def get_case(services: Given, scope: _Reading, case_no: CaseNo) -> CaseDetail:
    """One case with its links, withdrawn ones included."""
    case = await services.cases.case(case_no, within=scope.cases())
    return _detail(case, [LinkTold.of(link) for link in await services.cases.links(case)])


def _detail(case: Case, links: list[LinkTold]) -> CaseDetail:
    return CaseDetail(**CaseTold.of(case).model_dump(), links=links)
