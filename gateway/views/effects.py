"""Rows that follow from logged views, in the transaction that commits them or by recovery."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.evidence.service import get_clip
from gateway.log.models import LogEntry
from gateway.views.models import ClipView
from protocols.ids import ClipId
from protocols.kinds import ClipViewed

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


async def apply(session: AsyncSession, body: ClipViewed, index: int) -> None:
    """Write the row that follows from a logged view; the same again changes nothing.

    Args:
        session: the caller's transaction.
        body: what was stated.
        index: position in the log.
    """
    clip = ClipId.parse(body.clip)
    known = await session.get(ClipView, body.view) is not None
    if known or await get_clip(session, clip) is None:
        return
    # The batch's time; without one the view is over, which costs its asker a second question.
    at = await session.scalar(select(LogEntry.admitted_at).where(LogEntry.index == index))
    session.add(
        ClipView(
            view=body.view,
            dock=clip.dock,
            epoch=clip.epoch,
            seq=clip.seq,
            asker=body.asker,
            how=body.how,
            who=body.by,
            why=body.reason,
            acknowledged=list(body.acknowledged),
            view_index=index,
            viewed_at=at or _LONG_AGO,
        )
    )
    await session.flush()
