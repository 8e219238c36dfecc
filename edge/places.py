"""A dock's places for copying: so many cameras are read at the same time, and no more.

A card that stops moving keeps its own thread, but not the other cameras' place.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import Final, TypeVar

import structlog

log = structlog.get_logger()

_T = TypeVar("_T")

_STALLED_S: Final = 60.0
_WANTED_S: Final = 0.5


@contextlib.asynccontextmanager
async def _place(
    places: asyncio.Semaphore, wanted: Callable[[], None]
) -> AsyncGenerator[None, None]:
    """A place, once there is one; a camera that left meanwhile waits for none."""
    waiting = asyncio.ensure_future(places.acquire())
    try:
        while not waiting.done():
            await asyncio.wait({waiting}, timeout=_WANTED_S)
            wanted()
        yield
    finally:
        if not waiting.cancel():
            places.release()


async def in_place(
    places: asyncio.Semaphore,
    begin: Callable[[], asyncio.Future[_T]],
    done: Callable[[], int],
    about: str,
    *,
    wanted: Callable[[], None] = lambda: None,
) -> _T:
    """Copy in one of the places, and give it back when nothing moves any more.

    Args:
        places: shared by all cameras.
        begin: starts copying, once there is a place.
        done: bytes copied so far.
        about: what is copied, for the log.
        wanted: asked while it waits for a place; raises what ends the waiting.
    """
    async with _place(places, wanted):
        copying, before = begin(), -1
        while not copying.done() and done() != before:
            before = done()
            await asyncio.wait({copying}, timeout=_STALLED_S)
    if not copying.done():
        log.warning("camera.stalled", about=about)
    return await copying
