"""What the API takes and tells about invitations."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from gateway.enrolment.models import Invitation
from gateway.shapes import Asked, DockText, HexDigest, PlainLine, Told, ToldOnce


class InviteAsked(Asked):
    """A dock to invite."""

    dock: DockText
    by: PlainLine | None = None


class WithdrawAsked(Asked):
    """Who withdraws an invitation."""

    by: PlainLine | None = None


class InvitationTold(Told):
    """An invitation, without its token."""

    id: int
    dock: str
    made_by: str
    made_at: datetime
    expires_at: datetime = Field(description="Until when it must be used for the first time.")
    state: str = Field(
        description="`open`, `begun` (bound to two keys), `used`, `expired` or `withdrawn`."
    )
    tls_kid: HexDigest | None = Field(description="The TLS key it is bound to.")
    statement_kid: HexDigest | None = Field(description="The statement key it is bound to.")

    @classmethod
    def of(cls, row: Invitation, state: str) -> InvitationTold:
        """From its row."""
        return cls(
            id=row.id,
            dock=row.dock,
            made_by=row.made_by,
            made_at=row.made_at,
            expires_at=row.expires_at,
            state=state,
            tls_kid=None if row.tls_kid is None else row.tls_kid.hex(),
            statement_kid=None if row.statement_kid is None else row.statement_kid.hex(),
        )


class InvitedTold(ToldOnce):
    """A new invitation with its token, which is told this once."""

    invitation: InvitationTold
    text: str = Field(description="All of it in one line, also for a QR code.")
    qr: str = Field(description="The same as a picture: an SVG image as a data URI.")
    url: str
    token: str
    fingerprint: HexDigest = Field(description="SHA-256 of the root certificate in DER.")
    development: bool = Field(description="The authority is one for trying things out.")


class InvitationsTold(Told):
    """The newest hundred invitations."""

    invitations: list[InvitationTold] = Field(description="Newest first.")
