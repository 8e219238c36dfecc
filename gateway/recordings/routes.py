"""Recordings of several chapters over HTTP."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from gateway.access.gate import allowed
from gateway.access.policy import Act
from gateway.access.scope import Scope
from gateway.evidence.reach import found
from gateway.given import Given
from gateway.recordings.chapters import TOLERANCE_MS
from gateway.recordings.schemas import (
    RecordingAsked,
    RecordingOfClip,
    RecordingsOfSession,
    RecordingTold,
    Tolerance,
    UngroupAsked,
)
from gateway.recordings.service import NewRecording, RecordingUnknownError
from gateway.recordings.telling import proposals, recording_told
from gateway.services import Services
from gateway.shapes import EntryText

router = APIRouter(tags=["recordings"])
_MADE = {"description": "Done now; 200 when it was so already.", "model": RecordingTold}
_Reading = Annotated[Scope, allowed(Act.CLIPS_READ)]
_Grouping = Annotated[Scope, allowed(Act.CLIPS_GROUP)]
_Token = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
_Within = Annotated[Tolerance, Query()]


@router.get("/clips/{clip}/recording")
async def get_recording_of_clip(
    services: Given,
    scope: _Reading,
    clip: Annotated[EntryText, Path()],
    tolerance_ms: _Within = TOLERANCE_MS,
) -> RecordingOfClip:
    """The recording that a clip is a chapter of, in order, with gaps; else what a rule proposes."""
    row = await found(services, scope, clip)
    grouped = await services.recordings.of_clip(row.id)
    if grouped is not None:
        told = await recording_told(services, scope, grouped)
        return RecordingOfClip(recording=told, proposal=None)
    proposed = await proposals(services, scope, row.session, tolerance_ms)
    mine = [each for each in proposed if any(part.clip == clip for part in each.chapters)]
    return RecordingOfClip(recording=None, proposal=mine[0] if mine else None)


@router.get("/recordings")
async def list_recordings(
    services: Given,
    scope: _Reading,
    session: Annotated[EntryText, Query(description="a docking, such as dock7.0.12")],
    tolerance_ms: _Within = TOLERANCE_MS,
) -> RecordingsOfSession:
    """The recordings of one docking: those that somebody grouped, and what a rule proposes."""
    clips = [row.id for row in await services.evidence.of_session(session)]
    seen = await services.evidence.within(clips, scope.clips())
    grouped = await services.recordings.of_clips([clip for clip in clips if clip in seen])
    return RecordingsOfSession(
        recordings=[await recording_told(services, scope, each) for each in grouped],
        proposals=await proposals(services, scope, session, tolerance_ms),
    )


@router.post("/recordings", responses={201: _MADE})
async def group_clips(
    services: Given, scope: _Grouping, asked: RecordingAsked, response: Response
) -> RecordingTold:
    """Take clips for the chapters of one recording. The same again is answered alike."""
    rows = [await found(services, scope, name) for name in asked.clips]
    by = scope.principal.signs(asked.by)
    new = NewRecording(tuple(row.id for row in rows), asked.how, by, asked.why)
    row, made = await services.recordings.group(new, asked.tolerance_ms)
    if made:
        response.status_code = HTTPStatus.CREATED.value
    return await recording_told(services, scope, row)


@router.delete("/recordings/{recording}")
async def ungroup_clips(
    services: Given,
    scope: _Grouping,
    recording: _Token,
    asked: UngroupAsked,
) -> RecordingTold:
    """Take a recording apart; that it was one stays on record."""
    await _refuse_unseen(services, scope, recording)
    by = scope.principal.signs(asked.by)
    row = await services.recordings.ungroup(recording, by=by, why=asked.why)
    return await recording_told(services, scope, row)


async def _refuse_unseen(services: Services, scope: Scope, recording: str) -> None:
    """Whoever takes a recording apart sees all of it."""
    clips = await services.recordings.clips_of(recording)
    seen = await services.evidence.within(clips, scope.clips())
    if not clips or len(seen) != len(clips):
        raise RecordingUnknownError("no recording of that name, or not all of it is yours to see")
