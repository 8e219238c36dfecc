"""What stands in the bays, told to the gateway for people who look on from afar.

It is said again when a camera comes, goes or gets on, progress alone every few seconds: what
waits on a thin link is footage. It goes with the retained state, and nothing is decided by it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from protocols.messages import BayState

Tell = Callable[[Sequence[BayState]], Awaitable[None]]
_LOOK_S: Final = 1.0
_PROGRESS_S: Final = 5.0


async def tell_bays(
    bays: Callable[[], Sequence[BayState]],
    tell: Tell,
    *,
    look_s: float = _LOOK_S,
    progress_s: float = _PROGRESS_S,
) -> None:
    """Tell of every change until cancelled.

    Args:
        bays: what stands in them now.
        tell: says it to the gateway; what it raises ends this.
        look_s: how often to look.
        progress_s: how often to say that something has merely got on.
    """
    said: Sequence[BayState] | None = None
    said_at = 0.0
    while True:
        now = bays()
        late = time.monotonic() - said_at >= progress_s
        if said is None or _standing(now) != _standing(said) or (late and now != said):
            await tell(now)
            said, said_at = now, time.monotonic()
        await asyncio.sleep(look_s)


def _standing(bays: Sequence[BayState]) -> list[tuple[str, str, str | None]]:
    return [(each.bay, each.phase, each.camera) for each in bays]
