"""What a person has to see to, over HTTP: alarms, and entries that were refused or set aside.

Nothing here is silently missing: an entry that was not admitted, or whose effect was
refused, is named until somebody has looked into it.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Response

from gateway.access.gate import allowed
from gateway.access.policy import Act
from gateway.access.scope import Scope
from gateway.docks.schemas import DockTold
from gateway.given import Given
from gateway.intake.attention import attention
from gateway.intake.schemas import (
    AlarmTold,
    AttentionTold,
    EpochAsked,
    EpochTold,
    QuarantineTold,
    RefusalTold,
    RevokeAsked,
    SettleAsked,
    SettledTold,
)
from gateway.shapes import DockText, Line

router = APIRouter(tags=["attention"])
_Managing = Annotated[Scope, allowed(Act.DOCKS_MANAGE)]


@router.get("/attention", dependencies=[allowed(Act.DOCKS_READ)])
async def get_attention(services: Given) -> AttentionTold:
    """Alarms that stand, oldest first; refused and quarantined entries, newest first."""
    found = await attention(services.database)
    return AttentionTold(
        alarms=[AlarmTold.of(row) for row in found.alarms],
        refusals=[RefusalTold.of(row) for row in found.refusals],
        quarantine=[QuarantineTold.of(row) for row in found.quarantine],
    )


@router.post(
    "/docks/{dock}/epochs",
    responses={201: {"description": "Done now; 200 when it was so already.", "model": EpochTold}},
)
async def approve_epoch(
    services: Given,
    scope: _Managing,
    dock: Annotated[DockText, Path()],
    asked: EpochAsked,
    response: Response,
) -> EpochTold:
    """Let a dock that lost its ledger begin its next epoch. The same again is answered alike."""
    row, approved = await services.decisions.approve_epoch(
        dock, asked.epoch, by=scope.principal.signs(asked.by), reason=asked.reason
    )
    if approved:
        response.status_code = HTTPStatus.CREATED.value
    return EpochTold.of(row)


@router.post(
    "/docks/{dock}/revocation",
    responses={201: {"description": "Done now; 200 when it was so already.", "model": DockTold}},
)
async def revoke_dock(
    services: Given,
    scope: _Managing,
    dock: Annotated[DockText, Path()],
    asked: RevokeAsked,
    response: Response,
) -> DockTold:
    """Trust a dock's ledger up to this entry and no further; a later one may only be earlier.

    What was signed up to that entry stays valid for ever. The same again is answered alike. An
    entry beyond all that is logged of the dock is refused, unless ``not_logged_yet`` says so.
    """
    last, by = (asked.last_epoch, asked.last_seq), scope.principal.signs(asked.by)
    row, revoked = await services.revoking.revoke(
        dock,
        last,
        by=by,
        reason=asked.reason,
        ahead=asked.not_logged_yet,
    )
    if revoked:
        response.status_code = HTTPStatus.CREATED.value
    return DockTold.of(row)


@router.post("/docks/{dock}/alarms/{code}/settle")
async def settle_alarm(
    services: Given,
    scope: _Managing,
    dock: Annotated[DockText, Path()],
    code: Annotated[Line, Path()],
    asked: SettleAsked,
) -> SettledTold:
    """End an alarm that accuses a dock or this gateway, once somebody looked into it."""
    by = scope.principal.signs(asked.by)
    index = await services.decisions.settle_alarm(dock, code, by=by, reason=asked.reason)
    return SettledTold(index=index)
