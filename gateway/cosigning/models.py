"""The index of cosigned checkpoints; the object store has the original."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Integer, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base

_Size = BigInteger().with_variant(Integer(), "sqlite")


class CosignedRow(Base):
    """A checkpoint with the cosignatures it has so far."""

    __tablename__ = "log_cosigned"

    size: Mapped[int] = mapped_column(_Size, primary_key=True, autoincrement=False)
    note: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[datetime]
