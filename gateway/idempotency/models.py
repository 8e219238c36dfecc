"""Rows about requests that were made with a key."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base


class KeyedRequest(Base):
    """A request that somebody made with a key, and its answer once there is one.

    Attributes:
        asker: token of the person's account or case system; empty for the gateway's own machine.
        key: as the asker chose it.
        fingerprint: SHA-256 of method, address and body.
        rights: SHA-256 of what the asker might do then.
        log_size: of the log when it began: what was stated since may be its doing.
        status: of the answer; None while there is none.
        media_type, tag, body: of the answer; no body is kept of one that told a secret.
    """

    __tablename__ = "keyed_request"
    __table_args__ = (Index("keyed_request_by_age", "begun_at"),)

    asker: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(32))
    rights: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    log_size: Mapped[int]
    begun_at: Mapped[datetime]
    status: Mapped[int | None]
    media_type: Mapped[str | None] = mapped_column(String(100))
    tag: Mapped[str | None] = mapped_column(String(100))
    body: Mapped[bytes | None] = mapped_column(LargeBinary)
