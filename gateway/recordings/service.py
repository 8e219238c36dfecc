"""Recordings of several chapters: grouped and taken apart in the log; nothing about a clip changes.

Proposals are reckoned anew whenever they are asked for: they are nobody's word and have no row.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.db import Database
from gateway.errors import ConflictError, InvalidError, NotFoundError
from gateway.evidence.models import Clip
from gateway.evidence.service import Evidence
from gateway.log.service import Log
from gateway.recordings.chapters import Chapter, propose
from gateway.recordings.effects import active_of, apply
from gateway.recordings.models import Recording, RecordingClip
from protocols.ids import ClipId, recording_urn
from protocols.kinds import RecordingGrouped, RecordingUngrouped

_TOKEN_BYTES = 16
How = Literal["by-hand", "proposal"]


class RecordingUnknownError(NotFoundError):
    """No recording of that name."""


class ClipGroupedError(ConflictError):
    """A clip is a chapter of another recording already."""


class ProposalDiffersError(ConflictError):
    """What is called a proposal is none of the rule's."""


class RecordingGoneError(ConflictError):
    """The recording was taken apart before, by somebody else or for another reason."""


class ClipTwiceError(InvalidError):
    """A clip is named twice."""


@dataclass(frozen=True, slots=True)
class NewRecording:
    """Clips that are taken for one recording, in order; who says so, why and on what ground."""

    clips: tuple[ClipId, ...]
    how: How
    by: str
    why: str


class Recordings:
    """Acts that group clips, and look-ups."""

    def __init__(self, database: Database, log: Log, evidence: Evidence) -> None:
        self._database, self._log, self._evidence = database, log, evidence
        # Check and statement belong together: a statement, once logged, cannot be undone.
        self._acting = asyncio.Lock()

    async def group(self, new: NewRecording, tolerance_ms: int) -> tuple[Recording, bool]:
        """Take clips for one recording, or find the very same one.

        Args:
            new: clips that are known and within the asker's reach.
            tolerance_ms: of the rule, where the clips are its proposal.

        Returns:
            The recording, and whether this call grouped it.

        Raises:
            ClipTwiceError: a clip is named twice. ClipGroupedError: one is in another recording.
            ProposalDiffersError: the rule proposes something else.
            GatewayError: the log cannot take it now.
        """
        if len(set(new.clips)) != len(new.clips):
            raise ClipTwiceError("a clip is a chapter of a recording once")
        async with self._acting:
            for row in await self._active(new.clips):
                same = tuple(await self.clips_of(row.token)) == new.clips
                if not same or (row.how, row.who, row.why) != (new.how, new.by, new.why):
                    raise ClipGroupedError(
                        f"recording {row.token} has one of these clips already; take it apart first"
                    )
                return row, False
            if new.how == "proposal":
                await self._check_proposed(new.clips, tolerance_ms)
            token = secrets.token_hex(_TOKEN_BYTES)
            names = tuple(str(clip) for clip in new.clips)
            body = RecordingGrouped(
                recording=token, clips=names, how=new.how, by=new.by, why=new.why
            )
            await self._state(body, new.clips)
            return await self.recording(token), True

    async def ungroup(self, token: str, *, by: str, why: str) -> Recording:
        """Take a recording apart; that it was one stays on record. Again changes nothing.

        Raises:
            RecordingUnknownError: there is none of that name. RecordingGoneError: it is apart.
            GatewayError: the log cannot take it now.
        """
        async with self._acting:
            row = await self.recording(token)
            if row.ungroup_index is not None:
                if (row.ungrouped_by, row.ungroup_why) == (by, why):
                    return row
                raise RecordingGoneError("this recording was taken apart before")
            clips = await self.clips_of(token)
            names = tuple(str(clip) for clip in clips)
            await self._state(
                RecordingUngrouped(recording=token, clips=names, by=by, why=why), clips
            )
            return await self.recording(token)

    # --- look-ups --------------------------------------------------------------------

    async def recording(self, token: str) -> Recording:
        """One recording, be it apart.

        Raises:
            RecordingUnknownError: there is none of that name.
        """
        async with self._database.reading() as session:
            row = await session.get(Recording, token)
        if row is None:
            raise RecordingUnknownError("no recording of that name")
        return row

    async def clips_of(self, token: str) -> list[ClipId]:
        """The chapters of a recording, in order."""
        query = (
            select(RecordingClip)
            .where(RecordingClip.recording == token)
            .order_by(RecordingClip.place)
        )
        async with self._database.reading() as session:
            return [row.clip for row in await session.scalars(query)]

    async def of_clip(self, clip: ClipId) -> Recording | None:
        """The recording that a clip is a chapter of now, as somebody stated."""
        return next(iter(await self._active([clip])), None)

    async def of_clips(self, clips: Sequence[ClipId]) -> Sequence[Recording]:
        """Recordings that have one of these clips now, in the order of the log."""
        return await self._active(clips)

    async def _active(self, clips: Sequence[ClipId]) -> Sequence[Recording]:
        if not clips:
            return []
        query = active_of(clips).order_by(Recording.group_index)
        async with self._database.reading() as session:
            return (await session.scalars(query)).all()

    async def _check_proposed(self, clips: Sequence[ClipId], tolerance_ms: int) -> None:
        rows = await self._evidence.clips(clips)
        session = rows[clips[0]].session if clips[0] in rows else ""
        all_of = [chapter_of(row) for row in await self._evidence.of_session(session)]
        proposed = [tuple(each.clip for each in found) for found in propose(all_of, tolerance_ms)]
        if tuple(clips) not in proposed:
            raise ProposalDiffersError(
                "the rule does not propose these clips as one recording; group them by hand"
            )

    async def _state(
        self, body: RecordingGrouped | RecordingUngrouped, clips: Sequence[ClipId]
    ) -> None:
        async def also(session: AsyncSession, indices: list[int]) -> None:
            await apply(session, body, indices[0])

        concerned = tuple(clip.clip_urn for clip in clips)
        await self._log.append_own(
            body, recording_urn(body.recording), extra_subjects=concerned, also=also
        )


def chapter_of(row: Clip) -> Chapter:
    """A clip as the rule sees it; what was put right about its start counts."""
    duration = row.media.get("duration_ms")
    return Chapter(
        clip=row.id,
        session=row.session,
        camera=row.camera,
        name=row.name,
        started=_moment(row.corrected_started or row.started_claim),
        duration_ms=duration if isinstance(duration, int) else None,
    )


def _moment(text: str | None) -> datetime | None:
    """A time as a camera claimed it, which may be anything."""
    try:
        return None if text is None else datetime.fromisoformat(text)
    except ValueError:
        return None
