"""Rules and retention over HTTP."""

from __future__ import annotations

import base64
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from gateway.access.gate import allowed
from gateway.access.policy import Act
from gateway.access.scope import Scope
from gateway.evidence.models import Clip
from gateway.evidence.reach import legible
from gateway.given import Given
from gateway.problems import Problem
from gateway.retention.pack import read_pack
from gateway.retention.schemas import RetentionTold, RulesAsked, RulesDetail, RulesTold

router = APIRouter()
_Reading = Annotated[Scope, allowed(Act.RULES_READ)]
_Adopting = Annotated[Scope, allowed(Act.RULES_ADOPT)]
_MADE = {201: {"description": "Adopted now; 200 when it was in force already."}}


@router.get("/clips/{clip}/retention", tags=["clips"])
async def get_retention(services: Given, row: Annotated[Clip, Depends(legible)]) -> RetentionTold:
    """How long a clip is kept, and why, line by line."""
    rules = await services.retention.in_force()
    decision = (await services.retention.of_clips([row], rules))[row.id]
    return RetentionTold.of(str(row.id), decision, rules)


@router.post("/rules", tags=["rules"], responses={201: {**_MADE[201], "model": RulesTold}})
async def adopt_rules(
    services: Given, scope: _Adopting, asked: RulesAsked, response: Response
) -> RulesTold:
    """Adopt a signed rule pack, of a higher version than any before."""
    if not scope.is_everything:
        raise Problem(
            HTTPStatus.FORBIDDEN, "beyond-your-unit", "rules are adopted by those above all units"
        )
    try:
        raw = base64.b64decode(asked.pack, validate=True)
    except ValueError as error:
        detail = "pack is not base64"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "request-invalid", detail) from error
    by = scope.principal.signs(asked.by)
    row, made = await services.retention.adopt(raw, asked.signature, by=by, why=asked.why)
    if made:
        response.status_code = HTTPStatus.CREATED.value
    return RulesTold.of(row)


@router.get("/rules", tags=["rules"])
async def list_rules(services: Given, _scope: _Reading) -> list[RulesTold]:
    """Every rule pack that was adopted; the first is in force."""
    return [RulesTold.of(row) for row in await services.retention.adopted()]


@router.get("/rules/{version}", tags=["rules"])
async def get_rules(
    services: Given, _scope: _Reading, version: Annotated[int, Path(ge=1, le=10**9)]
) -> RulesDetail:
    """One of them, with what it says, its file and its signature."""
    row, raw, signature = await services.retention.file(version)
    return RulesDetail.whole(row, read_pack(raw), raw, signature)
