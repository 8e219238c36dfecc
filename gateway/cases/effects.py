"""Rows that follow from what the log says about cases: one way for acts and for recovery.

Everything runs in the transaction that commits the statement, or when recovery adds it
again, so it may run twice. It never fails on what is logged: an act that contradicts an
earlier one stays on record and changes nothing.
"""

from __future__ import annotations

from typing import Final, get_args

from sqlalchemy import Select, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.cases import counting, rewriting, tags
from gateway.cases.details import CaseNumber
from gateway.cases.models import Case, CaseLink
from gateway.evidence.service import get_clip
from gateway.log.models import LogEntry
from gateway.proposals import effects as rejecting
from protocols.ids import ClipId
from protocols.kinds import CaseLinked, CaseOpened, CaseUnlinked, ProposalRejected

CaseBody = CaseOpened | CaseLinked | CaseUnlinked | ProposalRejected | rewriting.Change
CASE_KINDS: Final = get_args(CaseBody)
"""The kinds of record that are about a case."""

counting.follow_rows()


async def apply(session: AsyncSession, body: CaseBody, index: int) -> None:
    """Write the rows that follow from a logged statement about a case.

    Called in the transaction that commits the entry, and by recovery. It may run twice,
    and never fails on what is logged: an act that contradicts an earlier one changes nothing.

    Args:
        session: the caller's transaction.
        body: what was stated.
        index: position in the log.
    """
    match body:
        case CaseOpened():
            await _apply_opened(session, body, index)
        case CaseLinked():
            await _apply_linked(session, body, index)
        case CaseUnlinked():
            link = await session.get(CaseLink, body.link)
            if link is not None and link.unlink_index is None:
                link.unlink_index = index
                link.unlinked_by = body.by
                link.unlink_why = body.why
        case ProposalRejected():
            await rejecting.apply(session, body, index)
        case _:
            await rewriting.apply(session, body, index)


async def _apply_opened(session: AsyncSession, body: CaseOpened, index: int) -> None:
    taken = select(CaseNumber).where(
        or_(CaseNumber.origin == body.case, CaseNumber.case_no == body.case_no)
    )
    if await session.scalar(taken) is None:
        # The batch's time: a database that is rebuilt years later has the same.
        logged = select(LogEntry.admitted_at).where(LogEntry.index == index)
        at = await session.scalar(logged)
        row = Case(
            **({} if at is None else {"created_at": at}),
            token=body.case,
            case_no=body.case_no,
            title=body.title,
            category=body.category,
            unit=body.unit,
            opened_by=body.by,
            opened_index=index,
            changed_index=index,
        )
        session.add(row)
        await session.flush()
        await rewriting.give_number(session, row, body.case_no, index)
        await rewriting.word(session, row)


async def _apply_linked(session: AsyncSession, body: CaseLinked, index: int) -> None:
    clip = ClipId.parse(body.clip)
    row = await session.get(Case, body.case)
    if row is None or await get_clip(session, clip) is None:
        return
    case = row.survivor or row.token
    known = await session.get(CaseLink, body.link) is not None
    if known or await session.scalar(active_link(case, clip)) is not None:
        return
    session.add(
        CaseLink(
            id=body.link,
            case=case,
            filed_under=body.case,
            dock=clip.dock,
            epoch=clip.epoch,
            seq=clip.seq,
            how=body.how,
            who=body.by,
            why=body.why,
            link_index=index,
        )
    )
    await session.flush()
    await tags.settle_link(session, body.link)


def active_link(token: str, clip: ClipId) -> Select[CaseLink]:
    """Selects the tie between a case and a clip that holds now, if any."""
    return links_of(token, clip).where(CaseLink.unlink_index.is_(None))


def links_of(token: str, clip: ClipId | None) -> Select[CaseLink]:
    """Selects every tie ever made to a case, or between it and one clip, oldest first."""
    query = select(CaseLink).where(CaseLink.case == token).order_by(CaseLink.link_index)
    if clip is None:
        return query
    return query.where(
        CaseLink.dock == clip.dock, CaseLink.epoch == clip.epoch, CaseLink.seq == clip.seq
    )
