"""Entries that were not admitted: kept, counted and bounded.

Anybody who reaches the broker may send anything in a dock's name, so what the dock's key
did not sign is counted by its digest alone, and never more than a fixed number per dock. What
the key did sign and the log cannot take is evidence of two histories: its bytes are kept.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.intake.admit import Refused
from gateway.intake.models import CODE_LENGTH, Refusal
from gateway.shown import shown
from protocols.ids import DockId
from protocols.messages import Entry

MAX_UNSIGNED = 200
MAX_SIGNED = 2000
FORKS = frozenset({"chain-fork", "chain-edit"})


async def keep(
    session: AsyncSession, dock: DockId, entry: Entry, refused: Refused, now: datetime
) -> bool:
    """Keep a refused entry, or count it once more.

    Returns:
        Whether it was not known before.
    """
    code = refused.code[:CODE_LENGTH]
    row = await session.get(Refusal, (dock, entry.epoch, entry.seq, code, refused.statement_hash))
    if row is not None:
        row.seen, row.last_seen = row.seen + 1, now
        return False
    if await _full(session, dock, signed=refused.signed):
        return False
    evidence = refused.signed and code in FORKS
    session.add(
        Refusal(
            dock=dock,
            epoch=entry.epoch,
            seq=entry.seq,
            code=code,
            statement_hash=refused.statement_hash,
            reason=shown(refused.reason),
            retry=refused.retry.value,
            statement=entry.statement if evidence else b"",
            record=entry.record if evidence else b"",
            first_seen=now,
            last_seen=now,
            seen=1,
        )
    )
    await session.flush()
    return True


async def _full(session: AsyncSession, dock: DockId, *, signed: bool) -> bool:
    query = select(func.count()).select_from(Refusal).where(Refusal.dock == dock)
    held = await session.scalar(query) or 0
    return held >= (MAX_SIGNED if signed else MAX_UNSIGNED)
