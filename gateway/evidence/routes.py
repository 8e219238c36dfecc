"""Clips over HTTP: lists, one clip, its content, its trail and its proof."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from gateway.access.gate import Who, allowed
from gateway.access.policy import Act
from gateway.access.scope import Scope
from gateway.conditional import NOT_MODIFIED, Reading
from gateway.evidence.content import CONTENT_TYPES, content_response
from gateway.evidence.leaves import leaf_list
from gateway.evidence.models import Clip
from gateway.evidence.proof import prove
from gateway.evidence.reach import playable, readable, traceable
from gateway.evidence.schemas import (
    ClipDetail,
    ClipLinkTold,
    ClipPage,
    ClipProof,
    ClipsAsked,
)
from gateway.evidence.telling import told
from gateway.evidence.wanted import wanted
from gateway.given import Given
from gateway.shapes import FromSize

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
    """List clips within reach, newest first: by the log, or by the time that is asked for."""
    found = await wanted(services, asked, scope, asked.cursor)
    rows = await services.evidence.find(found, asked.limit + 1)
    page, more = rows[: asked.limit], rows[asked.limit :]
    return ClipPage(
        clips=await told(services, scope.principal, page),
        next=page[-1].entry_index if more else None,
    )


@router.get("/{clip}", responses=NOT_MODIFIED)
async def get_clip(
    services: Given,
    who: Who,
    row: Annotated[Clip, Depends(readable)],
    reading: Reading,
    response: Response,
) -> ClipDetail:
    """One clip with the cases it is and was linked to."""
    # Before the rest is read: what comes in between must not hide behind a newer tag.
    version = await services.log.newest_about(row.id.clip_urn)
    (of_clip,) = await told(services, who, [row])
    links = [] if of_clip.concealed else await services.cases.links_of_clip(row.id)
    detail = ClipDetail(
        **of_clip.model_dump(),
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
    reading.tag(response, version, detail)
    return detail


@router.get("/{clip}/content", response_class=Response, responses=_CONTENT_RESPONSES)
async def get_content(
    services: Given, request: Request, who: Who, row: Annotated[Clip, Depends(playable)]
) -> Response:
    """The clip's bytes, or one range of them; the entity tag is their SHA-256.

    Unless you recorded it, say first why you look at it: `POST /clips/{clip}/views`.
    """
    await services.disposals.refuse_disposed(row)
    await services.views.refuse_unsaid(who, row)
    return await content_response(services.evidence, row, request.headers, body=True)


@router.head("/{clip}/content", response_class=Response, responses=_CONTENT_RESPONSES)
async def head_content(
    services: Given, request: Request, row: Annotated[Clip, Depends(playable)]
) -> Response:
    """Size, type and SHA-256 of the clip's bytes."""
    await services.disposals.refuse_disposed(row)
    return await content_response(services.evidence, row, request.headers, body=False)


@router.get(
    "/{clip}/leaves",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
async def get_leaves(services: Given, row: Annotated[Clip, Depends(traceable)]) -> Response:
    """SHA-256 of every leaf of 1 MiB, 32 bytes each, to check the content as it comes.

    Believe it only if it leads to the root in the signed record (RFC 9162).
    """
    return Response(await leaf_list(services.store, row), media_type="application/octet-stream")


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
