"""Rows of what a case is now, written anew when a statement about the case itself is logged.

As with every effect: it runs in the transaction that commits the statement, or when recovery
adds it again; it may run twice, and never fails on what is logged.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.cases.details import (
    CaseExcuse,
    CaseGram,
    CaseNumber,
    CaseOfficerRow,
    CaseStageRow,
)
from gateway.cases.models import Case, CaseLink, CaseState
from gateway.cases.searching import folded, grams
from gateway.holds.models import Hold
from gateway.proposals.models import ProposalRejection
from protocols.kinds import (
    CaseExcused,
    CaseMerged,
    CaseRenumbered,
    CaseSealed,
    CaseSet,
    CaseTransferred,
    CaseUnsealed,
)

Change = (
    CaseSet
    | CaseRenumbered
    | CaseMerged
    | CaseTransferred
    | CaseSealed
    | CaseUnsealed
    | CaseExcused
)
_LISTS = ("parties", "officers", "stages", "decision", "external_ids")


async def apply(session: AsyncSession, body: Change, index: int) -> None:
    """Write the rows that follow from a change of a case.

    Args:
        session: the caller's transaction.
        body: what was stated.
        index: position in the log.
    """
    row = await session.get(Case, body.case)
    # What was followed already, or is about a case that nobody opened.
    if row is None or index <= row.changed_index:
        return
    if isinstance(body, CaseUnsealed):
        changed = row.state is CaseState.SEALED
        row.sealed_index = None
    else:
        # It was closed, or is no case of its own any more: on record, and nothing follows.
        changed = row.state is CaseState.OPEN and await _changed(session, row, body, index)
    if changed:
        row.changed_index = index
    await session.flush()


async def _changed(session: AsyncSession, row: Case, body: Change, index: int) -> bool:
    """Change an open case; False when nothing can follow."""
    match body:
        case CaseSet():
            await _set(session, row, body, index)
        case CaseRenumbered():
            if not await give_number(session, row, body.case_no, index):
                return False
            row.case_no = body.case_no
        case CaseMerged():
            return await _merge(session, row, body, index)
        case CaseTransferred():
            row.unit = body.unit
        case CaseSealed():
            row.sealed_index = index
            row.archive_no = body.archive_no or row.archive_no
        case CaseExcused():
            _excuse(session, row, body, index)
        case _:
            return False
    return True


def _excuse(session: AsyncSession, row: Case, body: CaseExcused, index: int) -> None:
    said = CaseExcuse(
        excuse_index=index, case=row.token, stage=body.stage, who=body.by, why=body.why
    )
    session.add(said)


async def give_number(session: AsyncSession, row: Case, case_no: str, index: int) -> bool:
    """Let a case answer under a number; False when that is another's."""
    number = await session.get(CaseNumber, case_no)
    if number is None:
        session.add(
            CaseNumber(
                case_no=case_no,
                ordered=case_no,
                case=row.token,
                origin=row.token,
                since_index=index,
            )
        )
        await session.flush()
        return True
    return number.case == row.token


async def word(session: AsyncSession, row: Case) -> None:
    """Write anew what a case is found by."""
    row.sought = folded(row.title, row.cause) or None
    await session.execute(delete(CaseGram).where(CaseGram.case == row.token))
    session.add_all(CaseGram(gram=gram, case=row.token) for gram in sorted(grams(row.sought or "")))
    await session.flush()


def moment(text: str | None) -> datetime | None:
    """A moment of a record; None where it names none with a zone."""
    try:
        found = None if text is None else datetime.fromisoformat(text)
        return found.astimezone(UTC) if found is not None and found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def day(text: str | None) -> date | None:
    """A day of a record; None where it names none."""
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        return None


async def _set(session: AsyncSession, row: Case, body: CaseSet, index: int) -> None:
    row.title, row.category, row.cause = body.title, body.category, body.cause
    row.filed, row.archive_no = day(body.filed), body.archive_no
    row.unit = row.unit or body.unit
    row.particulars = body.model_dump(mode="json", include=set(_LISTS), exclude_none=True)
    row.set_index = index
    for table in (CaseOfficerRow, CaseStageRow):
        await session.execute(delete(table).where(table.case == row.token))
    for place, officer in enumerate(body.officers):
        session.add(
            CaseOfficerRow(
                case=row.token,
                place=place,
                name=officer.name,
                number=officer.number,
                regular=officer.regular,
            )
        )
    for place, stage in enumerate(body.stages):
        session.add(
            CaseStageRow(
                case=row.token,
                place=place,
                name=stage.name,
                started_at=moment(stage.start),
                ended_at=moment(stage.end),
            )
        )
    await word(session, row)


async def _merge(session: AsyncSession, row: Case, body: CaseMerged, index: int) -> bool:
    """Let everything of another case count to this one."""
    other = await session.get(Case, body.merged)
    if other is None or other is row or other.state is CaseState.MERGED:
        return False
    other.merged_into, other.survivor, other.changed_index = row.token, row.token, index
    # One by one: to whom their clips count is counted anew for rows of the session alone.
    for link in await session.scalars(select(CaseLink).where(CaseLink.case == other.token)):
        link.case = row.token
    # A hold on it covers what it had, which is the survivor's now: never less than before.
    for column in (Case.survivor, CaseNumber.case, ProposalRejection.case, Hold.case):
        await session.execute(
            update(column.class_)
            .where(column == other.token)
            .values({column.key: row.token})
            .execution_options(synchronize_session="fetch")
        )
    return True


async def members(session: AsyncSession, row: Case) -> tuple[str, ...]:
    """The opaque names of a case and of all that became part of it."""
    parts = await session.scalars(
        select(Case.token).where(Case.survivor == row.token).order_by(Case.opened_index)
    )
    return (row.token, *parts)
