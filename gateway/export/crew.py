"""Originals several at a time: hashing one keeps one core busy, and a folder takes many at once.

Results come in the order of the work. The first failure ends the others within a chunk, and is the
one that is raised: nobody waits for an hour of copying to hear that a pack cannot be made.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Advance = Callable[[int], None]
_T = TypeVar("_T")


class _StoppedError(Exception):
    """Another one failed."""


class Crew:
    """Runs pieces of work that say how far they have come."""

    def __init__(self, at_once: int, advance: Advance) -> None:
        """Prepare.

        Args:
            at_once: how many may run at a time; one runs in the caller's own thread.
            advance: told of bytes, by one thread at a time.
        """
        self._at_once = at_once
        self._advance = advance
        self._telling = threading.Lock()
        self._failed: list[BaseException] = []
        self._is_over = False

    def run(self, work: Sequence[Callable[[Advance], _T]]) -> Generator[_T, None, None]:
        """Do all of it; raises what the first piece raised that failed."""
        if self._at_once == 1 or len(work) == 1:
            for piece in work:
                yield piece(self._advance)
            return
        pool = ThreadPoolExecutor(self._at_once, thread_name_prefix="evidock-export")
        try:
            for future in [pool.submit(self._do, piece) for piece in work]:
                yield self._result(future)
        finally:
            self._is_over = True
            pool.shutdown(cancel_futures=True)

    def _do(self, piece: Callable[[Advance], _T]) -> _T:
        if self._is_over:
            raise _StoppedError
        try:
            return piece(self._tell)
        except BaseException as error:
            if not self._is_over:
                self._failed.append(error)
                self._is_over = True
            raise

    def _tell(self, count: int) -> None:
        if self._is_over:
            raise _StoppedError
        with self._telling:
            self._advance(count)

    def _result(self, future: Future[_T]) -> _T:
        try:
            return future.result()
        except _StoppedError:
            raise self._failed[0] from None
