"""Rows about docks. Keys repeat what ``dock.enrolled`` states in the log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base
from protocols.ids import DockId, EntryId


class Dock(Base):
    """An enrolled dock.

    Attributes:
        id: its name.
        statement_key: SubjectPublicKeyInfo PEM of its newest key.
        kid: SHA-256 of that key; one key speaks for one dock only (``DockKey`` has all).
        how: how the key was handed over.
        enrolled_index: position of ``dock.enrolled`` in the log.
        revoked_index: position of the ``dock.revoked`` that reaches furthest back;
            trusted_epoch, trusted_seq: the last entry that is trusted all the same.
        last_head: the head message it announced last; a claim until its entries are logged.
        head_at, seen_at: when it announced and was heard of last, by the gateway's clock.
        state: what its retained state says: ``online`` or ``offline``. version: its program's.
        bays: what it says stands in them (``protocols.messages.BayState``); None while it is not
            connected, or does not say.
    """

    __tablename__ = "dock"

    id: Mapped[str] = mapped_column(String(23), primary_key=True)
    statement_key: Mapped[str] = mapped_column(Text)
    kid: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    how: Mapped[str] = mapped_column(String(200))
    enrolled_index: Mapped[int] = mapped_column(unique=True)
    revoked_index: Mapped[int | None]
    trusted_epoch: Mapped[int | None]
    trusted_seq: Mapped[int | None]
    last_head: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    head_at: Mapped[datetime | None]
    state: Mapped[str | None] = mapped_column(String(16))
    version: Mapped[str | None] = mapped_column(String(64))
    seen_at: Mapped[datetime | None]
    bays: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))


class DockKey(Base):
    """A key that is or was a dock's: one row for ever, so that it becomes nobody else's.

    Attributes:
        kid: SHA-256 of the key.
        epoch, seq: the dock's entry that rotated to it, from the next one on it signs; None for
            the key the dock was enrolled with.
        entry_index: position of that entry, or of ``dock.enrolled``.
        stated_index: position of ``dock.key.rotated``; None until the gateway has said so.
    """

    __tablename__ = "dock_key"
    __table_args__ = (Index("dock_key_by_dock", "dock", "entry_index"),)

    kid: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    dock: Mapped[str] = mapped_column(String(23))
    epoch: Mapped[int | None]
    seq: Mapped[int | None]
    statement_key: Mapped[str] = mapped_column(Text)
    entry_index: Mapped[int] = mapped_column(unique=True)
    stated_index: Mapped[int | None]


class SessionNote(Base):
    """What an officer said of a docking at a dock; follows from ``session.noted``.

    Attributes:
        dock, epoch, seq: the entry that states it. entry_index: its position in the log.
        session: the docking. reason: a code. text, officer: as said, fit to show.
    """

    __tablename__ = "session_note"
    __table_args__ = (Index("session_note_by_dock", "dock", "entry_index"),)

    dock: Mapped[str] = mapped_column(String(23), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    entry_index: Mapped[int] = mapped_column(unique=True)
    session: Mapped[str] = mapped_column(String(60))
    reason: Mapped[str] = mapped_column(Text)
    text: Mapped[str | None] = mapped_column(Text)
    officer: Mapped[str | None] = mapped_column(Text)

    @property
    def entry(self) -> EntryId:
        """The entry that states it."""
        return EntryId(DockId(self.dock), self.epoch, self.seq)


class UnknownDock(Base):
    """A name that speaks on the broker and is not enrolled: a mistake, or a stranger."""

    __tablename__ = "dock_unknown"

    id: Mapped[str] = mapped_column(String(23), primary_key=True)
    count: Mapped[int]
    seen_at: Mapped[datetime]
