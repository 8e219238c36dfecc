"""Corrections over HTTP."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from gateway.access.gate import Who
from gateway.corrections.schemas import CorrectionAsked, CorrectionTold
from gateway.corrections.service import NewCorrection
from gateway.evidence.models import Clip
from gateway.evidence.reach import correctable, traceable
from gateway.given import Given

router = APIRouter(prefix="/clips", tags=["clips"])
_MADE = {"description": "Done now; 200 when it was so already.", "model": CorrectionTold}


@router.post("/{clip}/corrections", responses={201: _MADE})
async def correct_clip(
    services: Given,
    row: Annotated[Clip, Depends(correctable)],
    who: Who,
    asked: CorrectionAsked,
    response: Response,
) -> CorrectionTold:
    """Put right who recorded a clip, which unit it is of, or when it began.

    The claim stays beside it. For the unit that the clip itself counts to, as claimed or
    corrected: a link to one of your cases shows you a clip, and makes it nobody's.
    """
    by = who.signs(asked.by)
    new = NewCorrection(asked.field, asked.value, asked.error_ms, asked.known_by, by, asked.why)
    made, stated = await services.corrections.correct(row, new)
    if stated:
        response.status_code = HTTPStatus.CREATED.value
    return CorrectionTold.of(made)


@router.get("/{clip}/corrections")
async def list_corrections(
    services: Given, row: Annotated[Clip, Depends(traceable)]
) -> list[CorrectionTold]:
    """Every correction of a clip, those taken back included, oldest first."""
    return [CorrectionTold.of(each) for each in await services.corrections.listing(row.id)]
