"""Named points at which a test may kill this process, as a power cut would.

A hook for fault tests alone: without ``EVIDOCK_CRASH_AT`` it does nothing. With
``EVIDOCK_CRASH_AT=store.renamed`` the process kills itself with SIGKILL when it first
passes that point, with ``store.renamed:3`` at the third pass. SIGKILL, because no
handler, ``finally`` or buffer flush may run: that is what losing power means.
"""

from __future__ import annotations

import itertools
import os
import signal
from collections import defaultdict
from collections.abc import Iterator

_VARIABLE = "EVIDOCK_CRASH_AT"
_passes: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))


def reach(point: str) -> None:
    """Pass a named point; may not return."""
    wanted = os.environ.get(_VARIABLE)
    if not wanted:
        return
    name, _, count = wanted.partition(":")
    if name == point and next(_passes[point]) == int(count or "1"):
        os.kill(os.getpid(), signal.SIGKILL)
