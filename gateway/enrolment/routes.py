"""Invitations over HTTP, for operators."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

import segno
from fastapi import APIRouter, Path

from gateway.access.gate import allowed
from gateway.access.policy import Act
from gateway.access.scope import Scope
from gateway.enrolment.schemas import (
    InvitationsTold,
    InvitationTold,
    InviteAsked,
    InvitedTold,
    WithdrawAsked,
)
from gateway.errors import ConflictError
from gateway.given import Given
from gateway.shapes import MAX_POSITION
from protocols.enrolment import Invitation
from protocols.ids import dock_id

router = APIRouter(tags=["enrolment"])
_Managing = Annotated[Scope, allowed(Act.DOCKS_MANAGE)]


class NoListenerError(ConflictError):
    """Docks cannot enrol here, as nothing listens for them."""


@router.post("/invitations", status_code=HTTPStatus.CREATED.value)
async def invite_dock(services: Given, scope: _Managing, asked: InviteAsked) -> InvitedTold:
    """Let a dock enrol once, within half an hour. The token is told here and never again."""
    own = services.config.enrolment
    if not own.names:
        raise NoListenerError("set [enrolment] names to how docks reach this host; then restart")
    known = services.authority.authorities
    row, token = await services.invitations.invite(asked.dock, scope.principal.signs(asked.by))
    made = Invitation(dock_id(row.dock), own.names[0], own.port, token, known.fingerprint)
    return InvitedTold(
        invitation=InvitationTold.of(row, services.invitations.state(row)),
        text=made.text(),
        qr=segno.make(made.text(), error="m").svg_data_uri(scale=4, border=4),
        url=made.url,
        token=token,
        fingerprint=known.fingerprint.hex(),
        development=known.development,
    )


@router.get("/invitations", dependencies=[allowed(Act.DOCKS_READ)])
async def list_invitations(services: Given) -> InvitationsTold:
    """The newest hundred invitations, and where each stands."""
    state = services.invitations.state
    rows = await services.invitations.listing()
    return InvitationsTold(invitations=[InvitationTold.of(row, state(row)) for row in rows])


@router.post("/invitations/{number}/withdraw")
async def withdraw_invitation(
    services: Given,
    scope: _Managing,
    number: Annotated[int, Path(ge=1, le=MAX_POSITION)],
    asked: WithdrawAsked,
) -> InvitationTold:
    """End an invitation; certificates issued on it are revoked, unless the TLS one was used."""
    row = await services.enrolment.withdraw(number, scope.principal.signs(asked.by))
    return InvitationTold.of(row, services.invitations.state(row))
