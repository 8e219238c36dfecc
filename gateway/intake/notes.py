"""Rows that follow the intake at leisure: what docks announce, how far clips have come.

Messages come as fast as somebody sends them; these rows are written about once a second,
in few transactions. Nothing depends on them but what people see.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.clock import GatewayClock
from gateway.db import Database
from gateway.docks.service import Docks
from gateway.evidence import service as evidence
from gateway.intake import alarms
from gateway.intake.receiving import Receiving
from protocols.ids import ClipId, DockId
from protocols.messages import Head, State

WELL_S = 10.0


class Notes:
    """What is still to be written down."""

    def __init__(self, database: Database, docks: Docks, clock: GatewayClock) -> None:
        """Start with nothing to write."""
        self._database = database
        self._docks = docks
        self._clock = clock
        self._heads: dict[DockId, Head] = {}
        self._states: dict[DockId, State] = {}
        self._began: dict[DockId, float] = {}

    def head(self, dock: DockId, head: Head) -> None:
        """An enrolled dock announced its head; only the newest is written."""
        self._heads[dock] = head

    def state(self, dock: DockId, state: State) -> None:
        """An enrolled dock said whether it is connected."""
        self._states[dock] = state

    def began(self, dock: DockId, now: float) -> None:
        """A dock's intake began (again)."""
        self._began[dock] = now

    def ended(self, dock: DockId) -> None:
        """A dock's intake ended."""
        self._began.pop(dock, None)

    async def write_announced(self) -> None:
        """Write what docks announced.

        Raises:
            DatabaseUnavailableError: not written; what is newer will be.
        """
        heads, self._heads = self._heads, {}
        states, self._states = self._states, {}
        for dock, head in heads.items():
            await self._docks.record_head(dock, head)
        for dock, state in states.items():
            await self._docks.record_state(dock, state)

    async def write_progress(self, receivings: Iterable[Receiving], now: float) -> None:
        """Write how far clips have come, and the alarms that follow.

        Args:
            receivings: of every dock that is served.
            now: seconds, as for ``began``.

        Raises:
            DatabaseUnavailableError: not written; what is newer will be.
        """
        progress: list[tuple[ClipId, int]] = []
        troubled: set[ClipId] = set()
        for receiving in receivings:
            for clip in receiving.progressed:
                received = receiving.received_bytes(clip)
                if received is not None:
                    progress.append((clip, received))
            troubled |= receiving.troubled
            receiving.progressed, receiving.troubled = set(), set()
        well = self._going_well(now)
        if not progress and not troubled and not well:
            return
        async with self._database.session() as session:
            for clip, received in progress:
                await evidence.mark_receiving(session, clip, received)
            for dock in well:
                await alarms.clear_alarm(
                    session, dock=dock, by=alarms.BY_GATEWAY, code=alarms.STOPPED, about=None
                )
            for clip in troubled:
                await alarms.raise_alarm(
                    session,
                    dock=clip.dock,
                    by=alarms.BY_GATEWAY,
                    code=alarms.WRONG_BYTES,
                    about=str(clip),
                    text="the bytes that come are not the ones that were sealed; check the dock",
                    since=self._clock.read().utc,
                )

    async def write_stopped(self, dock: DockId, reasons: Iterable[str]) -> None:
        """Raise the alarm that a dock's intake ended and will begin again.

        Raises:
            DatabaseUnavailableError: not written.
        """
        async with self._database.session() as session:
            await alarms.raise_alarm(
                session,
                dock=dock,
                by=alarms.BY_GATEWAY,
                code=alarms.STOPPED,
                about=None,
                text="; ".join(reasons)[:2000],
                since=self._clock.read().utc,
            )

    async def write_room(self, *, full: bool) -> None:
        """Raise or clear the alarm that the store has no room for more footage.

        Raises:
            DatabaseUnavailableError: not written.
        """
        async with self._database.session() as session:
            if not full:
                await alarms.clear_alarm(
                    session, dock="", by=alarms.BY_GATEWAY, code=alarms.STORE_FULL, about=None
                )
                return
            await alarms.raise_alarm(
                session,
                dock="",
                by=alarms.BY_GATEWAY,
                code=alarms.STORE_FULL,
                about=None,
                text="the store's disk is nearly full; no footage is fetched until there is room",
                since=self._clock.read().utc,
            )

    def _going_well(self, now: float) -> list[DockId]:
        """Docks whose intake has run long enough to call its last trouble over; each once."""
        well = [dock for dock, began in self._began.items() if began <= now - WELL_S]
        for dock in well:
            del self._began[dock]
        return well
