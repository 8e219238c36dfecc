"""What the API takes and tells about docks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from gateway.docks.models import Dock, SessionNote, UnknownDock
from gateway.shapes import Asked, DockText, HexDigest, Told
from hashing.keys import PublicKey


class EnrolAsked(Asked):
    """A dock to trust."""

    id: DockText
    statement_key: Annotated[
        str,
        Field(
            min_length=1,
            max_length=2000,
            description="Public statement key in PEM form, as `evidock-edge keygen` prints it.",
        ),
    ]
    how: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[ -~]+$")] = "api"


class RevokedTold(Told):
    """From where on a dock's key is not trusted any more."""

    index: int
    trusted_epoch: int
    trusted_seq: int


class BayTold(Told):
    """What a dock says stands in one of its bays."""

    bay: str
    phase: str = Field(description="`free`, `copying`, `safe`, ...: as on the dock's screen.")
    camera: str | None = None
    done: int = Field(description="Bytes sealed, of those on the card.")
    total: int


class DockTold(Told):
    """An enrolled dock; `head` is what it announced last, a claim."""

    id: str
    statement_key: str
    kid: HexDigest
    how: str
    enrolled_index: int
    revoked: RevokedTold | None
    state: str | None
    version: str | None
    head: dict[str, Any] | None
    head_at: datetime | None
    seen_at: datetime | None
    bays: list[BayTold] | None = Field(description="A claim; none while it is not connected.")

    @classmethod
    def of(cls, row: Dock) -> DockTold:
        """From its row."""
        revoked = None
        if row.revoked_index is not None:
            revoked = RevokedTold(
                index=row.revoked_index,
                trusted_epoch=row.trusted_epoch or 0,
                trusted_seq=row.trusted_seq or 0,
            )
        return cls(
            id=row.id,
            statement_key=row.statement_key,
            kid=PublicKey.from_pem(row.statement_key).kid.hex(),
            how=row.how,
            enrolled_index=row.enrolled_index,
            revoked=revoked,
            state=row.state,
            version=row.version,
            head=row.last_head,
            head_at=row.head_at,
            seen_at=row.seen_at,
            bays=None if row.bays is None else [BayTold.model_validate(bay) for bay in row.bays],
        )


class NoteTold(Told):
    """What an officer said of a docking, such as why there is no video."""

    entry: str = Field(description="The dock's entry that states it.")
    index: int
    session: str
    reason: str
    text: str | None
    officer: str | None = Field(description="As claimed at the dock.")
    clips: int = Field(description="How many clips of that session are logged.")

    @classmethod
    def of(cls, row: SessionNote, clips: int) -> NoteTold:
        """From its row."""
        return cls(
            entry=str(row.entry),
            index=row.entry_index,
            session=row.session,
            reason=row.reason,
            text=row.text,
            officer=row.officer,
            clips=clips,
        )


class NotePage(Told):
    """One page of notes, newest first."""

    notes: list[NoteTold]
    next: int | None = Field(description="Cursor of the next page, none on the last.")


class UnknownTold(Told):
    """A name that speaks on the broker and is not enrolled."""

    id: str
    count: int
    seen_at: datetime

    @classmethod
    def of(cls, row: UnknownDock) -> UnknownTold:
        """From its row."""
        return cls(id=row.id, count=row.count, seen_at=row.seen_at)


class DocksTold(Told):
    """All docks."""

    docks: list[DockTold]
    unknown: list[UnknownTold]


class TrustTold(Told):
    """The trust file: what a dock or verifier checks everything against."""

    v: int
    gateway: str
    origin: str
    statement_key: str
    receipt_key: str
    checkpoint_key: str
    checkpoint: str


class EnrolledTold(Told):
    """An enrolled dock and the trust file to put on it."""

    dock: DockTold
    trust: TrustTold
