"""Disposals over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query
from sqlalchemy import and_

from gateway.access.gate import Who, allowed
from gateway.access.policy import Act
from gateway.access.scope import Scope, counted_to
from gateway.disposal.models import DisposalItem
from gateway.disposal.schemas import (
    ClipsDue,
    CountedTold,
    DecisionAsked,
    DisposalAsked,
    DisposalDetail,
    DisposalPage,
    DisposalsAsked,
    DisposalTold,
    DryRunAsked,
    DryRunTold,
    ItemTold,
    ReportTold,
)
from gateway.disposal.selecting import Wanted
from gateway.disposal.service import NewDisposal
from gateway.given import Given
from gateway.marks.heeding import legible, sees_classified
from gateway.problems import Problem
from gateway.services import Services
from protocols.errors import IdError
from protocols.ids import ClipId, DockId

router = APIRouter(prefix="/disposals", tags=["disposals"])
_Reading = Annotated[Scope, allowed(Act.DISPOSALS_READ)]
_Proposing = Annotated[Scope, allowed(Act.DISPOSALS_PROPOSE)]
_Approving = Annotated[Scope, allowed(Act.DISPOSALS_APPROVE)]
_Token = Annotated[str, Path(max_length=32, pattern="^[0-9a-f]+$")]


@router.get("/dry-run")
async def dry_run(
    services: Given, scope: _Proposing, asked: Annotated[DryRunAsked, Query()]
) -> DryRunTold:
    """Which clips would be due, and why each is or is kept; nothing is changed."""
    by = asked.moment(services.retention.now())
    wanted = _wanted(services, scope, asked)
    wanted = Wanted(
        wanted.within,
        by,
        wanted.unit,
        wanted.dock,
        wanted.category,
        asked.due_only,
        -1 if asked.cursor is None else asked.cursor,
    )
    looked, rules = await services.disposals.dry_run(wanted, asked.limit)
    return DryRunTold.of(by, looked, rules)


@router.get("/reconciliation")
async def reconcile(
    services: Given,
    scope: _Reading,
    store: Annotated[bool, Query(description="look for every object in the store, too")] = False,  # noqa: FBT002  # a query parameter
) -> CountedTold:
    """Every clip that was ever sealed, counted over by log, rows and, if asked for, store."""
    if not scope.is_everything:
        raise Problem(HTTPStatus.FORBIDDEN, "beyond-your-unit", "this is counted over all units")
    return CountedTold.of(await services.reconciling.reconcile(store=store))


@router.post("", status_code=HTTPStatus.CREATED.value)
async def propose(
    services: Given, who: Who, scope: _Proposing, asked: DisposalAsked
) -> DisposalTold:
    """Propose to dispose of clips that nothing keeps; another person approves it."""
    unit = asked.due.unit or scope.principal.unit or None
    if not scope.has_unit(unit):
        raise Problem(
            HTTPStatus.FORBIDDEN, "beyond-your-unit", "this unit is not in your part of the tree"
        )
    clips = None if asked.clips is None else tuple(map(_clip, dict.fromkeys(asked.clips)))
    wanted = _wanted(services, scope, asked.due)
    if unit is not None:
        # Its people decide, and those of no other unit hear of it.
        wanted = replace(wanted, within=and_(wanted.within, counted_to(unit)))
    new = NewDisposal(clips, wanted, unit, asked.reason)
    return DisposalTold.of(await services.disposals.propose(who, new))


@router.get("")
async def list_disposals(
    services: Given, scope: _Reading, asked: Annotated[DisposalsAsked, Query()]
) -> DisposalPage:
    """List disposals within reach, newest first."""
    rows = await services.disposals.find(
        scope, state=asked.state, before=asked.cursor, limit=asked.limit + 1
    )
    page, more = rows[: asked.limit], rows[asked.limit :]
    return DisposalPage(
        disposals=[DisposalTold.of(row) for row in page],
        next=page[-1].proposed_index if more else None,
    )


@router.get("/{disposal}")
async def get_disposal(services: Given, scope: _Reading, disposal: _Token) -> DisposalDetail:
    """One disposal with its clips."""
    row = await services.disposals.disposal(disposal, scope)
    blocked = services.executing.blocked
    return DisposalDetail(
        **DisposalTold.of(row).model_dump(),
        items=await _items(services, scope, await services.disposals.items(disposal)),
        blocked=None if blocked is None else str(blocked),
    )


@router.get("/{disposal}/report")
async def get_report(services: Given, scope: _Reading, disposal: _Token) -> ReportTold:
    """What became of it, by count and hash, held against log and store."""
    row = await services.disposals.disposal(disposal, scope)
    report = await services.reconciling.report(row)
    return ReportTold.whole(report, await _items(services, scope, report.items))


@router.post("/{disposal}/approve")
async def approve(
    services: Given, who: Who, scope: _Approving, disposal: _Token, asked: DecisionAsked
) -> DisposalTold:
    """Agree to what another person proposed; after the waiting time it is done."""
    row = await services.disposals.approve(who, scope, disposal, asked.reason)
    return DisposalTold.of(row)


@router.post("/{disposal}/refuse")
async def refuse(
    services: Given, who: Who, scope: _Approving, disposal: _Token, asked: DecisionAsked
) -> DisposalTold:
    """Do not agree, or stop what waits or is under way; what is gone stays gone."""
    row = await services.disposals.refuse(who, scope, disposal, asked.reason)
    return DisposalTold.of(row)


@router.post("/{disposal}/withdraw")
async def withdraw(
    services: Given, who: Who, scope: _Proposing, disposal: _Token, asked: DecisionAsked
) -> DisposalTold:
    """Take back what one of you proposed, until it is closed."""
    row = await services.disposals.refuse(who, scope, disposal, asked.reason)
    return DisposalTold.of(row)


async def _items(services: Services, scope: Scope, items: Sequence[DisposalItem]) -> list[ItemTold]:
    """The clips of a disposal; why one stayed is told to whoever may see the clip."""
    classified = set[ClipId]()
    if not sees_classified(scope.principal):
        classified = await services.marks.classified([item.clip for item in items])
    return [ItemTold.of(item, concealed=item.clip in classified) for item in items]


def _wanted(services: Services, scope: Scope, due: ClipsDue) -> Wanted:
    # Why a clip is kept, or that its category is due, tells what it shows and whose it is.
    readable = legible(services.marks, scope.principal)
    return Wanted(
        within=scope.clips() if readable is None else and_(scope.clips(), readable),
        by=services.retention.now(),
        unit=due.unit,
        dock=None if due.dock is None else DockId(due.dock),
        category=due.category,
    )


def _clip(name: str) -> ClipId:
    try:
        return ClipId.parse(name)
    except IdError as error:
        raise Problem(HTTPStatus.NOT_FOUND, "clip-unknown", str(error)) from error
