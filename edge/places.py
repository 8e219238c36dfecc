"""A dock's places for copying: so many cameras are read at the same time, and no more.

A card that stops moving keeps its own thread, but not the other cameras' place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

import structlog

log = structlog.get_logger()

_T = TypeVar("_T")

_STALLED_S: Final = 60.0


async def in_place(
    places: asyncio.Semaphore,
    begin: Callable[[], asyncio.Future[_T]],
    done: Callable[[], int],
    about: str,
) -> _T:
    """Copy in one of the places, and give it back when nothing moves any more.

    Args:
        places: shared by all cameras.
        begin: starts copying, once there is a place.
        done: bytes copied so far.
        about: what is copied, for the log.
    """
    async with places:
        copying, before = begin(), -1
        while not copying.done() and done() != before:
            before = done()
            await asyncio.wait({copying}, timeout=_STALLED_S)
    if not copying.done():
        log.warning("camera.stalled", about=about)
    return await copying
