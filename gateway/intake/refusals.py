"""Entries that were not admitted: kept, counted and bounded.

Anybody who reaches the broker may send anything in a dock's name, so what the dock's key
did not sign is counted by its digest alone, and never more than a fixed number per dock. What
the key did sign and the log cannot take may be evidence of two histories: then its bytes are
kept, in room of their own.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.intake.admit import GIVEN_UP, Refused
from gateway.intake.models import CODE_LENGTH, Refusal
from protocols.ids import DockId
from protocols.messages import Entry
from protocols.shown import shown

MAX_UNSIGNED = 200
MAX_SIGNED = 2000
MAX_FORKS = 1000
FORKS = frozenset({"chain-fork", "chain-edit", GIVEN_UP})


async def keep(
    session: AsyncSession, dock: DockId, entry: Entry, refused: Refused, now: datetime
) -> bool:
    """Keep a refused entry, or count it once more.

    Returns:
        Whether it was not known before and there was room for it.
    """
    code = refused.code[:CODE_LENGTH]
    row = await session.get(Refusal, (dock, entry.epoch, entry.seq, code, refused.statement_hash))
    if row is not None:
        row.seen, row.last_seen = row.seen + 1, now
        return False
    evidence = refused.signed and code in FORKS
    if await _full(session, dock, refused, evidence=evidence):
        return False
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


async def _full(session: AsyncSession, dock: DockId, refused: Refused, *, evidence: bool) -> bool:
    fork = Refusal.code.in_(FORKS)
    same = Refusal.dock == dock, fork if evidence else ~fork
    held = await session.scalar(select(func.count()).select_from(Refusal).where(*same)) or 0
    if evidence:
        return held >= MAX_FORKS
    return held >= (MAX_SIGNED if refused.signed else MAX_UNSIGNED)
