"""Watches over the dock's clock: who keeps it right, and whether it went backwards.

A dock without a battery-backed clock starts somewhere in the past and may stay there until a
network comes. The newest time it has put on record is a floor: a clock before it is wrong, is
called unsynchronised, and an alarm says so in plain words. It is never put right here.

Programs are asked in a thread and with a timeout, never while anything is signed; what they
said last stands until they say something else.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.clock import DockClock, Floor
from edge.errors import LedgerDamaged, LedgerError
from edge.ledger import Ledger
from edge.timing.discipline import MAX_TEXT, Discipline, DisciplineError, chrony, timesyncd
from protocols.clock import ClockReading, ClockSource, utc_text
from protocols.errors import RecordError
from protocols.records import decode_record

log = structlog.get_logger()

BEHIND: Final = "clock-behind"
MEMORY: Final = "dock-clock"
_ABOUT: Final = "floor"
_EVERY_S: Final = 60.0
# The newest record says it as well; this is for a dock that has nothing to record.
_REMEMBER_EVERY: Final = 60
_ASK_S: Final = 3.0
_SECOND_NS: Final = 1_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CHRONY: Final = ("/usr/bin/chronyc", "-n", "-c", "tracking")
_TIMESYNCD: Final = ("/usr/bin/timedatectl", "show-timesync", "--all")

Ask = Callable[[Sequence[str]], str | None]


class _Kept(BaseModel):
    """The floor as it is remembered."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    epoch_ns: Annotated[int, Field(strict=True, ge=0, lt=2**63)]
    synchronised: Annotated[bool, Field(strict=True)]


def asked(command: Sequence[str]) -> str | None:
    """What a program prints; None when it is not there, fails, or takes its time. Blocks."""
    try:
        with subprocess.Popen(  # noqa: S603 -- the two constants above
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"LC_ALL": "C", "TZ": "UTC"},
            # Ended with whatever it started, which could else hold the line open.
            start_new_session=True,
        ) as program:
            return _said(program)
    except OSError:
        return None


def _said(program: subprocess.Popen[bytes]) -> str | None:
    late = threading.Timer(_ASK_S, _end, (program,))
    late.start()
    try:
        # No more is held of it than can mean anything.
        text = program.stdout.read(MAX_TEXT + 1) if program.stdout else b""
        if len(text) > MAX_TEXT:
            _end(program)
        code = program.wait()
    finally:
        late.cancel()
    return text.decode("utf-8", "replace") if code == 0 else None


def _end(program: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        os.killpg(program.pid, signal.SIGKILL)


class ClockWatch:
    """Keeps a dock's clock honest.

    Args:
        clock: the dock's; its floor and bound are set here.
        ledger: has the newest time on record, and the alarm.
        ask: how programs are asked.
    """

    def __init__(self, clock: DockClock, ledger: Ledger, ask: Ask = asked) -> None:
        self._clock = clock
        self._ledger = ledger
        self._ask = ask
        self._looks = 0
        self._alarmed = False
        self.discipline: Discipline | None = None

    def begin(self) -> None:
        """Take the floor from the ledger and look once, before anything is signed; blocks.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        known = [self._kept(), self._newest()]
        floors = [each for each in known if each is not None]
        self._clock.floor = max(floors, key=lambda each: each.epoch_ns, default=None)
        # What is signed from here on may already be behind it.
        self._remember()
        self._alarmed = any(alarm.code == BEHIND for alarm in self._ledger.alarms())
        self.look()

    async def run(self) -> None:
        """Look once a minute until cancelled."""
        while True:
            try:
                await asyncio.to_thread(self.watch)
            except LedgerDamaged:
                raise
            except LedgerError as error:
                log.warning("clock.unremembered", error=str(error))
            await asyncio.sleep(_EVERY_S)

    def watch(self) -> None:
        """Look once, raise or clear the alarm, and move the floor on; blocks.

        Raises:
            LedgerError: the alarm or the floor was not committed; the next look does it.
        """
        self.look()
        self._settle()
        behind_s = self._clock.behind_ns() // _SECOND_NS
        if behind_s > 0:
            if not self._alarmed:
                self._ledger.raise_alarm(BEHIND, _words(self._clock, behind_s))
                self._alarmed = True
                log.warning("clock.behind", seconds=behind_s)
            return
        if self._alarmed:
            self._ledger.clear_alarm(BEHIND)
            self._alarmed = False
        self._raise_floor()

    def look(self) -> None:
        """Ask who keeps the clock right; blocks for seconds at most."""
        found = self._of(_CHRONY, chrony) or self._of(_TIMESYNCD, timesyncd)
        if found is None:
            return
        before, self.discipline = self.discipline, found
        self._clock.wider_ms = found.error_ms if found.synchronised else 0
        if before is None or (before.by, before.server, before.synchronised) != (
            found.by,
            found.server,
            found.synchronised,
        ):
            log.info(
                "clock.kept",
                by=found.by,
                server=found.server,
                stratum=found.stratum,
                synchronised=found.synchronised,
                error_ms=found.error_ms,
            )

    def state(self) -> dict[str, Any]:
        """For a status: who keeps the clock, and what bounds it from below."""
        found, floor = self.discipline, self._clock.floor
        return {
            "kept_by": None if found is None else found.by,
            "server": None if found is None else found.server,
            "stratum": None if found is None else found.stratum,
            "rtc": self._clock.rtc,
            "floor": None if floor is None else utc_text(floor.epoch_ns),
            "behind_s": self._clock.behind_ns() // _SECOND_NS,
        }

    def _of(self, command: Sequence[str], read: Callable[[str], Discipline]) -> Discipline | None:
        text = self._ask(command)
        if text is None:
            return None
        try:
            return read(text)
        except DisciplineError as error:
            log.warning("clock.unread", program=command[0], error=str(error))
            return None

    def _settle(self) -> None:
        """Let the floor down where a person cleared the alarm: the time on record was wrong."""
        standing = any(alarm.code == BEHIND for alarm in self._ledger.alarms())
        if self._alarmed and not standing:
            self._alarmed = False
            now = self._clock.read()
            self._clock.floor = _floor(now)
            self._remember()
            log.warning("clock.floor_lowered", utc=now.utc)

    def _raise_floor(self) -> None:
        now = _floor(self._clock.read())
        self._clock.floor = now
        if self._looks % _REMEMBER_EVERY == 0:
            self._remember()
        self._looks += 1

    def _remember(self) -> None:
        floor = self._clock.floor
        if floor is not None:
            kept = _Kept(epoch_ns=floor.epoch_ns, synchronised=floor.synchronised)
            self._ledger.remember(MEMORY, _ABOUT, kept.model_dump_json())

    def _kept(self) -> Floor | None:
        text = self._ledger.recall(MEMORY, _ABOUT)
        try:
            kept = None if text is None else _Kept.model_validate_json(text)
        except ValidationError:
            return None
        return None if kept is None else Floor(kept.epoch_ns, kept.synchronised)

    def _newest(self) -> Floor | None:
        """The time of the ledger's newest entry."""
        head = self._ledger.head()
        if head is None:
            return None
        page = self._ledger.entries(head.epoch, head.seq, head.seq, max_entries=1)
        try:
            return _floor(decode_record(page[0].record).at) if page else None
        except (RecordError, ValueError):
            # Of a newer program, or damaged; the check of the ledger says which.
            return None


def _floor(at: ClockReading) -> Floor:
    moment = datetime.fromisoformat(at.utc)
    epoch_ns = round((moment - _EPOCH).total_seconds() * 1000) * 1_000_000
    return Floor(epoch_ns, at.source is ClockSource.NTP)


def _words(clock: DockClock, behind_s: int) -> str:
    floor = clock.floor
    passed = "a time" if floor is None else utc_text(floor.epoch_ns)
    return (
        f"the dock's clock is {behind_s} s behind {passed}, which this dock has on record as "
        "past. Footage is taken all the same, and its records say that the clock is not to be "
        "trusted. Connect the dock to its time server, or set its clock. If the clock is right "
        "and that time was wrong, clear this alarm: the dock then goes by the clock"
    )
