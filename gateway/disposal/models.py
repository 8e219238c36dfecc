"""Rows about disposals; follow from ``disposal.*`` and ``clip.disposed``."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base
from protocols.ids import ClipId, DockId


class DisposalState(StrEnum):
    """How far a disposal has come."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    """waits, or is under way"""
    REFUSED = "refused"
    CLOSED = "closed"
    """every clip of it is disposed of or left out"""


class Disposal(Base):
    """A fixed list of clips that one person proposes to dispose of.

    Attributes:
        token: random hex; its name in records.
        unit: whose clips they are; None for those above all.
        rules_version, rules_sha256: of the rule pack by which they are due.
        proposer, approver: tokens of accounts. proposed_by, approved_by: as they sign.
        *_index: positions in the log. wait_s: of running, between approval and disposal.
        waited_s: of it so far; the one column that does not follow from the log.
        disposed, disposed_bytes: what became of it, once closed.
    """

    __tablename__ = "disposal"
    __table_args__ = (Index("disposal_by_state", "state", "proposed_index"),)

    token: Mapped[str] = mapped_column(String(32), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    unit: Mapped[str | None] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(Text)
    rules_version: Mapped[int] = mapped_column(BigInteger)
    rules_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    clips: Mapped[int]
    bytes: Mapped[int]
    proposer: Mapped[str] = mapped_column(String(32))
    proposed_by: Mapped[str] = mapped_column(String(200))
    proposed_index: Mapped[int] = mapped_column(BigInteger, unique=True)
    proposed_at: Mapped[datetime]
    approver: Mapped[str | None] = mapped_column(String(32))
    approved_by: Mapped[str | None] = mapped_column(String(200))
    approve_reason: Mapped[str | None] = mapped_column(Text)
    approved_index: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    approved_at: Mapped[datetime | None]
    wait_s: Mapped[int] = mapped_column(BigInteger, default=0)
    waited_s: Mapped[float] = mapped_column(Float, default=0.0)
    refused_by: Mapped[str | None] = mapped_column(String(200))
    refuse_reason: Mapped[str | None] = mapped_column(Text)
    refused_index: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    closed_index: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    disposed: Mapped[int | None]
    disposed_bytes: Mapped[int | None]


class DisposalItem(Base):
    """One clip of a disposal.

    Attributes:
        place: in the list, from 0. due: since when nothing keeps it, as the proposal says.
        disposed_index: position of ``clip.disposed``.
        left_code, left_reason: why it was left out.
    """

    __tablename__ = "disposal_item"
    __table_args__ = (
        ForeignKeyConstraint(["dock", "epoch", "seq"], ["clip.dock", "clip.epoch", "clip.seq"]),
        Index("disposal_item_by_clip", "dock", "epoch", "seq"),
    )

    disposal: Mapped[str] = mapped_column(ForeignKey("disposal.token"), primary_key=True)
    place: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    dock: Mapped[str] = mapped_column(String(23))
    epoch: Mapped[int] = mapped_column(BigInteger)
    seq: Mapped[int] = mapped_column(BigInteger)
    size: Mapped[int]
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    due: Mapped[str] = mapped_column(String(40))
    disposed_index: Mapped[int | None] = mapped_column(BigInteger)
    left_code: Mapped[str | None] = mapped_column(String(200))
    left_reason: Mapped[str | None] = mapped_column(Text)

    @property
    def clip(self) -> ClipId:
        """The clip's name."""
        return ClipId(DockId(self.dock), self.epoch, self.seq)
