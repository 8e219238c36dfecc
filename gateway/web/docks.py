"""Pages of docks: how they stand, what has to be looked into, and who may speak as one.

Everybody who sees docks reads these pages; only those who manage docks find forms on them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from gateway.access.gate import allowed
from gateway.access.policy import Act, Reach
from gateway.access.scope import Scope
from gateway.docks.models import Dock
from gateway.evidence.models import Clip
from gateway.given import Given
from gateway.intake.attention import attention
from gateway.intake.decisions import SETTLED_BY_HAND
from gateway.services import Services
from gateway.shapes import DockText
from gateway.web.drawing import page
from gateway.web.routing import PageRoute
from hashing.ledger import DockHead

router = APIRouter(include_in_schema=False, route_class=PageRoute)
_Reading = Annotated[Scope, allowed(Act.DOCKS_READ)]
_Named = Annotated[DockText, Path()]
_CLIPS_LOOKED_AT: Final = 500
_SESSIONS: Final = 20
_NOTES: Final = 20


@dataclass(frozen=True, slots=True)
class Ledger:
    """Where a dock's ledger stands: as it announces, and as the log has it.

    Attributes:
        behind: entries that it announced and that are not logged; None when one cannot tell.
    """

    announced: tuple[int, int] | None
    logged: tuple[int, int] | None
    behind: int | None

    @classmethod
    def of(cls, dock: Dock, logged: DockHead | None) -> Ledger:
        """Compare; what a dock announces is a claim."""
        said = dock.last_head or {}
        announced = (said["epoch"], said["seq"]) if said.get("seq") is not None else None
        known = None if logged is None else (logged.epoch, logged.seq)
        if announced is None:
            return cls(None, known, 0 if said and known is None else None)
        last = known[1] if known and known[0] == announced[0] else -1
        return cls(announced, known, max(0, announced[1] - last))


@dataclass(slots=True)
class Docking:
    """One docking, by the clips it brought."""

    session: str
    sealed_at: str
    states: Counter[str] = field(default_factory=Counter)


@router.get("/docks")
async def docks(services: Given, request: Request, scope: _Reading) -> Response:
    """All docks, names that speak without being enrolled, alarms, invitations."""
    return page(request, "docks.html", await _all(services, scope))


@router.get("/docks/parts")
async def docks_parts(services: Given, request: Request, scope: _Reading) -> Response:
    """What changes of it, by itself."""
    return page(request, "docks_parts.html", await _all(services, scope))


@router.get("/docks/{dock}")
async def dock(services: Given, request: Request, scope: _Reading, dock: _Named) -> Response:
    """All about one."""
    values = await _one(services, scope, dock)
    return page(request, "dock.html", values)


@router.get("/docks/{dock}/parts")
async def dock_parts(services: Given, request: Request, scope: _Reading, dock: _Named) -> Response:
    """What changes of it, by itself."""
    return page(request, "dock_parts.html", await _one(services, scope, dock))


async def _all(services: Services, scope: Scope) -> dict[str, Any]:
    rows = await services.docks.docks()
    heads = await services.log.dock_heads([row.id for row in rows])
    listed = [(row, Ledger.of(row, heads.get(row.id))) for row in rows]
    state = services.invitations.state
    invited = [(each, state(each)) for each in await services.invitations.listing()]
    return {
        **_asker(services, scope),
        "docks": listed,
        "strangers": await services.docks.strangers(),
        "attention": await attention(services.database),
        "invitations": [each for each in invited if each[1] in {"open", "begun"}],
        "invites": bool(services.config.enrolment.names),
    }


async def _one(services: Services, scope: Scope, name: str) -> dict[str, Any]:
    row = await services.docks.dock(name)
    head = await services.log.dock_head(row.id)
    newest = await services.evidence.newest_of_dock(row.id, _CLIPS_LOOKED_AT)
    return {
        **_asker(services, scope),
        "dock": row,
        "ledger": Ledger.of(row, head),
        "head": head,
        "clock": newest[0].sealed_clock | {"at": newest[0].sealed_at} if newest else None,
        "dockings": _dockings(newest)[:_SESSIONS],
        "notes": await services.docks.notes(name, before=None, limit=_NOTES),
        "attention": (await attention(services.database)).of(row.id),
        "invites": bool(services.config.enrolment.names),
    }


def _asker(services: Services, scope: Scope) -> dict[str, Any]:
    who = scope.principal
    return {
        "who": who,
        "now": services.clock.now(),
        "manages": who.reach(Act.DOCKS_MANAGE) is not Reach.NONE,
        "settled_by_hand": SETTLED_BY_HAND,
    }


def _dockings(newest: Sequence[Clip]) -> list[Docking]:
    found: dict[str, Docking] = {}
    for clip in newest:
        docking = found.setdefault(clip.session, Docking(clip.session, clip.sealed_at))
        docking.states[clip.state] += 1
    return list(found.values())
