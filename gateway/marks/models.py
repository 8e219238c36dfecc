"""Rows about marks of clips; follow from ``clip.marked`` and ``clip.unmarked``."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base
from protocols.ids import ClipId, DockId


class ClipMark(Base):
    """One mark; a mark that was taken back, or whose time is over, keeps its row.

    Attributes:
        mark: random hex; its name in records.
        label: of ``gateway.marks.labels``.
        until: from then on it holds no more; None: until it is taken back.
        mark_index, unmark_index: positions of the two statements in the log.
        marked_at: when it was logged, by the gateway's clock.
    """

    __tablename__ = "clip_mark"
    __table_args__ = (
        ForeignKeyConstraint(["dock", "epoch", "seq"], ["clip.dock", "clip.epoch", "clip.seq"]),
        Index("clip_mark_of_clip", "dock", "epoch", "seq", "mark_index"),
        Index("clip_mark_by_label", "label", "mark_index"),
    )

    mark: Mapped[str] = mapped_column(String(32), primary_key=True)
    dock: Mapped[str] = mapped_column(String(23))
    epoch: Mapped[int] = mapped_column(BigInteger)
    seq: Mapped[int] = mapped_column(BigInteger)
    label: Mapped[str] = mapped_column(String(16))
    who: Mapped[str] = mapped_column(String(200))
    why: Mapped[str] = mapped_column(Text)
    until: Mapped[datetime | None]
    mark_index: Mapped[int] = mapped_column(BigInteger, unique=True)
    marked_at: Mapped[datetime]
    unmark_index: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    unmarked_by: Mapped[str | None] = mapped_column(String(200))
    unmark_why: Mapped[str | None] = mapped_column(Text)

    @property
    def clip(self) -> ClipId:
        """The clip's name."""
        return ClipId(DockId(self.dock), self.epoch, self.seq)
