"""Makes the copies that wait: asked-for first, then newest first, one after the other.

Pictures take seconds and have a lane of their own, so that none waits for an hour of footage that
is being encoded. Whatever goes wrong with one copy is kept with its reason and ends there: the
lane goes on. A copy that was cut by the gateway's end is begun again, a few times.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Collection
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.clock import GatewayClock
from gateway.config import GIB, PreviewsSection
from gateway.db import Database
from gateway.errors import DatabaseUnavailableError, ObjectMissingError, StoreError
from gateway.evidence import service as evidence
from gateway.evidence.models import Clip, ClipState
from gateway.previews import wanted
from gateway.previews.keys import ClipKeys
from gateway.previews.maker import TOOL, GivenUpError, Maker, Original, Product
from gateway.previews.models import Preview, last_place
from gateway.previews.originals import original_of
from gateway.previews.service import Previews, object_key
from gateway.previews.wanted import Kind, State
from gateway.storage.staging import DERIVED
from gateway.storage.store import Store

ATTEMPTS: Final = 3
_LOOK_S: Final = 2.0
_PAUSE_S: Final = 30.0
_PICTURES: Final = (Kind.THUMBNAIL, Kind.CONTACT_STRIP)
_event = structlog.get_logger("gateway.previews")


class PreviewWorker:
    """Every lane; ``run`` is its life."""

    def __init__(
        self,
        settings: PreviewsSection,
        database: Database,
        store: Store,
        previews: Previews,
        keys: ClipKeys,
        clock: GatewayClock,
    ) -> None:
        self._settings, self._database, self._store = settings, database, store
        self._previews, self._keys, self._clock = previews, keys, clock
        self._full = False

    async def run(self) -> None:
        """Make copies until cancelled; return at once where that is turned off."""
        if not self._settings.enabled:
            return
        await self.recover()
        async with asyncio.TaskGroup() as lanes:
            lanes.create_task(self._lane(_PICTURES), name="pictures")
            for number in range(self._settings.workers):
                lanes.create_task(self._lane((Kind.PREVIEW,)), name=f"previews-{number}")

    async def recover(self) -> None:
        """What was being made when the gateway ended waits again, or has been tried enough."""
        working = Preview.state == State.WORKING.value
        spent = Preview.attempts >= ATTEMPTS
        failed = {"state": State.FAILED.value, "code": wanted.INTERRUPTED}
        async with self._database.session() as session:
            await session.execute(update(Preview).where(working, spent).values(failed))
            await session.execute(update(Preview).where(working).values(state=State.WAITING.value))

    async def drain(self, kinds: Collection[Kind] = tuple(Kind)) -> int:
        """Make all that waits, then return how many were looked at; for commands and tests."""
        maker, count = Maker(self._settings.max_height), 0
        try:
            while await self._next(maker, kinds):
                count += 1
        finally:
            maker.close()
        return count

    async def _lane(self, kinds: Collection[Kind]) -> None:
        maker = Maker(self._settings.max_height)
        try:
            while True:
                try:
                    pause = 0.0 if await self._next(maker, kinds) else _LOOK_S
                except (DatabaseUnavailableError, StoreError) as error:
                    _event.warning("previews.paused", reason=str(error))
                    pause = _PAUSE_S
                await self._wait(pause)
        finally:
            maker.close()

    async def _wait(self, pause_s: float) -> None:
        if pause_s:
            self._previews.asked.clear()
            try:
                async with asyncio.timeout(pause_s):
                    await self._previews.asked.wait()
            except TimeoutError:
                return

    async def _next(self, maker: Maker, kinds: Collection[Kind]) -> bool:
        """Make one copy; false when none waits, or there is no room for one."""
        if not await asyncio.to_thread(self._has_room):
            return False
        row = await self._taken(kinds)
        if row is None:
            return False
        staged = self._store.staging.path(f"{DERIVED}{secrets.token_hex(8)}")
        try:
            await self._made(maker, row, staged)
        except GivenUpError as error:
            await self._give_up(row, error)
        except ObjectMissingError as error:
            await self._give_up(row, GivenUpError(wanted.MISSING, str(error)))
        except StoreError:
            # It may be the store, or what lies under this one name: the others go first.
            await asyncio.shield(self._put_back(row, last=True))
            raise
        except BaseException:
            # No fault of the copy's: it waits as before.
            await asyncio.shield(self._put_back(row))
            raise
        finally:
            staged.unlink(missing_ok=True)
        return True

    async def _made(self, maker: Maker, row: Preview, staged: Path) -> None:
        clip, kind = row.clip, Kind(row.kind)
        stored = await self._stored(row)
        supplied = await self._keys.of(clip)
        async with original_of(stored, self._store, supplied) as original:
            product = await self._product(maker, kind, original, staged)
        key = None if product.unneeded else object_key(clip, kind)
        if key is not None:
            await self._store.put_file(key, staged)
        await self._keep(row, original, product, key)
        async with self._database.reading() as session:
            now = await evidence.get_clip(session, clip)
        if now is not None and now.state == ClipState.DISPOSED:
            # While it was made: what was made from it goes with it.
            await self._previews.forget([clip])
        _event.info("preview.made", clip=str(clip), kind=kind.value, size=product.size)

    async def _product(self, maker: Maker, kind: Kind, original: Original, staged: Path) -> Product:
        work = asyncio.ensure_future(asyncio.to_thread(maker.make, kind, original, staged))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            maker.stop()
            await asyncio.wait([work])
            raise

    async def _stored(self, row: Preview) -> Clip:
        async with self._database.reading() as session:
            clip = await evidence.get_clip(session, row.clip)
        if clip is None or clip.state != ClipState.STORED or clip.object_key is None:
            raise GivenUpError(wanted.MISSING)
        return clip

    # --- rows --------------------------------------------------------------------------

    async def _taken(self, kinds: Collection[Kind]) -> Preview | None:
        async with self._database.reading() as session:
            found = [await session.scalar(_first(kind)) for kind in kinds]
        waits = [row for row in found if row is not None]
        if not waits:
            return None
        first = min(waits, key=lambda row: (row.place, -row.newest))
        async with self._database.session() as session:
            row = await _again(session, first)
            if row is None or row.state != State.WAITING:
                return None
            row.state = State.WORKING.value
            row.attempts += 1
            await session.flush()
            session.expunge(row)
        return row

    async def _keep(
        self, taken: Preview, original: Original, product: Product, key: str | None
    ) -> None:
        async with self._database.session() as session:
            row = await _again(session, taken)
            if row is None:
                return
            row.state = (State.UNNEEDED if product.unneeded else State.MADE).value
            row.code = row.detail = None
            row.object_key, row.size = key, product.size
            row.sha256 = product.sha256 or None
            row.source_sha256, row.tool = original.sha256, TOOL
            row.parameters, row.facts = product.parameters, product.facts
            row.changed_at = self._clock.now()

    async def _give_up(self, taken: Preview, error: GivenUpError) -> None:
        again = wanted.why(error.code).again and taken.attempts < ATTEMPTS
        async with self._database.session() as session:
            row = await _again(session, taken)
            if row is None:
                return
            row.state = (State.WAITING if again else State.FAILED).value
            row.place = last_place(row)
            row.code, row.detail, row.tool = error.code, error.detail or None, TOOL
            row.changed_at = self._clock.now()
        name, kind = str(taken.clip), taken.kind
        _event.info("preview.none", clip=name, kind=kind, reason=error.code, again=again)

    async def _put_back(self, taken: Preview, *, last: bool = False) -> None:
        async with self._database.session() as session:
            row = await _again(session, taken)
            if row is not None and row.state == State.WORKING:
                row.state = State.WAITING.value
                row.attempts = max(row.attempts - 1, 0)
                row.place = last_place(row) if last else row.place

    def _has_room(self) -> bool:
        """Copies never take the last room from originals."""
        full = self._store.staging.free_bytes() < self._settings.keep_free_gib * GIB
        if full and not self._full:
            _event.warning("previews.paused", reason="little room is left in the store")
        self._full = full
        return not full


def _first(kind: Kind) -> Select[Preview]:
    """The one of a kind that is made next; by the index, however many wait."""
    return (
        select(Preview)
        .where(Preview.kind == kind.value, Preview.state == State.WAITING.value)
        .order_by(Preview.place, Preview.newest.desc())
        .limit(1)
    )


async def _again(session: AsyncSession, row: Preview) -> Preview | None:
    return await session.get(Preview, (row.dock, row.epoch, row.seq, row.kind))
