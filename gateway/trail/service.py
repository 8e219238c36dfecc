"""The trail of a case or clip as a document that needs no trust in whoever wrote it.

``gather`` says which entries belong to it; this adds each one's inclusion path to one
checkpoint. ``protocols.trail`` checks the result against keys that are not in it.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.cases.models import Case, CaseLink
from gateway.cases.rewriting import members
from gateway.db import Database
from gateway.evidence.models import Clip
from gateway.log.service import Log, SignedCheckpoint
from gateway.log.tree import StoredTree
from gateway.trail.gather import Gathered, Gathering, cases_of
from hashing.merkle import NodeReader, inclusion_proof
from protocols.ids import ClipId
from protocols.trail import TrailAbout, TrailConsistency, TrailDocument, TrailEntry

_PROOFS_AT_ONCE = 500
Choose = Callable[[int], Awaitable[SignedCheckpoint | None]]
"""Picks the checkpoint of a trail, which has to be of this size at least; None for the newest."""


class Trails:
    """Builds trail documents."""

    def __init__(self, database: Database, log: Log) -> None:
        self._database = database
        self._log = log
        self._tree = StoredTree(database)

    async def of_case(
        self, case: Case, *, from_size: int | None = None, choose: Choose | None = None
    ) -> TrailDocument:
        """The trail of a case: its acts, and the story of every clip linked to it now.

        The cases that became part of it keep chains of their own, which are told as well. The
        trail of one of those is that of the case which answers for it.

        Args:
            case: which.
            from_size: size of a checkpoint the reader has, to be proved continued.
            choose: a checkpoint other than the newest, for example one that was cosigned.

        Raises:
            TrailTooLargeError: more than one document may hold.
        """
        async with self._database.reading() as session:
            # In the same view as the entries: a link made meanwhile is in both or in neither.
            case = await _answering(session, case)
            linked = select(CaseLink).where(
                CaseLink.case == case.token, CaseLink.unlink_index.is_(None)
            )
            clips = frozenset(link.clip for link in await session.scalars(linked))
            tokens = await members(session, case)
            found = await Gathering(session, clips, tokens).gather(whole_cases=True)
        about = TrailAbout(case_no=case.case_no, case=case.token)
        return await self._document(about, found, clips, from_size, choose)

    async def of_clip(
        self, clip: Clip, *, from_size: int | None = None, choose: Choose | None = None
    ) -> TrailDocument:
        """The trail of a clip: its story, and the acts of the cases it is or was linked to.

        Of those cases' other links the statements are given, so that none can be missing
        unseen, and the records are withheld.

        Raises:
            TrailTooLargeError: more than one document may hold.
        """
        clips = frozenset({clip.id})
        async with self._database.reading() as session:
            tokens = await cases_of(session, clip.id)
            found = await Gathering(session, clips, tokens).gather(whole_cases=False)
        about = TrailAbout(clip=str(clip.id))
        return await self._document(about, found, clips, from_size, choose)

    async def _document(
        self,
        about: TrailAbout,
        found: Sequence[Gathered],
        clips: frozenset[ClipId],
        from_size: int | None,
        choose: Choose | None,
    ) -> TrailDocument:
        checkpoint = await self._log.checkpoint_over(entry.index for entry in found)
        if choose is not None:
            needed = max((entry.index for entry in found), default=-1) + 1
            checkpoint = await choose(needed) or checkpoint
        # Paths share most of their hashes: each is kept once, not once per entry.
        shared = functools.cache(_text)
        paths: list[list[bytes]] = []
        for start in range(0, len(found), _PROOFS_AT_ONCE):
            chunk = [entry.index for entry in found[start : start + _PROOFS_AT_ONCE]]
            paths += await self._paths(chunk, checkpoint.size)
        return TrailDocument(
            about=about,
            checkpoint=checkpoint.note.decode(),
            consistency=await self._consistency(from_size, checkpoint.size),
            entries=tuple(
                TrailEntry(
                    index=entry.index,
                    statement=_text(entry.statement),
                    record=None if entry.record is None else _text(entry.record),
                    path=tuple(shared(step) for step in path),
                )
                for entry, path in zip(found, paths, strict=True)
            ),
            clips=tuple(str(clip) for clip in sorted(clips)),
        )

    async def _consistency(self, old: int | None, new: int) -> TrailConsistency | None:
        if old is None or old > new:
            return None
        path = await self._log.consistency(old, new)
        return TrailConsistency(from_size=old, path=tuple(_text(step) for step in path))

    async def _paths(self, indices: Sequence[int], size: int) -> list[list[bytes]]:
        def make(read: NodeReader) -> list[list[bytes]]:
            return [inclusion_proof(read, index, size) for index in indices]

        return await self._tree.compute(make)


async def _answering(session: AsyncSession, case: Case) -> Case:
    """The case that answers for one, as this view has it."""
    row = await session.get_one(Case, case.token)
    return row if row.survivor is None else await session.get_one(Case, row.survivor)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
