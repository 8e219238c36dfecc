"""The clip that an address names, if it is within reach of whoever asks."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import Path

from gateway.access.gate import allowed
from gateway.access.policy import Act
from gateway.access.scope import Scope
from gateway.evidence.models import Clip
from gateway.given import Given
from gateway.marks.heeding import concealed, refuse_classified
from gateway.problems import Problem
from gateway.services import Services
from gateway.shapes import EntryText
from protocols.errors import IdError
from protocols.ids import ClipId

_Name = Annotated[EntryText, Path()]


async def readable(
    services: Given, scope: Annotated[Scope, allowed(Act.CLIPS_READ)], clip: _Name
) -> Clip:
    """A clip whose particulars may be read, as far as the asker may; raises Problem."""
    (row,) = await concealed(services.marks, scope.principal, [await found(services, scope, clip)])
    return row


async def legible(
    services: Given, scope: Annotated[Scope, allowed(Act.CLIPS_READ)], clip: _Name
) -> Clip:
    """A clip of which every particular may be read; raises Problem."""
    return await _open(services, scope, clip)


async def playable(
    services: Given, scope: Annotated[Scope, allowed(Act.CLIPS_PLAY)], clip: _Name
) -> Clip:
    """A clip whose footage may be seen, a reason given; raises Problem."""
    return await _open(services, scope, clip)


async def unlockable(
    services: Given, scope: Annotated[Scope, allowed(Act.CLIPS_UNLOCK)], clip: _Name
) -> Clip:
    """A clip for which a key may be supplied; raises Problem."""
    return await _open(services, scope, clip)


async def traceable(
    services: Given, scope: Annotated[Scope, allowed(Act.TRAILS_READ)], clip: _Name
) -> Clip:
    """A clip whose trail may be read; raises Problem."""
    return await _open(services, scope, clip)


async def correctable(
    services: Given, scope: Annotated[Scope, allowed(Act.CLIPS_CORRECT)], clip: _Name
) -> Clip:
    """A clip of the asker's own unit, about which he may put claims right; raises Problem."""
    row = await _open(services, scope, clip)
    if not (scope.has_unit(row.unit) or scope.has_unit(row.corrected_unit)):
        # Else whoever sees it by a case could make it his unit's for good.
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "not-your-units-clip",
            "you see this clip by a case; this is for the unit that the clip itself is of",
        )
    return row


async def _open(services: Services, scope: Scope, clip: str) -> Clip:
    row = await found(services, scope, clip)
    await refuse_classified(services.marks, scope.principal, [row.id])
    return row


async def found(services: Services, scope: Scope, clip: str) -> Clip:
    """The clip of that name, with everything in it.

    Raises:
        Problem: there is none within reach.
    """
    try:
        row = await services.evidence.clip(ClipId.parse(clip), within=scope.clips())
    except IdError:
        row = None
    if row is None:
        # What lies beyond somebody's reach looks like what does not exist.
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "clip-unknown",
            "no clip of that name was sealed and logged, or it is not yours to see",
        )
    return row
