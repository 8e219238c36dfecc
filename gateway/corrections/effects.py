"""Rows that follow from logged corrections, in the transaction that commits them or by recovery."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.corrections.models import ClipCorrection
from gateway.evidence.service import date_anew, get_clip
from gateway.log.models import LogEntry
from protocols.ids import ClipId
from protocols.kinds import ClipCorrected

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


async def apply(session: AsyncSession, body: ClipCorrected, index: int) -> None:
    """Write the rows that follow from a logged correction; the same again changes nothing.

    Args:
        session: the caller's transaction.
        body: what was stated.
        index: position in the log.
    """
    clip = ClipId.parse(body.clip)
    row = await get_clip(session, clip)
    key = (clip.dock, clip.epoch, clip.seq, body.number)
    if row is None or await session.get(ClipCorrection, key) is not None:
        return
    at = await session.scalar(select(LogEntry.admitted_at).where(LogEntry.index == index))
    session.add(
        ClipCorrection(
            dock=clip.dock,
            epoch=clip.epoch,
            seq=clip.seq,
            number=body.number,
            field=body.field,
            claimed=body.claimed,
            value=body.to,
            error_ms=body.error_ms,
            known_by=body.known_by,
            who=body.by,
            why=body.why,
            correction_index=index,
            corrected_at=at or _LONG_AGO,
        )
    )
    # Entries are added in the order of the log, so the last one that comes by is the newest.
    match body.field:
        case "officer":
            row.corrected_officer = body.to
        case "unit":
            row.corrected_unit = body.to
        case "started":
            row.corrected_started = body.to
            date_anew(row, body.to, body.error_ms or 0)
    await session.flush()


def of_clip(clip: ClipId) -> Select[ClipCorrection]:
    """Selects the corrections of a clip, oldest first."""
    return (
        select(ClipCorrection)
        .where(
            ClipCorrection.dock == clip.dock,
            ClipCorrection.epoch == clip.epoch,
            ClipCorrection.seq == clip.seq,
        )
        .order_by(ClipCorrection.number)
    )
