"""Which holds cover which clips, as conditions and look-ups inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.cases.models import CaseLink
from gateway.holds.models import Hold, HoldClip
from gateway.marks.models import ClipMark
from protocols.ids import ClipId, DockId

_PER_QUERY = 200


def since_held() -> ColumnElement[bool]:
    """Condition on a link and a hold of its case: tied at some moment since it was placed.

    Whoever could take a clip out of a held case could take it out of the hold.
    """
    return or_(CaseLink.unlink_index.is_(None), CaseLink.unlink_index > Hold.placed_index)


async def holds_on(session: AsyncSession, clips: Collection[ClipId]) -> dict[ClipId, list[Hold]]:
    """Every hold in force that covers one of these clips, by clip, oldest first."""
    found: dict[ClipId, dict[str, Hold]] = {}
    ordered = sorted(clips)
    for start in range(0, len(ordered), _PER_QUERY):
        chunk = ordered[start : start + _PER_QUERY]
        named = (
            select(HoldClip.dock, HoldClip.epoch, HoldClip.seq, Hold)
            .join(Hold, Hold.token == HoldClip.hold)
            .where(Hold.lifted_index.is_(None), each_of(HoldClip, chunk))
        )
        linked = (
            select(CaseLink.dock, CaseLink.epoch, CaseLink.seq, Hold)
            .join(Hold, Hold.case == CaseLink.case)
            .where(Hold.lifted_index.is_(None), since_held(), each_of(CaseLink, chunk))
        )
        for query in (named, linked):
            for dock, epoch, seq, hold in await session.execute(query):
                found.setdefault(ClipId(DockId(dock), epoch, seq), {})[hold.token] = hold
    return {
        clip: sorted(holds.values(), key=lambda hold: hold.placed_index)
        for clip, holds in found.items()
    }


def each_of(
    table: type[HoldClip | CaseLink | ClipMark], clips: Collection[ClipId]
) -> ColumnElement[bool]:
    """Condition on rows about these clips.

    One look-up by key for each ledger: SQLite reads the whole table for a list of triples.
    """
    ledgers: dict[tuple[str, int], list[int]] = {}
    for clip in clips:
        ledgers.setdefault((clip.dock, clip.epoch), []).append(clip.seq)
    return or_(
        *(
            and_(table.dock == dock, table.epoch == epoch, table.seq.in_(numbers))
            for (dock, epoch), numbers in ledgers.items()
        )
    )
