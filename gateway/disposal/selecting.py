"""Which clips are due, page by page, with the reason for each: looking changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.cases.counting import SEPARATOR
from gateway.disposal.effects import OPEN
from gateway.disposal.models import Disposal, DisposalItem
from gateway.evidence.models import Clip, ClipState
from gateway.retention.deciding import Decision
from gateway.retention.service import InForce, decided
from protocols.ids import DockId

LOOKED_AT = 500
"""Clips that one page looks at, at most, whether they are due or not."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which clips to look at.

    Attributes:
        within: how far the asker's reach goes.
        by: those count that nothing keeps at this moment.
        unit, dock, category: of the clips; None means any.
        due_only: leave out what is kept.
        kept_by: only what one of these keeps, by the codes of reasons; None means any.
        after: log position of the last clip that was looked at.
    """

    within: ColumnElement[bool]
    by: datetime
    unit: str | None = None
    dock: DockId | None = None
    category: str | None = None
    due_only: bool = True
    after: int = -1
    kept_by: frozenset[str] | None = None

    def has(self, decision: Decision) -> bool:
        """Whether a clip of which this was decided is looked for."""
        if self.due_only and not decision.is_over(self.by):
            return False
        codes = {each.code for each in decision.reasons}
        return self.kept_by is None or not self.kept_by.isdisjoint(codes)


@dataclass(frozen=True, slots=True)
class Looked:
    """A page: clips with what was found, and where to go on; None when all were looked at."""

    found: tuple[tuple[Clip, Decision], ...]
    looked_at: int
    next: int | None


async def look(session: AsyncSession, wanted: Wanted, rules: InForce | None, limit: int) -> Looked:
    """Look at the next clips in the order of the log.

    Args:
        session: a view for reading, or the caller's transaction.
        wanted: which.
        rules: those in force.
        limit: most clips to give back.
    """
    query = select(Clip).where(*_conditions(wanted)).order_by(Clip.entry_index).limit(LOOKED_AT)
    rows = (await session.scalars(query)).all()
    decisions = await decided(session, rows, rules)
    found: list[tuple[Clip, Decision]] = []
    for count, row in enumerate(rows, 1):
        decision = decisions[row.id]
        if wanted.has(decision):
            found.append((row, decision))
        if len(found) == limit:
            return Looked(tuple(found), count, row.entry_index)
    more = len(rows) == LOOKED_AT
    return Looked(tuple(found), len(rows), rows[-1].entry_index if more else None)


def _conditions(wanted: Wanted) -> Sequence[ColumnElement[bool]]:
    conditions = [Clip.state == ClipState.STORED.value, Clip.entry_index > wanted.after]
    conditions += [wanted.within, ~in_open_disposal()]
    if wanted.unit is not None:
        below = wanted.unit + SEPARATOR
        start = func.substr(Clip.unit, 1, len(below))
        conditions.append(or_(Clip.unit == wanted.unit, start == below))
    if wanted.dock is not None:
        conditions.append(Clip.dock == wanted.dock)
    if wanted.category is not None:
        conditions.append(Clip.tagged_category == wanted.category)
    return conditions


def in_open_disposal() -> ColumnElement[bool]:
    """Condition on a clip: a disposal that is not decided yet has it."""
    at = (DisposalItem.dock == Clip.dock, DisposalItem.epoch == Clip.epoch)
    return exists().where(
        and_(
            *at,
            DisposalItem.seq == Clip.seq,
            Disposal.token == DisposalItem.disposal,
            Disposal.state.in_(OPEN),
        )
    )
