"""Cases and the links between cases and clips.

Rows repeat what the ``case.*`` statements say in the log. A withdrawn link keeps its row: it
happened. What can be searched in a case's particulars stands in ``details``.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Date,
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


class CaseState(StrEnum):
    """What may be done with a case."""

    OPEN = "open"
    SEALED = "sealed"
    """its file is closed: links and particulars stay as they are"""
    MERGED = "merged"
    """it is part of another case, which answers for it"""


class Case(Base):
    """One case, as the case system named it.

    Attributes:
        token: random hex; the case's name in statements, which disclose no case number.
        case_no: the number people use now, exactly as given; see ``CaseNumber`` for all of them.
        cause, filed, particulars: as the newest ``case.set`` says (``protocols.kinds.CaseSet``).
        sought: title and cause in the one form in which they are searched (``searching``).
        opened_index: position of ``case.opened`` in the log.
        set_index: of the newest ``case.set``; changed_index: of the newest act on the case itself.
        sealed_index: of the ``case.sealed`` that holds now.
        merged_into: the case it became part of; survivor: the one that answers for both now,
            which may have become part of a third since; empty while it answers for itself.
        created_at: when it was logged, by the gateway's clock; when it was registered is in the
            record.
    """

    __tablename__ = "case_file"  # CASE is a reserved word of SQL
    __table_args__ = (
        Index("case_by_change", "changed_index"),
        Index("case_by_survivor", "survivor"),
        Index("case_by_category", "category", "opened_index"),
        Index("case_by_unit", "unit", "opened_index"),
        Index("case_by_filed", "filed"),
        Index("case_by_sealing", "sealed_index"),
    )

    token: Mapped[str] = mapped_column(String(32), primary_key=True)
    case_no: Mapped[str] = mapped_column(String(200), unique=True)
    title: Mapped[str | None] = mapped_column(Text)
    category: Mapped[str | None] = mapped_column(String(200))
    unit: Mapped[str | None] = mapped_column(String(200))
    opened_by: Mapped[str] = mapped_column(String(200))
    opened_index: Mapped[int] = mapped_column(BigInteger, unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.current_timestamp())
    cause: Mapped[str | None] = mapped_column(Text)
    filed: Mapped[date | None] = mapped_column(Date)
    archive_no: Mapped[str | None] = mapped_column(String(200))
    particulars: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    sought: Mapped[str | None] = mapped_column(Text)
    set_index: Mapped[int | None] = mapped_column(BigInteger)
    changed_index: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    sealed_index: Mapped[int | None] = mapped_column(BigInteger)
    merged_into: Mapped[str | None] = mapped_column(String(32))
    survivor: Mapped[str | None] = mapped_column(String(32))

    @property
    def state(self) -> CaseState:
        """What may be done with it."""
        if self.survivor is not None:
            return CaseState.MERGED
        return CaseState.OPEN if self.sealed_index is None else CaseState.SEALED


class CaseLink(Base):
    """One tie between a case and a clip; active while ``unlink_index`` is empty.

    Attributes:
        id: random hex, the link's name in records.
        case: the case that the clip counts to, which follows a merger.
        filed_under: the case under which it was stated, whose chain of acts has it.
        link_index, unlink_index: positions of the two statements in the log.
    """

    __tablename__ = "case_link"
    __table_args__ = (
        ForeignKeyConstraint(["dock", "epoch", "seq"], ["clip.dock", "clip.epoch", "clip.seq"]),
        Index("case_link_by_clip", "dock", "epoch", "seq"),
        Index("case_link_by_case", "case", "link_index"),
        Index(
            "case_link_active",
            "filed_under",
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
    filed_under: Mapped[str] = mapped_column(String(32), server_default="")
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
