"""Rows about invitations. A token is never kept, only its digest."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base

_Id = BigInteger().with_variant(Integer(), "sqlite")


class Invitation(Base):
    """A dock may enrol.

    Attributes:
        id: for people to name it by.
        dock: under which name.
        token: its digest. made_by, made_at, expires_at: by whom, when, until when unused.
        tls_kid, statement_kid: keys it is for, by SHA-256 of their SubjectPublicKeyInfo; both set
            from its first use on, and what is set beforehand is demanded.
        bound_at: its first use. used_at: when its TLS certificate was first used, its end.
        withdrawn_at: when an operator ended it.
    """

    __tablename__ = "invitation"

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    dock: Mapped[str] = mapped_column(String(23), index=True)
    token: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    made_by: Mapped[str] = mapped_column(String(200))
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    tls_kid: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    statement_kid: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    bound_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
