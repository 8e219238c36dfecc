"""What the API tells about what a person has to see to."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from gateway.intake.models import Alarm, EpochApproval, Quarantine, Refusal
from gateway.shapes import Asked, PlainLine, PlainProse, Told


class AlarmTold(Told):
    """Something is wrong now; a dock said so in its ledger, or the gateway found it."""

    dock: str = Field(description="The dock concerned; empty for the gateway as a whole.")
    by: str
    code: str
    about: str
    text: str
    since: str
    times: int

    @classmethod
    def of(cls, row: Alarm) -> AlarmTold:
        """From its row."""
        return cls(
            dock=row.dock,
            by=row.by,
            code=row.code,
            about=row.about,
            text=row.text,
            since=row.since,
            times=row.times,
        )


class SettleAsked(Asked):
    """Who looked into an alarm, and what was found."""

    by: PlainLine | None = None
    reason: PlainProse


class SettledTold(Told):
    """Where that stands in the log."""

    index: int


class EpochAsked(SettleAsked):
    """Let a dock that lost its ledger go on in its next epoch."""

    epoch: Annotated[int, Field(strict=True, ge=1, lt=2**63)]


class EpochTold(Told):
    """An epoch that was approved; `approval` is what the dock is told to begin it with."""

    dock: str
    epoch: int
    approval: str
    approved_at: datetime

    @classmethod
    def of(cls, row: EpochApproval) -> EpochTold:
        """From its row."""
        return cls(dock=row.dock, epoch=row.epoch, approval=row.token, approved_at=row.approved_at)


class RevokeAsked(SettleAsked):
    """Trust nothing of a dock beyond one entry of its ledger."""

    last_epoch: Annotated[int, Field(strict=True, ge=0, lt=2**63)]
    last_seq: Annotated[int, Field(strict=True, ge=0, lt=2**63)]
    not_logged_yet: Annotated[
        bool,
        Field(
            strict=True,
            description="The entry is beyond all that is logged of the dock, and is meant.",
        ),
    ] = False


class RefusalTold(Told):
    """An entry of a dock's ledger that was not admitted to the log."""

    dock: str
    epoch: int
    seq: int
    code: str
    reason: str
    retry: str
    statement_hash: str
    kept: bool = Field(description="Whether its bytes are kept: the dock's own key signed them.")
    first_seen: datetime
    last_seen: datetime
    times: int

    @classmethod
    def of(cls, row: Refusal) -> RefusalTold:
        """From its row."""
        return cls(
            dock=row.dock,
            epoch=row.epoch,
            seq=row.seq,
            code=row.code,
            reason=row.reason,
            retry=row.retry,
            statement_hash=row.statement_hash.hex(),
            kept=bool(row.statement),
            first_seen=row.first_seen,
            last_seen=row.last_seen,
            times=row.seen,
        )


class QuarantineTold(Told):
    """An entry that is on the log, but whose effect was refused or not understood."""

    dock: str
    epoch: int
    seq: int
    index: int
    code: str
    reason: str

    @classmethod
    def of(cls, row: Quarantine) -> QuarantineTold:
        """From its row."""
        return cls(
            dock=row.dock,
            epoch=row.epoch,
            seq=row.seq,
            index=row.entry_index,
            code=row.code,
            reason=row.reason,
        )


class AttentionTold(Told):
    """Everything at once; each list ends after the first 500."""

    alarms: list[AlarmTold]
    refusals: list[RefusalTold]
    quarantine: list[QuarantineTold]
