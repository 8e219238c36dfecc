"""Copies that begin before a card has come to rest; none is sealed until it has.

A recording is taken once it stood still for ``settle_s``. Waiting for that before the first
byte is read would waste the time, so what surely is not being written is copied meanwhile,
and held. What is held is synced, read back whole and probed meanwhile, beside the copying of
the next, so that only its publishing and sealing are left. It is used only if the file then
has come to rest as every other one has to, and its size, times and number are what they were
before the first byte was read and after the last (``Ingest.still``). Else it is dropped and
copied anew, as if this had never been; so it is when a recording that is due has no room
beside it.

One danger is left, and decides what "surely" means: whoever rewrites a byte in place within
the tick of the file's last change (2 s on FAT) leaves size and time as they were. A later
write can have the same time only on a file that was changed within one tick of now, by the
clock that stamps it. That clock is the dock's own where the dock's kernel writes, and the
camera's elsewhere; the camera's is not before the newest time on its card. So a file whose
times are near either of the two is not begun early. The newest recording of a card, which a
camera may still be finishing, therefore always waits for its rest.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Final

import structlog

from edge.cameras.base import Camera, shown
from edge.errors import CameraGone, EdgeError, SpoolDamaged, SpoolFull
from edge.ingest import Copied, Proved
from edge.inventory import Found
from edge.places import in_place
from edge.reach import Reach
from edge.recordings import recording
from edge.tools import Tools

log = structlog.get_logger()

NEAR_NS: Final = 4 * 10**9
"""Two ticks of FAT, the coarsest clock a card may have."""
_APART_NS: Final = 86_400 * 10**9
# Each holds a file of the spool open; looks go on meanwhile, so a few seconds' worth is enough.
_MOST: Final = 64


class Early:
    """What one camera's card gave before it came to rest.

    Args:
        camera: whose card.
        reach: the way to it.
        tools: the dock's parts.
        count: called with bytes as they are copied, in a thread.
    """

    def __init__(
        self, camera: Camera, reach: Reach, tools: Tools, count: Callable[[int], None]
    ) -> None:
        self._camera = camera
        self._reach = reach
        self._tools = tools
        self._count = count
        self._task: asyncio.Task[None] | None = None
        self._ended = False
        self._dropped = False
        self._done = 0
        self._held: dict[bytes, asyncio.Future[Proved | None]] = {}

    @property
    def copying(self) -> bool:
        """Whether something is being read early now."""
        return self._task is not None and not self._task.done()

    def begin(self, found: Sequence[Found], group: asyncio.TaskGroup) -> None:
        """Copy what a first look found and nobody can be writing; later calls change nothing."""
        if self._task is None and not self._ended:
            self._task = group.create_task(self._run(steady(found, time.time_ns())))

    async def take(self, found: Found) -> Proved | None:
        """What was copied of a recording that has come to rest, if it still is that; else None.

        Ends what is left of the early copying; the file that is being read is waited for.

        Raises:
            CameraError: the recording cannot be looked at any more.
        """
        self._ended = True
        if self._task is not None:
            await asyncio.wait({self._task})
        held = self._held.pop(found.path, None)
        copied = None if held is None else await held
        if copied is None:
            return None
        what, kept = recording(self._reach.card, found), False
        try:
            kept = await self._reach.read(lambda: self._tools.ingest.still(copied, what))
        finally:
            if not kept:
                copied.discard()
        return copied if kept else None

    def drop(self) -> int:
        """Forget what was copied and not taken, and what is being copied.

        Returns:
            How many copies went.
        """
        self._ended = self._dropped = True
        count = len(self._held)
        while self._held:
            proving = self._held.popitem()[1]
            if proving.done():
                _discard(proving)
            else:
                # A file that is being read back is the other thread's until that is done.
                proving.add_done_callback(_discard)
        return count

    async def _run(self, steady: Sequence[Found]) -> None:
        try:
            for found in steady:
                if self._ended or len(self._held) >= _MOST or self._tools.room.wanted:
                    break
                if not await asyncio.to_thread(self._known, found):
                    await self._copy(found)
        except EdgeError as error:
            # Copying in the ordinary way meets it again and knows what to do.
            log.debug("early.ended", camera=self._camera.key, reason=str(error))

    def _known(self, found: Found) -> bool:
        volume, time_ns = self._camera.volume, found.mtime_ns or 0
        known = self._tools.ledger.known_clip(volume, found.path, found.size or 0, time_ns)
        return known is not None

    async def _copy(self, found: Found) -> None:
        what, name = recording(self._reach.card, found), shown(found.path)
        self._done = 0

        def copying() -> asyncio.Future[Copied | None]:
            return self._reach.ahead(
                lambda: None if self._ended else self._tools.ingest.copy(what, self._progress)
            )

        try:
            copied = await in_place(
                self._tools.copying,
                copying,
                lambda: self._done,
                name,
                wanted=self._reach.must_be_there,
            )
        except (CameraGone, SpoolFull):
            raise
        except EdgeError as error:
            log.debug("early.failed", name=name, reason=str(error))
            return
        if copied is None:
            return
        proving = self._reach.finish(lambda: self._proved(copied))
        # The queue of a card that was pulled is emptied without a word to those in it.
        proving.add_done_callback(lambda done: copied.discard() if done.cancelled() else None)
        self._held[found.path] = proving
        if self._dropped:
            self.drop()

    def _proved(self, copied: Copied) -> Proved | None:
        """Called in a thread; None when there is nothing to keep."""
        if self._dropped:
            copied.discard()
            return None
        try:
            return self._tools.ingest.prove(copied)
        except SpoolDamaged as error:
            # Copied anew once its card has come to rest.
            log.warning("early.unproved", camera=self._camera.key, reason=str(error))
            return None

    def _progress(self, done: int) -> None:
        self._count(done - self._done)
        self._done = done
        self._reach.must_be_there()
        if self._dropped:
            raise SpoolFull("what is being copied early is wanted no more")


def _discard(proving: asyncio.Future[Proved | None]) -> None:
    if not proving.cancelled() and (copied := proving.result()) is not None:
        copied.discard()


def steady(found: Iterable[Found], now_ns: int) -> list[Found]:
    """Recordings that nobody can be writing unseen, in the order in which they are copied.

    Args:
        found: everything a look found; what is no recording tells the camera's clock as well.
        now_ns: by the dock's clock.
    """
    everything = [each for each in found if each.mtime_ns is not None]
    times = [each.mtime_ns or 0 for each in everything]
    newest = {now_ns, max((t for t in times if t <= now_ns), default=0)}
    newest |= _newest(t for t in times if t > now_ns)
    rested = [each for each in everything if each.is_recording and each.size]
    taken = [each for each in rested if not _near(each, newest, now_ns)]
    return sorted(taken, key=lambda each: (not each.marked, each.mtime_ns or 0, each.path))


def _newest(times: Iterable[int]) -> set[int]:
    """The newest time, and each one that nothing follows within a day.

    One file of a damaged card's, dated far beyond the others, must not hide which is the newest
    where the camera's clock is ahead of the dock's, as local time on FAT is by hours.
    """
    ordered = sorted(times)
    return {before for before, after in pairwise(ordered) if after - before > _APART_NS} | set(
        ordered[-1:]
    )


def _near(found: Found, newest: set[int], now_ns: int) -> bool:
    if found.ctime_ns is not None and abs(now_ns - found.ctime_ns) < NEAR_NS:
        return True
    return any(abs(at - (found.mtime_ns or 0)) < NEAR_NS for at in newest)
