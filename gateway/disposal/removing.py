"""The only code that removes a clip's bytes from the store: after its tombstone was logged.

What a repair set aside of it goes as well, and whatever was made from it. Each step may be cut and
is made again: a row says that bytes are still to go until all of them are gone for good.
"""

from __future__ import annotations

import structlog
from sqlalchemy import select

from gateway.crashpoints import reach
from gateway.db import Database
from gateway.evidence.models import Clip, ClipState
from gateway.evidence.service import get_clip, leaf_list_key, object_key
from gateway.previews.service import PREFIX, Previews
from gateway.storage.names import ASIDE
from gateway.storage.store import Store
from protocols.ids import ClipId

_AT_ONCE = 500
_event = structlog.get_logger("gateway.disposal")


class Remover:
    """Removes what the log says is disposed of."""

    def __init__(self, database: Database, store: Store, previews: Previews) -> None:
        self._database, self._store, self._previews = database, store, previews

    async def settle(self) -> int:
        """Remove what was logged and is not gone yet; nothing else. May be repeated.

        Returns:
            Number of clips.

        Raises:
            GatewayError: store or database could not do it; the same again goes on.
        """
        count = 0
        while left := await self._left():
            for clip in left:
                await self.remove(clip)
            count += len(left)
        return count

    async def remove(self, clip: ClipId) -> None:
        """Remove the bytes of a clip that the log says is disposed of.

        Raises:
            GatewayError: store or database could not do it; the same again goes on.
            RuntimeError: the log does not say so; nothing was removed.
        """
        async with self._database.reading() as session:
            row = await get_clip(session, clip)
        if row is None or row.state != ClipState.DISPOSED or row.disposed_index is None:
            msg = f"{clip} is not disposed of: its bytes stay"
            raise RuntimeError(msg)
        for key in (object_key(clip), leaf_list_key(clip)):
            await self._store.remove(key)
            reach("disposal.removed")
            await self._store.remove_below(f"{ASIDE}/{key}")
        await self._store.remove_below(f"{PREFIX}/{clip.dock}/{clip.epoch}/{clip.seq}")
        await self._previews.forget([clip])
        reach("disposal.all-removed")
        async with self._database.session() as session:
            gone = await get_clip(session, clip)
            if gone is not None:
                gone.object_key = None
        _event.warning("clip.disposed", clip=str(clip), entry=row.disposed_index)

    async def _left(self) -> list[ClipId]:
        query = (
            select(Clip)
            .where(Clip.state == ClipState.DISPOSED.value, Clip.object_key.is_not(None))
            .order_by(Clip.entry_index)
            .limit(_AT_ONCE)
        )
        async with self._database.reading() as session:
            return [row.id for row in await session.scalars(query)]
