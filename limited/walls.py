"""What a fork may still do: read what it was handed, write one answer, and end.

It can open nothing more, so neither files nor sockets, write no file, start nothing, use so much
memory and processor time, and leaves no core. Nothing it starts could gain rights.
"""

from __future__ import annotations

import ctypes
import resource
import signal
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38


def gain_nothing() -> None:
    """Give up for good what a program with more rights could give."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def raise_walls(*, memory_bytes: int, cpu_s: int) -> None:
    """Limit this process; there is no way back for a user without special rights.

    Args:
        memory_bytes: memory beyond what is mapped already, such as loaded libraries.
        cpu_s: processor time; the kernel kills past it.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _prctl(_PR_SET_DUMPABLE, 0)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    memory = pages * resource.getpagesize() + memory_bytes
    for limit, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        # Last: what is open stays usable, nothing more can be opened.
        (resource.RLIMIT_NOFILE, 0),
    ):
        resource.setrlimit(limit, (value, value))


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value), 0, 0, 0)
