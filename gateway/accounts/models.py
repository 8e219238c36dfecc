"""Rows about accounts, case systems and who has signed in.

No secret is kept that opens a door by itself: of passwords, cookies, keys and links there are
digests. Codes cannot be checked without the second factors' secrets: those are sealed
(``gateway.vault``).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base

_Id = BigInteger().with_variant(Integer(), "sqlite")


class Account(Base):
    """A person; follows from the newest ``account.set`` about it.

    Attributes:
        token: random hex; its name in statements.
        login: what the person signs in with; never given to anybody else.
        officer: the number under which docks know him.
        roles: names of roles. unit: top of his part of the unit tree; None for all of it.
        provider: the OpenID Connect provider through which he signs in; None: with a password.
    """

    __tablename__ = "account"

    token: Mapped[str] = mapped_column(String(32), primary_key=True)
    login: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    officer: Mapped[str | None] = mapped_column(String(200))
    roles: Mapped[list[str]] = mapped_column(JSON)
    unit: Mapped[str | None] = mapped_column(String(200))
    active: Mapped[bool] = mapped_column(Boolean)
    provider: Mapped[str | None] = mapped_column(String(500))


class Identity(Base):
    """Which person at a provider an account belongs to, from the first sign-in on.

    Attributes:
        issuer: name of the provider. subject: its own name for the person (``sub``).
    """

    __tablename__ = "oidc_identity"
    __table_args__ = (UniqueConstraint("issuer", "account"),)

    issuer: Mapped[str] = mapped_column(String(500), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    account: Mapped[str] = mapped_column(ForeignKey("account.token"))


class Credential(Base):
    """What a person signs in with; there is none before he used his link.

    Attributes:
        password: Argon2id in the PHC string format.
        totp: RFC 6238 secret, sealed. totp_step: the newest time step that was used; none serves
            twice.
        failures: wrong passwords or codes in a row. closed_until: before it nothing is looked at.
    """

    __tablename__ = "credential"

    account: Mapped[str] = mapped_column(ForeignKey("account.token"), primary_key=True)
    password: Mapped[str] = mapped_column(String(200))
    totp: Mapped[bytes] = mapped_column(LargeBinary(32))
    totp_step: Mapped[int] = mapped_column(default=0)
    failures: Mapped[int] = mapped_column(default=0)
    closed_until: Mapped[datetime | None]


class SetupLink(Base):
    """Somebody may set password and second factor, once.

    Attributes:
        digest: SHA-256 of the link's token.
        account: whose; None for the first account of a gateway, which is made by it.
        totp: the second factor it offers, drawn when the link is made.
    """

    __tablename__ = "setup_link"

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    account: Mapped[str | None] = mapped_column(ForeignKey("account.token"), index=True)
    totp: Mapped[bytes] = mapped_column(LargeBinary(32))
    made_by: Mapped[str] = mapped_column(String(200))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SignedIn(Base):
    """A person's browser, until it signs out or is idle for too long.

    Attributes:
        digest: SHA-256 of the cookie's value.
        made_at, seen_at: by the gateway's clock.
    """

    __tablename__ = "signed_in"

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    account: Mapped[str] = mapped_column(ForeignKey("account.token"), index=True)
    made_at: Mapped[datetime]
    seen_at: Mapped[datetime] = mapped_column(index=True)


class Client(Base):
    """A case system; follows from the newest ``client.set`` about it.

    Attributes:
        token: random hex; its name in statements, no secret.
        role: case system, or an auditor's program.
        expires_at: from then on its key is refused.
    """

    __tablename__ = "client"

    token: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    role: Mapped[str] = mapped_column(String(32))
    unit: Mapped[str | None] = mapped_column(String(200))
    expires_at: Mapped[datetime]
    active: Mapped[bool] = mapped_column(Boolean)


class ClientKey(Base):
    """Digest of the key that a case system shows."""

    __tablename__ = "key_of_client"
    __table_args__ = (Index("key_of_client_by_digest", "digest", unique=True),)

    client: Mapped[str] = mapped_column(ForeignKey("client.token"), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
