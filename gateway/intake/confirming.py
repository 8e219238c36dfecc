"""No release for bytes that this process has not seen in the store.

That a clip was stored stands in the log; whether it is there now only the store can tell. A
store restored from a copy that lacks the clip still has its ``clip.stored``, and a dock that
was sent the release again would erase the only copy there is. So every stored clip is read
back once after each start before its release goes out. One that is gone or has changed is
fetched again, under an alarm; the log's word about it stays as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from gateway.errors import ObjectMissingError, StoreAwayError, StoreError
from gateway.evidence import service as evidence
from gateway.evidence.models import Clip, ClipState
from gateway.intake import alarms
from gateway.intake.leases import Held, check
from gateway.intake.means import Means
from protocols.ids import ClipId

MOST_WAITING = 10_000
_TRIES = 3
_AGAIN_S = 5.0
_event = structlog.get_logger("gateway.intake")


class Confirming:
    """Stored clips of one dock that wait to be read back, one after the other."""

    def __init__(
        self,
        means: Means,
        lease: Held,
        *,
        confirmed: Callable[[ClipId], None],
        missing: Callable[[Clip], None],
    ) -> None:
        """Start with none.

        Args:
            means: the worker's services.
            lease: proves that this worker may say that a clip is missing.
            confirmed: told of every clip whose bytes are there.
            missing: told of every clip that is to be fetched again.
        """
        self._means = means
        self._lease = lease
        self._confirmed = confirmed
        self._missing = missing
        self._waiting: dict[ClipId, None] = {}
        self._work = asyncio.Event()

    def add(self, clip: ClipId) -> None:
        """Look at a clip that is stated as stored; adding it twice looks once.

        Beyond a number nothing is noted: whoever waits for a release asks again.
        """
        if len(self._waiting) < MOST_WAITING:
            self._waiting[clip] = None
            self._work.set()

    async def run(self) -> None:
        """Look until cancelled.

        Raises:
            GatewayError: the database could not do it; begin again later.
            LeaseLostError: another worker serves the dock.
        """
        while True:
            await self._work.wait()
            self._work.clear()
            while self._waiting:
                # The newest first: a head that names a whole archive must not stand before
                # the few clips that a dock really waits for.
                clip = next(reversed(self._waiting))
                await self._look(clip)
                self._waiting.pop(clip, None)

    async def _look(self, clip: ClipId) -> None:
        async with self._means.database.reading() as session:
            row = await evidence.get_clip(session, clip)
        if row is None or row.state != ClipState.STORED:
            return  # it is being fetched already
        if clip in self._means.seen or await self._is_there(row):
            self._means.seen.add(clip)
            self._confirmed(clip)
        elif await self._fetch_again(row):
            self._missing(row)

    async def _is_there(self, row: Clip) -> bool:
        key = evidence.object_key(row.id)
        for attempt in range(_TRIES):
            if attempt:
                await asyncio.sleep(_AGAIN_S)
            try:
                if await self._means.store.size(key) != row.size:
                    return False
                found = await self._means.store.sha256_uncached(key)
            except ObjectMissingError:
                return False
            except StoreAwayError:
                # Of the object nothing is known: no reason to fetch it again, nor to release it.
                raise
            except StoreError as error:
                # Too many open files, a disk that is being reset: no word about the object yet.
                _event.warning("clip.unreadable", clip=str(row.id), reason=str(error))
            else:
                return (found.size, found.sha256) == (row.size, row.sha256)
        # A sector that stays unreadable is as gone as a file: the dock still has the bytes.
        return False

    async def _fetch_again(self, row: Clip) -> bool:
        """Say that it is missing; False when it was disposed of while it was looked for."""
        text = (
            f"{row.id} was stored and is missing from the store, or is not what was stored; it "
            "was not released and is fetched again: check the disk, or how a backup was restored"
        )
        async with self._means.database.session() as session:
            await check(session, self._lease)
            if not await evidence.mark_missing(session, row.id):
                return False
            await alarms.raise_alarm(
                session,
                dock=row.dock,
                by=alarms.BY_GATEWAY,
                code=alarms.CONTENT_MISSING,
                about=str(row.id),
                text=text,
                since=self._means.clock.read().utc,
            )
        _event.error("clip.content-missing", clip=str(row.id))
        return True
