"""Clips as the gateway knows them: one row per logged ``clip.sealed``.

A row is an index into the log, made to be searched; the evidence is the record and the
statement at ``entry_index``. Everything here can be derived again from the log. Columns
that repeat what camera or dock claimed are claims, of any length that a record may have.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base
from protocols.ids import ClipId, DockId


class ClipState(StrEnum):
    """How far the gateway has come with a clip."""

    SEALED = "sealed"
    """logged; nothing of its content has arrived"""
    RECEIVING = "receiving"
    """some of its content has arrived and was verified"""
    STORED = "stored"
    """stored, read back, and said so in the log"""
    LOST = "lost"
    """the dock signed that it no longer has the content"""
    REFUSED = "refused"
    """the entry is logged, its effect was refused (see quarantine)"""


class Clip(Base):
    """One clip; its name is the ledger entry that sealed it.

    Attributes:
        entry_index: position of the ``clip.sealed`` statement in the log.
        statement_hash: SHA-256 of that statement, which ``clip.stored`` repeats.
        size: bytes. sha256, root: raw digests of the content. leaves: number of 1 MiB leaves.
        session: name of the entry that opened the docking.
        path, name: where the recording was on the card, as text fit to show; the exact
            bytes are in the record.
        camera: what the camera said it is, shortest useful form. officer: as claimed.
        started_claim: start of recording by the camera's clock, None when it did not say.
        sealed_at: UTC by the dock's clock; sealed_clock holds the whole reading.
        received_bytes: verified content so far; may lag behind by one flush.
        object_key: where the content lies in the store, once stored.
        stored_index: position of ``clip.stored`` in the log, once stored; it stays when the
            content was lost since and is fetched again, which the state then shows.
        erased_index: position of ``clip.erased``: the camera's copy is gone.
        tagged_case, tagged_category: what the officer typed at the dock, newest wins.
        note: reason for ``lost`` or ``refused``.
    """

    __tablename__ = "clip"
    __table_args__ = (
        Index("clip_by_session", "session"),
        Index("clip_by_sha256", "sha256"),
        Index("clip_by_state", "state", "entry_index"),
    )

    dock: Mapped[str] = mapped_column(String(23), primary_key=True)
    epoch: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)

    entry_index: Mapped[int] = mapped_column(BigInteger, unique=True)
    statement_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    root: Mapped[bytes] = mapped_column(LargeBinary(32))
    leaves: Mapped[int] = mapped_column(BigInteger)
    session: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(Text)
    path: Mapped[str] = mapped_column(Text)
    camera: Mapped[str | None] = mapped_column(Text)
    volume: Mapped[str] = mapped_column(Text)
    officer: Mapped[str | None] = mapped_column(Text)
    unit: Mapped[str | None] = mapped_column(Text)
    started_claim: Mapped[str | None] = mapped_column(Text)
    camera_clock: Mapped[dict[str, Any]] = mapped_column(JSON)
    sealed_at: Mapped[str] = mapped_column(Text)
    sealed_clock: Mapped[dict[str, Any]] = mapped_column(JSON)
    marked: Mapped[bool] = mapped_column(Boolean)
    media: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(16), default=ClipState.SEALED.value)
    received_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    object_key: Mapped[str | None] = mapped_column(String(200))
    stored_index: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    erased_index: Mapped[int | None] = mapped_column(BigInteger)
    tagged_case: Mapped[str | None] = mapped_column(Text)
    tagged_category: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)

    @property
    def id(self) -> ClipId:
        """The clip's name."""
        return ClipId(DockId(self.dock), self.epoch, self.seq)
