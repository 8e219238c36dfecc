"""Room in the spool: what may be dropped, and what waits while there is none.

Only released clips are ever dropped here. While a recording does not fit, the ingest of
every camera pauses, in the order they came; cameras keep their recordings and the uplink
goes on, which is what makes room. Copies that were begun early and wait for their card to come
to rest yield to a recording that is due: they would be waited for in vain, by the very card that
holds them. A recording that would not fit into the empty spool holds up nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator

import structlog

from edge.config import SpoolSection
from edge.errors import LedgerError, SpoolDamaged, SpoolFull
from edge.ledger import ClipRow, ClipState, Ledger
from edge.signals import Signals
from edge.spool import Spool

log = structlog.get_logger()

FULL = "spool-full"
TOO_LARGE = "recording-too-large"
_DAY_NS = 86_400 * 10**9
_TEND_S = 60.0
_WAIT_S = 1.0


class Room:
    """Keeps room in one spool."""

    def __init__(
        self, spool: Spool, ledger: Ledger, signals: Signals, config: SpoolSection
    ) -> None:
        self._spool = spool
        self._ledger = ledger
        self._signals = signals
        self._reserve = config.reserve_mb << 20
        self._keep_ns = config.keep_released_days * _DAY_NS
        self._line: deque[object] = deque()
        self._yielding: list[Callable[[], int]] = []
        self.full = False
        self._too_large: int | None = None
        # One may stand from the run before.
        self._alarm_stands = True

    async def run(self) -> None:
        """Drop what was released long enough ago, until cancelled."""
        while True:
            rung = self._signals.room.listen()
            try:
                await asyncio.to_thread(self._drop_old)
            except (LedgerError, SpoolDamaged) as error:
                log.warning("spool.tending-failed", error=str(error))
            await self._signals.room.wait(_TEND_S, rung)

    @property
    def wanted(self) -> bool:
        """Whether a recording that is due waits for room."""
        return bool(self._line)

    @contextlib.contextmanager
    def yielding(self, give_up: Callable[[], int]) -> Iterator[None]:
        """Have copies that can be made again given up, while this lasts, when room is short.

        Args:
            give_up: drops them, and says how many those were.
        """
        self._yielding.append(give_up)
        try:
            yield
        finally:
            self._yielding.remove(give_up)

    async def make(self, size: int, given_up: Callable[[], bool]) -> bool:
        """Wait until a recording of so many bytes fits.

        Args:
            size: bytes.
            given_up: whether the one who asks does not want it any more.

        Returns:
            False when it could not fit even if everything in the spool went, or was given up.
        """
        with self._in_line() as turn:
            while not given_up():
                rung = self._signals.room.listen()
                if self._line[0] is turn:
                    try:
                        fits = await self._fit(size)
                    except SpoolFull as never:
                        await self._say_too_large(size, never)
                        return False
                    if fits:
                        await self._clear(size)
                        return True
                    await self._say(size)
                # Whoever leaves is not kept in line by those before: its docking has to end.
                await self._signals.room.wait(_WAIT_S, rung)
            return False

    async def _fit(self, size: int) -> bool:
        """Whether it fits, once held copies have yielded if need be."""
        if await asyncio.to_thread(self._fits, size):
            return True
        copies = sum(give_up() for give_up in list(self._yielding))
        if copies:
            log.warning("spool.early-copies-dropped", copies=copies, for_bytes=size)
        return copies > 0 and await asyncio.to_thread(self._fits, size)

    @contextlib.contextmanager
    def _in_line(self) -> Iterator[object]:
        """A place in the line; the next is told when it is given up."""
        turn = object()
        self._line.append(turn)
        try:
            yield turn
        finally:
            self._line.remove(turn)
            if self._line:
                self._signals.room.ring()

    def _fits(self, size: int) -> bool:
        """Whether it fits, after dropping as many released clips as that takes.

        Raises:
            SpoolFull: it never will; nothing was dropped for it.
        """
        need = size + self._reserve
        if self._spool.free_bytes() >= need:
            return True
        # What is there first: what goes meanwhile counts twice and costs one more wait.
        most = self._spool.held_bytes()
        most += self._spool.free_bytes()
        if need > most:
            raise SpoolFull(
                f"a recording of {size} bytes can never be copied: the spool's disk has room for "
                f"{max(most - self._reserve, 0)} beside the reserve; "
                "it stays on its camera until the dock has a larger disk"
            )
        for row in self._ledger.spooled(ClipState.RELEASED, ClipState.ERASED):
            self._drop(row)
            if self._spool.free_bytes() >= need:
                return True
        return False

    def _drop_old(self) -> None:
        until = time.time_ns() - self._keep_ns
        for row in self._ledger.spooled(ClipState.RELEASED, ClipState.ERASED):
            if (row.released_ns or 0) <= until:
                self._drop(row)

    def _drop(self, row: ClipRow) -> None:
        # The row first: a row without a file would look like a loss.
        name = self._ledger.spool_dropped(row.clip)
        if name is not None:
            self._spool.remove(name)
            self._ledger.spool_gone(name)
            log.info("spool.dropped", clip=str(row.clip), size=row.size)

    async def _say(self, size: int) -> None:
        self.full = True
        text = (
            f"the spool has no room for a recording of {size} bytes; "
            "cameras keep their recordings until the gateway has taken more clips"
        )
        self._alarm_stands = True
        if await asyncio.to_thread(self._ledger.raise_alarm, FULL, text) is not None:
            log.warning("spool.full", size=size)
            self._signals.ledger.ring()

    async def _say_too_large(self, size: int, never: SpoolFull) -> None:
        self._too_large = max(size, self._too_large or 0)
        if await asyncio.to_thread(self._ledger.raise_alarm, TOO_LARGE, str(never)) is not None:
            log.warning("recording.too-large", size=size)
            self._signals.ledger.ring()

    async def _clear(self, size: int) -> None:
        self.full = False
        if self._too_large is not None and size >= self._too_large:
            self._too_large = None
            await asyncio.to_thread(self._ledger.clear_alarm, TOO_LARGE)
            self._signals.ledger.ring()
        if self._alarm_stands:
            cleared = await asyncio.to_thread(self._ledger.clear_alarm, FULL)
            if cleared is not None:
                log.info("spool.has-room")
                self._signals.ledger.ring()
        self._alarm_stands = False
