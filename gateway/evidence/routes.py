"""Clips over HTTP: lists, one clip, its content, its trail and its proof."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from gateway.access.gate import Who, allowed
from gateway.access.policy import Act
from gateway.access.scope import Scope
from gateway.evidence.content import CONTENT_TYPES, content_response
from gateway.evidence.models import Clip
from gateway.evidence.proof import prove
from gateway.evidence.reach import playable, readable, traceable
from gateway.evidence.schemas import (
    ClipDetail,
    ClipLinkTold,
    ClipPage,
    ClipProof,
    ClipsAsked,
    ClipTold,
)
from gateway.evidence.service import ClipFilter
from gateway.given import Given
from gateway.shapes import FromSize
from protocols.ids import DockId

router = APIRouter(prefix="/clips", tags=["clips"])


_BYTES = {"content": {kind: {"schema": {"type": "string"}} for kind in CONTENT_TYPES}}
_CONTENT_RESPONSES: dict[int | str, dict[str, object]] = {
    200: {"description": "The whole content.", **_BYTES},
    206: {"description": "One range of it.", **_BYTES},
    304: {"description": "The client has it already."},
}


@router.get("")
async def list_clips(
    services: Given,
    scope: Annotated[Scope, allowed(Act.CLIPS_READ)],
    asked: Annotated[ClipsAsked, Query()],
) -> ClipPage:
    """List clips within reach, newest in the log first."""
    linked = None
    if asked.case_no is not None:
        linked = await services.cases.linked(asked.case_no, within=scope.cases())
    wanted = ClipFilter(
        dock=None if asked.dock is None else DockId(asked.dock),
        state=asked.state,
        session=asked.session,
        sha256=None if asked.sha256 is None else bytes.fromhex(asked.sha256),
        linked=linked,
        before=asked.cursor,
        within=scope.clips(),
    )
    rows = await services.evidence.find(wanted, asked.limit + 1)
    page, more = rows[: asked.limit], rows[asked.limit :]
    return ClipPage(
        clips=[ClipTold.of(row) for row in page],
        next=page[-1].entry_index if more else None,
    )


@router.get("/{clip}")
async def get_clip(services: Given, row: Annotated[Clip, Depends(readable)]) -> ClipDetail:
    """One clip with the cases it is and was linked to."""
    links = await services.cases.links_of_clip(row.id)
    told = ClipTold.of(row).model_dump()
    return ClipDetail(
        **told,
        links=[
            ClipLinkTold(
                case_no=case_no,
                link=link.id,
                how=link.how,
                by=link.who,
                why=link.why,
                link_index=link.link_index,
                unlink_index=link.unlink_index,
            )
            for link, case_no in links
        ],
    )


@router.get("/{clip}/content", response_class=Response, responses=_CONTENT_RESPONSES)
async def get_content(
    services: Given, request: Request, who: Who, row: Annotated[Clip, Depends(playable)]
) -> Response:
    """The clip's bytes, or one range of them; the entity tag is their SHA-256.

    Unless you recorded it, say first why you look at it: `POST /clips/{clip}/views`.
    """
    await services.views.refuse_unsaid(who, row)
    return await content_response(services.evidence, row, request.headers, body=True)


@router.head("/{clip}/content", response_class=Response, responses=_CONTENT_RESPONSES)
async def head_content(
    services: Given, request: Request, row: Annotated[Clip, Depends(playable)]
) -> Response:
    """Size, type and SHA-256 of the clip's bytes."""
    return await content_response(services.evidence, row, request.headers, body=False)


@router.get("/{clip}/proof")
async def get_proof(services: Given, row: Annotated[Clip, Depends(traceable)]) -> ClipProof:
    """The dock's seal and the gateway's word that it stored the clip, with their receipts."""
    return await prove(services.log, row)


@router.get("/{clip}/trail", response_class=Response)
async def get_trail(
    services: Given, row: Annotated[Clip, Depends(traceable)], from_size: FromSize = None
) -> Response:
    """Everything in the log about the clip, in order, ready for offline verification."""
    document = await services.trails.of_clip(row, from_size=from_size)
    # A long trail takes a while to write out, and the intake lives in this loop too.
    text = await asyncio.to_thread(document.model_dump_json)
    return Response(text, media_type="application/json")
