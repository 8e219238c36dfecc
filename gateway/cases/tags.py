"""Case numbers that officers named at docks, and what is still to be done about them.

A tag makes at most one link, and none against a person's later word. Whether it is done
follows from the log alone, so a restart, a second worker or a rebuilt database comes to the
same answer: it is done once the clip is linked to that case, by whomever, or once such a link
was withdrawn after the tag. A tag whose case is not open yet waits for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.cases.details import CaseNumber
from gateway.cases.models import Case, CaseLink, OfficerTag
from gateway.docks.service import revoked_from
from protocols.ids import ClipId, EntryId
from protocols.kinds import CaseLinked, ClipTagged
from protocols.shown import shown

_LINK_LENGTH = 32
_BY_LENGTH = 200


async def keep(
    session: AsyncSession, body: ClipTagged, entry: EntryId, *, index: int, statement_hash: bytes
) -> None:
    """Follow a logged ``clip.tagged`` of a clip that is there; may run twice.

    Args:
        session: the transaction that commits the entry, or recovery's.
        body: what was stated.
        entry: its place in the dock's ledger.
        index: its position in the log.
        statement_hash: of the dock's statement.
    """
    known = await session.get(OfficerTag, (entry.dock, entry.epoch, entry.seq))
    if body.case_no is None or known is not None:
        return
    clip = ClipId.parse(body.clip)
    session.add(
        OfficerTag(
            dock=entry.dock,
            epoch=entry.epoch,
            seq=entry.seq,
            entry_index=index,
            clip_epoch=clip.epoch,
            clip_seq=clip.seq,
            link=statement_hash.hex()[:_LINK_LENGTH],
            case_no=body.case_no,
            officer=body.officer,
            settled=False,
        )
    )
    await session.flush()


async def waiting(session: AsyncSession, most: int) -> Sequence[tuple[OfficerTag, Case]]:
    """Tags that are not known to be done and whose case is open, oldest first.

    A tag that names a number a case had before, or one that became part of another, is for the
    case that answers under that number now.
    """
    query = (
        select(OfficerTag, Case)
        .join(CaseNumber, CaseNumber.case_no == OfficerTag.case_no)
        .join(Case, Case.token == CaseNumber.case)
        # A file that is closed takes no link; the tag waits for the day it is opened again.
        .where(OfficerTag.settled.is_(False), Case.sealed_index.is_(None))
        .order_by(OfficerTag.entry_index)
        .limit(most)
    )
    return [(tag, case) for tag, case in await session.execute(query)]


async def is_done(session: AsyncSession, tag: OfficerTag, case: Case) -> bool:
    """Whether nothing may follow from a tag any more."""
    last = await revoked_from(session, tag.entry.dock)
    if last is not None and (tag.epoch, tag.seq) > last:
        # Taken back with the key that signed it, after it was logged.
        return True
    return await session.scalar(select(CaseLink.id).where(*_since(tag, case)).limit(1)) is not None


def _since(tag: OfficerTag, case: Case) -> Sequence[ColumnElement[bool]]:
    clip = tag.clip
    return (
        CaseLink.case == case.token,
        CaseLink.dock == clip.dock,
        CaseLink.epoch == clip.epoch,
        CaseLink.seq == clip.seq,
        or_(CaseLink.unlink_index.is_(None), CaseLink.unlink_index > tag.entry_index),
    )


def act(tag: OfficerTag, case: Case) -> CaseLinked:
    """What the gateway states for a tag."""
    officer = shown(tag.officer)[:_BY_LENGTH] if tag.officer else f"an officer at {tag.dock}"
    return CaseLinked(
        case=case.token,
        case_no=case.case_no,
        clip=str(tag.clip),
        link=tag.link,
        by=officer,
        why=f"tagged at dock {tag.dock}, its entry {tag.entry}",
        how="officer-tag",
    )


async def settle(session: AsyncSession, tag: OfficerTag) -> None:
    """Note that a tag is done."""
    await settle_link(session, tag.link)


async def settle_link(session: AsyncSession, link: str) -> None:
    """Note that the tag that makes this link is done; most links are no tag's."""
    await session.execute(update(OfficerTag).where(OfficerTag.link == link).values(settled=True))
