"""Rows that follow from logged groupings, in the transaction that commits them or by recovery."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.evidence.service import get_clips
from gateway.recordings.models import Recording, RecordingClip
from protocols.ids import ClipId
from protocols.kinds import RecordingGrouped, RecordingUngrouped


async def apply(
    session: AsyncSession, body: RecordingGrouped | RecordingUngrouped, index: int
) -> None:
    """Write the rows that follow from a logged grouping; the same again changes nothing.

    Args:
        session: the caller's transaction.
        body: what was stated.
        index: position in the log.
    """
    row = await session.get(Recording, body.recording)
    match body:
        case RecordingGrouped():
            if row is None:
                await _grouped(session, body, index)
        case RecordingUngrouped():
            if row is not None and row.ungroup_index is None:
                row.ungroup_index, row.ungrouped_by, row.ungroup_why = index, body.by, body.why
    await session.flush()


async def _grouped(session: AsyncSession, body: RecordingGrouped, index: int) -> None:
    clips = [ClipId.parse(name) for name in body.clips]
    known = await get_clips(session, clips)
    taken = await session.scalar(active_of(clips).limit(1))
    if taken is not None or len(known) != len(clips):
        return
    session.add(
        Recording(token=body.recording, how=body.how, who=body.by, why=body.why, group_index=index)
    )
    await session.flush()
    for place, clip in enumerate(clips):
        session.add(
            RecordingClip(
                recording=body.recording,
                place=place,
                dock=clip.dock,
                epoch=clip.epoch,
                seq=clip.seq,
            )
        )


def active_of(clips: Sequence[ClipId]) -> Select[Recording]:
    """Selects the recordings that stand and have one of these clips."""
    ledgers: dict[tuple[str, int], list[int]] = {}
    for clip in clips:
        ledgers.setdefault((clip.dock, clip.epoch), []).append(clip.seq)
    # One look-up by key for each ledger: SQLite reads the whole table for a list of triples.
    places = [
        and_(RecordingClip.dock == dock, RecordingClip.epoch == epoch, RecordingClip.seq.in_(seqs))
        for (dock, epoch), seqs in ledgers.items()
    ]
    having = select(RecordingClip.recording).where(or_(*places))
    return select(Recording).where(Recording.token.in_(having), Recording.ungroup_index.is_(None))
