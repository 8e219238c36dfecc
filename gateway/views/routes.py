"""Views over HTTP: said before the content is asked for."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from gateway.access.gate import Who
from gateway.evidence.models import Clip
from gateway.evidence.reach import playable, traceable
from gateway.given import Given
from gateway.views.schemas import ViewAsked, ViewTold
from gateway.views.service import NewView

router = APIRouter(prefix="/clips", tags=["clips"])
_MOST = 500


@router.post("/{clip}/views", status_code=HTTPStatus.CREATED.value)
async def state_view(
    services: Given, who: Who, row: Annotated[Clip, Depends(playable)], asked: ViewAsked
) -> ViewTold:
    """Say why you look at a clip; its content is given for eight hours after that.

    Objections and a minor in the picture (`GET /clips/{clip}/marks`) have to be acknowledged.
    """
    await services.disposals.refuse_disposed(row)
    by = who.signs(asked.by)
    new = NewView(row.id, who.id, asked.how, by, asked.reason, asked.acknowledged)
    return ViewTold.of(await services.views.state(new))


@router.get("/{clip}/views")
async def list_views(
    services: Given,
    row: Annotated[Clip, Depends(traceable)],
    limit: Annotated[int, Query(ge=1, le=_MOST)] = 50,
) -> list[ViewTold]:
    """Who looked at a clip and why, newest first."""
    return [ViewTold.of(view) for view in await services.views.listing(row.id, limit)]
