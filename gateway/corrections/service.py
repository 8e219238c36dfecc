"""Corrections: stated in the log with who and why; the claim itself is never touched."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.clock import GatewayClock
from gateway.corrections.effects import apply, of_clip
from gateway.corrections.models import ClipCorrection
from gateway.db import Database
from gateway.errors import ConflictError, InvalidError
from gateway.evidence.among import among
from gateway.evidence.models import Clip
from gateway.log.service import Log
from protocols.ids import ClipId, DockId
from protocols.kinds import ClipCorrected

Field = Literal["officer", "unit", "started"]


class CorrectionEmptyError(ConflictError):
    """It would change nothing."""


class CorrectionInFutureError(InvalidError):
    """Nothing was recorded at a time that has not come."""


@dataclass(frozen=True, slots=True)
class NewCorrection:
    """What is put right, who says so and why.

    Attributes:
        to: None takes the corrections of this field back. A start is in UTC (``utc_of``).
        error_ms, known_by: of a start only.
    """

    field: Field
    to: str | None
    error_ms: int | None
    known_by: str | None
    by: str
    why: str

    @property
    def words(self) -> tuple[object, ...]:
        """What makes it the same as another one."""
        return self.field, self.to, self.error_ms, self.known_by, self.by, self.why


def utc_of(moment: datetime) -> str:
    """A moment as records have it, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Corrections:
    """Acts that put claims right, and look-ups."""

    def __init__(self, database: Database, log: Log, clock: GatewayClock) -> None:
        self._database, self._log, self._clock = database, log, clock
        # A number is taken once: finding the next one and stating it belong together.
        self._acting = asyncio.Lock()

    async def correct(self, clip: Clip, new: NewCorrection) -> tuple[ClipCorrection, bool]:
        """State a correction, or find the very same one when it is what counts.

        Returns:
            The correction, and whether this call stated it.

        Raises:
            CorrectionEmptyError: it says what counts already, in other words.
            CorrectionInFutureError: a start that has not come.
            GatewayError: the log cannot take it now.
        """
        self._check_start(new)
        async with self._acting:
            before = await self.listing(clip.id)
            newest = next((each for each in reversed(before) if each.field == new.field), None)
            if newest is not None and _words(newest) == new.words:
                return newest, False
            _check_changes(clip, new, newest)
            body = ClipCorrected(
                clip=str(clip.id),
                number=len(before) + 1,
                field=new.field,
                claimed=claimed(clip, new.field),
                to=new.to,
                error_ms=new.error_ms,
                known_by=new.known_by,
                by=new.by,
                why=new.why,
            )

            async def also(session: AsyncSession, indices: list[int]) -> None:
                await apply(session, body, indices[0])

            await self._log.append_own(body, clip.id.clip_urn, also=also)
            return (await self.listing(clip.id))[-1], True

    async def listing(self, clip: ClipId) -> Sequence[ClipCorrection]:
        """Every correction of a clip, oldest first."""
        async with self._database.glance() as session:
            return (await session.scalars(of_clip(clip))).all()

    async def counting(self, clips: Collection[Clip]) -> dict[ClipId, dict[str, ClipCorrection]]:
        """The corrections that count now of these clips, by field; most clips have none."""
        found: dict[ClipId, dict[str, ClipCorrection]] = {}
        names = [row.id for row in clips if is_corrected(row)]
        if not names:
            return found
        theirs = among(ClipCorrection.dock, ClipCorrection.epoch, ClipCorrection.seq, names)
        query = select(ClipCorrection).where(theirs).order_by(ClipCorrection.number)
        async with self._database.glance() as session:
            for each in await session.scalars(query):
                clip = ClipId(DockId(each.dock), each.epoch, each.seq)
                found.setdefault(clip, {})[each.field] = each
        return {
            clip: {name: each for name, each in fields.items() if each.value is not None}
            for clip, fields in found.items()
        }

    def _check_start(self, new: NewCorrection) -> None:
        if new.field != "started" or new.to is None:
            return
        earliest = datetime.fromisoformat(new.to) - timedelta(milliseconds=new.error_ms or 0)
        if earliest > self._clock.now():
            raise CorrectionInFutureError("that time has not come yet, by this gateway's clock")


def claimed(clip: Clip, field: Field) -> str | None:
    """What was claimed of a clip."""
    return {"officer": clip.officer, "unit": clip.unit, "started": clip.started_claim}[field]


def is_corrected(clip: Clip) -> bool:
    """Whether anything of it counts as something else than was claimed."""
    said = (clip.corrected_officer, clip.corrected_unit, clip.corrected_started)
    return any(each is not None for each in said)


def _check_changes(clip: Clip, new: NewCorrection, newest: ClipCorrection | None) -> None:
    stands = newest is not None and newest.value is not None
    if new.to is None and not stands:
        raise CorrectionEmptyError("nothing is corrected there that could be taken back")
    if new.to is not None and not stands and new.to == claimed(clip, new.field):
        raise CorrectionEmptyError("that is what was claimed; there is nothing to correct")


def _words(row: ClipCorrection) -> tuple[object, ...]:
    return row.field, row.value, row.error_ms, row.known_by, row.who, row.why
