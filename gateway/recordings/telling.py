"""A recording with its gaps, as somebody may see it.

Chapters beyond his reach are left out and leave no trace: neither a number nor a gap tells of
them. Of a chapter that is classified he sees that it is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from gateway.access.scope import Scope
from gateway.evidence.models import Clip
from gateway.marks.heeding import concealed
from gateway.recordings.chapters import Chapter, gap_ms, propose
from gateway.recordings.models import Recording
from gateway.recordings.schemas import ChapterTold, ProposalTold, RecordingTold
from gateway.recordings.service import chapter_of
from gateway.services import Services
from protocols.ids import ClipId


async def recording_told(services: Services, scope: Scope, row: Recording) -> RecordingTold:
    """A grouping with those of its chapters that are within reach."""
    clips = await services.recordings.clips_of(row.token)
    return RecordingTold(
        recording=row.token,
        how=row.how,
        by=row.who,
        why=row.why,
        index=row.group_index,
        chapters=await _chapters(services, scope, clips),
        ungroup_index=row.ungroup_index,
        ungrouped_by=row.ungrouped_by,
        ungroup_why=row.ungroup_why,
    )


async def proposals(
    services: Services, scope: Scope, session: str, tolerance_ms: int
) -> list[ProposalTold]:
    """What the rule proposes of one docking: of clips within reach that are in no recording."""
    rows = await _visible(services, scope, await services.evidence.of_session(session))
    grouped: set[ClipId] = set()
    for each in await services.recordings.of_clips([row.id for row in rows]):
        grouped.update(await services.recordings.clips_of(each.token))
    # What is concealed has no name any more, and so no number.
    seen = [row for row in rows if row.id not in grouped]
    found = propose([chapter_of(row) for row in seen], tolerance_ms)
    by_name = {row.id: row for row in seen}
    return [ProposalTold(chapters=_told([by_name[each.clip] for each in run])) for run in found]


async def chapters_of(services: Services, scope: Scope, clip: ClipId) -> list[ClipId]:
    """The chapters within reach of a clip's recording, with it; none when nobody said so."""
    grouped = await services.recordings.of_clip(clip)
    if grouped is None:
        return []
    clips = await services.recordings.clips_of(grouped.token)
    seen = await services.evidence.within(clips, scope.clips())
    return [each for each in clips if each in seen]


async def _chapters(services: Services, scope: Scope, clips: Sequence[ClipId]) -> list[ChapterTold]:
    found = await services.evidence.clips(clips)
    rows = await _visible(services, scope, [found[clip] for clip in clips if clip in found])
    visible = {row.id: row for row in rows}
    told = []
    before: Chapter | None = None
    for clip in clips:
        row = visible.get(clip)
        here = None if row is None else chapter_of(row)
        if row is not None and here is not None:
            gap = None if before is None else gap_ms(before, here)
            told.append(_chapter(row, gap))
        # What lies between two that are seen is not to be reckoned from their times.
        before = here
    return told


async def _visible(services: Services, scope: Scope, rows: Sequence[Clip]) -> list[Clip]:
    seen = await services.evidence.within([row.id for row in rows], scope.clips())
    mine = [row for row in rows if row.id in seen]
    return await concealed(services.marks, scope.principal, mine)


def _told(rows: Sequence[Clip]) -> list[ChapterTold]:
    chapters = [chapter_of(row) for row in rows]
    gaps = [None, *(gap_ms(*pair) for pair in pairwise(chapters))]
    return [_chapter(row, gap) for row, gap in zip(rows, gaps, strict=True)]


def _chapter(row: Clip, gap: int | None) -> ChapterTold:
    return ChapterTold(
        clip=str(row.id),
        name=row.name,
        started=row.corrected_started or row.started_claim,
        duration_ms=chapter_of(row).duration_ms,
        gap_ms=gap,
    )
