"""Copies of clips as others see them: how far they are; asked for, given, forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence

from sqlalchemy import ColumnElement, and_, select

from gateway.clock import GatewayClock
from gateway.db import Database
from gateway.evidence.among import among
from gateway.evidence.models import Clip, ClipState
from gateway.evidence.service import MAX_PAGE
from gateway.previews.models import ASKED, ClipKey, Preview, last_place, waiting
from gateway.previews.wanted import Kind, State, why
from gateway.storage.store import Store
from protocols.ids import ClipId

PREFIX = "derived"
"""Everything below it may be deleted, and is made again."""


def object_key(clip: ClipId, kind: Kind) -> str:
    """Where a copy lies in the store."""
    return f"{PREFIX}/{clip.dock}/{clip.epoch}/{clip.seq}/{kind.value}"


class Previews:
    """Knows the copies of clips; a ``worker.PreviewWorker`` makes them."""

    def __init__(self, database: Database, store: Store, clock: GatewayClock) -> None:
        self._database, self._store, self._clock = database, store, clock
        self.asked = asyncio.Event()
        """Set when somebody asked, so that nobody waits for the worker's next look."""

    async def of(self, clip: ClipId) -> dict[Kind, Preview]:
        """The rows of a clip's copies; none for a clip that is not stored."""
        return (await self.of_all([clip])).get(clip, {})

    async def of_all(self, clips: Iterable[ClipId]) -> dict[ClipId, dict[Kind, Preview]]:
        """The rows of many clips, at most a page of them."""
        wanted = sorted(set(clips))[:MAX_PAGE]
        found: dict[ClipId, dict[Kind, Preview]] = {}
        if wanted:
            query = select(Preview).where(among(Preview.dock, Preview.epoch, Preview.seq, wanted))
            async with self._database.glance() as session:
                for row in await session.scalars(query):
                    found.setdefault(row.clip, {})[Kind(row.kind)] = row
        return found

    async def states(self, clips: Iterable[ClipId]) -> dict[ClipId, dict[str, str]]:
        """How far each kind of copy of these clips is, in words of ``wanted.State``."""
        found = await self.of_all(clips)
        return {
            clip: {kind.value: row.state for kind, row in rows.items()}
            for clip, rows in found.items()
        }

    async def made(self, clip: ClipId, kind: Kind) -> Preview | None:
        """The row of a copy whose object is there; one whose object went is to be made again."""
        row = (await self.of(clip)).get(kind)
        if row is None or row.state != State.MADE or row.object_key is None:
            return None
        if (await self._store.sizes([row.object_key]))[0] == row.size:
            return row
        await self.ask(clip, [kind], again=True)
        return None

    async def ask(self, clip: ClipId, kinds: Iterable[Kind], *, again: bool = False) -> None:
        """Let copies be made next, also such as were given up; nothing for a clip not stored.

        Args:
            clip: of which clip.
            kinds: which copies.
            again: also those that are made or unneeded.
        """
        done = set() if again else {State.MADE, State.UNNEEDED, State.WORKING}
        async with self._database.session() as session:
            row = await session.get(Clip, (clip.dock, clip.epoch, clip.seq))
            if row is None or row.stored_index is None or row.state == ClipState.DISPOSED:
                return
            for kind in kinds:
                found = await session.get(Preview, (clip.dock, clip.epoch, clip.seq, kind.value))
                if found is None:
                    found = waiting(clip, kind, row.stored_index or 0)
                    session.add(found)
                if State(found.state) not in done:
                    # Whoever asks again and again for what takes all the time there is, waits.
                    found.place = last_place(found) if why(found.code).again else ASKED
                    found.state, found.attempts = State.WAITING.value, 0
        self.asked.set()

    def content(self, row: Preview, start: int, length: int) -> AsyncIterator[bytes]:
        """Bytes of a copy that was made."""
        return self._store.open_range(row.object_key or "", start, length)

    async def forget(self, clips: Sequence[ClipId]) -> None:
        """Delete copies and keys of clips whose originals are disposed of; repeating does no harm.

        Raises:
            StoreError: the store could not do it.
        """
        for clip in clips:
            # Rows first: whoever is making one finds none then, and takes it away himself.
            async with self._database.session() as session:
                for row in await session.scalars(select(Preview).where(_is(clip))):
                    await session.delete(row)
                key = await session.get(ClipKey, (clip.dock, clip.epoch, clip.seq))
                if key is not None:
                    await session.delete(key)
            for kind in Kind:
                await self._store.delete(object_key(clip, kind))


def _is(clip: ClipId) -> ColumnElement[bool]:
    return and_(Preview.dock == clip.dock, Preview.epoch == clip.epoch, Preview.seq == clip.seq)
