"""What footage there is of each stage of a case, from its rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.cases.coverage import Stage, StageCoverage, cover
from gateway.cases.details import CaseExcuse, CaseStageRow
from gateway.cases.footage import Footage, footage_of
from gateway.cases.models import Case, CaseLink
from gateway.clock import GatewayClock
from gateway.config import CasesSection
from gateway.db import Database
from gateway.evidence.models import Clip, ClipState
from gateway.evidence.service import get_clips, is_among
from protocols.ids import ClipId

_GONE: Final = frozenset({ClipState.LOST, ClipState.REFUSED, ClipState.DISPOSED})


@dataclass(frozen=True, slots=True)
class CaseCoverage:
    """What footage there is of a case.

    Attributes:
        at: until when stages that go on were looked at.
        stages: in the case's order; with the newest word on why some is missing.
        undated: linked clips of which nobody can tell when they were recorded.
        gone: linked clips whose footage is not there any more, or never came; not counted.
    """

    at: datetime
    stages: tuple[tuple[StageCoverage, CaseExcuse | None], ...]
    undated: tuple[str, ...]
    gone: tuple[str, ...]


class Stages:
    """Works out coverage."""

    def __init__(self, database: Database, settings: CasesSection, clock: GatewayClock) -> None:
        self._database, self._clock = database, clock
        self._zone = ZoneInfo(settings.zone)
        self._overlooked = timedelta(seconds=settings.overlooked_s)

    async def coverage(
        self, case: Case, legible: ColumnElement[bool] | None = None
    ) -> CaseCoverage:
        """What footage of a case there is now.

        Args:
            case: of which case.
            legible: of which clips whoever asks may read when they were recorded; None for all.
                The others count as undated: they may show any stage, and none is called missing
                for sure.
        """
        now = self._clock.now()
        async with self._database.reading() as session:
            linked = select(CaseLink).where(
                CaseLink.case == case.token, CaseLink.unlink_index.is_(None)
            )
            rows = await get_clips(session, {link.clip for link in await session.scalars(linked)})
            dated = await _legible(session, rows, legible)
            of_case = select(CaseStageRow).where(CaseStageRow.case == case.token)
            stages = (await session.scalars(of_case.order_by(CaseStageRow.place))).all()
            said = select(CaseExcuse).where(CaseExcuse.case == case.token)
            excuses = (await session.scalars(said.order_by(CaseExcuse.excuse_index))).all()
        newest = {each.stage: each for each in excuses}
        there = {clip: row for clip, row in rows.items() if row.state not in _GONE}
        footage = [
            footage_of(str(clip), row, self._zone) if clip in dated else _undated(str(clip))
            for clip, row in sorted(there.items())
        ]
        named = [Stage(row.name, row.started_at, row.ended_at) for row in stages]
        return CaseCoverage(
            at=now,
            stages=tuple(
                (each, newest.get(each.stage.name))
                for each in cover(named, footage, now, self._overlooked)
            ),
            undated=tuple(each.clip for each in footage if each.likely is None),
            gone=tuple(str(clip) for clip in sorted(rows.keys() - there.keys())),
        )


async def _legible(
    session: AsyncSession, rows: Mapping[ClipId, Clip], legible: ColumnElement[bool] | None
) -> Collection[ClipId]:
    if legible is None:
        return rows
    query = select(Clip).where(is_among(rows), legible)
    return {row.id for row in await session.scalars(query)}


def _undated(clip: str) -> Footage:
    return Footage(clip, (None, None), None, None, "docked")
