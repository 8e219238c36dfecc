"""Exports over HTTP: the act is stated and logged, then everything of the pack can be had."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic_core import to_json
from starlette.responses import Response, StreamingResponse

from gateway.access.gate import allowed
from gateway.access.policy import Act
from gateway.access.scope import Scope
from gateway.export.content import read_dossier
from gateway.export.schemas import DossierTold, ExportAsked, ExportTold, WitnessingTold
from gateway.export.service import NewExport
from gateway.given import Given
from gateway.marks.heeding import refuse_classified
from gateway.problems import Problem
from gateway.services import Services
from gateway.shapes import Position
from protocols.ids import ClipId

MOST_WAIT_S = 20.0
"""Shorter than clients wait for an answer; who wants to wait longer asks again."""

MOST_ZIP_WAIT_S = 600.0
_PIECE = 1 << 20
_ZIP: dict[int | str, dict[str, Any]] = {
    200: {"description": "A ZIP file.", "content": {"application/zip": {"schema": {}}}}
}
router = APIRouter(prefix="/exports", tags=["exports"])
_Making = Annotated[Scope, allowed(Act.EXPORTS_MAKE)]


async def _own(services: Given, scope: _Making, number: Annotated[Position, Path()]) -> int:
    # What was handed out to somebody is for who did it, and for who stands above everybody.
    if not scope.is_everything:
        made = await services.exports.export(number)
        if not scope.principal.signed(made.by):
            raise Problem(
                HTTPStatus.NOT_FOUND, "export-unknown", "no export of that number, or not yours"
            )
    made = await services.exports.export(number)
    clips = [ClipId.parse(name) for name in made.clips]
    await refuse_classified(services.marks, scope.principal, clips)
    return number


_Own = Annotated[int, Depends(_own)]


@router.post("", status_code=HTTPStatus.CREATED.value)
async def make_export(services: Given, scope: _Making, asked: ExportAsked) -> ExportTold:
    """State in the log that clips are handed out.

    Each call is an export of its own, unless it has the `key` of an earlier one.
    """
    by = scope.principal.signs(asked.by)
    new = NewExport(asked.reason, asked.recipient, by, asked.key, asked.acknowledged)
    if asked.case_no is not None:
        await services.cases.case(asked.case_no, within=scope.cases())
        clips = await services.exports.clips_of(asked.case_no)
        await refuse_classified(services.marks, scope.principal, clips)
        return ExportTold.of(await services.exports.of_case(asked.case_no, new))
    clip = await services.evidence.clip(ClipId.parse(asked.clip or ""), within=scope.clips())
    if clip is None:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "clip-unknown",
            "no clip of that name was sealed and logged, or it is not yours to see",
        )
    await refuse_classified(services.marks, scope.principal, [clip.id])
    return ExportTold.of(await services.exports.of_clip(clip, new))


@router.get("/{number}")
async def get_export(services: Given, number: _Own) -> ExportTold:
    """One export, as the log has it."""
    return ExportTold.of(await services.exports.export(number))


@router.get("/{number}/dossier", response_model=DossierTold)
async def get_dossier(services: Given, number: _Own) -> Response:
    """Trail, receipts, proofs and trust for the pack; the originals are `/clips/{clip}/content`."""
    told = await _told(services, number)
    # A long trail takes a while to write out, and the intake lives in this loop too.
    raw = await asyncio.to_thread(to_json, told)
    # Piece by piece, because the server copies what it is given whole, and more than once.
    fields = {"content-length": str(len(raw))}
    return StreamingResponse(_pieces(raw), media_type="application/json", headers=fields)


@router.get("/{number}/pack.zip", response_class=Response, responses=_ZIP)
async def get_pack(
    services: Given,
    number: _Own,
    wait_witnesses: Annotated[
        float, Query(ge=0, le=MOST_ZIP_WAIT_S, description="Seconds at most.")
    ] = 0,
) -> Response:
    """The whole pack as a ZIP file, made while it is sent: it has no length and no ranges.

    The act was stated when the export was made. A download that was cut is no ZIP file; asked
    again, the pack is made again under the same number.
    """
    services.streams.refuse_more()
    await services.exports.witnessing(number, wait_witnesses)
    told = await _told(services, number)
    raw = await asyncio.to_thread(to_json, told)
    content = await asyncio.to_thread(read_dossier, raw, number)
    fields = {
        "content-disposition": f'attachment; filename="export-{number}.zip"',
        "accept-ranges": "none",
        "cache-control": "no-store",
    }
    chunks = services.streams.chunks(content)
    return StreamingResponse(chunks, media_type="application/zip", headers=fields)


@router.get("/{number}/witnesses")
async def get_witnessing(
    services: Given,
    number: _Own,
    wait: Annotated[float, Query(ge=0, le=MOST_WAIT_S, description="Seconds at most.")] = 0,
) -> WitnessingTold:
    """Who has seen the acts of an export; waits until all have, but not longer than `wait`."""
    return WitnessingTold.of(await services.exports.witnessing(number, wait))


async def _pieces(raw: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(raw), _PIECE):
        yield raw[start : start + _PIECE]


async def _told(services: Services, number: int) -> DossierTold:
    dossier = await services.exports.dossier(number)
    anchors = replace(services.log.anchors(), note=dossier.trail.checkpoint.encode())
    return DossierTold.of(dossier, anchors.to_json())
