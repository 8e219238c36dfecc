"""Pages of clips: which there are, and all about one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field, model_validator
from starlette.responses import Response

from gateway.access.gate import Who, allowed
from gateway.access.policy import Act, Reach
from gateway.access.principals import Principal
from gateway.access.scope import Scope
from gateway.cases.lookups import CaseUnknownError
from gateway.evidence.finding import Order
from gateway.evidence.models import Clip, ClipState
from gateway.evidence.reach import readable
from gateway.evidence.schemas import ClipSearch
from gateway.evidence.wanted import wanted
from gateway.given import Given
from gateway.marks.heeding import concealed
from gateway.marks.labels import TO_ACKNOWLEDGE
from gateway.marks.models import ClipMark
from gateway.previews.wanted import Kind, State
from gateway.services import Services
from gateway.shapes import Position
from gateway.views.models import ClipView
from gateway.views.service import is_own
from gateway.web.blanks import filled_in
from gateway.web.clip_acts import acts
from gateway.web.drawing import as_data, language_of, page
from gateway.web.footage import clock_length, facts, marks, stood
from gateway.web.routing import PageRoute
from gateway.web.trails import trail_of
from hashing.verdict import STEPS
from protocols.ids import ClipId
from protocols.pack import words as pack_words

router = APIRouter(include_in_schema=False, route_class=PageRoute)
_ROWS = 50
_VIEWS = 20
_SAME_LOOK = timedelta(minutes=30)
_STEPS = {"zh": pack_words.STEPS, "en": STEPS}


_TIMES = frozenset(
    f"{what}_{side}" for what in ("started", "sealed", "stored") for side in ("from", "to")
)
_NO_ZONE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?")
_FIRST = frozenset({"officer", "unit", "case_no", "started_from", "started_to", "state"})
"""What stands above the list at once; the rest is a step away."""


class ClipsWanted(ClipSearch):
    """What the form above the list sends; an empty field asks for nothing."""

    cursor: Position | None = None
    zone: Annotated[str, Field(pattern=r"^[+-][0-9]{2}:[0-9]{2}$")] | None = None

    @model_validator(mode="before")
    @classmethod
    def _nothing(cls, typed: object) -> object:
        asked = filled_in(typed)
        if not isinstance(asked, dict):
            return asked
        # A form's times are by the reader's clock; its script says which zone that is in.
        for name in _TIMES & asked.keys():
            if isinstance(asked[name], str) and _NO_ZONE.fullmatch(asked[name]):
                asked[name] += str(asked.get("zone") or "Z")
        return asked


@router.get("/clips")
async def clips(
    services: Given,
    request: Request,
    scope: Annotated[Scope, allowed(Act.CLIPS_READ)],
    asked: Annotated[ClipsWanted, Query()],
) -> Response:
    """Clips within reach, newest first."""
    rows: Sequence[Clip] = ()
    wrong = None
    try:
        found = await wanted(services, asked, scope, asked.cursor)
        rows = await services.evidence.find(found, _ROWS + 1)
    except CaseUnknownError:
        # Said above the form, where the number can be put right.
        wrong = "error.case-unknown"
    shown, more = rows[:_ROWS], rows[_ROWS:]
    following = asked.model_dump(mode="json", exclude_none=True)
    following["cursor"] = shown[-1].entry_index if more else None
    who = scope.principal
    seen = await concealed(services.marks, who, shown)
    values = {
        "who": who,
        "rows": seen,
        "wrong": wrong,
        "typed": _typed(asked),
        "more_asked": bool(set(following) - _FIRST - {"cursor", "zone"}),
        "states": list(ClipState),
        "orders": list(Order),
        "ties": who.reach(Act.CASES_LINK) is not Reach.NONE,
        "pictures": await _pictures(services, seen) if _plays(who) else frozenset(),
        "length": clock_length,
        "next": f"/clips?{urlencode(following)}" if more else None,
    }
    status = HTTPStatus.OK if wrong is None else HTTPStatus.NOT_FOUND
    return page(request, "clips.html", values, status=status)


def _typed(asked: ClipsWanted) -> dict[str, str]:
    """What was asked, as the fields of the form have it."""
    given = asked.model_dump(exclude_none=True)
    return {name: _text(given.get(name)) for name in ClipsWanted.model_fields}


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()[:16]
    return "" if value is None else str(value)


async def _pictures(services: Services, rows: Sequence[Clip]) -> frozenset[ClipId]:
    """Clips of which there is a picture to know them by."""
    open_to_him = [row.id for row in rows if not row.concealed]
    states = await services.previews.states(open_to_him)
    made = State.MADE.value
    return frozenset(
        clip for clip, kinds in states.items() if kinds.get(Kind.THUMBNAIL.value) == made
    )


async def _noted(services: Services, row: Clip) -> list[ClipMark]:
    """Marks that whoever looks at a clip has to take note of first."""
    standing = await services.marks.standing_of(row.id)
    return [mark for mark in standing if mark.label in TO_ACKNOWLEDGE]


def _plays(who: Principal) -> bool:
    return who.reach(Act.CLIPS_PLAY) is not Reach.NONE


@router.get("/clips/{clip}")
async def clip(
    services: Given, request: Request, who: Who, row: Annotated[Clip, Depends(readable)]
) -> Response:
    """Who, when, where; the footage once a reason is given; what became of it."""
    links = [] if row.concealed else await services.cases.links_of_clip(row.id)
    views = [] if row.concealed else await services.views.listing(row.id, _VIEWS)
    own = is_own(who, row)
    traces = who.reach(Act.TRAILS_READ) is not Reach.NONE and not row.concealed
    plays = _plays(who) and not row.concealed
    language = language_of(request)
    trail = None
    if traces:
        trail = await trail_of(services, await services.trails.of_clip(row), language)
    values = {
        "who": who,
        "row": row,
        "links": links,
        "views": views,
        "is_own": own,
        "plays": plays and _is_here(row),
        "said_view": await _said(services, who, row) if plays and not own else None,
        "traces": traces,
        "trail": trail,
        "facts": as_data(facts(row, services.log.anchors(), is_own=own)),
        "marks": marks(row),
        "noted": [] if row.concealed else await _noted(services, row),
        "stood": stood(row, language),
        "interval": {"earliest": None, "latest": None, "basis": None}
        | (row.camera_clock.get("interval") or {}),
        "duration_ms": row.media.get("duration_ms"),
        "is_gone": row.state == ClipState.DISPOSED,
        "reads_disposals": who.reach(Act.DISPOSALS_READ) is not Reach.NONE,
        "length": clock_length,
        **await acts(services, who, row),
        "steps": [(step, _STEPS[language][step]) for step in range(2, 11)],
    }
    return page(request, "clip.html", values)


async def _said(services: Services, who: Principal, row: Clip) -> ClipView | None:
    """What the reader said just now of why he looks, and need not say again in the same tab."""
    said = await services.views.given(who, row)
    if said is None or services.clock.now() - said.viewed_at > _SAME_LOOK:
        return None
    return said


def _is_here(row: Clip) -> bool:
    return row.stored_index is not None and row.state != ClipState.DISPOSED
