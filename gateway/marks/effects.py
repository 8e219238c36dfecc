"""Rows that follow from logged marks, in the transaction that commits them or by recovery."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.evidence.service import get_clip
from gateway.log.models import LogEntry
from gateway.marks.models import ClipMark
from protocols.ids import ClipId
from protocols.kinds import ClipMarked, ClipUnmarked

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


async def apply(session: AsyncSession, body: ClipMarked | ClipUnmarked, index: int) -> None:
    """Write the rows that follow from a logged act on a mark; the same again changes nothing.

    Args:
        session: the caller's transaction.
        body: what was stated.
        index: position in the log.
    """
    row = await session.get(ClipMark, body.mark)
    match body:
        case ClipMarked():
            if row is None:
                await _marked(session, body, index)
        case ClipUnmarked():
            if row is not None and row.unmark_index is None:
                row.unmark_index, row.unmarked_by, row.unmark_why = index, body.by, body.why
    await session.flush()


async def _marked(session: AsyncSession, body: ClipMarked, index: int) -> None:
    clip = ClipId.parse(body.clip)
    if await get_clip(session, clip) is None:
        return
    at = await session.scalar(select(LogEntry.admitted_at).where(LogEntry.index == index))
    session.add(
        ClipMark(
            mark=body.mark,
            dock=clip.dock,
            epoch=clip.epoch,
            seq=clip.seq,
            label=body.label,
            who=body.by,
            why=body.why,
            until=_moment(body.until),
            mark_index=index,
            marked_at=at or _LONG_AGO,
        )
    )


def _moment(text: str | None) -> datetime | None:
    try:
        moment = None if text is None else datetime.fromisoformat(text)
    except ValueError:
        # What ends at no time that can be read does not end.
        return None
    return moment if moment is None or moment.tzinfo is not None else moment.replace(tzinfo=UTC)
