"""What a person has to see to, over HTTP: alarms, and entries that were refused or set aside.

Nothing here is silently missing: an entry that was not admitted, or whose effect was
refused, is named until somebody has looked into it.
"""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import select

from gateway.given import Given
from gateway.intake import alarms
from gateway.intake.models import Alarm, Quarantine, Refusal
from gateway.shapes import Told

MOST = 500
router = APIRouter(tags=["attention"])


class AlarmTold(Told):
    """Something is wrong now; a dock said so in its ledger, or the gateway found it."""

    dock: str = Field(description="The dock concerned; empty for the gateway as a whole.")
    by: str
    code: str
    about: str
    text: str
    since: str
    times: int


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


class QuarantineTold(Told):
    """An entry that is on the log, but whose effect was refused or not understood."""

    dock: str
    epoch: int
    seq: int
    index: int
    code: str
    reason: str


class AttentionTold(Told):
    """Everything at once; each list ends after the first 500."""

    alarms: list[AlarmTold]
    refusals: list[RefusalTold]
    quarantine: list[QuarantineTold]


@router.get("/attention")
async def get_attention(services: Given) -> AttentionTold:
    """Alarms that stand, oldest first; refused and quarantined entries, newest first."""
    refused = select(Refusal).order_by(Refusal.last_seen.desc()).limit(MOST)
    doubtful = select(Quarantine).order_by(Quarantine.entry_index.desc()).limit(MOST)
    async with services.database.reading() as session:
        return AttentionTold(
            alarms=[_alarm(row) for row in (await alarms.standing(session))[:MOST]],
            refusals=[_refusal(row) for row in await session.scalars(refused)],
            quarantine=[_quarantined(row) for row in await session.scalars(doubtful)],
        )


def _alarm(row: Alarm) -> AlarmTold:
    return AlarmTold(
        dock=row.dock,
        by=row.by,
        code=row.code,
        about=row.about,
        text=row.text,
        since=row.since,
        times=row.times,
    )


def _refusal(row: Refusal) -> RefusalTold:
    return RefusalTold(
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


def _quarantined(row: Quarantine) -> QuarantineTold:
    return QuarantineTold(
        dock=row.dock,
        epoch=row.epoch,
        seq=row.seq,
        index=row.entry_index,
        code=row.code,
        reason=row.reason,
    )
