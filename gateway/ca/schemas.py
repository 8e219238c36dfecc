"""What the API takes and tells about certificates."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from gateway.ca.folder import Authorities
from gateway.ca.models import Certificate
from gateway.ca.profiles import Purpose
from gateway.shapes import Asked, HexDigest, PlainLine, PlainProse, Told


class AuthorityTold(Told):
    """The authority that docks pin."""

    fingerprint: HexDigest = Field(description="SHA-256 of the root certificate in DER.")
    root: str = Field(description="Its subject.")
    not_after: datetime
    development: bool = Field(description="The gateway made it by itself, for trying it out.")
    root_is_here: bool = Field(description="The root's key is still beside the others.")

    @classmethod
    def of(cls, known: Authorities) -> AuthorityTold:
        """From its keys and certificates."""
        return cls(
            fingerprint=known.fingerprint.hex(),
            root=known.root.subject.rfc4514_string(),
            not_after=known.root.not_valid_after_utc,
            development=known.development,
            root_is_here=known.root_is_here,
        )


class CertificateTold(Told):
    """A certificate that was issued."""

    serial: str = Field(description="In hex.")
    purpose: str = Field(description="`dock`, `statement`, `server` or `client`.")
    name: str
    kid: HexDigest = Field(description="SHA-256 of the key's SubjectPublicKeyInfo.")
    not_before: datetime
    not_after: datetime
    revoked_at: datetime | None
    revoked_by: str | None
    revoked_reason: str | None
    dock_revoked_at: datetime | None = Field(
        description="Since when its dock is revoked, and the certificate with it; of `dock` only."
    )

    @classmethod
    def of(cls, row: Certificate, dock_revoked_at: datetime | None) -> CertificateTold:
        """From its row, and since when the dock of its name is revoked."""
        with_dock = row.purpose == Purpose.DOCK
        return cls(
            serial=row.serial,
            purpose=row.purpose,
            name=row.name,
            kid=row.kid.hex(),
            not_before=row.not_before,
            not_after=row.not_after,
            revoked_at=row.revoked_at,
            revoked_by=row.revoked_by,
            revoked_reason=row.revoked_reason,
            dock_revoked_at=dock_revoked_at if with_dock else None,
        )


class CertificatesTold(Told):
    """The authority, and what it issued."""

    authority: AuthorityTold
    certificates: list[CertificateTold] = Field(description="Newest first.")


class RevokeAsked(Asked):
    """Who revokes a certificate, and why."""

    by: PlainLine | None = None
    reason: PlainProse
