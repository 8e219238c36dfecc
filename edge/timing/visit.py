"""One visit to a camera on its control line: who it is, its clock, its disk.

The offset is measured before anything is set, because recordings on the card were stamped by
the clock as it stood then. A clock that could be read and was not is left alone: setting it
would destroy the only evidence of how wrong it was. So is every clock while the dock's own is
not synchronised. Each step that fails is named, and the next is tried all the same: at the
end the camera shall show its recordings, whatever it says of the time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

import structlog

from edge.clock import DockClock
from edge.timing.drift import UNKNOWN, Drift
from edge.wired.control import CameraControl, DiskMode
from edge.wired.errors import PortAway, Unsupported, WiredError
from edge.wired.offset import Offset
from protocols.clock import ClockReading, ClockSource

log = structlog.get_logger()

_T = TypeVar("_T")
_LONGEST_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Duty:
    """What is to be done with every camera on one control line.

    Attributes:
        control: the line.
        zone: what the cameras' clocks show.
        set_clock: whether to set them.
        disk_mode: whether to ask for the disk.
    """

    control: CameraControl
    zone: ZoneInfo
    set_clock: bool = False
    disk_mode: bool = False


@dataclass(slots=True)
class Visit:
    """What came of a visit.

    Attributes:
        opened: which opening of the port it was.
        serial: the number the camera gave, as a claim.
        at: the dock's clock when ``before`` was measured.
        before: how far off its clock was; None when that is not known.
        after: how far off it is since it was set.
        was_set: whether it was set, None when nobody knows: the camera did not answer that.
        disk: what came of asking for the disk.
        drift: how its clock moved since it was met last.
        problems: what failed, for the log and the operator.
    """

    opened: int
    serial: str | None = None
    at: ClockReading | None = None
    before: Offset | None = None
    after: Offset | None = None
    was_set: bool | None = False
    disk: DiskMode | None = None
    drift: Drift = UNKNOWN
    problems: list[str] = field(default_factory=list)


async def visit(bay: str, duty: Duty, clock: DockClock) -> Visit:
    """Do what is to be done; never fails because of the camera, and ends within a minute.

    Args:
        bay: for the log.
        duty: what is to be done.
        clock: the dock's.
    """
    done = Visit(duty.control.port.state.opened)
    try:
        async with asyncio.timeout(_LONGEST_S):
            await _steps(bay, duty, clock, done)
    except TimeoutError:
        done.problems.append(f"not done within {_LONGEST_S:.0f} s")
    log.info(
        "camera.visited",
        bay=bay,
        serial=done.serial,
        offset_ms=None if done.before is None else done.before.offset_ms,
        error_ms=None if done.before is None else done.before.error_ms,
        was_set=done.was_set,
        disk=done.disk,
        problems=done.problems,
    )
    return done


async def _steps(bay: str, duty: Duty, clock: DockClock, done: Visit) -> None:
    control = duty.control
    done.serial = await _tried(bay, "identify", control.identify(), done)
    at = clock.read()
    readable = True
    try:
        done.before = await control.clock_offset()
        done.at = at
    except Unsupported:
        readable = False
    except WiredError as error:
        _failed(bay, "clock_offset", error, done)
    if duty.set_clock:
        await _set(bay, duty, clock, done, readable=readable)
    if duty.disk_mode:
        done.disk = await _tried(bay, "disk_mode", control.enter_disk_mode(), done)


async def _set(bay: str, duty: Duty, clock: DockClock, done: Visit, *, readable: bool) -> None:
    if readable and done.before is None:
        done.problems.append("clock not set: how wrong it is could not be read first")
        return
    source = clock.read().source
    if source is not ClockSource.NTP:
        done.problems.append(f"clock not set: the dock's own is {source}")
        return
    # Until it answers, it may have been set and may not.
    done.was_set = None
    change = await _tried(bay, "set_clock", duty.control.set_clock(), done)
    if change is not None:
        done.was_set, done.after = True, change.after


async def _tried(bay: str, step: str, doing: Coroutine[Any, Any, _T], done: Visit) -> _T | None:
    try:
        return await doing
    except WiredError as error:
        _failed(bay, step, error, done)
        return None


def _failed(bay: str, step: str, error: WiredError, done: Visit) -> None:
    kind = type(error).__name__
    level = log.info if isinstance(error, PortAway) else log.warning
    level("camera.control_failed", bay=bay, step=step, kind=kind, error=str(error))
    done.problems.append(f"{step}: {kind}: {error}"[:300])
