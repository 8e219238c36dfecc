"""Rows of the intake: leases, and what a person has to look at.

None of them is evidence: refusals keep what was not admitted, quarantine names logged
entries whose effect was refused, alarms say what needs a person. A clip's row is the
evidence feature's.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base

DOCK_LENGTH = 23
WORKER_LENGTH = 31
CODE_LENGTH = 200


class Lease(Base):
    """Which worker serves a dock, until when by the database's clock.

    Attributes:
        term: fencing number; grows whenever the lease changes hands.
    """

    __tablename__ = "lease"

    dock: Mapped[str] = mapped_column(String(DOCK_LENGTH), primary_key=True)
    worker: Mapped[str] = mapped_column(String(WORKER_LENGTH))
    term: Mapped[int]
    expires_at: Mapped[datetime]


class Refusal(Base):
    """An entry that was not admitted; both statements of a fork are kept, one of them here.

    Attributes:
        statement_hash: SHA-256 of what arrived as the statement.
        statement, record: the bytes, where the dock's own key signed them; else empty,
            because anybody may send anything.
        seen: how often it came.
    """

    __tablename__ = "refusal"

    dock: Mapped[str] = mapped_column(String(DOCK_LENGTH), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    code: Mapped[str] = mapped_column(String(CODE_LENGTH), primary_key=True)
    statement_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    reason: Mapped[str] = mapped_column(Text)
    retry: Mapped[str] = mapped_column(String(16))
    statement: Mapped[bytes] = mapped_column(LargeBinary)
    record: Mapped[bytes] = mapped_column(LargeBinary)
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]
    seen: Mapped[int]


class Quarantine(Base):
    """A logged entry that could not be understood, or whose effect was refused.

    Attributes:
        entry_index: position in the log.
    """

    __tablename__ = "quarantine"

    dock: Mapped[str] = mapped_column(String(DOCK_LENGTH), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    entry_index: Mapped[int] = mapped_column(unique=True)
    code: Mapped[str] = mapped_column(String(CODE_LENGTH))
    reason: Mapped[str] = mapped_column(Text)


class Alarm(Base):
    """Something a person has to see to, said by a dock in its ledger or found by the gateway.

    Attributes:
        dock: the dock concerned; empty for the gateway as a whole.
        about: what it is about, such as a clip; empty when nothing in particular.
        by: ``dock`` or ``gateway``.
        since: UTC text by the clock of whoever raised it.
        cleared: whether its cause is gone.
        times: how often it was raised since it was last clear.
    """

    __tablename__ = "alarm"

    dock: Mapped[str] = mapped_column(String(DOCK_LENGTH), primary_key=True)
    by: Mapped[str] = mapped_column(String(8), primary_key=True)
    code: Mapped[str] = mapped_column(String(CODE_LENGTH), primary_key=True)
    about: Mapped[str] = mapped_column(String(CODE_LENGTH), primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    since: Mapped[str] = mapped_column(String(40))
    cleared: Mapped[bool]
    times: Mapped[int]


class EpochApproval(Base):
    """An operator's word that a dock may begin a new epoch of its ledger."""

    __tablename__ = "epoch_approval"

    dock: Mapped[str] = mapped_column(String(DOCK_LENGTH), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    token: Mapped[str] = mapped_column(String(CODE_LENGTH))
    approved_at: Mapped[datetime]
