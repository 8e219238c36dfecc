"""Rows about holds; follow from ``hold.placed`` and ``hold.lifted``."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base
from protocols.ids import ClipId, DockId


class Hold(Base):
    """A hold; in force while ``lifted_index`` is empty.

    Attributes:
        token: random hex; its name in records.
        case: opaque name of the case it is on; None when it is on clips.
        authority: who ordered it. document: number of the order. reason: why.
        review_after: day, ``2027-06-30``, after which somebody has to look at it again.
        placed_index, lifted_index: position of the first statement that says so.
        placed_at: when it was logged, by the gateway's clock.
    """

    __tablename__ = "hold"
    __table_args__ = (Index("hold_on_case", "case", "lifted_index"),)

    token: Mapped[str] = mapped_column(String(32), primary_key=True)
    case: Mapped[str | None] = mapped_column(ForeignKey("case_file.token"))
    reason: Mapped[str] = mapped_column(Text)
    authority: Mapped[str] = mapped_column(String(200))
    document: Mapped[str | None] = mapped_column(String(200))
    review_after: Mapped[str | None] = mapped_column(String(10))
    who: Mapped[str] = mapped_column(String(200))
    placed_index: Mapped[int] = mapped_column(BigInteger, unique=True)
    placed_at: Mapped[datetime]
    lifted_index: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    lifted_by: Mapped[str | None] = mapped_column(String(200))
    lift_reason: Mapped[str | None] = mapped_column(Text)

    def is_due(self, today: str) -> bool:
        """Whether somebody has to look at it again.

        Args:
            today: as ``review_after``.
        """
        after = self.review_after
        return self.lifted_index is None and after is not None and after < today


class HoldClip(Base):
    """One clip that a hold names."""

    __tablename__ = "hold_clip"
    __table_args__ = (
        ForeignKeyConstraint(["dock", "epoch", "seq"], ["clip.dock", "clip.epoch", "clip.seq"]),
        Index("hold_clip_by_clip", "dock", "epoch", "seq"),
    )

    hold: Mapped[str] = mapped_column(ForeignKey("hold.token"), primary_key=True)
    dock: Mapped[str] = mapped_column(String(23), primary_key=True)
    epoch: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)

    @property
    def clip(self) -> ClipId:
        """The clip's name."""
        return ClipId(DockId(self.dock), self.epoch, self.seq)
