"""Clips as the gateway knows them: one row per logged ``clip.sealed``.

A row is an index into the log, made to be searched; the evidence is the record and the
statement at ``entry_index``. Everything here can be derived again from the log. Columns
that repeat what camera or dock claimed are claims, of any length that a record may have.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base
from protocols.ids import ClipId, DockId

UNIT, OFFICER = "unit", "officer"
"""Kinds of those to whom clips count."""

_MARKED = text("marked = true")

NAME_START = 64
"""Characters of a name that are searched; an index takes no 2,048."""


class ClipState(StrEnum):
    """How far the gateway has come with a clip."""

    SEALED = "sealed"
    """logged; nothing of its content has arrived"""
    RECEIVING = "receiving"
    """some of its content has arrived and was verified"""
    STORED = "stored"
    """stored, read back, and said so in the log"""
    LOST = "lost"
    """the dock signed that it no longer has the content"""
    REFUSED = "refused"
    """the entry is logged, its effect was refused (see quarantine)"""
    DISPOSED = "disposed"
    """its time was over: stated in the log, and its bytes removed"""


class Clip(Base):
    """One clip; its name is the ledger entry that sealed it.

    Attributes:
        entry_index: position of the ``clip.sealed`` statement in the log.
        statement_hash: SHA-256 of that statement, which ``clip.stored`` repeats.
        size: bytes. sha256, root: raw digests of the content. leaves: number of 1 MiB leaves.
        session: name of the entry that opened the docking.
        path, name: where the recording was on the card, as text fit to show; the exact
            bytes are in the record. name_start: as much of the name as fits an index.
        camera: what the camera said it is, shortest useful form. officer: as claimed.
        started_claim: start of recording by the camera's clock, None when it did not say.
        started_earliest, started_latest: between which moments the recording began, both or
            neither; ended_latest: it had ended by then. See ``times``; for lists, not evidence.
        sealed_at: UTC by the dock's clock; sealed_clock holds the whole reading. sealed_time is
            the same as a moment, None when it was none.
        received_bytes: verified content so far; may lag behind by one flush.
        object_key: where the content lies in the store, once stored.
        stored_index: position of ``clip.stored`` in the log, once stored; it stays when the
            content was lost since and is fetched again, which the state then shows.
        stored_time: when that was logged, by the gateway's clock.
        delay_ms: from ``ended_latest`` to ``stored_time``: at least so long it was on its way.
        linked: whether a case has it now; see ``gateway.cases.counting``.
        erased_index: position of ``clip.erased``: the camera's copy is gone.
        disposed_index: position of ``clip.disposed``: the content is gone or about to go; it is
            gone for good once ``object_key`` is empty.
        tagged_case, tagged_category: what the officer typed at the dock, newest wins.
        note: reason for ``lost`` or ``refused``.
        corrected_officer, corrected_unit, corrected_started: what counts instead of the claims,
            where somebody put them right (``gateway.corrections``); a start in UTC.
        imported: who brought it to the dock by hand, why and from where; None off a card.
    """

    __tablename__ = "clip"
    __table_args__ = (
        # Each walks one value's clips in the order of a list, so that a page costs a page.
        Index("clip_by_session", "session", "entry_index"),
        Index("clip_by_sha256", "sha256", "entry_index"),
        Index("clip_by_state", "state", "entry_index"),
        Index("clip_by_dock", "dock", "entry_index"),
        Index("clip_by_camera", "camera", "entry_index"),
        Index("clip_by_tagged_case", "tagged_case", "entry_index"),
        Index("clip_by_tagged_category", "tagged_category", "entry_index"),
        Index("clip_by_marked", "marked", "entry_index"),
        Index("clip_by_linked", "linked", "entry_index"),
        # Few are marked: with a category and a time, an index for each finds far too many.
        Index(
            "clip_marked_of_category",
            "tagged_category",
            "started_earliest",
            sqlite_where=_MARKED,
            postgresql_where=_MARKED,
        ),
        Index("clip_by_name", "name_start", "entry_index"),
        Index("clip_by_start", "started_earliest", "entry_index", "started_latest"),
        Index("clip_by_end", "ended_latest", "entry_index"),
        Index("clip_by_sealed", "sealed_time", "entry_index"),
        Index("clip_by_stored", "stored_time", "entry_index"),
        Index("clip_by_delay", "delay_ms", "entry_index"),
    )

    dock: Mapped[str] = mapped_column(String(23), primary_key=True)
    epoch: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)

    entry_index: Mapped[int] = mapped_column(BigInteger, unique=True)
    statement_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    root: Mapped[bytes] = mapped_column(LargeBinary(32))
    leaves: Mapped[int] = mapped_column(BigInteger)
    session: Mapped[str] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(Text)
    name_start: Mapped[str] = mapped_column(String(NAME_START))
    path: Mapped[str] = mapped_column(Text)
    camera: Mapped[str | None] = mapped_column(Text)
    volume: Mapped[str] = mapped_column(Text)
    officer: Mapped[str | None] = mapped_column(Text)
    unit: Mapped[str | None] = mapped_column(Text)
    started_claim: Mapped[str | None] = mapped_column(Text)
    camera_clock: Mapped[dict[str, Any]] = mapped_column(JSON)
    started_earliest: Mapped[datetime | None]
    started_latest: Mapped[datetime | None]
    ended_latest: Mapped[datetime | None]
    sealed_at: Mapped[str] = mapped_column(Text)
    sealed_time: Mapped[datetime | None]
    sealed_clock: Mapped[dict[str, Any]] = mapped_column(JSON)
    marked: Mapped[bool] = mapped_column(Boolean)
    media: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(16), default=ClipState.SEALED.value)
    received_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    object_key: Mapped[str | None] = mapped_column(String(200))
    stored_index: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    stored_time: Mapped[datetime | None]
    delay_ms: Mapped[int | None] = mapped_column(BigInteger)
    linked: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    erased_index: Mapped[int | None] = mapped_column(BigInteger)
    disposed_index: Mapped[int | None] = mapped_column(BigInteger)
    tagged_case: Mapped[str | None] = mapped_column(Text)
    tagged_category: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    corrected_officer: Mapped[str | None] = mapped_column(String(200))
    corrected_unit: Mapped[str | None] = mapped_column(String(200))
    corrected_started: Mapped[str | None] = mapped_column(String(40))
    imported: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))

    concealed = False
    """Whether this is a copy without particulars (``gateway.marks.heeding``)."""

    @property
    def id(self) -> ClipId:
        """The clip's name."""
        return ClipId(DockId(self.dock), self.epoch, self.seq)


class CountsTo(Base):
    """Whose a clip is: it counts to officers and units, by a claim, a correction or a case.

    There is a row for a unit itself and for every unit above it, so that whatever a unit and
    all below it have is one walk through the key, on every engine; so is what an officer has by
    either name. Written by ``gateway.cases.counting``.

    Attributes:
        kind: ``unit`` or ``officer``. name: path of the unit, or the officer.
        entry_index: the clip's. own: by its claim or what counts instead, not by a case alone.
    """

    __tablename__ = "clip_counts_to"
    __table_args__ = (
        Index("clip_counts_to_by_entry", "entry_index"),
        {"sqlite_with_rowid": False},
    )

    kind: Mapped[str] = mapped_column(String(8), primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    entry_index: Mapped[int] = mapped_column(
        ForeignKey("clip.entry_index"), primary_key=True, autoincrement=False
    )
    own: Mapped[bool] = mapped_column(Boolean)
