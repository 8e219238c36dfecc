"""Rows about recordings of several chapters; follow from ``recording.grouped``."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base
from protocols.ids import ClipId, DockId


class Recording(Base):
    """Clips that somebody took for one recording; one that was taken back keeps its row.

    Attributes:
        token: random hex; its name in records and urns.
        how: ``by-hand`` or ``proposal``.
        group_index, ungroup_index: positions of the two statements in the log.
    """

    __tablename__ = "recording"

    token: Mapped[str] = mapped_column(String(32), primary_key=True)
    how: Mapped[str] = mapped_column(String(16))
    who: Mapped[str] = mapped_column(String(200))
    why: Mapped[str] = mapped_column(Text)
    group_index: Mapped[int] = mapped_column(BigInteger, unique=True)
    ungroup_index: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    ungrouped_by: Mapped[str | None] = mapped_column(String(200))
    ungroup_why: Mapped[str | None] = mapped_column(Text)


class RecordingClip(Base):
    """One chapter of a recording, in its order."""

    __tablename__ = "recording_clip"
    __table_args__ = (
        ForeignKeyConstraint(["dock", "epoch", "seq"], ["clip.dock", "clip.epoch", "clip.seq"]),
        Index("recording_clip_of_clip", "dock", "epoch", "seq"),
    )

    recording: Mapped[str] = mapped_column(ForeignKey("recording.token"), primary_key=True)
    place: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    dock: Mapped[str] = mapped_column(String(23))
    epoch: Mapped[int] = mapped_column(BigInteger)
    seq: Mapped[int] = mapped_column(BigInteger)

    @property
    def clip(self) -> ClipId:
        """The clip's name."""
        return ClipId(DockId(self.dock), self.epoch, self.seq)
