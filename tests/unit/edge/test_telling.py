"""Bays told to the gateway: every change at once, progress now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from edge.telling import tell_bays
from protocols.messages import BayState


async def told(looks: Sequence[tuple[BayState, ...]], progress_s: float) -> list[int]:
    """Bytes said to be done, each time something was told, over looks that end by themselves."""
    left, said = list(looks), list[int]()

    def standing() -> tuple[BayState, ...]:
        if not left:
            raise EOFError
        return left.pop(0)

    async def tell(bays: Sequence[BayState]) -> None:
        await asyncio.sleep(0)
        said.append(sum(bay.done for bay in bays))

    try:
        await tell_bays(standing, tell, look_s=0, progress_s=progress_s)
    except EOFError:
        return said
    raise AssertionError(said)


def bay(phase: str, done: int) -> tuple[BayState, ...]:
    return (BayState(bay="bay1", phase=phase, done=done, total=9),)


async def test_a_change_is_told_at_once_and_progress_when_its_time_has_come() -> None:
    looks = [bay("copying", 1), bay("copying", 2), bay("copying", 3), bay("safe", 9), ()]
    assert await told(looks, progress_s=60) == [1, 9, 0]
    assert await told(looks, progress_s=0) == [1, 2, 3, 9, 0]


async def test_what_has_not_changed_is_not_told_again() -> None:
    assert await told([bay("safe", 9)] * 5, progress_s=0) == [9]
