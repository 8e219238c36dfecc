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
from gateway.problems import Problem
from gateway.services import Services
from gateway.shapes import EntryText
from protocols.errors import IdError
from protocols.ids import ClipId

_Name = Annotated[EntryText, Path()]


async def readable(
    services: Given, scope: Annotated[Scope, allowed(Act.CLIPS_READ)], clip: _Name
) -> Clip:
    """A clip whose particulars may be read; raises Problem."""
    return await _find(services, scope, clip)


async def playable(
    services: Given, scope: Annotated[Scope, allowed(Act.CLIPS_PLAY)], clip: _Name
) -> Clip:
    """A clip whose footage may be seen, a reason given; raises Problem."""
    return await _find(services, scope, clip)


async def traceable(
    services: Given, scope: Annotated[Scope, allowed(Act.TRAILS_READ)], clip: _Name
) -> Clip:
    """A clip whose trail may be read; raises Problem."""
    return await _find(services, scope, clip)


async def _find(services: Services, scope: Scope, clip: str) -> Clip:
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
