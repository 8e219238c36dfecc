"""Rows that follow from rejected proposals, in the transaction that commits them or by recovery."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.cases.models import Case
from gateway.proposals.models import ProposalRejection
from protocols.ids import ClipId
from protocols.kinds import ProposalRejected


async def apply(session: AsyncSession, body: ProposalRejected, index: int) -> None:
    """Write the row that follows from a logged rejection; the same again changes nothing.

    Args:
        session: the caller's transaction.
        body: what was stated.
        index: position in the log.
    """
    clip, case = ClipId.parse(body.clip), await session.get(Case, body.case)
    if case is None or await session.get(ProposalRejection, index) is not None:
        return
    session.add(
        ProposalRejection(
            rejected_index=index,
            case=case.survivor or case.token,
            dock=clip.dock,
            epoch=clip.epoch,
            seq=clip.seq,
            who=body.by,
            why=body.why,
        )
    )
    await session.flush()
