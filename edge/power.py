"""Takes the power of a bay away for some seconds and gives it back: what helps a camera that hangs.

A custodian asks for it over the status socket; for a camera whose card has not got on for long
the dock does it by itself, if its settings say so. Never while a recording is being erased, not
even when it is asked for by force: a card cut off while it can be written to may lose more than
the one recording. While a recording is being read it takes force, or a card that does not get
on; a copy that is cut is made again from the card. That the power goes is on record before it
goes, and who wants it and why; that it came back, after.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Final, Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError

from edge.desk_acts import Line, Text, declined, problem
from edge.errors import EdgeError, LedgerDamaged, PowerRefused
from edge.ledger import Ledger
from edge.session import Docking
from edge.signals import Signals
from edge.wired.errors import WiredError
from edge.wired.relays import BayPower

log = structlog.get_logger()

OFF: Final = "bay-power-off"
HANGS: Final = "camera-hangs"
_DOCK: Final = "evidock-edge"
_LOOK_S: Final = 1.0
_STEP_S: Final = 2.0
# A camera that hangs again and again is for people: each time costs its card a cut.
_MOST: Final = 3
_WITHIN_S: Final = 6 * 3600.0
# It goes on record in one sentence with who asks and for which bay, which holds 2000 letters.
_REASON: Final = 1500


class Asked(BaseModel):
    """The question ``power-cycle``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cmd: Literal["power-cycle"]
    bay: Line
    by: Line
    reason: Annotated[Text, Field(max_length=_REASON)]
    forced: StrictBool = False


class PowerCycles:
    """Of one dock.

    Args:
        power: relays of the bays' power.
        dockings: those that are there now.
        hangs_s: for how long a card may not get on before its bay's power is taken; None never.
        off_s: for how long the power goes.
    """

    def __init__(
        self,
        power: BayPower,
        ledger: Ledger,
        signals: Signals,
        dockings: Callable[[], Iterable[Docking]],
        *,
        hangs_s: float | None = None,
        off_s: float = 5.0,
    ) -> None:
        self._power = power
        self._ledger = ledger
        self._signals = signals
        self._dockings = dockings
        self._hangs_s = hangs_s
        self._off_s = off_s
        self._busy: set[str] = set()
        self._told: weakref.WeakSet[Docking] = weakref.WeakSet()
        self._times: dict[str, deque[float]] = {}

    async def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """Answer ``power-cycle``; what is not done gets an ``error`` that says why."""
        try:
            asked = Asked.model_validate(question)
            return {"power": await self.cycle(asked)}
        except ValidationError as error:
            return problem(error)
        except LedgerDamaged:
            raise
        except EdgeError as error:
            return declined(error.declined, str(error))

    async def cycle(self, asked: Asked) -> str:
        """Take the power and give it back.

        Returns:
            How much is known of the switch: ``confirmed`` or ``sent``.

        Raises:
            PowerRefused: not now, or nothing switches this bay; says why.
            WiredError: the relay did not do it, or does not say that the power is back.
            LedgerError: it could not be put on record; the power stayed.
        """
        bay = asked.bay
        if bay not in self._power.bays:
            known = ", ".join(sorted(self._power.bays)) or "none"
            raise PowerRefused(f"no relay switches the power of bay {bay}; it does for: {known}")
        if bay in self._busy:
            raise PowerRefused(f"the power of bay {bay} is being taken already")
        self._busy.add(bay)
        try:
            with contextlib.ExitStack() as holding:
                here = self._in(bay)
                for docking in here:
                    holding.enter_context(docking.hold())
                await self._must_be_let(here, forced=asked.forced)
                return await self._cut(asked, here)
        finally:
            self._busy.discard(bay)

    async def run(self) -> None:
        """Help cameras that hang, until cancelled; ends at once where that is not wanted."""
        while self._hangs_s is not None and self._power.bays:
            await asyncio.sleep(_LOOK_S)
            for docking in list(self._dockings()):
                bay = docking.camera.bay
                hangs = docking.still_s > self._hangs_s and bay in self._power.bays
                # Work on a card that was pulled may hang on; the bay is the next camera's.
                if hangs and not docking.left and docking not in self._told:
                    # Once for each docking, which ends by it unless the bay is wired wrongly.
                    self._told.add(docking)
                    await self._help(docking)

    async def _help(self, docking: Docking) -> None:
        bay, now_s = docking.camera.bay, time.monotonic()
        times = self._times.setdefault(bay, deque(maxlen=_MOST))
        often = len(times) == _MOST and now_s - times[0] < _WITHIN_S
        done = "its power was not taken any more" if often else "its power is taken and given back"
        text = (
            f"the card in bay {bay} has not got on for {int(docking.still_s)} s; {done}. "
            "See to the camera, then clear this alarm"
        )
        log.warning("camera.hangs", bay=bay, still_s=int(docking.still_s), often=often)
        try:
            await asyncio.to_thread(self._ledger.raise_alarm, HANGS, text, bay)
            self._signals.ledger.ring()
            if not often:
                times.append(now_s)
                asked = Asked(
                    cmd="power-cycle", bay=bay, by=_DOCK, reason="its camera hangs", forced=True
                )
                await self.cycle(asked)
        except LedgerDamaged:
            raise
        except EdgeError as error:
            log.warning("power.not-taken", bay=bay, error=str(error))

    async def _must_be_let(self, here: Sequence[Docking], *, forced: bool) -> None:
        """Wait a moment for what is being done, and refuse what must not be cut.

        Raises:
            PowerRefused: a recording is being erased, or read and nobody forces it.
        """
        deadline = time.monotonic() + _STEP_S
        while any(each.erasing for each in here) and time.monotonic() < deadline:  # noqa: ASYNC110  # a card's thread rings nothing
            await asyncio.sleep(0.05)
        if any(each.erasing for each in here):
            raise PowerRefused("a recording is being erased on its card; try again in a while")
        if not forced and any(each.reading for each in here):
            raise PowerRefused(
                "a recording on its card is being read; wait for it, or ask with --force"
            )

    async def _cut(self, asked: Asked, here: Sequence[Docking]) -> str:
        await asyncio.to_thread(self._state, asked, here)
        self._signals.ledger.ring()
        log.warning("power.taken", bay=asked.bay, by=asked.by, reason=asked.reason)
        try:
            outcome = await self._power.restart(asked.bay, self._off_s)
        except WiredError as error:
            log.warning("power.unconfirmed", bay=asked.bay, error=str(error))
            raise
        back = f"the power is back: {outcome.value}"
        await asyncio.to_thread(
            lambda: self._ledger.clear_alarm(OFF, asked.bay, by=asked.by, why=back)
        )
        self._signals.ledger.ring()
        return outcome.value

    def _state(self, asked: Asked, here: Sequence[Docking]) -> None:
        """On record before anything is switched; blocks."""
        forced = ", by force" if asked.forced else ""
        text = f"{asked.by} takes the power of bay {asked.bay}{forced}: {asked.reason}"
        # All of it or nothing: an alarm by itself would say that the power goes, which it does not.
        with self._ledger.together():
            if self._ledger.raise_alarm(OFF, text, asked.bay) is None:
                # One that no relay confirmed still stands, and speaks of an earlier wish.
                self._ledger.clear_alarm(OFF, asked.bay, by=asked.by, why="it is asked for again")
                self._ledger.raise_alarm(OFF, text, asked.bay)
            for docking in here:
                if docking.session is not None:
                    self._ledger.note_session(docking.session, OFF, text, asked.by)

    def _in(self, bay: str) -> list[Docking]:
        """Those the power would be taken from.

        One that is said to have left and is still being erased may only have flickered.
        """
        there = [each for each in self._dockings() if each.camera.bay == bay]
        return [each for each in there if each.erasing or not each.left]
