"""Certificates over HTTP, for operators: what was issued, and taking one back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from gateway.access.gate import allowed
from gateway.access.policy import Act
from gateway.access.scope import Scope
from gateway.ca.profiles import Purpose
from gateway.ca.schemas import AuthorityTold, CertificatesTold, CertificateTold, RevokeAsked
from gateway.errors import InvalidError, NotFoundError
from gateway.given import Given
from gateway.shapes import Line

router = APIRouter(tags=["certificates"])


class AuthorityMissingError(NotFoundError):
    """This gateway has no authority for certificates."""


class StatementCertificateError(InvalidError):
    """A statement key's certificate opens no door; revoking it would look like more than it is."""


@router.get("/certificates", dependencies=[allowed(Act.DOCKS_READ)])
async def list_certificates(
    services: Given, name: Annotated[Line | None, Query(description="Of this name only.")] = None
) -> CertificatesTold:
    """The authority, and all certificates it issued or those of one name."""
    if not services.issues:
        raise AuthorityMissingError("there is no authority: `evidock-gateway ca init` makes one")
    docks = await services.authority.revoked_docks()
    return CertificatesTold(
        authority=AuthorityTold.of(services.authority.authorities),
        certificates=[
            CertificateTold.of(row, docks.get(row.name))
            for row in await services.authority.certificates(name)
        ],
    )


@router.post("/certificates/{serial}/revoke")
async def revoke_certificate(
    services: Given,
    scope: Annotated[Scope, allowed(Act.DOCKS_MANAGE)],
    serial: Annotated[str, Path(pattern=r"^[0-9A-Fa-f:]{1,60}$")],
    asked: RevokeAsked,
) -> CertificateTold:
    """Take a certificate's right to connect; revoking it again changes nothing.

    The broker learns it from the list of revoked certificates, which is written at once.
    """
    row = await services.authority.certificate(serial)
    if row.purpose == Purpose.STATEMENT:
        msg = (
            f"a statement key counts by the log: `evidock-gateway revoke {row.name}` ends its trust"
        )
        raise StatementCertificateError(msg)
    row = await services.authority.revoke(serial, scope.principal.signs(asked.by), asked.reason)
    await services.revocations.refresh()
    docks = await services.authority.revoked_docks()
    return CertificateTold.of(row, docks.get(row.name))
