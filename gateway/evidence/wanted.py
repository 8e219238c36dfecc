"""What somebody asks of a list of clips, as the list's own words: for API and pages alike."""

from __future__ import annotations

from datetime import timedelta

from gateway.access.scope import Scope
from gateway.evidence.finding import Between, ClipFilter, Late, Order
from gateway.evidence.schemas import ClipSearch
from gateway.marks.heeding import legible
from gateway.services import Services
from protocols.ids import DockId

_OPEN = {
    *("dock", "state", "case_no", "session", "sha256", "linked", "marked", "cursor", "limit"),
    *("sealed_from", "sealed_to", "stored_from", "stored_to"),
}
LATE_AFTER = timedelta(hours=24)
"""Docked and uploaded within 24 h of the end of the shift; a recording's own end is earlier."""


async def wanted(
    services: Services, asked: ClipSearch, scope: Scope, cursor: int | None
) -> ClipFilter:
    """A filter for what is asked, within the asker's reach.

    Raises:
        CaseUnknownError: no such case within reach; an empty list would hide a typing error.
    """
    linked = None
    if asked.case_no is not None:
        linked = await services.cases.linked(asked.case_no, within=scope.cases())
    late = None
    if asked.late is not None:
        late = Late(LATE_AFTER, services.clock.now(), asked.late)
    return ClipFilter(
        dock=None if asked.dock is None else DockId(asked.dock),
        state=asked.state,
        session=asked.session,
        officer=asked.officer,
        camera=asked.camera,
        unit=asked.unit,
        tagged_case=asked.tagged_case,
        tagged_category=asked.tagged_category,
        marked=asked.marked,
        sha256=None if asked.sha256 is None else bytes.fromhex(asked.sha256),
        name=asked.name,
        linked=linked,
        in_cases=asked.linked,
        started=Between(asked.started_from, asked.started_to),
        sealed=Between(asked.sealed_from, asked.sealed_to),
        stored=Between(asked.stored_from, asked.stored_to),
        knows_start=asked.start_known,
        late=late,
        within=scope.clip_reach(),
        also=legible(services.marks, scope.principal) if _names(asked) else None,
        order=asked.order or _order(asked),
        before=cursor,
    )


def _names(asked: ClipSearch) -> bool:
    """Whether it asks by what is concealed of a classified clip: to be found would tell it."""
    return any(value is not None for value in asked.model_dump(exclude=_OPEN).values())


def _order(asked: ClipSearch) -> Order:
    """The time that is asked for: a list in the log's order would be looked through for it."""
    if asked.started_from is not None or asked.started_to is not None:
        return Order.START
    if asked.sealed_from is not None or asked.sealed_to is not None:
        return Order.SEALED
    if asked.stored_from is not None or asked.stored_to is not None:
        return Order.STORED
    return Order.LOG
