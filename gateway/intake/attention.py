"""What a person has to see to, gathered: alarms, refused entries, entries set aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from gateway.db import Database
from gateway.intake import alarms
from gateway.intake.models import Alarm, Quarantine, Refusal

MOST: Final = 500


@dataclass(frozen=True, slots=True)
class Attention:
    """Alarms that stand, oldest first; refused and quarantined entries, newest first."""

    alarms: Sequence[Alarm]
    refusals: Sequence[Refusal]
    quarantine: Sequence[Quarantine]

    def of(self, dock: str) -> Attention:
        """What of it is about one dock."""
        return Attention(
            [each for each in self.alarms if each.dock == dock],
            [each for each in self.refusals if each.dock == dock],
            [each for each in self.quarantine if each.dock == dock],
        )


async def attention(database: Database) -> Attention:
    """Everything at once, at most ``MOST`` of each."""
    refused = select(Refusal).order_by(Refusal.last_seen.desc()).limit(MOST)
    doubtful = select(Quarantine).order_by(Quarantine.entry_index.desc()).limit(MOST)
    async with database.reading() as session:
        return Attention(
            (await alarms.standing(session))[:MOST],
            (await session.scalars(refused)).all(),
            (await session.scalars(doubtful)).all(),
        )
