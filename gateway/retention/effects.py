"""Rows that follow from adopted rule packs, in the transaction or by recovery."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.log.models import LogEntry
from gateway.retention.models import AdoptedRules
from protocols.kinds import RulesAdopted

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


async def newest(session: AsyncSession) -> AdoptedRules | None:
    """The pack in force."""
    query = select(AdoptedRules).order_by(AdoptedRules.version.desc()).limit(1)
    return await session.scalar(query)


async def apply(session: AsyncSession, body: RulesAdopted, index: int) -> None:
    """Write the row that follows; the same again, and an older version, change nothing.

    Args:
        session: the caller's transaction.
        body: what was stated.
        index: position in the log.
    """
    before = await newest(session)
    if before is not None and before.version >= body.rules.version:
        return
    at = await session.scalar(select(LogEntry.admitted_at).where(LogEntry.index == index))
    session.add(
        AdoptedRules(
            version=body.rules.version,
            jurisdiction=body.jurisdiction,
            sha256=bytes.fromhex(body.rules.sha256),
            kid=bytes.fromhex(body.kid),
            who=body.by,
            why=body.why,
            adopted_index=index,
            adopted_at=at or _LONG_AGO,
        )
    )
    await session.flush()
