"""ZIP files and folders made to deceive or to exhaust: refused in words, in bounded time and memory.

The real program reads them, in a process of its own whose memory the kernel bounds.
"""

from __future__ import annotations

import os
import resource
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from hashing.verdict import Outcome

MEMORY = 1 << 30
UNREADABLE = 1


@dataclass(frozen=True)
class Ended:
    """How the program ended, and what it said."""

    code: int
    text: str
    seconds: float


def verify(*words: object) -> Ended:
    """Run ``evidock-verify``; a traceback is never an answer."""
    command = [sys.executable, "-m", "verifier", *map(str, words)]

    def bounded() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    began = time.monotonic()
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=100, preexec_fn=bounded
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Ended(done.returncode, done.stdout + done.stderr, time.monotonic() - began)


def archive(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        for name, data in members:
            made.writestr(name, data)
    return path


def empty_members(path: Path, count: int, header: Callable[[int], bytes]) -> None:
    """A ZIP whose directory names so many members, without a byte for each of them."""
    with path.open("wb") as file:
        file.write(b"PK\x03\x04" + bytes(26))
        start = file.tell()
        file.writelines(header(number) for number in range(count))
        end = file.tell()
        here = struct.pack("<QQQQ", count, count, end - start, start)
        file.write(b"PK\x06\x06" + struct.pack("<QHHII", 44, 45, 45, 0, 0) + here)
        file.write(b"PK\x06\x07" + struct.pack("<IQI", 0, end, 1))
        file.write(b"PK\x05\x06" + b"\0\0\0\0" + b"\xff" * 12 + b"\0\0")


def central(number: int, name: bytes, offset: int = 0) -> bytes:
    head = struct.pack("<HHHHHHIII", 20, 20, 0, 0, 0, 33, 0, 0, 0)
    return (
        b"PK\x01\x02" + head + struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, offset) + name
    )
