"""The start page: how footage, docks and alarms stand, for the reader's reach, as it changes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.access.gate import ANYBODY_KNOWN, Who
from gateway.access.policy import Act, Reach
from gateway.access.principals import Principal
from gateway.access.scope import Scope
from gateway.docks.models import Dock
from gateway.given import Given
from gateway.intake import alarms
from gateway.intake.models import Alarm
from gateway.services import Services
from gateway.web.awaited import awaited
from gateway.web.drawing import page
from gateway.web.routing import PageRoute

router = APIRouter(include_in_schema=False, route_class=PageRoute, dependencies=[ANYBODY_KNOWN])
DOCKS_SHOWN: Final = 24
_ALARMS_SHOWN: Final = 20
_LEADS_TO: Final = {
    "docked": {"sealed_from": "{since}"},
    "sealed": {"sealed_from": "{since}"},
    "stored": {"stored_from": "{since}"},
    "late": {"state": "sealed", "late": "true"},
    "unlinked": {"sealed_from": "{since}", "linked": "false"},
}
"""By clocks of docks, where the counts go by the log: a dock whose clock is wrong shows there."""
_TONES: Final = {"late": "bad", "unlinked": "warn", "stored": "good", "erased": "good"}


@dataclass(frozen=True, slots=True)
class Count:
    """One number with where its list is.

    Attributes:
        tone: how it looks; what it means is said in words.
    """

    name: str
    number: int
    href: str
    tone: str


@router.get("/")
async def today(services: Given, request: Request, who: Who) -> Response:
    """Everything at once."""
    return page(request, "today.html", await _standing(services, who))


@router.get("/today/parts")
async def today_parts(services: Given, request: Request, who: Who) -> Response:
    """What changes of it, by itself."""
    return page(request, "today_parts.html", await _standing(services, who))


async def _standing(services: Services, who: Principal) -> dict[str, Any]:
    now = services.clock.now()
    sees_docks = who.reach(Act.DOCKS_READ) is not Reach.NONE
    docks = list(await services.docks.docks()) if sees_docks else []
    up = await _alarms(services) if sees_docks else []
    return {
        "who": who,
        "now": now,
        "since": _midnight(services, now),
        "counts": await _counts(services, who, now),
        "awaited": await awaited(services, who),
        "sees_docks": sees_docks,
        "alarms": up[:_ALARMS_SHOWN],
        "alarms_total": len(up),
        "docks": sorted(docks, key=_attention({each.dock for each in up}))[:DOCKS_SHOWN],
        "docks_total": len(docks),
    }


async def _counts(services: Services, who: Principal, now: datetime) -> list[Count]:
    reach = who.reach(Act.CLIPS_READ)
    if reach is Reach.NONE:
        return []
    within = Scope(who, reach).clips()
    since = _midnight(services, now)
    found = await services.overview.counts(within, since=since, now=now)
    return [
        Count(name, number, _list(name, since), _tone(name, number))
        for name, number in asdict(found).items()
    ]


def _list(name: str, since: datetime) -> str:
    at = since.strftime("%Y-%m-%dT%H:%M:%SZ")
    asked = {key: value.replace("{since}", at) for key, value in _LEADS_TO.get(name, {}).items()}
    return f"/clips?{urlencode(asked)}" if asked else "/clips"


async def _alarms(services: Services) -> list[Alarm]:
    async with services.database.reading() as session:
        return list(await alarms.standing(session))


def _midnight(services: Services, now: datetime) -> datetime:
    # The agency's day; the zone of the machine is often nobody's.
    begun = now.astimezone(ZoneInfo(services.config.cases.zone))
    return begun.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


def _tone(name: str, number: int) -> str:
    return _TONES.get(name, "") if number else ""


def _attention(alarming: set[str]) -> Any:  # noqa: ANN401  # a key to sort by
    """What a person should look at comes first, revoked docks last."""

    def key(dock: Dock) -> tuple[bool, bool, bool, str]:
        revoked = dock.revoked_index is not None
        return revoked, dock.id not in alarming, dock.state == "online", dock.id

    return key
