"""The page of one case, and its trail.

In an address a case has its opaque name: numbers hold slashes, and addresses end up in logs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from gateway.access.gate import allowed
from gateway.access.policy import Act, Reach
from gateway.access.scope import Scope
from gateway.cases.footage import footage_of
from gateway.cases.models import Case, CaseLink
from gateway.cases.stages import CaseCoverage
from gateway.evidence.models import Clip
from gateway.given import Given
from gateway.holds.service import HoldFilter, HoldShown
from gateway.marks.heeding import concealed, legible, refuse_classified
from gateway.marks.labels import TO_ACKNOWLEDGE
from gateway.marks.models import ClipMark
from gateway.proposals.reach import proposed_for
from gateway.services import Services
from gateway.web.drawing import language_of, page
from gateway.web.footage import clock_length
from gateway.web.routing import PageRoute
from gateway.web.timeline import Timeline, drawn
from gateway.web.trails import trail_of
from protocols.ids import ClipId, case_urn

router = APIRouter(include_in_schema=False, route_class=PageRoute)
_HOLDS = 50
_PROPOSALS = 20
_Reading = Annotated[Scope, allowed(Act.CASES_READ)]
_Token = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


@router.get("/cases/{token}")
async def case(services: Given, request: Request, scope: _Reading, token: _Token) -> Response:
    """One case: particulars, stages and clips in time, what may belong to it, and every act.

    One that became part of another says so, and keeps the particulars that it had.
    """
    row = await services.cases.case_of(token, within=scope.cases())
    if row.token != token:
        return page(request, "case_merged.html", await _merged(services, scope, row, token))
    return page(request, "case.html", await _whole(services, scope, row))


@router.get("/cases/{token}/trail")
async def trail(
    services: Given,
    request: Request,
    scope: Annotated[Scope, allowed(Act.TRAILS_READ)],
    token: _Token,
) -> Response:
    """The trail of a case as a picture: on a page of its own, because it may be long."""
    who, row = scope.principal, await services.cases.case_of(token, within=scope.cases())
    links = await services.cases.links(row)
    await refuse_classified(services.marks, who, {link.clip for link in links})
    document = await services.trails.of_case(row)
    told = await trail_of(services, document, language_of(request))
    return page(request, "case_trail.html", {"who": who, "row": row, "trail": told})


_MAY = {
    "ties": Act.CASES_LINK,
    "opens": Act.CASES_OPEN,
    "manages": Act.CASES_MANAGE,
    "exports": Act.EXPORTS_MAKE,
    "traces": Act.TRAILS_READ,
    "holds_read": Act.HOLDS_READ,
    "holds_place": Act.HOLDS_PLACE,
    "holds_lift": Act.HOLDS_LIFT,
}
_NOTHING: dict[str, object] = {
    "parties": (),
    "officers": (),
    "stages": (),
    "decision": None,
    "external_ids": (),
}


def _particulars(scope: Scope, row: Case) -> dict[str, Any]:
    return {"who": scope.principal, "row": row, "said": _NOTHING | (row.particulars or {})}


async def _merged(services: Services, scope: Scope, into: Case, token: str) -> dict[str, Any]:
    parts = {part.token: part for part in await services.cases.parts(into)}
    return _particulars(scope, parts[token]) | {"into": into}


async def _whole(services: Services, scope: Scope, row: Case) -> dict[str, Any]:
    who = scope.principal
    # First, so that it is never of more than what is shown.
    version = await services.log.newest_about(case_urn(row.token))
    links = await services.cases.links(row)
    clips = await services.evidence.clips({link.clip for link in links})
    seen = {clip.id: clip for clip in await concealed(services.marks, who, list(clips.values()))}
    tied = {link.clip for link in links if link.unlink_index is None}
    coverage = await services.stages.coverage(row, legible(services.marks, who))
    return {
        **_particulars(scope, row),
        "numbers": [each.case_no for each in await services.cases.numbers(row)],
        "parts": await services.cases.parts(row),
        "links": _in_order(links, seen),
        "coverage": {each.stage.name: (each, excuse) for each, excuse in coverage.stages},
        "gone": set(coverage.gone),
        "timeline": _timeline(services, coverage, [seen[each] for each in tied if each in seen]),
        "zone": services.config.cases.zone,
        "length": clock_length,
        "proposed": await proposed_for(services, scope, row, _PROPOSALS),
        "marks": await _marks(services, tied),
        "holds": await _holds(services, scope, row.token),
        "state": row.state.value,
        "version": version,
        **{name: who.reach(act) is not Reach.NONE for name, act in _MAY.items()},
    }


def _in_order(
    links: Sequence[CaseLink], seen: Mapping[ClipId, Clip]
) -> list[tuple[CaseLink, Clip | None]]:
    """Ties that stand before those that were taken back."""
    rows = sorted(links, key=lambda link: link.unlink_index is not None)
    return [(link, seen.get(link.clip)) for link in rows]


def _timeline(
    services: Services, coverage: CaseCoverage, clips: Collection[Clip]
) -> Timeline | None:
    zone = ZoneInfo(services.config.cases.zone)
    told = [
        (clip.name, footage_of(str(clip.id), clip, zone)) for clip in clips if not clip.concealed
    ]
    return drawn([each for each, _ in coverage.stages], told, zone)


async def _holds(services: Services, scope: Scope, token: str) -> list[HoldShown]:
    if scope.principal.reach(Act.HOLDS_READ) is Reach.NONE:
        return []
    return await services.holds.find(HoldFilter(case=token), scope, _HOLDS)


async def _marks(services: Services, tied: Collection[ClipId]) -> list[ClipMark]:
    """What whoever hands this case out has to take note of."""
    standing = await services.marks.standing(tied)
    return [mark for marks in standing.values() for mark in marks if mark.label in TO_ACKNOWLEDGE]
