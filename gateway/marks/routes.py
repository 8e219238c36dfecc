"""Marks over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from gateway.access.gate import allowed
from gateway.access.policy import Act, Reach
from gateway.access.scope import Scope
from gateway.evidence.finding import ClipFilter
from gateway.evidence.models import Clip
from gateway.evidence.reach import found, traceable
from gateway.evidence.schemas import ClipPage
from gateway.evidence.telling import told
from gateway.given import Given
from gateway.marks.heeding import sees_classified
from gateway.marks.labels import CLASSES, OF_OFFICERS, Label
from gateway.marks.schemas import MarkAsked, MarkTold, UnmarkAsked
from gateway.marks.service import NewMark
from gateway.problems import Problem
from gateway.shapes import EntryText, PageAsked

router = APIRouter(tags=["clips"])
_MADE = {"description": "Done now; 200 when it was so already.", "model": MarkTold}
_Name = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


@dataclass(frozen=True, slots=True)
class _Markable:
    """A clip that somebody may mark, and how far his marking reaches."""

    row: Clip
    scope: Scope

    def refuse_classing(self, label: Label) -> None:
        """Classes of secrecy are set and lifted by the clip's own unit, by who may see them.

        Raises:
            Problem: the asker only sees the clip by a case, or may not see what is classified.
        """
        if label not in CLASSES:
            return
        scope, row = self.scope, self.row
        if not (scope.has_unit(row.unit) or scope.has_unit(row.corrected_unit)):
            raise _refused("not-your-units-clip", "a class of secrecy is the clip's own unit's")
        if not sees_classified(scope.principal):
            raise _refused("classified", "who may not see what is classified sets no class")


async def _markable(
    services: Given,
    scope: Annotated[Scope, allowed(Act.CLIPS_MARK)],
    clip: Annotated[EntryText, Path()],
) -> _Markable:
    return _Markable(await found(services, scope, clip), scope)


@router.post("/clips/{clip}/marks", responses={201: _MADE})
async def mark_clip(
    services: Given,
    markable: Annotated[_Markable, Depends(_markable)],
    asked: MarkAsked,
    response: Response,
) -> MarkTold:
    """Mark a clip: somebody objects, it has a class of secrecy, it is important.

    Officers mark what they recorded with `privacy`.
    """
    if markable.scope.reach is Reach.OWN and asked.label not in OF_OFFICERS:
        raise _refused("privacy-only", "an officer marks his own clips with `privacy` and no other")
    markable.refuse_classing(asked.label)
    by = markable.scope.principal.signs(asked.by)
    new = NewMark(markable.row.id, asked.label, by, asked.why, asked.until)
    row, made = await services.marks.mark(new)
    if made:
        response.status_code = HTTPStatus.CREATED.value
    return MarkTold.of(row)


@router.delete("/clips/{clip}/marks/{mark}")
async def unmark_clip(
    services: Given,
    markable: Annotated[_Markable, Depends(_markable)],
    mark: _Name,
    asked: UnmarkAsked,
) -> MarkTold:
    """Take a mark back; it stays on record. An officer takes back what he set himself."""
    who, clip = markable.scope.principal, markable.row.id
    row = await services.marks.of_name(clip, mark)
    if markable.scope.reach is Reach.OWN and not who.signed(row.who):
        raise _refused("not-your-mark", "somebody else set this mark; a custodian can lift it")
    markable.refuse_classing(Label(row.label))
    by = who.signs(asked.by)
    return MarkTold.of(await services.marks.unmark(clip, mark, by=by, why=asked.why))


@router.get("/clips/{clip}/marks")
async def list_marks(services: Given, row: Annotated[Clip, Depends(traceable)]) -> list[MarkTold]:
    """Every mark of a clip, those taken back included, oldest first."""
    return [MarkTold.of(each) for each in await services.marks.listing(row.id)]


@router.get("/classified")
async def list_classified(
    services: Given,
    scope: Annotated[Scope, allowed(Act.CLIPS_SECRET)],
    asked: Annotated[PageAsked, Query()],
) -> ClipPage:
    """Clips within reach that have a class of secrecy now: classes have to be looked over."""
    has_class = services.marks.has_class()
    wanted = ClipFilter(before=asked.cursor, within=scope.clip_reach(), also=has_class)
    rows = await services.evidence.find(wanted, asked.limit + 1)
    page, more = rows[: asked.limit], rows[asked.limit :]
    return ClipPage(
        clips=await told(services, scope.principal, page),
        next=page[-1].entry_index if more else None,
    )


def _refused(code: str, detail: str) -> Problem:
    return Problem(HTTPStatus.FORBIDDEN, code, detail)
