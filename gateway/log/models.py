"""Rows of the log. The journal in the object store is the original; these are its index."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base

# SQLite keeps a table by its row number only when the key is declared as plain INTEGER.
_Position = BigInteger().with_variant(Integer(), "sqlite")


class LogEntry(Base):
    """One statement with its record, at its place in the log.

    Attributes:
        index: position, from 0 without a hole.
        leaf: RFC 9162 leaf hash of the statement.
        statement_hash: SHA-256 of the statement, by which ledgers name it.
        kind: of the record, as admission understood it.
        issuer, subject: opaque urns from the statement.
        dock, epoch, seq: place in a dock's ledger; None for the gateway's own.
        subject_seq: place among the gateway's acts on the subject; None for a dock's.
        admitted_at: the gateway's clock; for lists, not evidence of when.
    """

    __tablename__ = "log_entry"
    __table_args__ = (
        UniqueConstraint("dock", "epoch", "seq"),
        UniqueConstraint("subject", "subject_seq"),
    )

    index: Mapped[int] = mapped_column(_Position, primary_key=True, autoincrement=False)
    leaf: Mapped[bytes] = mapped_column(LargeBinary(32))
    statement_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    statement: Mapped[bytes] = mapped_column(LargeBinary)
    record: Mapped[bytes] = mapped_column(LargeBinary)
    kind: Mapped[str] = mapped_column(String(64))
    issuer: Mapped[str] = mapped_column(String(255))
    subject: Mapped[str] = mapped_column(String(255))
    dock: Mapped[str | None] = mapped_column(String(23))
    epoch: Mapped[int | None]
    seq: Mapped[int | None]
    subject_seq: Mapped[int | None]
    admitted_at: Mapped[datetime]


class EntrySubject(Base):
    """Every subject whose trail shows an entry: its own, and those it also concerns."""

    __tablename__ = "log_entry_subject"
    __table_args__ = ({"sqlite_with_rowid": False},)

    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    index: Mapped[int] = mapped_column(ForeignKey("log_entry.index"), primary_key=True)


class LogNode(Base):
    """One complete node of the tree; it never changes."""

    __tablename__ = "log_node"
    __table_args__ = ({"sqlite_with_rowid": False},)

    level: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))


class CheckpointRow(Base):
    """A checkpoint that was signed: nothing below the newest may ever be signed again."""

    __tablename__ = "log_checkpoint"

    size: Mapped[int] = mapped_column(_Position, primary_key=True, autoincrement=False)
    root: Mapped[bytes] = mapped_column(LargeBinary(32))
    note: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[datetime]
