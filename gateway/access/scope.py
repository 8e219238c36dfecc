"""How far somebody's acts reach, as conditions on clips and cases.

Units are paths, such as ``市局/城关分局/一中队``: whoever stands at ``市局/城关分局`` has that unit
and all below it. A clip counts to the unit its dock signed, and to those of the cases it is
linked to. What counts to no unit is seen from the top of the tree only, and is silently missing
for nobody there.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, false, func, or_, true
from sqlalchemy.orm import InstrumentedAttribute

from gateway.access.policy import Reach
from gateway.access.principals import Principal
from gateway.cases.models import Case, CaseLink
from gateway.evidence.models import Clip

SEPARATOR = "/"


@dataclass(frozen=True, slots=True)
class Scope:
    """What one asker's act reaches to.

    Attributes:
        principal: who asks.
        reach: how far the act goes for him; never ``NONE``.
    """

    principal: Principal
    reach: Reach

    @property
    def is_everything(self) -> bool:
        """Whether nothing is out of reach."""
        return self.reach is Reach.UNIT and not self.principal.unit

    def has_unit(self, unit: str | None) -> bool:
        """Whether a unit is within reach."""
        return self.is_everything or (
            self.reach is Reach.UNIT and unit is not None and is_within(unit, self.principal.unit)
        )

    def clips(self) -> ColumnElement[bool]:
        """Condition on clips."""
        if self.is_everything:
            return true()
        own = false() if self.principal.officer is None else Clip.officer == self.principal.officer
        if self.reach is not Reach.UNIT:
            return own
        linked = exists().where(
            CaseLink.dock == Clip.dock,
            CaseLink.epoch == Clip.epoch,
            CaseLink.seq == Clip.seq,
            CaseLink.unlink_index.is_(None),
            CaseLink.case == Case.token,
            _within(Case.unit, self.principal.unit),
        )
        return or_(own, _within(Clip.unit, self.principal.unit), linked)

    def cases(self) -> ColumnElement[bool]:
        """Condition on cases."""
        if self.is_everything:
            return true()
        return _within(Case.unit, self.principal.unit) if self.reach is Reach.UNIT else false()


def is_within(unit: str, top: str) -> bool:
    """Whether a unit is another one or below it; everything is below the empty one."""
    return not top or unit == top or unit.startswith(top + SEPARATOR)


def _within(column: InstrumentedAttribute[str | None], top: str) -> ColumnElement[bool]:
    # Not LIKE, which has wildcards and on SQLite takes capitals for small letters; not a range,
    # which goes by the engine's collation.
    below = top + SEPARATOR
    return or_(column == top, func.substr(column, 1, len(below)) == below)
