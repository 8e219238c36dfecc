"""Rows about views of clips; follow from ``clip.viewed``."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, BigInteger, ForeignKeyConstraint, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base


class ClipView(Base):
    """Somebody said that he looks at a clip.

    Attributes:
        view: random hex; its name in records.
        asker: token of the person's account or the case system.
        how: ``play`` or ``copy``. why: as said.
        acknowledged: names of the marks that the asker took note of.
        view_index: position of ``clip.viewed`` in the log.
        viewed_at: when it was logged, by the gateway's clock.
    """

    __tablename__ = "clip_view"
    __table_args__ = (
        ForeignKeyConstraint(["dock", "epoch", "seq"], ["clip.dock", "clip.epoch", "clip.seq"]),
        Index("clip_view_of_asker", "dock", "epoch", "seq", "asker", "view_index"),
    )

    view: Mapped[str] = mapped_column(String(32), primary_key=True)
    dock: Mapped[str] = mapped_column(String(23))
    epoch: Mapped[int] = mapped_column(BigInteger)
    seq: Mapped[int] = mapped_column(BigInteger)
    asker: Mapped[str] = mapped_column(String(32))
    how: Mapped[str] = mapped_column(String(16))
    who: Mapped[str] = mapped_column(String(200))
    why: Mapped[str] = mapped_column(Text)
    acknowledged: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    view_index: Mapped[int] = mapped_column(BigInteger, unique=True)
    viewed_at: Mapped[datetime]
