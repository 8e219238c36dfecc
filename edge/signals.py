"""How the parts of the daemon tell each other that something happened.

A bell carries no facts: who hears it looks at the ledger, which is the one place where
anything is true. So a missed ring costs a little time and never a clip.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator

from edge.pulse import Pulse
from protocols.ids import ClipId


class Bell:
    """Wakes everybody who waits for it; use on the event loop's thread only."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def ring(self) -> None:
        """Wake all who wait now."""
        self._next.set()
        self._next = asyncio.Event()

    def listen(self) -> asyncio.Event:
        """The next ring. Take it before looking, wait for it after: no ring is missed."""
        return self._next

    async def wait(self, timeout_s: float, event: asyncio.Event | None = None) -> bool:
        """Wait for a ring, for at most so many seconds; True when it rang."""
        try:
            async with asyncio.timeout(timeout_s):
                await (event or self._next).wait()
        except TimeoutError:
            return False
        return True


class Signals:
    """What the parts of one daemon ring for each other.

    Attributes:
        ledger: entries were added, so the head has to be announced.
        room: the spool has room again, or may have.
        pulse: that the parts get on.
    """

    def __init__(self) -> None:
        self.ledger = Bell()
        self.room = Bell()
        self.pulse = Pulse()
        self._released: list[Callable[[ClipId], None]] = []
        self._lost: list[Callable[[ClipId], None]] = []

    @contextlib.contextmanager
    def listening(
        self, released: Callable[[ClipId], None], lost: Callable[[ClipId], None]
    ) -> Iterator[None]:
        """Be told of every clip that is released or lost while this lasts."""
        self._released.append(released)
        self._lost.append(lost)
        try:
            yield
        finally:
            self._released.remove(released)
            self._lost.remove(lost)

    def release(self, clip: ClipId) -> None:
        """A clip got its release."""
        for listener in list(self._released):
            listener(clip)
        self.room.ring()

    def lose(self, clip: ClipId) -> None:
        """A clip's bytes are gone from the spool."""
        for listener in list(self._lost):
            listener(clip)
        self.ledger.ring()


@contextlib.contextmanager
def heeding_cancellation() -> Iterator[None]:
    """End a task whose cancellation a library has swallowed inside the block.

    ``asyncio.wait_for``, on which the MQTT client waits, returns before Python 3.12 as if
    nothing had happened when the answer comes at the moment of the cancellation; a loop
    would then go on for ever. Requests from before the block do not count.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    yield
    if task is not None and task.cancelling() > before:
        raise asyncio.CancelledError
