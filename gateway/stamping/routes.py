"""Time stamps over HTTP; whether one is to be trusted is for the reader's own roots to say."""

from __future__ import annotations

import base64
from typing import Annotated

from fastapi import APIRouter, Query

from gateway.access.gate import allowed
from gateway.access.policy import Act
from gateway.given import Given
from gateway.shapes import Position, Told

router = APIRouter(prefix="/log", tags=["log"], dependencies=[allowed(Act.LOG_PROVE)])


class StampTold(Told):
    """A checkpoint as a signed note, and the RFC 3161 response over its text, base64 of DER."""

    checkpoint: str
    response: str


class StampsTold(Told):
    """Stamps, the smallest checkpoint first."""

    stamps: list[StampTold]


@router.get("/stamps")
async def list_stamps(
    services: Given,
    at_least: Annotated[
        Position, Query(description="Those over checkpoints of at least this size.")
    ] = 0,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> StampsTold:
    """Time stamps over checkpoints: the first is the earliest that covers an entry below it."""
    found = await services.stamps.since(at_least, limit)
    return StampsTold(
        stamps=[
            StampTold(
                checkpoint=each.note.decode(), response=base64.b64encode(each.response).decode()
            )
            for each in found
        ]
    )
