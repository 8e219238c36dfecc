"""A volume that could not be mounted is tried again, soon and then more and more seldom."""

from __future__ import annotations

import pytest

from edge.codes import Unmounted
from edge.mounter.again import FIRST_S, MOST_S, Again


def pauses(again: Again, count: int) -> list[float]:
    """Try a volume that never can be mounted; the seconds between two tries."""
    now_s, found = 100.0, []
    for _ in range(count):
        again.failed("8:17", Unmounted.FAILED, now_s)
        began_s = now_s
        while not again.due("8:17", now_s):
            now_s += 1
        found.append(now_s - began_s)
    return found


def test_pauses_double_and_end_at_the_most() -> None:
    tried = pauses(Again(), 9)
    assert tried[:3] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S]
    assert tried[-1] == MOST_S


def test_one_that_is_being_tried_is_not_tried_beside() -> None:
    again = Again()
    again.failed("8:17", Unmounted.FAILED, 0.0)
    assert again.due("8:17", FIRST_S)
    assert not again.due("8:17", FIRST_S + 60)


def test_one_that_was_mounted_or_left_begins_anew() -> None:
    again = Again()
    pauses(again, 5)
    again.forget("8:17")
    assert not again.due("8:17", 10**9)
    assert pauses(again, 1) == [FIRST_S]


@pytest.mark.parametrize(
    "code",
    [
        Unmounted.NO_BAY,
        Unmounted.NO_FILE_SYSTEM,
        Unmounted.OTHER_FILE_SYSTEM,
        Unmounted.SILENT,
        "brand-new",
    ],
)
def test_what_no_second_try_mends_is_not_tried(code: str) -> None:
    again = Again()
    again.failed("8:17", Unmounted.FAILED, 0.0)
    again.failed("8:17", code, 0.0)
    assert not again.due("8:17", 10**9)
