"""Tells the init system how the dock is doing (sd_notify(3)); silent without one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from typing import Final

import structlog

from edge.pulse import Pulse

log = structlog.get_logger()

_MICROSECONDS: Final = 1_000_000


def ready() -> None:
    """The ledger holds, and everything is up but for the broker, which may come later."""
    _send("READY=1")


def stopping() -> None:
    """The end has begun."""
    _send("STOPPING=1")


def interval_s() -> float:
    """Within how many seconds the init system wants each sign of life; 0 when it wants none."""
    return int(os.environ.get("WATCHDOG_USEC") or "0") / _MICROSECONDS


async def watchdog(pulse: Pulse, every_s: float) -> None:
    """Sign of life again and again while every part gets on, until cancelled.

    It runs in the loop that does all the work: when that hangs, the signs stop as well.
    """
    stalled: list[str] = []
    while True:
        before, stalled = stalled, pulse.stalled()
        if not stalled:
            _send("WATCHDOG=1")
        if stalled != before:
            _tell(stalled)
        await asyncio.sleep(every_s)


def _tell(stalled: list[str]) -> None:
    if not stalled:
        log.info("dock.recovered")
        _send("STATUS=every part gets on")
        return
    log.error("dock.stalled", parts=stalled)
    _send(f"STATUS=stalled, and restarted soon unless it goes on: {', '.join(stalled)}")


def _send(state: str) -> None:
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    # A leading @ stands for the NUL of Linux's abstract names.
    name = "\0" + address[1:] if address.startswith("@") else address
    # The init system may be gone; the dock works on.
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.sendto(state.encode(), name)
