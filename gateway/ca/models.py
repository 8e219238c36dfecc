"""Rows about certificates; each certificate itself, and each revocation, is in the store too."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base


class Certificate(Base):
    """A certificate that was issued.

    Attributes:
        serial: its number in lower-case hex.
        purpose: a ``Purpose``. name: its common name.
        kid: SHA-256 of the key's SubjectPublicKeyInfo.
        der: its bytes. not_before, not_after: from these.
        revoked_at, revoked_by, revoked_reason: when, by whom and why; a revoked dock's count as
            revoked without.
    """

    __tablename__ = "certificate"
    __table_args__ = (Index("certificate_by_name", "purpose", "name"),)

    serial: Mapped[str] = mapped_column(String(40), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(255))
    kid: Mapped[bytes] = mapped_column(LargeBinary(32), index=True)
    der: Mapped[bytes] = mapped_column(LargeBinary)
    not_before: Mapped[datetime]
    not_after: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None] = mapped_column(String(200))
    revoked_reason: Mapped[str | None] = mapped_column(Text)
