"""Tells the init system how the gateway is doing (sd_notify(3)); silent without one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket

_MICROSECONDS = 1_000_000


def ready() -> None:
    """Everything is up."""
    _send("READY=1")


def stopping() -> None:
    """The end has begun; it may take some seconds."""
    _send("STOPPING=1")


async def watchdog() -> None:
    """Sign of life at half the interval that the init system asked for, until cancelled.

    It runs in the loop that does all the work: when that hangs, the signs stop.
    """
    interval_s = int(os.environ.get("WATCHDOG_USEC") or "0") / _MICROSECONDS
    while interval_s > 0:
        _send("WATCHDOG=1")
        await asyncio.sleep(interval_s / 2)


def _send(state: str) -> None:
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    # A leading @ stands for the NUL of Linux's abstract names.
    name = "\0" + address[1:] if address.startswith("@") else address
    # The init system may be gone; the gateway works on.
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.sendto(state.encode(), name)
