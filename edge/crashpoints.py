"""Places where a fault test may cut the power: a documented test hook, else nothing.

With ``EVIDOCK_CRASH_AT=seal.before-commit`` (or ``...:3`` for the third pass) in its
environment the process kills itself with SIGKILL at that point, which no handler sees
and no buffer survives. Without the variable ``reach`` compares one value and returns.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import Final

VARIABLE: Final = "EVIDOCK_CRASH_AT"

POINTS: Final = frozenset(
    {
        "ingest.copied",
        "ingest.synced",
        "ingest.read-back",
        "ingest.published",
        "seal.before-commit",
        "seal.after-commit",
        "session.opened",
        "session.inventory",
        "erase.intended",
        "erase.compared",
        "erase.unlinked",
        "erase.recorded",
        "enrol.keys",
        "enrol.authorities",
        "enrol.statement-answered",
        "enrol.statement-kept",
        "enrol.tls-answered",
        "enrol.tls-kept",
        "enrol.trust",
        "enrol.done",
        "renew.answered",
        "renew.kept",
        "key.written",
        "key.linked",
        "release.recorded",
        "proofs.recorded",
        "rotate.key-made",
        "rotate.before-commit",
        "rotate.stated",
        "rotate.placed",
    }
)


class _Fuse:
    """Burns down by one with every pass of its point."""

    def __init__(self, setting: str) -> None:
        self.point, _, count = setting.partition(":")
        self._left = int(count) if count.isdecimal() else 1
        self._lock = threading.Lock()

    def blow_when_burnt(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


_FUSE = _Fuse(os.environ[VARIABLE]) if VARIABLE in os.environ else None


def reach(point: str) -> None:
    """Say that a named point was passed; ends the process there when a test asked for it."""
    if _FUSE is not None and _FUSE.point == point:
        _FUSE.blow_when_burnt()
