"""What marks keep from whom: asked before anything of a clip is given.

A clip with a class of secrecy stays in everybody's lists, so that nobody has to wonder where it
went; whoever may not see it sees that it is there, its size and its digests, and nothing that
says whose it is or what it shows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from sqlalchemy import ColumnElement, not_

from gateway.access.policy import Act, Reach
from gateway.access.principals import Principal
from gateway.evidence.models import Clip
from gateway.marks.models import ClipMark
from gateway.marks.service import Marks, class_of
from gateway.problems import Problem
from protocols.ids import ClipId

HIDDEN: Final = "***"
_BLANKS: Final[dict[str, Any]] = {
    "name": HIDDEN,
    "name_start": HIDDEN,
    "path": HIDDEN,
    "volume": HIDDEN,
    "camera": None,
    "officer": None,
    "unit": None,
    "started_claim": None,
    "started_earliest": None,
    "started_latest": None,
    "ended_latest": None,
    "delay_ms": None,
    "camera_clock": {},
    "media": {},
    "tagged_case": None,
    "tagged_category": None,
    "note": None,
    "corrected_officer": None,
    "corrected_unit": None,
    "corrected_started": None,
    "imported": None,
}


def sees_classified(who: Principal) -> bool:
    """Whether somebody may see what has a class of secrecy, as far as he reaches at all."""
    return who.reach(Act.CLIPS_SECRET) is not Reach.NONE


def legible(marks: Marks, who: Principal) -> ColumnElement[bool] | None:
    """Of which clips somebody may read the particulars; None for all that he reaches."""
    return None if sees_classified(who) else not_(marks.has_class())


async def refuse_classified(marks: Marks, who: Principal, clips: Collection[ClipId]) -> None:
    """Refuse footage, trails and packs of what has a class of secrecy.

    Raises:
        Problem: one of the clips has one, and this is not for the asker.
    """
    if not sees_classified(who) and await marks.classified(clips):
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "classified",
            "this has a class of secrecy (密级), and your roles do not allow clips.secret",
        )


async def concealed(marks: Marks, who: Principal, rows: Sequence[Clip]) -> list[Clip]:
    """The rows as somebody may see them: of what is classified, copies without particulars."""
    if sees_classified(who) or not rows:
        return list(rows)
    return conceal(who, rows, await marks.standing([row.id for row in rows]))


def conceal(
    who: Principal, rows: Sequence[Clip], standing: Mapping[ClipId, Collection[ClipMark]]
) -> list[Clip]:
    """The same, by the marks that stand on these clips."""
    if sees_classified(who):
        return list(rows)
    return [_copy(row) if class_of(standing.get(row.id, ())) else row for row in rows]


def _copy(row: Clip) -> Clip:
    # Of no session: nothing writes it back.
    columns = {column.key: getattr(row, column.key) for column in Clip.__table__.columns}
    copy = Clip(**columns | _BLANKS)
    copy.concealed = True
    return copy
