"""How far somebody's acts reach, as conditions on clips and cases.

Units are paths, such as ``市局/城关分局/一中队``: whoever stands at ``市局/城关分局`` has that unit
and all below it. A clip counts to the unit its dock signed, to the one that a correction names
beside that, and to those of the cases it is linked to. What counts to no unit is seen from the
top of the tree only, and is silently missing for nobody there.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, false, func, or_, true
from sqlalchemy.orm import InstrumentedAttribute

from gateway.access.policy import Reach
from gateway.access.principals import Principal
from gateway.cases.counting import SEPARATOR
from gateway.cases.models import Case
from gateway.evidence.finding import ClipReach
from gateway.evidence.models import OFFICER, UNIT, Clip, CountsTo


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
        """Condition on single clips; lists have ``clip_reach``."""
        if self.is_everything:
            return true()
        own = _counted(OFFICER, self.principal.officer)
        if self.reach is not Reach.UNIT:
            return own
        return or_(own, _counted(UNIT, self.principal.unit))

    def clip_reach(self) -> ClipReach | None:
        """The same for lists, which walk an index for each part of it; None is everything."""
        if self.is_everything:
            return None
        unit = self.principal.unit if self.reach is Reach.UNIT else None
        return ClipReach(unit, self.principal.officer)

    def cases(self) -> ColumnElement[bool]:
        """Condition on cases."""
        if self.is_everything:
            return true()
        return _within(Case.unit, self.principal.unit) if self.reach is Reach.UNIT else false()


def counted_to(unit: str) -> ColumnElement[bool]:
    """Condition on single clips: they count to a unit or to one below it."""
    return _counted(UNIT, unit)


def _counted(kind: str, name: str | None) -> ColumnElement[bool]:
    # By the claim and by what counts instead: putting a name right gives reach and takes none.
    if name is None:
        return false()
    return exists().where(
        CountsTo.entry_index == Clip.entry_index, CountsTo.kind == kind, CountsTo.name == name
    )


def is_within(unit: str, top: str) -> bool:
    """Whether a unit is another one or below it; everything is below the empty one."""
    return not top or unit == top or unit.startswith(top + SEPARATOR)


def _within(column: InstrumentedAttribute[str | None], top: str) -> ColumnElement[bool]:
    # Not LIKE, which has wildcards and on SQLite takes capitals for small letters; not a range,
    # which goes by the engine's collation.
    below = top + SEPARATOR
    return or_(column == top, func.substr(column, 1, len(below)) == below)
