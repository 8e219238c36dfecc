"""What is learnt of a camera's clock when it is docked, for its session and its recordings.

A camera that turns up on a bay's control line is visited at once, since it shows its disk
only after that, if it has a disk to show. The docking that follows in the same bay takes what
the visit found. Nothing here keeps footage from being taken: a camera that does not answer,
or not in time, is docked without an offset.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from edge.cameras.base import Camera, word
from edge.clock import DockClock
from edge.errors import LedgerDamaged, LedgerError
from edge.inventory import Found
from edge.ledger import Ledger
from edge.timing.dated import Stand, epoch_ms
from edge.timing.drift import Drift, Remembered, drift_of
from edge.timing.filetimes import UNKNOWN, FileTimes, file_times
from edge.timing.interval import (
    ABSURD_MS_PER_DAY,
    UNMEASURED,
    WEATHER_MS_PER_DAY,
    Measured,
    Rate,
)
from edge.timing.moments import DAY, SECOND, readings
from edge.timing.visit import Duty, Visit, visit
from edge.wired.control import METHOD
from protocols.kinds import ClockOffset

log = structlog.get_logger()

MEMORY: Final = "clock"
_MOUNTS: Final = Path("/proc/self/mountinfo")
# A visit takes a few seconds; a camera that needs longer is docked without it.
_PATIENCE_S: Final = 10.0
# How long a camera that left its line may take to come back as a disk.
_DISK_S: Final = 120.0

Look = tuple[bytes, int | None, int | None]


@dataclass(slots=True)
class _Line:
    """One bay's control line."""

    duty: Duty
    visit: Visit | None = None
    ended_s: float = 0.0
    idle: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class _Docked:
    """A docked card: how clocks stood, and what was on it then."""

    stand: Stand
    listed: frozenset[Look]


class Clocks:
    """The clocks of the cameras that stand at this dock.

    Args:
        clock: the dock's.
        ledger: remembers clocks between dockings; None remembers nothing.
        duties: control lines by bay.
        zone: what cameras' clocks show; None when nobody said.
        zones: the same for bays of their own.
    """

    def __init__(
        self,
        clock: DockClock | None = None,
        ledger: Ledger | None = None,
        duties: Mapping[str, Duty] | None = None,
        zone: ZoneInfo | None = None,
        zones: Mapping[str, ZoneInfo] | None = None,
    ) -> None:
        self._clock = clock or DockClock()
        self._ledger = ledger
        self._lines = {bay: _Line(duty) for bay, duty in (duties or {}).items()}
        self._zone = zone
        self._zones = zones or {}
        self._docked: dict[tuple[str, str], _Docked] = {}

    async def run(self) -> None:
        """Visit every camera that turns up on a control line, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for bay, line in self._lines.items():
                group.create_task(self._attend(bay, line))

    async def met(
        self, camera: Camera, serial: str | None = None, found: Iterable[Found] = ()
    ) -> ClockOffset | None:
        """What is known of the clock of a camera that was docked; waits seconds at most.

        Args:
            camera: the camera, and its card.
            serial: its number as the card claims it.
            found: what is on the card now.

        Returns:
            What ``SessionOpened.clock`` states; None when there is nothing to state.
        """
        visited = await self._visited(camera.bay)
        times = await asyncio.to_thread(_times, camera.root)
        listed = frozenset(_look(each) for each in found if each.is_recording)
        line = self._lines.get(camera.bay)
        zone = line.duty.zone if line else self._zones.get(camera.bay, self._zone)
        stand = Stand(self._clock.read(), zone, times=times)
        if visited is not None:
            stand = _measured(stand, visited, serial)
        self._docked[camera.bay, camera.volume] = _Docked(stand, listed)
        if visited is not None and (visited.before or visited.was_set is not False):
            return _offset(visited)
        return _bounded(stand, (mtime for _, _, mtime in listed if mtime is not None))

    def named(self, bay: str) -> str | None:
        """The number that the camera in this bay gave on its control line; a claim."""
        line = self._lines.get(bay)
        there = None if line is None else _valid(line)
        return None if there is None else there.serial

    def stand(self, camera: Camera, found: Found) -> Stand:
        """How clocks stood when this recording was seen as it is.

        What was on the card when its session opened was there then; what came later was not
        seen before now.
        """
        now = self._clock.read()
        docked = self._docked.get((camera.bay, camera.volume))
        if docked is None:
            return Stand(now, self._zones.get(camera.bay, self._zone))
        if _look(found) in docked.listed:
            return docked.stand
        return replace(docked.stand, seen=now)

    def left(self, bay: str) -> None:
        """Say that this bay's camera was taken: what it said is not for the next one."""
        for key in [key for key in self._docked if key[0] == bay]:
            del self._docked[key]
        line = self._lines.get(bay)
        if line is not None and line.visit is not None and line.visit.disk is not None:
            # It came as a disk, and that is gone.
            line.visit = None

    async def _attend(self, bay: str, line: _Line) -> None:
        port, visited = line.duty.control.port, -1
        line.idle.set()
        while True:
            rung = port.changed.listen()
            state = port.state
            if state.connected and state.opened != visited:
                visited = state.opened
                line.idle.clear()
                try:
                    line.visit = await visit(bay, line.duty, self._clock)
                    line.ended_s = time.monotonic()
                    await asyncio.to_thread(self._remember, line.visit)
                finally:
                    line.idle.set()
                continue
            await rung.wait()

    async def _visited(self, bay: str) -> Visit | None:
        line = self._lines.get(bay)
        if line is None:
            return None
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await line.idle.wait()
        except TimeoutError:
            log.warning("camera.visit_late", bay=bay)
            return None
        return _valid(line)

    def _remember(self, visited: Visit) -> None:
        """Compare with the last visit and keep this one; blocks."""
        if self._ledger is None or visited.serial is None:
            return
        about, at = word(visited.serial), visited.at or self._clock.read()
        now = Remembered(
            at_ms=epoch_ms(at),
            dock_error_ms=at.error_ms,
            offset_ms=None if visited.before is None else visited.before.offset_ms,
            offset_error_ms=None if visited.before is None else visited.before.error_ms,
        )
        kept = now
        if visited.was_set is not False:
            after = visited.after
            offset, error = (None, None) if after is None else (after.offset_ms, after.error_ms)
            kept = _set_to(now, offset, error)
        try:
            before = Remembered.read(self._ledger.recall(MEMORY, about))
            visited.drift = drift_of(before, now)
            self._ledger.remember(MEMORY, about, kept.model_dump_json())
        except LedgerDamaged:
            raise
        except LedgerError as error:
            log.warning("clock.unremembered", camera=about, error=str(error))


def _set_to(now: Remembered, offset: int | None, error: int | None) -> Remembered:
    """How a clock was left that the dock set."""
    return now.model_copy(update={"offset_ms": offset, "offset_error_ms": error, "was_set": True})


def _valid(line: _Line) -> Visit | None:
    """The visit to the camera that is here: it never left the line, or left it for its disk."""
    visited, state = line.visit, line.duty.control.port.state
    if visited is None:
        return None
    if state.connected:
        return visited if state.opened == visited.opened else None
    late = time.monotonic() - line.ended_s > _DISK_S
    return None if visited.disk is None or late else visited


def _times(root: Path) -> FileTimes:
    try:
        return file_times(_MOUNTS.read_text(encoding="utf-8", errors="surrogateescape"), str(root))
    except OSError:
        return UNKNOWN


def _look(found: Found) -> Look:
    return found.path, found.size, found.mtime_ns


def _measured(stand: Stand, visited: Visit, serial: str | None) -> Stand:
    """What a visit tells of the recordings on the card, if it was to this camera."""
    if visited.before is None or visited.at is None:
        return stand
    if serial and visited.serial and serial != visited.serial:
        said = f"the card says {serial}, the camera on the control line {visited.serial}"
        return replace(stand, doubt=f"camera-differs: {said}; that clock is not used"[:200])
    measured = Measured(
        epoch_ms(visited.at),
        visited.before.offset_ms,
        visited.before.error_ms,
        _rate(visited.drift),
    )
    return replace(stand, measured=measured, was_set=visited.was_set is not False)


def _rate(drift: Drift) -> Rate:
    rate = drift.rate
    if rate is None or rate.error_ms_per_day > ABSURD_MS_PER_DAY:
        return UNMEASURED
    return Rate(rate.ms_per_day, rate.error_ms_per_day + WEATHER_MS_PER_DAY)


def _offset(visited: Visit) -> ClockOffset:
    rate, before = visited.drift.rate, visited.before
    return ClockOffset(
        offset_ms=None if before is None else before.offset_ms,
        offset_error_ms=None if before is None else before.error_ms,
        drift_ms_per_day=None if rate is None else rate.ms_per_day,
        drift_error_ms_per_day=None if rate is None else rate.error_ms_per_day,
        set_to_dock=visited.was_set,
        method=word(f"{METHOD} on the bay's control line; drift: {visited.drift.why}"),
    )


def _bounded(stand: Stand, mtimes_ns: Iterable[int]) -> ClockOffset | None:
    """What the newest recording says of a clock that nobody can read, in words.

    A recording was made before it was docked. So its clock, if nobody set it since, is not
    further behind than that recording is old, by any reading of its time.
    """
    claims = [stand.times.claim(mtime) for mtime in mtimes_ns if mtime]
    if not claims:
        return None
    newest = max(min(span.low_ms for span in readings(claim, stand.zone)) for claim in claims)
    behind = epoch_ms(stand.seen) + (stand.seen.error_ms or 0) - newest
    if behind > DAY:
        return None
    if behind < 0:
        words = f"{-behind // SECOND} s after it was docked: its clock was ahead, or that is wrong"
    else:
        words = f"{behind // SECOND} s before it was docked: its clock is not further behind"
    return ClockOffset(method=word(f"not measured; newest recording is dated {words}"))
