"""Badge readers: who stands in front of the dock, as far as a card can tell.

A reader yields one badge for each tap, however long the card is held there. What is read
while the device is away is lost, and no old tap is ever told later: an officer who is gone
must not be credited with the next camera.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

import structlog

from edge.wired.errors import PortAway
from edge.wired.frames.badges import Badge, Held, ReaderKind, parser_for
from edge.wired.frames.framing import Fault
from edge.wired.port import Port

log = structlog.get_logger()

# A frame takes 15 ms at 9600 bits per second; half of one that old is noise.
_SILENCE_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Tap:
    """A card was held to a reader.

    Attributes:
        bay: the bay the reader belongs to; None for one that serves the whole dock.
        at_s: monotonic time.
    """

    badge: Badge
    reader: str
    bay: str | None
    at_s: float


class BadgeReader:
    """One reader on one port, whose ``run`` runs elsewhere."""

    def __init__(
        self,
        port: Port,
        kind: ReaderKind,
        *,
        bay: str | None = None,
        held_s: float = 0.22,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.port = port
        self.bay = bay
        self._parser = parser_for(kind)
        self._held = Held(held_s)
        self._clock = clock

    @property
    def faults(self) -> Counter[Fault]:
        """What was skipped on this line, and how often."""
        return self._parser.faults

    def __aiter__(self) -> AsyncIterator[Tap]:
        """Every tap from now on, for as long as one asks."""
        return self._taps()

    async def _taps(self) -> AsyncGenerator[Tap, None]:
        while True:
            await self.port.connected()
            try:
                data = await self._receive()
            except PortAway:
                self._parser.idle()
                # Its port may learn of the loss a moment later than this.
                await asyncio.sleep(0)
                continue
            now_s = self._clock()
            for badge in self._parser.feed(data):
                if self._held.is_tap(badge, now_s):
                    # Without its number: whoever reads logs could copy the card.
                    log.info("badge.tapped", reader=self.port.line.path)
                    yield Tap(badge, self.port.line.path, self.bay, now_s)

    async def _receive(self) -> bytes:
        """The next bytes; half a frame does not outlive a silence."""
        if self._parser.held:
            try:
                async with asyncio.timeout(_SILENCE_S):
                    return await self.port.receive()
            except TimeoutError:
                self._parser.idle()
        return await self.port.receive()
