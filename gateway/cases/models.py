"""Cases and the links between cases and clips.

Rows repeat what ``case.opened``, ``case.linked`` and ``case.unlinked`` state in the log. A
withdrawn link keeps its row: it happened.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
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
from protocols.ids import ClipId, DockId, EntryId

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


class OfficerTag(Base):
    """A case number that an officer named for a clip at a dock; follows from ``clip.tagged``.

    Attributes:
        dock, epoch, seq: the entry that states it. entry_index: its position in the log.
        clip_epoch, clip_seq: the clip, of the same dock.
        link: name of the link it makes, which follows from the statement: one tag, one link.
        case_no: as the officer gave it; there may be no such case, or not yet.
        officer: who it was, as claimed.
        settled: whether it needs nothing any more. A mere note of what the links say: a
            database that is rebuilt finds it out again.
    """

    __tablename__ = "officer_tag"
    __table_args__ = (
        ForeignKeyConstraint(
            ["dock", "clip_epoch", "clip_seq"], ["clip.dock", "clip.epoch", "clip.seq"]
        ),
        Index("officer_tag_waiting", "settled", "entry_index"),
    )

    dock: Mapped[str] = mapped_column(String(23), primary_key=True)
    epoch: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    entry_index: Mapped[int] = mapped_column(BigInteger, unique=True)
    clip_epoch: Mapped[int] = mapped_column(BigInteger)
    clip_seq: Mapped[int] = mapped_column(BigInteger)
    link: Mapped[str] = mapped_column(String(32), unique=True)
    case_no: Mapped[str] = mapped_column(String(200))
    officer: Mapped[str | None] = mapped_column(String(200))
    settled: Mapped[bool] = mapped_column(Boolean, default=False)

    @property
    def entry(self) -> EntryId:
        """The entry that states it."""
        return EntryId(DockId(self.dock), self.epoch, self.seq)

    @property
    def clip(self) -> ClipId:
        """The clip it is about."""
        return ClipId(DockId(self.dock), self.clip_epoch, self.clip_seq)
