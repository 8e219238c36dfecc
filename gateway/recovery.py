"""What every logged entry does to the rows, for entries that recovery adds.

The log hands over entries that were journalled but not committed, or all of them when the
database is new. Each feature has one ``apply`` that its normal way uses as well, so a
recovered database is the one that would have been.
"""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.docks import service as docks
from gateway.intake import effects
from gateway.log.service import NewEntry
from protocols.kinds import DockEnrolled, DockRevoked
from protocols.records import decode_record


async def apply(session: AsyncSession, entry: NewEntry, index: int) -> None:
    """Write the rows that follow from a recovered entry.

    Args:
        session: the transaction that adds it.
        entry: from the journal, checked by the log.
        index: its position in the log.
    """
    if entry.dock is None:
        match decode_record(entry.record).body:
            case DockEnrolled() | DockRevoked() as body:
                await docks.apply(session, body, index)
            case _:
                pass
    # Everything else, a gateway's statements about clips and cases among it.
    await effects.apply(session, entry, index)
