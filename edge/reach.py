"""One card's own threads, and whether its camera is still there.

Whatever touches a card runs here, one thing after the other, but for what is copied while the
card comes to rest: so a card that hangs, hangs these threads and nothing else of the dock.
Threads cannot be stopped from outside; they ask ``must_be_there`` between two pieces of work,
which also tells a card that gets on from one that hangs.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from edge.cameras.base import Card
from edge.errors import CameraGone

_T = TypeVar("_T")


class Reach:
    """The way to one card."""

    def __init__(self) -> None:
        self._card: Card | None = None
        self._left = threading.Event()
        self._lock = threading.Lock()
        self._running = 0
        self._moved_s = time.monotonic()
        self._reading = ThreadPoolExecutor(1, "card")
        self._ahead = ThreadPoolExecutor(1, "ahead")
        self._finishing = ThreadPoolExecutor(1, "finish")

    @property
    def card(self) -> Card:
        """The card, once it was reached.

        Raises:
            CameraGone: it was not.
        """
        if self._card is None:
            raise CameraGone("the card was not reached yet")
        return self._card

    @card.setter
    def card(self, card: Card) -> None:
        self._card = card

    @property
    def left(self) -> bool:
        """Whether the camera was said to have left."""
        return self._left.is_set()

    @property
    def still_s(self) -> float:
        """Seconds for which work on the card has not got on; 0 while there is none."""
        with self._lock:
            return time.monotonic() - self._moved_s if self._running else 0.0

    def leave(self) -> None:
        """Say that the camera has left; work on its card ends at the next piece."""
        self._left.set()

    def must_be_there(self) -> None:
        """Go on only while the camera is there.

        Raises:
            CameraGone: it left.
        """
        self._moved_s = time.monotonic()
        if self._left.is_set():
            raise CameraGone("the camera left")

    def read(self, call: Callable[[], _T]) -> asyncio.Future[_T]:
        """Do something that touches the card."""
        return asyncio.get_running_loop().run_in_executor(self._reading, self._told(call))

    def ahead(self, call: Callable[[], _T]) -> asyncio.Future[_T]:
        """Read from the card while looks at it go on."""
        return asyncio.get_running_loop().run_in_executor(self._ahead, self._told(call))

    def finish(self, call: Callable[[], _T]) -> asyncio.Future[_T]:
        """Do something with what was copied, beside what touches the card."""
        return asyncio.get_running_loop().run_in_executor(self._finishing, call)

    def _told(self, call: Callable[[], _T]) -> Callable[[], _T]:
        """The call, known to be running while it is."""

        def running() -> _T:
            self._count(1)
            try:
                return call()
            finally:
                self._count(-1)

        return running

    def _count(self, change: int) -> None:
        with self._lock:
            self._running += change
            self._moved_s = time.monotonic()

    def close(self) -> None:
        """Let the threads end when they can, without waiting for them."""
        self._left.set()
        self._reading.shutdown(wait=False, cancel_futures=True)
        self._ahead.shutdown(wait=False, cancel_futures=True)
        self._finishing.shutdown(wait=False, cancel_futures=True)
