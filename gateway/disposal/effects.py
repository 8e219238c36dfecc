"""Rows that follow from logged disposals, in the transaction that commits them or by recovery."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.disposal.models import Disposal, DisposalItem, DisposalState
from gateway.evidence.service import get_clips, mark_disposed
from gateway.log.models import LogEntry
from protocols.ids import ClipId
from protocols.kinds import (
    ClipDisposed,
    DisposalApproved,
    DisposalClosed,
    DisposalProposed,
    DisposalRefused,
    LeftOut,
)

DisposalBody = DisposalProposed | DisposalApproved | DisposalRefused | ClipDisposed | DisposalClosed
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


async def apply(session: AsyncSession, body: DisposalBody, index: int) -> None:
    """Write the rows that follow from a logged act; the same again changes nothing.

    Args:
        session: the caller's transaction.
        body: what was stated.
        index: position in the log.
    """
    row = await session.get(Disposal, body.disposal)
    match body:
        case DisposalProposed():
            if row is None:
                await _proposed(session, body, index)
        case DisposalApproved():
            if row is not None and row.state == DisposalState.PROPOSED:
                await _approved(session, row, body, index)
        case DisposalRefused():
            if row is not None and row.state in OPEN:
                row.state = DisposalState.REFUSED.value
                row.refused_by, row.refuse_reason = body.by, body.reason
                row.refused_index = index
        case ClipDisposed():
            await _disposed(session, body, index)
        case DisposalClosed():
            if row is not None and row.closed_index is None:
                row.state, row.closed_index = DisposalState.CLOSED.value, index
                row.disposed, row.disposed_bytes = body.disposed, body.bytes
                await _left_out(session, body.disposal, body.left_out)
    await session.flush()


OPEN = frozenset({DisposalState.PROPOSED.value, DisposalState.APPROVED.value})


def items_of(token: str) -> Select[DisposalItem]:
    """Selects the clips of a disposal, in the order of its list."""
    return select(DisposalItem).where(DisposalItem.disposal == token).order_by(DisposalItem.place)


async def _proposed(session: AsyncSession, body: DisposalProposed, index: int) -> None:
    session.add(
        Disposal(
            token=body.disposal,
            state=DisposalState.PROPOSED.value,
            unit=body.unit,
            reason=body.reason,
            rules_version=body.rules.version,
            rules_sha256=bytes.fromhex(body.rules.sha256),
            clips=len(body.clips),
            bytes=sum(each.size for each in body.clips),
            proposer=body.asker,
            proposed_by=body.by,
            proposed_index=index,
            proposed_at=await _at(session, index),
        )
    )
    await session.flush()
    there = await get_clips(session, {ClipId.parse(each.clip) for each in body.clips})
    for place, each in enumerate(body.clips):
        clip = ClipId.parse(each.clip)
        if clip in there:
            session.add(
                DisposalItem(
                    disposal=body.disposal,
                    place=place,
                    dock=clip.dock,
                    epoch=clip.epoch,
                    seq=clip.seq,
                    size=each.size,
                    sha256=bytes.fromhex(each.sha256),
                    due=each.due[:40],
                )
            )


async def _approved(
    session: AsyncSession, row: Disposal, body: DisposalApproved, index: int
) -> None:
    row.state = DisposalState.APPROVED.value
    row.approver, row.approved_by, row.approve_reason = body.asker, body.by, body.reason
    row.approved_index, row.approved_at = index, await _at(session, index)
    row.wait_s = body.wait_s


async def _disposed(session: AsyncSession, body: ClipDisposed, index: int) -> None:
    await mark_disposed(session, body, index)
    clip = ClipId.parse(body.clip)
    query = items_of(body.disposal).where(
        DisposalItem.dock == clip.dock,
        DisposalItem.epoch == clip.epoch,
        DisposalItem.seq == clip.seq,
    )
    item = await session.scalar(query)
    if item is not None and item.disposed_index is None:
        item.disposed_index = index


async def _left_out(session: AsyncSession, token: str, left: Iterable[LeftOut]) -> None:
    why = {each.clip: each for each in left}
    for item in await session.scalars(items_of(token)):
        if (each := why.get(str(item.clip))) is not None:
            item.left_code, item.left_reason = each.code, each.reason


async def _at(session: AsyncSession, index: int) -> datetime:
    at = await session.scalar(select(LogEntry.admitted_at).where(LogEntry.index == index))
    return at or _LONG_AGO
