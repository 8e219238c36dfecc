"""What a person has to see to, over HTTP: alarms, and entries that were refused or set aside.

Nothing here is silently missing: an entry that was not admitted, or whose effect was
refused, is named until somebody has looked into it.
"""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy import select

from gateway.given import Given
from gateway.intake import alarms
from gateway.intake.models import Quarantine, Refusal
from gateway.intake.schemas import AlarmTold, AttentionTold, QuarantineTold, RefusalTold

MOST = 500
router = APIRouter(tags=["attention"])


@router.get("/attention")
async def get_attention(services: Given) -> AttentionTold:
    """Alarms that stand, oldest first; refused and quarantined entries, newest first."""
    refused = select(Refusal).order_by(Refusal.last_seen.desc()).limit(MOST)
    doubtful = select(Quarantine).order_by(Quarantine.entry_index.desc()).limit(MOST)
    async with services.database.reading() as session:
        return AttentionTold(
            alarms=[AlarmTold.of(row) for row in (await alarms.standing(session))[:MOST]],
            refusals=[RefusalTold.of(row) for row in await session.scalars(refused)],
            quarantine=[QuarantineTold.of(row) for row in await session.scalars(doubtful)],
        )
