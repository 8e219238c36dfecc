"""Derived copies over HTTP. They are footage, and given by the rules of footage.

One thing is given before somebody has said why he looks: a glimpse, which shows that there is a
street or a room, and nobody in it. Lists need something to know a clip by.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from gateway.access.gate import Who
from gateway.access.policy import Act
from gateway.access.scope import Scope
from gateway.evidence.models import Clip
from gateway.evidence.reach import playable, unlockable
from gateway.given import Given
from gateway.marks.service import MarksUnacknowledgedError
from gateway.previews.giving import ASKED_EACH_TIME, NEVER_KEPT, copy_response
from gateway.previews.keys import NewKey
from gateway.previews.maker import GivenUpError
from gateway.previews.models import Preview
from gateway.previews.playback import playback_of
from gateway.previews.schemas import (
    CopiesTold,
    CopyTold,
    KeyAsked,
    KeyTold,
    PlaybackTold,
    StripTold,
    copies_told,
)
from gateway.previews.wanted import KEY_WRONG, Kind, State, why
from gateway.problems import Problem
from gateway.recordings.telling import chapters_of
from gateway.services import Services
from gateway.views.service import ViewNeededError
from protocols.ids import ClipId

router = APIRouter(prefix="/clips", tags=["clips"])
_JPEG = "image/jpeg"
_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"description": "A picture.", "content": {_JPEG: {"schema": {"type": "string"}}}},
    304: {"description": "The client has it already."},
}
_VIDEO: dict[int | str, dict[str, Any]] = {
    200: {"description": "All.", "content": {"video/mp4": {"schema": {"type": "string"}}}},
    206: {"description": "A range.", "content": {"video/mp4": {"schema": {"type": "string"}}}},
    304: {"description": "The client has it already."},
}


@router.get("/{clip}/thumbnail", response_class=Response, responses=_PICTURE)
async def get_thumbnail(
    services: Given, request: Request, who: Who, row: Annotated[Clip, Depends(playable)]
) -> Response:
    """A picture of the clip; blurred beyond recognition until you have said why you look.

    Not evidence: a derived copy, which names its original in itself.
    """
    made = await _made(services, row, Kind.THUMBNAIL)
    full, glimpse = made.facts["lengths"]
    try:
        await services.views.refuse_unsaid(who, row)
    except (ViewNeededError, MarksUnacknowledgedError):
        part, cache = (full, glimpse), ASKED_EACH_TIME
    else:
        part, cache = (0, full), NEVER_KEPT
    previews = services.previews
    return copy_response(previews, made, request.headers, mime=_JPEG, part=part, cache=cache)


@router.get("/{clip}/contact-strip", response_class=Response, responses=_PICTURE)
async def get_contact_strip(
    services: Given, request: Request, who: Who, row: Annotated[Clip, Depends(playable)]
) -> Response:
    """Up to twelve pictures of the clip in one; their times are at `contact-strip/times`.

    Unless you recorded it, say first why you look at it: `POST /clips/{clip}/views`.
    """
    await services.views.refuse_unsaid(who, row)
    made = await _made(services, row, Kind.CONTACT_STRIP)
    return copy_response(services.previews, made, request.headers, mime=_JPEG)


@router.get("/{clip}/contact-strip/times")
async def get_contact_strip_times(
    services: Given, row: Annotated[Clip, Depends(playable)]
) -> StripTold:
    """When each picture of the contact strip is shown."""
    made = await _made(services, row, Kind.CONTACT_STRIP)
    told = CopyTold.of(made)
    return StripTold(clip=str(row.id), source_sha256=told.source_sha256, **made.facts)


@router.get("/{clip}/preview", response_class=Response, responses=_VIDEO)
async def get_preview(
    services: Given, request: Request, who: Who, row: Annotated[Clip, Depends(playable)]
) -> Response:
    """What browsers play where they cannot play the original; not evidence.

    Unless you recorded it, say first why you look at it: `POST /clips/{clip}/views`.
    """
    await services.views.refuse_unsaid(who, row)
    made = await _made(services, row, Kind.PREVIEW)
    mime = "audio/mp4" if made.facts.get("video") is None else "video/mp4"
    headers = request.headers
    return copy_response(services.previews, made, headers, mime=mime, cache=ASKED_EACH_TIME)


@router.post("/{clip}/preview", status_code=HTTPStatus.ACCEPTED.value)
async def ask_preview(services: Given, row: Annotated[Clip, Depends(playable)]) -> CopiesTold:
    """Let the clip's copies be made next, also such as were given up before."""
    await services.disposals.refuse_disposed(row)
    if row.stored_index is None:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "content-not-stored",
            f"the content of {row.id} is not stored yet; its state is {row.state}",
        )
    if not services.config.previews.enabled:
        raise Problem(
            HTTPStatus.CONFLICT,
            "previews-off",
            "previews are turned off here: [previews] enabled = true turns them on",
        )
    await services.previews.ask(row.id, Kind)
    return CopiesTold(copies_told(await services.previews.of(row.id)))


@router.get("/{clip}/playback")
async def get_playback(
    services: Given, who: Who, row: Annotated[Clip, Depends(playable)]
) -> PlaybackTold:
    """What a browser shall play of the clip: the original or a preview, and why."""
    rows = await services.previews.of(row.id)
    told = playback_of(row, rows, enabled=services.config.previews.enabled)
    scope = Scope(who, who.reach(Act.CLIPS_PLAY))
    return PlaybackTold.of(str(row.id), told, rows, await chapters_of(services, scope, row.id))


@router.post("/{clip}/keys", status_code=HTTPStatus.CREATED.value)
async def supply_key(
    services: Given, who: Who, row: Annotated[Clip, Depends(unlockable)], asked: KeyAsked
) -> KeyTold:
    """Supply the key of an encrypted clip; it is tried first, and opens it for copies alone.

    The original stays as it was sealed, and is exported so. The key is never told again.
    """
    if row.stored_index is None:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "content-not-stored",
            f"the content of {row.id} is not stored yet; its state is {row.state}",
        )
    new = NewKey(asked.key.lower(), who.signs(asked.by), asked.reason)
    try:
        body, index = await services.clip_keys.supply(row, new)
    except GivenUpError as error:
        raise _untaken(row.id, error) from error
    return KeyTold(clip=body.clip, scheme=body.scheme, by=body.by, reason=body.why, index=index)


def _untaken(clip: ClipId, error: GivenUpError) -> Problem:
    detail = f"{clip}: {why(error.code).en}; nothing was kept"
    if error.code == KEY_WRONG:
        return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "key-wrong", detail)
    code = error.code if error.code == "not-encrypted" else "key-untried"
    return Problem(HTTPStatus.CONFLICT, code, detail)


async def _made(services: Services, clip: Clip, kind: Kind) -> Preview:
    await services.disposals.refuse_disposed(clip)
    made = await services.previews.made(clip.id, kind)
    if made is not None:
        return made
    row = (await services.previews.of(clip.id)).get(kind)
    if row is None:
        code, detail = "preview-none", f"the content of {clip.id} is not stored yet"
    elif row.state == State.UNNEEDED:
        code = "preview-unneeded"
        detail = f"browsers play the original: /api/v1/clips/{clip.id}/content"
    elif row.state == State.FAILED:
        code, detail = "preview-none", f"no {kind.value}: {why(row.code).en}"
    else:
        code, detail = "preview-waiting", f"the {kind.value} is not made yet; ask again"
    raise Problem(HTTPStatus.NOT_FOUND, code, detail)
