"""What every logged entry does to the rows, for entries that recovery adds.

The log hands over entries that were journalled but not committed, or all of them when the
database is new. Each feature has one ``apply`` that its normal way uses as well, so a
recovered database is the one that would have been.
"""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.intake import effects
from gateway.log.service import NewEntry


async def apply(session: AsyncSession, entry: NewEntry, index: int) -> None:
    """Write the rows that follow from a recovered entry.

    Args:
        session: the transaction that adds it.
        entry: from the journal, checked by the log.
        index: its position in the log.
    """
    await effects.apply(session, entry, index)
