"""Rows about derived copies: what waits, what is made, what was given up and why.

They follow from ``clip.stored`` and from what lies in the store; losing them loses work.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKeyConstraint, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.db import Base
from gateway.previews.wanted import Kind, State
from protocols.ids import ClipId, DockId


class Preview(Base):
    """One copy of one clip.

    Attributes:
        kind: a ``wanted.Kind``. state: a ``wanted.State``.
        place: order among those that wait: asked-for first, then by kind.
        newest: position of ``clip.stored`` in the log; the highest is made first.
        attempts: how often it was begun since it was last asked for.
        code, detail: why there is none: a code of ``wanted.REASONS``, and what a library said.
        object_key, size, sha256: the copy in the store, once made.
        source_sha256: of the original as it was read for this copy.
        tool, parameters: with what and how it was made.
        facts: what is told about it, such as the times of its pictures.
    """

    __tablename__ = "preview"
    __table_args__ = (
        ForeignKeyConstraint(["dock", "epoch", "seq"], ["clip.dock", "clip.epoch", "clip.seq"]),
        Index("preview_by_turn", "kind", "state", "place", "newest"),
    )

    dock: Mapped[str] = mapped_column(String(23), primary_key=True)
    epoch: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    place: Mapped[int] = mapped_column(BigInteger)
    newest: Mapped[int] = mapped_column(BigInteger)
    attempts: Mapped[int] = mapped_column(BigInteger, default=0)
    code: Mapped[str | None] = mapped_column(String(32))
    detail: Mapped[str | None] = mapped_column(Text)
    object_key: Mapped[str | None] = mapped_column(String(200))
    size: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    source_sha256: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    tool: Mapped[str | None] = mapped_column(String(200))
    parameters: Mapped[dict[str, Any]] = mapped_column(JSON)
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    changed_at: Mapped[datetime | None]

    @property
    def clip(self) -> ClipId:
        """The original."""
        return ClipId(DockId(self.dock), self.epoch, self.seq)


class ClipKey(Base):
    """The key of an encrypted clip.

    Attributes:
        key_index: position of the newest ``clip.key.supplied`` in the log.
        sealed: the key as the vault keeps it; None where the log alone knows that there was one.
    """

    __tablename__ = "clip_key"
    __table_args__ = (
        ForeignKeyConstraint(["dock", "epoch", "seq"], ["clip.dock", "clip.epoch", "clip.seq"]),
    )

    dock: Mapped[str] = mapped_column(String(23), primary_key=True)
    epoch: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    key_index: Mapped[int] = mapped_column(BigInteger)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)


ORDER = {Kind.THUMBNAIL: 1, Kind.CONTACT_STRIP: 2, Kind.PREVIEW: 3}
"""Places of those that nobody asked for."""
ASKED = 0
_LATER = 10


def last_place(row: Preview) -> int:
    """Behind everything that has not failed yet."""
    return ORDER[Kind(row.kind)] + _LATER


def waiting(clip: ClipId, kind: Kind, newest: int) -> Preview:
    """A row for a copy that is to be made."""
    return Preview(
        dock=clip.dock,
        epoch=clip.epoch,
        seq=clip.seq,
        kind=kind.value,
        state=State.WAITING.value,
        place=ORDER[kind],
        newest=newest,
        attempts=0,
        parameters={},
        facts={},
    )
