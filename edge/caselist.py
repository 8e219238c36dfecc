"""What the gateway last said about open cases, kept for the days when it cannot be reached.

Not evidence: a broker carries it, nobody signs it, and an officer may name a case that is not
in it. So it is checked for shape and size, the newest counts, and it says how old it is.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Annotated, Final

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.clock import DockClock
from edge.errors import LedgerDamaged, LedgerError
from edge.ledger import Ledger
from edge.signals import Bell
from protocols.caselist import CATEGORIES, REASONS, Cases, Choice, OpenCase
from protocols.clock import ClockReading
from protocols.errors import MessageError
from protocols.messages import MAX_JSON

log = structlog.get_logger()

MEMORY: Final = "cases"
# Whoever reaches the broker may repeat itself; the disk is not written for each time.
_PAUSE_S: Final = 2.0
_WRITE_AGAIN_S: Final = 3600.0


class _Kept(BaseModel):
    """A list with what is needed to say how old it is.

    Attributes:
        cases: as the gateway sent it.
        heard: the dock's clock when it came.
        age_s: how old it was then: 0 when the gateway spoke, more for what a broker had
            kept, None when that cannot be told.
    """

    model_config = ConfigDict(frozen=True)

    cases: Cases
    heard: ClockReading
    age_s: Annotated[float, Field(ge=0)] | None


class CaseList:
    """The open cases as this dock knows them."""

    def __init__(self, ledger: Ledger, clock: DockClock | None = None) -> None:
        self._ledger = ledger
        self._clock = clock or DockClock()
        self._heard: tuple[bytes, bool] | None = None
        self._bell = Bell()
        self._kept = self._remembered()
        self._written = self._kept

    # --- from the uplink ------------------------------------------------------------

    def hear(self, payload: bytes, *, retained: bool) -> None:
        """Take a message; only the newest is looked at, soon.

        Raises:
            MessageError: larger than any list.
        """
        if len(payload) > MAX_JSON:
            msg = f"cases: {len(payload)} bytes; {MAX_JSON} allowed"
            raise MessageError(msg)
        self._heard = (payload, retained)
        self._bell.ring()

    async def run(self) -> None:
        """Keep what is heard, until cancelled."""
        while True:
            rung = self._bell.listen()
            if self._heard is None:
                await rung.wait()
                continue
            heard, self._heard = self._heard, None
            await asyncio.to_thread(self.take, *heard)
            await asyncio.sleep(_PAUSE_S)

    def take(self, payload: bytes, retained: bool) -> None:  # noqa: FBT001  # as it was heard
        """Read a message and keep it if it is one; blocks."""
        try:
            cases = Cases.decode(payload)
        except MessageError as error:
            log.warning("message.malformed", reason=str(error))
            return
        if retained and self._kept is not None and self._kept.cases == cases:
            # What the broker kept is what was heard before; it is no younger for that.
            return
        now = self._clock.read()
        self._kept = _Kept(cases=cases, heard=now, age_s=_age(cases, now) if retained else 0.0)
        if self._worth_writing(self._kept):
            self._write(self._kept)

    # --- for the screen -------------------------------------------------------------

    def cases(self, officer: str | None) -> list[OpenCase]:
        """Open cases, the newest first, and before them those of the officer who asks."""
        cases = list(self._kept.cases.cases) if self._kept else []
        return sorted(cases, key=lambda case: officer is None or officer not in case.officers)

    @property
    def more(self) -> int:
        """Open cases the gateway knows beyond the list."""
        return self._kept.cases.more if self._kept else 0

    @property
    def categories(self) -> tuple[Choice, ...]:
        """What a clip can be said to show."""
        stated = self._kept.cases.categories if self._kept else ()
        return stated or tuple(CATEGORIES)

    @property
    def reasons(self) -> tuple[Choice, ...]:
        """Why there can be no video."""
        stated = self._kept.cases.reasons if self._kept else ()
        return stated or tuple(REASONS)

    @property
    def stale_s(self) -> float | None:
        """How old the list is; None when there is none, or nobody can tell."""
        kept = self._kept
        if kept is None or kept.age_s is None:
            return None
        since = _between(kept.heard, self._clock.read())
        return None if since is None else kept.age_s + since

    # --- keeping --------------------------------------------------------------------

    def _worth_writing(self, kept: _Kept) -> bool:
        last = self._written
        if last is None or _content(last.cases) != _content(kept.cases):
            return True
        since = _between(last.heard, kept.heard)
        return since is None or since > _WRITE_AGAIN_S

    def _write(self, kept: _Kept) -> None:
        try:
            self._ledger.remember(MEMORY, "", kept.model_dump_json(exclude_none=True))
        except LedgerDamaged:
            raise
        except LedgerError as error:
            # It is there until the dock ends, and comes again.
            log.warning("ledger.refused", error=str(error))
        else:
            self._written = kept
            log.info("cases.kept", count=len(kept.cases.cases), revision=kept.cases.revision)

    def _remembered(self) -> _Kept | None:
        text = self._ledger.recall(MEMORY, "")
        if text is None:
            return None
        try:
            return _Kept.model_validate_json(text)
        except ValidationError:
            # Of another version of this program; the gateway says it again.
            return None


def _content(cases: Cases) -> Cases:
    return cases.model_copy(update={"time": ""})


def _age(cases: Cases, now: ClockReading) -> float | None:
    """How old a list is that a broker had kept, by two clocks that may disagree."""
    try:
        age = datetime.fromisoformat(now.utc) - datetime.fromisoformat(cases.time)
    except (ValueError, TypeError):
        return None
    return max(age / timedelta(seconds=1), 0.0)


def _between(earlier: ClockReading, later: ClockReading) -> float | None:
    """Seconds between two readings of the dock's clock; None when it went back meanwhile."""
    if earlier.boot == later.boot:
        return max(later.monotonic_ns - earlier.monotonic_ns, 0) / 1e9
    try:
        since = datetime.fromisoformat(later.utc) - datetime.fromisoformat(earlier.utc)
    except (ValueError, TypeError):
        return None
    return since / timedelta(seconds=1) if since >= timedelta(0) else None
