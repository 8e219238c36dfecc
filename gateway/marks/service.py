"""Marks: set and taken back in the log, and which of them stand now."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.clock import GatewayClock
from gateway.corrections.service import utc_of
from gateway.db import Database
from gateway.errors import ConflictError, InvalidError, NotFoundError
from gateway.evidence.among import among
from gateway.evidence.models import Clip
from gateway.log.service import Log
from gateway.marks.effects import apply
from gateway.marks.labels import CLASSES, TO_ACKNOWLEDGE, Label
from gateway.marks.models import ClipMark
from protocols.ids import ClipId
from protocols.kinds import ClipMarked, ClipUnmarked

_TOKEN_BYTES = 16
_NAMED = 5
_CLASSES = tuple(label.value for label in CLASSES)
_TO_ACKNOWLEDGE = frozenset(label.value for label in TO_ACKNOWLEDGE)


class MarkUnknownError(NotFoundError):
    """The clip has no mark of that name."""


class MarkGoneError(ConflictError):
    """The mark was taken back before, by somebody else or for another reason."""


class MarkOverError(InvalidError):
    """A mark would end before it begins."""


class MarksUnacknowledgedError(ConflictError):
    """Somebody would view or hand out a clip and did not say that he took note of its marks."""


@dataclass(frozen=True, slots=True)
class NewMark:
    """What a clip is to be marked as, who says so and why."""

    clip: ClipId
    label: Label
    by: str
    why: str
    until: datetime | None


class Marks:
    """Acts on marks, and look-ups."""

    def __init__(self, database: Database, log: Log, clock: GatewayClock) -> None:
        self._database, self._log, self._clock = database, log, clock
        self._acting = asyncio.Lock()

    async def mark(self, new: NewMark) -> tuple[ClipMark, bool]:
        """Mark a clip, or find the very same mark that stands.

        Returns:
            The mark, and whether this call set it.

        Raises:
            MarkOverError: it would be over already.
            GatewayError: the log cannot take it now.
        """
        if new.until is not None and new.until <= self._clock.now():
            raise MarkOverError("`until` is over already, by this gateway's clock")
        until = None if new.until is None else utc_of(new.until)
        async with self._acting:
            for row in await self.standing_of(new.clip):
                known = None if row.until is None else utc_of(row.until)
                said = (row.label, row.who, row.why, known)
                if said == (new.label.value, new.by, new.why, until):
                    return row, False
            body = ClipMarked.model_validate(
                {
                    "clip": str(new.clip),
                    "mark": secrets.token_hex(_TOKEN_BYTES),
                    "label": new.label.value,
                    "by": new.by,
                    "why": new.why,
                    "until": until,
                }
            )
            await self._state(body, new.clip)
            return await self._one(body.mark), True

    async def unmark(self, clip: ClipId, mark: str, *, by: str, why: str) -> ClipMark:
        """Take a mark back; it stays on record. The same again changes nothing.

        Raises:
            MarkUnknownError: the clip has none of that name. MarkGoneError: it is gone.
            GatewayError: the log cannot take it now.
        """
        async with self._acting:
            row = await self.of_name(clip, mark)
            if row.unmark_index is not None:
                if (row.unmarked_by, row.unmark_why) == (by, why):
                    return row
                raise MarkGoneError("this mark was taken back before")
            body = ClipUnmarked(clip=str(clip), mark=mark, label=row.label, by=by, why=why)
            await self._state(body, clip)
            return await self._one(mark)

    # --- look-ups --------------------------------------------------------------------

    async def of_name(self, clip: ClipId, mark: str) -> ClipMark:
        """One mark of a clip.

        Raises:
            MarkUnknownError: the clip has none of that name.
        """
        found = [each for each in await self.listing(clip) if each.mark == mark]
        if not found:
            raise MarkUnknownError("this clip has no mark of that name")
        return found[0]

    async def listing(self, clip: ClipId) -> Sequence[ClipMark]:
        """Every mark of a clip, those taken back and over included, oldest first."""
        query = _of(clip).order_by(ClipMark.mark_index)
        async with self._database.glance() as session:
            return (await session.scalars(query)).all()

    async def standing_of(self, clip: ClipId) -> list[ClipMark]:
        """The marks of one clip that stand now, oldest first."""
        return (await self.standing([clip])).get(clip, [])

    async def standing(self, clips: Collection[ClipId]) -> dict[ClipId, list[ClipMark]]:
        """The marks of these clips that stand now, oldest first; most clips have none."""
        found: dict[ClipId, list[ClipMark]] = {}
        mine = among(ClipMark.dock, ClipMark.epoch, ClipMark.seq, clips)
        query = select(ClipMark).where(mine, self._stands()).order_by(ClipMark.mark_index)
        async with self._database.glance() as session:
            for row in await session.scalars(query):
                found.setdefault(row.clip, []).append(row)
        return found

    async def classified(self, clips: Collection[ClipId]) -> set[ClipId]:
        """Those of these clips that have a class of secrecy now."""
        standing = await self.standing(clips)
        return {clip for clip, marks in standing.items() if class_of(marks) is not None}

    def has_class(self) -> ColumnElement[bool]:
        """Condition on clips that have a class of secrecy now."""
        return exists().where(
            ClipMark.dock == Clip.dock,
            ClipMark.epoch == Clip.epoch,
            ClipMark.seq == Clip.seq,
            ClipMark.label.in_(_CLASSES),
            self._stands(),
        )

    async def acknowledged(
        self, clips: Collection[ClipId], said: Collection[str]
    ) -> dict[ClipId, tuple[str, ...]]:
        """The marks that have to be taken note of, clip by clip, once all of them were named.

        Args:
            clips: that are to be viewed or handed out.
            said: names of marks that whoever asks took note of.

        Raises:
            MarksUnacknowledgedError: one of them was not named.
        """
        standing = await self.standing(clips)
        wanted = {
            clip: [mark for mark in marks if mark.label in _TO_ACKNOWLEDGE]
            for clip, marks in standing.items()
        }
        missing = [mark for marks in wanted.values() for mark in marks if mark.mark not in said]
        if missing:
            told = "; ".join(
                f"{each.mark} {each.label} on {each.clip}" for each in missing[:_NAMED]
            )
            more = f"; and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
            raise MarksUnacknowledgedError(
                f"read GET /api/v1/clips/{missing[0].clip}/marks, then name in `acknowledged` what "
                f"you took note of: {told}{more}"
            )
        return {clip: tuple(mark.mark for mark in marks) for clip, marks in wanted.items()}

    def _stands(self) -> ColumnElement[bool]:
        over = or_(ClipMark.until.is_(None), ClipMark.until > self._clock.now())
        return ClipMark.unmark_index.is_(None) & over

    async def _one(self, mark: str) -> ClipMark:
        async with self._database.glance() as session:
            return await session.get_one(ClipMark, mark)

    async def _state(self, body: ClipMarked | ClipUnmarked, clip: ClipId) -> None:
        async def also(session: AsyncSession, indices: list[int]) -> None:
            await apply(session, body, indices[0])

        await self._log.append_own(body, clip.clip_urn, also=also)


def class_of(marks: Collection[ClipMark]) -> Label | None:
    """The highest class of secrecy among marks that stand."""
    labels = [label for label in CLASSES if any(mark.label == label.value for mark in marks)]
    return labels[-1] if labels else None


def _of(clip: ClipId) -> Select[ClipMark]:
    return select(ClipMark).where(
        ClipMark.dock == clip.dock, ClipMark.epoch == clip.epoch, ClipMark.seq == clip.seq
    )
