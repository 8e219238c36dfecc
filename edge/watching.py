"""A status for every change, for a screen that has to be right within a second.

Looking costs little: what the ledger knows is asked again only when something was added to
it, and a slow look makes the next ones rarer. Nothing here waits for a card.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any, Final

from edge.signals import Bell

LOOK_S: Final = 0.25
HEARTBEAT_S: Final = 1.0
_FACTS_S: Final = 5.0
# However many files are docked, looking at them takes a small share of the time.
_SHARE: Final = 20
# These run on all the time; alone they are no news.
_RESTLESS: Final = frozenset({"uptime_s", "free_bytes", "clock"})

Answer = dict[str, Any]


async def watch(
    live: Callable[[], Answer],
    facts: Callable[[], Answer],
    ledger: Bell,
    *,
    look_s: float = LOOK_S,
    heartbeat_s: float = HEARTBEAT_S,
) -> AsyncGenerator[Answer, None]:
    """Yield the whole status now, after every change, and at the heartbeat, without end.

    Args:
        live: what the parts of the daemon say now; called on the loop, must not block.
        facts: what the ledger says; called in a thread.
        ledger: rung when the ledger grew.
        look_s: pause between two looks.
        heartbeat_s: the longest time without a word.
    """
    said: Answer | None = None
    said_at = asked_at = 0.0
    known: Answer = {}
    rung = ledger.listen()
    # Beside the looks: a commit that waits for a slow disk must not silence the whole dock.
    asking: asyncio.Future[Answer] | None = None
    try:
        while True:
            began = time.monotonic()
            if asking is None and (said is None or rung.is_set() or began - asked_at >= _FACTS_S):
                rung, asked_at = ledger.listen(), began
                asking = asyncio.ensure_future(asyncio.to_thread(facts))
            if asking is not None and (said is None or asking.done()):
                known, asking = await asking, None
            looked = time.monotonic()
            answer = {**live(), **known}
            took_s = time.monotonic() - looked
            news = _lasting(answer)
            if news != said or looked - said_at >= heartbeat_s:
                said, said_at = news, looked
                yield answer
            await asyncio.sleep(min(max(look_s, _SHARE * took_s), heartbeat_s))
    finally:
        if asking is not None:
            asking.cancel()


def _lasting(answer: Answer) -> Answer:
    lasting = {key: value for key, value in answer.items() if key not in _RESTLESS}
    uplink = lasting.get("uplink", {})
    # Why there is no connection counts down the seconds to the next attempt.
    lasting["uplink"] = {key: uplink.get(key) for key in ("connected", "understood", "gateway")}
    return lasting
