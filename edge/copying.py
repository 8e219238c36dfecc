"""Copies the recordings of one card and seals them, two stages side by side.

While some recordings are synced, read back, probed and sealed, the next are copied; not more
than ``AHEAD_BYTES``, or one, wait for the second stage. What waits when it comes to it is sealed
with one commit: a card full of small files would else cost more in commits than in footage.
A recording that fails goes back in line or is given up with a reason, and the others go on;
only a card that is gone ends everything. The bytes themselves are ``ingest``'s work.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from edge.cameras.base import Camera, shown
from edge.early import Early
from edge.errors import (
    CameraError,
    CameraGone,
    Changed,
    EdgeError,
    SpoolFull,
    Vanished,
)
from edge.ingest import Copied, IngestTask, Proved
from edge.inventory import Settler
from edge.items import Item
from edge.places import in_place
from edge.profiles.reading import CardReading
from edge.reach import Reach
from edge.recordings import task_for
from edge.roster import Roster
from edge.signals import Bell
from edge.tools import Tools
from protocols.ids import SessionId

log = structlog.get_logger()

ATTEMPTS: Final = 3
_RETRY_S: Final = 2.0
_CROWDED_S: Final = 1.0
_NO_ROOM_S: Final = 30.0
AHEAD_BYTES: Final = 16 << 20
"""Most bytes that wait for the second stage, unless one recording alone is more."""
# Each holds a file of the spool open.
_AHEAD: Final = 32
# A power cut in the moment of sealing leaves so many files to be looked at by a person.
_TOGETHER: Final = 16
_MARK_S: Final = 0.5
_MARKS: Final = 10


class Speed:
    """Bytes a second over the last few seconds, for a screen."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])
        self._total = 0

    def add(self, count: int) -> None:
        """Count bytes just copied; from one thread at a time."""
        self._total += count
        now = time.monotonic()
        if now - self._marks[-1][0] >= _MARK_S:
            self._marks.append((now, self._total))
            while len(self._marks) > _MARKS:
                self._marks.popleft()

    def rate(self) -> int:
        """Bytes a second."""
        now = time.monotonic()
        began, total = self._marks[0]
        return 0 if now <= began else int((self._total - total) / (now - began))


class Copier:
    """Copies one card's recordings, one at a time, and finishes others beside it."""

    def __init__(
        self,
        camera: Camera,
        reach: Reach,
        roster: Roster,
        settler: Settler,
        wake: Bell,
        tools: Tools,
        reading: CardReading,
    ) -> None:
        self.speed = Speed()
        self.early = Early(camera, reach, tools, self.speed.add)
        self._reading = reading
        self._camera = camera
        self._reach = reach
        self._roster = roster
        self._settler = settler
        self._wake = wake
        self._tools = tools
        self._line: deque[tuple[Item, IngestTask, Copied]] = deque()
        self._taken = Bell()
        self._finish: asyncio.Task[None] | None = None

    @property
    def finishing(self) -> bool:
        """Whether recordings are being finished."""
        return self._finish is not None and not self._finish.done()

    async def copy(self, item: Item, session: SessionId, group: asyncio.TaskGroup) -> None:
        """Copy one recording and put it in line for finishing.

        Args:
            item: in phase WAITING.
            session: the open session.
            group: runs the finishing.

        Raises:
            CameraGone: the card stopped answering.
        """
        stand = self._tools.clocks.stand(self._camera, item.found)
        task = task_for(self._camera, self._reach.card, session, item.found, self._reading, stand)
        try:
            copied: Copied | None = await self.early.take(item.found)
            if copied is None:
                if not await self._tools.room.make(item.size, lambda: self._reach.left):
                    no_room = f"{item.size} bytes do not fit into the dock's spool"
                    self._again(item, no_room, _NO_ROOM_S)
                    return
                copied = await self._copied(item, task)
        except SpoolFull as full:
            # Another camera is filling the room that was there.
            self._again(item, str(full), _CROWDED_S)
            return
        except CameraGone as gone:
            item.reason = str(gone)
            raise
        except EdgeError as error:
            self._failed(item, error)
            return
        item.done = item.size
        self._roster.finishing(item)
        self._line.append((item, task, copied))
        if not self.finishing:
            self._finish = group.create_task(self._finish_line())
        while self.finishing and self._crowded():
            await self._taken.wait(_CROWDED_S)

    def _crowded(self) -> bool:
        """Whether enough waits for the second stage; what was proved already is soon done."""
        waiting = [item.size for item, _, copied in self._line if not isinstance(copied, Proved)]
        return len(waiting) >= _AHEAD or sum(waiting) > AHEAD_BYTES

    async def _copied(self, item: Item, task: IngestTask) -> Copied:
        """Copy in one of the dock's places for copying."""
        progress = self._progress(item)

        def copying() -> asyncio.Future[Copied]:
            self._reach.must_be_there()
            self._roster.copying(item)
            return self._reach.read(lambda: self._tools.ingest.copy(task, progress))

        return await in_place(
            self._tools.copying,
            copying,
            lambda: item.done,
            task.shown,
            wanted=self._reach.must_be_there,
        )

    def _progress(self, item: Item) -> Callable[[int], None]:
        def progress(done: int) -> None:
            self.speed.add(done - item.done)
            item.done = done
            self._reach.must_be_there()

        return progress

    async def _finish_line(self) -> None:
        while self._line:
            some = [self._line.popleft() for _ in range(min(len(self._line), _TOGETHER))]
            self._taken.ring()
            await self._seal(some)

    async def _seal(self, some: Sequence[tuple[Item, IngestTask, Copied]]) -> None:
        pairs = [(copied, task) for _, task, copied in some]
        ended = await self._reach.finish(lambda: self._tools.ingest.finish_all(pairs))
        for (item, _, _), result in zip(some, ended, strict=True):
            match result:
                case CameraGone():
                    item.reason = str(result)
                    self._reach.leave()
                case EdgeError():
                    self._failed(item, result)
                case _:
                    self._roster.sealed(item, result)
        self._tools.signals.ledger.ring()
        self._wake.ring()

    def _failed(self, item: Item, error: EdgeError) -> None:
        log.info("recording.failed", name=shown(item.found.path), reason=str(error))
        item.attempts += 1
        if isinstance(error, Vanished):
            self._roster.leave(item, "vanished", str(error))
        elif isinstance(error, Changed) and item.attempts < ATTEMPTS:
            self._settler.forget(item.found.path)
            self._roster.regrow(item, str(error))
        elif isinstance(error, Changed):
            # It never is what a look says it is: a driver that lies, or worse.
            self._roster.leave(item, "changed", str(error))
        elif item.attempts < ATTEMPTS:
            self._again(item, str(error), _RETRY_S)
        elif isinstance(error, CameraError):
            self._roster.leave(item, "unreadable", str(error))
        else:
            self._roster.leave(item, "incomplete", str(error))

    def _again(self, item: Item, reason: str, pause_s: float) -> None:
        item.reason = reason
        self._roster.wait(item, not_before=time.monotonic() + pause_s)
