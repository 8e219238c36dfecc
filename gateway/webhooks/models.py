"""Rows about receivers of events. Who receives is in the log; addresses and secrets never are."""

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
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base

_Id = BigInteger().with_variant(Integer(), "sqlite")


class Webhook(Base):
    """A receiver; follows from the newest ``webhook.set`` about it.

    Attributes:
        token: random hex; its name.
        client: the case system whose reach decides what it is told.
        host: of its address, as the log has it.
        kinds: which events; None for all.
        active: not ended.
        set_index: position of the newest ``webhook.set``.
        url, secret: none in a database made anew from the log. The secret is sealed.
        old_secret, old_until: the one before, with which messages are signed too for a while.
        cursor: every event up to this position has been told.
        failures: attempts in a row that failed, the first of them at ``failing_since``.
        next_try: before it nothing is sent.
        stopped_at, stopped_why: given up; nothing is sent until somebody lets it go on.
    """

    __tablename__ = "webhook"

    token: Mapped[str] = mapped_column(String(32), primary_key=True)
    client: Mapped[str] = mapped_column(ForeignKey("client.token"), index=True)
    host: Mapped[str] = mapped_column(String(255))
    kinds: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    active: Mapped[bool] = mapped_column(Boolean)
    set_index: Mapped[int]
    url: Mapped[str | None] = mapped_column(Text)
    secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    old_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    old_until: Mapped[datetime | None]
    cursor: Mapped[int]
    failures: Mapped[int] = mapped_column(default=0)
    failing_since: Mapped[datetime | None]
    next_try: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    stopped_why: Mapped[str | None] = mapped_column(String(200))


class Delivery(Base):
    """One attempt to tell a receiver of an event.

    Attributes:
        event_index: the event. attempt: which one in a row, from 1.
        took_ms: until the receiver had answered, or had not.
        status: of HTTP; None without an answer. problem: why it does not count; None when it does.
        resent: somebody asked for it.
    """

    __tablename__ = "webhook_delivery"
    __table_args__ = (Index("webhook_delivery_of", "webhook", "id"),)

    id: Mapped[int] = mapped_column(_Id, primary_key=True)
    webhook: Mapped[str] = mapped_column(ForeignKey("webhook.token"))
    event_index: Mapped[int]
    kind: Mapped[str] = mapped_column(String(64))
    attempt: Mapped[int]
    at: Mapped[datetime]
    took_ms: Mapped[int]
    status: Mapped[int | None]
    problem: Mapped[str | None] = mapped_column(String(200))
    resent: Mapped[bool] = mapped_column(Boolean, default=False)
