"""Rows about corrections of clips; follow from ``clip.corrected``."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKeyConstraint, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base


class ClipCorrection(Base):
    """One correction; the newest of a field counts, which the clip's own row repeats.

    Attributes:
        number: of the clip's corrections, from 1.
        field: ``officer``, ``unit`` or ``started``.
        claimed: what was claimed, as the record says.
        value: what it is said to be; None when a correction is taken back.
        error_ms, known_by: of a start, how right it is and how that is known.
        correction_index: position of ``clip.corrected`` in the log.
        corrected_at: when it was logged, by the gateway's clock.
    """

    __tablename__ = "clip_correction"
    __table_args__ = (
        ForeignKeyConstraint(["dock", "epoch", "seq"], ["clip.dock", "clip.epoch", "clip.seq"]),
    )

    dock: Mapped[str] = mapped_column(String(23), primary_key=True)
    epoch: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    field: Mapped[str] = mapped_column(String(16))
    claimed: Mapped[str | None] = mapped_column(Text)
    value: Mapped[str | None] = mapped_column(String(200))
    error_ms: Mapped[int | None] = mapped_column(BigInteger)
    known_by: Mapped[str | None] = mapped_column(Text)
    who: Mapped[str] = mapped_column(String(200))
    why: Mapped[str] = mapped_column(Text)
    correction_index: Mapped[int] = mapped_column(BigInteger, unique=True)
    corrected_at: Mapped[datetime]
