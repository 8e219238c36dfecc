"""Docks over HTTP: enrol one, list them, hand out the trust file."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from gateway.access.gate import OPEN_TO_ALL, allowed
from gateway.access.policy import Act
from gateway.docks.schemas import (
    DocksTold,
    DockTold,
    EnrolAsked,
    EnrolledTold,
    NotePage,
    NoteTold,
    TrustTold,
    UnknownTold,
)
from gateway.given import Given
from gateway.shapes import DockText, PageAsked

router = APIRouter(tags=["docks"])
_READS, _MANAGES = [allowed(Act.DOCKS_READ)], [allowed(Act.DOCKS_MANAGE)]


@router.get("/docks", dependencies=_READS)
async def list_docks(services: Given) -> DocksTold:
    """All enrolled docks, and names that speak on the broker without being enrolled."""
    return DocksTold(
        docks=[DockTold.of(row) for row in await services.docks.docks()],
        unknown=[UnknownTold.of(row) for row in await services.docks.strangers()],
    )


@router.post(
    "/docks",
    dependencies=_MANAGES,
    responses={
        201: {"description": "Done now; 200 when it was so already.", "model": EnrolledTold}
    },
)
async def enrol_dock(services: Given, asked: EnrolAsked, response: Response) -> EnrolledTold:
    """Trust a dock's key. The same again is answered alike; another key is a conflict."""
    row, enrolled = await services.docks.enrol(asked.id, asked.statement_key, asked.how)
    if enrolled:
        response.status_code = HTTPStatus.CREATED.value
    return EnrolledTold(dock=DockTold.of(row), trust=_trust(services))


@router.get("/docks/{dock}", dependencies=_READS)
async def get_dock(services: Given, dock: Annotated[DockText, Path()]) -> DockTold:
    """One dock."""
    return DockTold.of(await services.docks.dock(dock))


@router.get("/docks/{dock}/notes", dependencies=_READS)
async def list_notes(
    services: Given, dock: Annotated[DockText, Path()], asked: Annotated[PageAsked, Query()]
) -> NotePage:
    """What officers noted of the dock's sessions, newest first, with how many clips those had."""
    rows = await services.docks.notes(dock, before=asked.cursor, limit=asked.limit + 1)
    page, more = rows[: asked.limit], rows[asked.limit :]
    clips = await services.evidence.count_by_session({row.session for row in page})
    return NotePage(
        notes=[NoteTold.of(row, clips.get(row.session, 0)) for row in page],
        next=page[-1].entry_index if more else None,
    )


@router.get("/trust", dependencies=[OPEN_TO_ALL])
async def get_trust(services: Given) -> TrustTold:
    """The trust file. Compare its keys with the operator's before relying on them."""
    return _trust(services)


def _trust(services: Given) -> TrustTold:
    return TrustTold.model_validate_json(services.docks.anchors().to_json())
