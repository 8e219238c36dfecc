"""Asks the parts of the dock that cannot say by themselves that they get on, and passes it on.

The ledger is asked for the lock of a commit, on a disk that may be written; the status socket
for an answer. Runs only where an init system wants signs of life (sd_watchdog_enabled(3)).
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import structlog

from edge import notify
from edge.errors import LedgerError
from edge.ledger import Ledger
from edge.pulse import LEDGER, STATUS, Pulse

log = structlog.get_logger()

_LINE: Final = 4096


async def watch(pulse: Pulse, ledger: Ledger, socket: Path, interval_s: float) -> None:
    """Give signs of life while every part gets on, until cancelled.

    Args:
        pulse: what the parts tell.
        ledger: of this dock.
        socket: its status socket.
        interval_s: within which the init system wants each sign; a part that gave no good
            answer for half of it has stalled.
    """
    every_s, within_s = interval_s / 4, interval_s / 2
    async with asyncio.TaskGroup() as group:
        group.create_task(_commits(pulse, ledger, every_s, within_s))
        group.create_task(_answers(pulse, socket, every_s, within_s))
        group.create_task(notify.watchdog(pulse, every_s))


async def _commits(pulse: Pulse, ledger: Ledger, every_s: float, within_s: float) -> None:
    pulse.beat(LEDGER, within_s)
    while True:
        try:
            await asyncio.to_thread(ledger.must_be_writable)
        except LedgerError as error:
            log.warning("ledger.stalled", error=str(error))
        else:
            pulse.beat(LEDGER, within_s)
        await asyncio.sleep(every_s)


async def _answers(pulse: Pulse, socket: Path, every_s: float, within_s: float) -> None:
    """A socket that never was there is no reason to end a dock that works; one that was, is."""
    while True:
        try:
            async with asyncio.timeout(within_s):
                await _asked(socket)
        except (OSError, TimeoutError) as error:
            log.debug("status.stalled", error=str(error))
        else:
            pulse.beat(STATUS, within_s)
        await asyncio.sleep(every_s)


async def _asked(socket: Path) -> None:
    """Get any answer at all; even "unknown command" is one."""
    reader, writer = await asyncio.open_unix_connection(socket, limit=_LINE)
    try:
        writer.write(b'{"cmd": "alive"}\n')
        await writer.drain()
        if not await reader.readline():
            raise OSError("the status socket gives no answer")
    finally:
        writer.close()
