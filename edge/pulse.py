"""Whether every part of the dock still gets on; the init system hears of life only then.

A loop that turns proves nothing but that it turns: a dock whose ledger cannot commit, or whose
search for cameras hangs, would be kept alive by it and serve nobody. So each part says that it
got on and by when it will say so again; ``vitals`` asks those that cannot speak for themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

CAMERAS: Final = "cameras"
LEDGER: Final = "ledger"
STATUS: Final = "status"
UPLINK: Final = "uplink"


class Pulse:
    """When each part will have got on again; use on the event loop's thread only.

    Args:
        now: monotonic seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._due: dict[str, float] = {}

    def beat(self, part: str, within_s: float) -> None:
        """This part got on just now, and will again within so many seconds."""
        self._due[part] = self._now() + within_s

    def stalled(self) -> list[str]:
        """Parts that have not got on in the time they gave themselves."""
        now = self._now()
        return sorted(part for part, due in self._due.items() if due < now)
