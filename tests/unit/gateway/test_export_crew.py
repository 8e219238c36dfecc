"""Originals several at a time: in order, and the first failure is the one that is heard of."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing

import pytest

from gateway.export.crew import Advance, Crew

LONG_S = 30.0


class Told:
    """Counts, and notices two who tell at the same time."""

    def __init__(self) -> None:
        self.total = 0
        self._one = threading.Lock()

    def advance(self, count: int) -> None:
        assert self._one.acquire(blocking=False)
        self.total += count
        self._one.release()


def test_they_run_together_and_come_in_the_order_of_the_work() -> None:
    told, met = Told(), threading.Barrier(3)

    def piece(number: int) -> Callable[[Advance], int]:
        def work(advance: Advance) -> int:
            met.wait(LONG_S)
            for _ in range(1000):
                advance(1)
            return number

        return work

    assert list(Crew(3, told.advance).run([piece(each) for each in range(6)])) == list(range(6))
    assert told.total == 6000


@pytest.mark.parametrize("at_once", [1, 2])
def test_the_first_failure_is_raised_and_ends_the_others(at_once: int) -> None:
    failed, begun = threading.Event(), []

    def endless(advance: Advance) -> int:
        begun.append("endless")
        while True:
            failed.wait(LONG_S)
            advance(1)

    def rotten(_: Advance) -> int:
        begun.append("rotten")
        failed.set()
        msg = "the second one is rotten"
        raise ValueError(msg)

    work = [rotten, endless] if at_once == 1 else [endless, rotten, *[endless] * 20]
    with pytest.raises(ValueError, match="is rotten"):
        list(Crew(at_once, lambda _: None).run(work))
    assert len(begun) <= at_once + 1


def test_who_needs_no_more_of_them_ends_those_that_run() -> None:
    begun, ended = threading.Event(), threading.Event()

    def quick(_: Advance) -> int:
        begun.wait(LONG_S)
        return 1

    def endless(advance: Advance) -> int:
        begun.set()
        try:
            while True:
                advance(1)
        finally:
            ended.set()

    with closing(Crew(2, lambda _: None).run([quick, endless])) as results:
        assert next(results) == 1
    assert ended.is_set()
