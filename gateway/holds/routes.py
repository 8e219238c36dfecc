"""Holds over HTTP."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query

from gateway.access.gate import allowed
from gateway.access.policy import Act
from gateway.access.scope import Scope
from gateway.given import Given
from gateway.holds.schemas import HoldAsked, HoldPage, HoldsAsked, HoldTold, LiftAsked
from gateway.holds.service import HoldFilter, NewHold
from gateway.problems import Problem
from gateway.services import Services
from protocols.errors import IdError
from protocols.ids import ClipId

router = APIRouter(prefix="/holds", tags=["holds"])
_Reading = Annotated[Scope, allowed(Act.HOLDS_READ)]
_Placing = Annotated[Scope, allowed(Act.HOLDS_PLACE)]
_Lifting = Annotated[Scope, allowed(Act.HOLDS_LIFT)]
_Token = Annotated[str, Path(max_length=32, pattern="^[0-9a-f]+$")]


@router.post("", status_code=HTTPStatus.CREATED.value)
async def place_hold(services: Given, scope: _Placing, asked: HoldAsked) -> HoldTold:
    """Keep clips, or all clips of a case now and later, from being disposed of."""
    case = None
    if asked.case_no is not None:
        case = await services.cases.case(asked.case_no, within=scope.cases())
    clips = [await _clip(services, scope, name) for name in dict.fromkeys(asked.clips or ())]
    new = NewHold(
        case,
        tuple(clips),
        asked.reason,
        asked.authority,
        asked.document,
        None if asked.until is None else asked.until.isoformat(),
        scope.principal.signs(asked.by),
    )
    return HoldTold.of(await services.holds.place(new))


@router.get("")
async def list_holds(
    services: Given, scope: _Reading, asked: Annotated[HoldsAsked, Query()]
) -> HoldPage:
    """List holds within reach, newest first."""
    case = None
    if asked.case_no is not None:
        case = (await services.cases.case(asked.case_no, within=scope.cases())).token
    wanted = HoldFilter(
        clip=None if asked.clip is None else await _clip(services, scope, asked.clip),
        case=case,
        in_force=asked.in_force,
        due=services.holds.today() if asked.due else None,
        before=asked.cursor,
    )
    rows = await services.holds.find(wanted, scope, asked.limit + 1)
    page, more = rows[: asked.limit], rows[asked.limit :]
    return HoldPage(
        holds=[HoldTold.of(row) for row in page],
        next=page[-1].row.placed_index if more else None,
    )


@router.get("/{hold}")
async def get_hold(services: Given, scope: _Reading, hold: _Token) -> HoldTold:
    """One hold."""
    return HoldTold.of(await services.holds.hold(hold, scope))


@router.post("/{hold}/lift")
async def lift_hold(services: Given, scope: _Lifting, hold: _Token, asked: LiftAsked) -> HoldTold:
    """End a hold. What it covered may be disposed of when nothing else keeps it."""
    by = scope.principal.signs(asked.by)
    return HoldTold.of(await services.holds.lift(hold, scope, by=by, reason=asked.reason))


async def _clip(services: Services, scope: Scope, name: str) -> ClipId:
    try:
        row = await services.evidence.clip(ClipId.parse(name), within=scope.clips())
    except IdError:
        row = None
    if row is None:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "clip-unknown",
            f"no clip {name[:60]} was sealed and logged, or it is not yours to see",
        )
    return row.id
