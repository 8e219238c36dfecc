"""Cases and the links between cases and clips.

Rows repeat what ``case.opened``, ``case.linked`` and ``case.unlinked`` state in the log. A
withdrawn link keeps its row: it happened.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base
from protocols.ids import ClipId, DockId

_ACTIVE = text("unlink_index IS NULL")


class Case(Base):
    """One case, as the case system named it.

    Attributes:
        token: random hex; the case's name in statements, which disclose no case number.
        case_no: the number people use, exactly as given.
        opened_index: position of ``case.opened`` in the log.
        created_at: when it was logged, by the gateway's clock; when it was registered is in the
            record.
    """

    __tablename__ = "case_file"  # CASE is a reserved word of SQL

    token: Mapped[str] = mapped_column(String(32), primary_key=True)
    case_no: Mapped[str] = mapped_column(String(200), unique=True)
    title: Mapped[str | None] = mapped_column(Text)
    category: Mapped[str | None] = mapped_column(String(200))
    unit: Mapped[str | None] = mapped_column(String(200))
    opened_by: Mapped[str] = mapped_column(String(200))
    opened_index: Mapped[int] = mapped_column(BigInteger, unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.current_timestamp())


class CaseLink(Base):
    """One tie between a case and a clip; active while ``unlink_index`` is empty.

    Attributes:
        id: random hex, the link's name in records.
        link_index, unlink_index: positions of the two statements in the log.
    """

    __tablename__ = "case_link"
    __table_args__ = (
        ForeignKeyConstraint(["dock", "epoch", "seq"], ["clip.dock", "clip.epoch", "clip.seq"]),
        Index("case_link_by_clip", "dock", "epoch", "seq"),
        Index(
            "case_link_active",
            "case",
            "dock",
            "epoch",
            "seq",
            unique=True,
            sqlite_where=_ACTIVE,
            postgresql_where=_ACTIVE,
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    case: Mapped[str] = mapped_column(ForeignKey("case_file.token"))
    dock: Mapped[str] = mapped_column(String(23))
    epoch: Mapped[int] = mapped_column(BigInteger)
    seq: Mapped[int] = mapped_column(BigInteger)
    how: Mapped[str] = mapped_column(String(32))
    who: Mapped[str] = mapped_column(String(200))
    why: Mapped[str] = mapped_column(Text)
    link_index: Mapped[int] = mapped_column(BigInteger, unique=True)
    unlink_index: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    unlinked_by: Mapped[str | None] = mapped_column(String(200))
    unlink_why: Mapped[str | None] = mapped_column(Text)

    @property
    def clip(self) -> ClipId:
        """The clip's name."""
        return ClipId(DockId(self.dock), self.epoch, self.seq)
