"""Exports over HTTP: the act is stated and logged, then everything of the pack can be had."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic_core import to_json
from starlette.responses import Response, StreamingResponse

from gateway.export.content import read_dossier
from gateway.export.schemas import DossierTold, ExportAsked, ExportTold, WitnessingTold
from gateway.export.service import NewExport
from gateway.given import Given
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


@router.post("", status_code=HTTPStatus.CREATED.value)
async def make_export(services: Given, asked: ExportAsked) -> ExportTold:
    """State in the log that clips are handed out.

    Each call is an export of its own, unless it has the `key` of an earlier one.
    """
    new = NewExport(asked.reason, asked.recipient, asked.by, asked.key)
    if asked.case_no is not None:
        return ExportTold.of(await services.exports.of_case(asked.case_no, new))
    clip = await services.evidence.clip(ClipId.parse(asked.clip or ""))
    if clip is None:
        raise Problem(
            HTTPStatus.NOT_FOUND, "clip-unknown", "no clip of that name was sealed and logged"
        )
    return ExportTold.of(await services.exports.of_clip(clip, new))


@router.get("/{number}")
async def get_export(services: Given, number: Annotated[Position, Path()]) -> ExportTold:
    """One export, as the log has it."""
    return ExportTold.of(await services.exports.export(number))


@router.get("/{number}/dossier", response_model=DossierTold)
async def get_dossier(services: Given, number: Annotated[Position, Path()]) -> Response:
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
    number: Annotated[Position, Path()],
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
    number: Annotated[Position, Path()],
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
