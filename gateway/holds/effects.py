"""Rows that follow from logged holds, in the transaction that commits them or by recovery."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.cases.models import Case
from gateway.evidence.service import get_clip
from gateway.holds.models import Hold, HoldClip
from gateway.log.models import LogEntry
from protocols.ids import ClipId
from protocols.kinds import HoldLifted, HoldPlaced

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 10


async def apply(session: AsyncSession, body: HoldPlaced | HoldLifted, index: int) -> None:
    """Write the rows that follow from a logged act on a hold; the same again changes nothing.

    Args:
        session: the caller's transaction.
        body: what was stated.
        index: position in the log.
    """
    row = await session.get(Hold, body.hold)
    if isinstance(body, HoldPlaced):
        row = row or await _placed(session, body, index)
        if row is not None and body.clip is not None:
            await _named(session, row, ClipId.parse(body.clip))
    elif row is not None and row.lifted_index is None:
        row.lifted_index, row.lifted_by, row.lift_reason = index, body.by, body.reason
    await session.flush()


async def _placed(session: AsyncSession, body: HoldPlaced, index: int) -> Hold | None:
    case = None if body.case is None else await session.get(Case, body.case)
    if body.case is not None and case is None:
        return None
    at = await session.scalar(select(LogEntry.admitted_at).where(LogEntry.index == index))
    row = Hold(
        token=body.hold,
        case=None if case is None else case.survivor or case.token,
        reason=body.reason,
        authority=body.authority,
        document=body.document,
        review_after=None if body.until is None else body.until[:_DAY],
        who=body.by,
        placed_index=index,
        placed_at=at or _LONG_AGO,
    )
    session.add(row)
    await session.flush()
    return row


async def _named(session: AsyncSession, row: Hold, clip: ClipId) -> None:
    key = (row.token, clip.dock, clip.epoch, clip.seq)
    known = await session.get(HoldClip, key) is not None
    if not known and await get_clip(session, clip) is not None:
        session.add(HoldClip(hold=row.token, dock=clip.dock, epoch=clip.epoch, seq=clip.seq))
