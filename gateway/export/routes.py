"""Exports over HTTP: the act is stated and logged, then everything of the pack can be had."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from gateway.export.schemas import DossierTold, ExportAsked, ExportTold
from gateway.export.service import NewExport
from gateway.given import Given
from gateway.problems import Problem
from gateway.shapes import Position
from protocols.ids import ClipId

router = APIRouter(prefix="/exports", tags=["exports"])


@router.post("", status_code=HTTPStatus.CREATED.value)
async def make_export(services: Given, asked: ExportAsked) -> ExportTold:
    """State in the log that clips are handed out. Each call is an export of its own."""
    new = NewExport(asked.reason, asked.recipient, asked.by)
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
    dossier = await services.exports.dossier(number)
    anchors = replace(services.log.anchors(), note=dossier.trail.checkpoint.encode())
    told = DossierTold.of(dossier, anchors.to_json())
    # A long trail takes a while to write out, and the intake lives in this loop too.
    text = await asyncio.to_thread(told.model_dump_json)
    return Response(text, media_type="application/json")
