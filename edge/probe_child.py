"""The limited process in which recordings are parsed; started by ``edge.probe``, never by hand.

A fork server: it loads the media library once and forks for every file, so that a crash,
a hang or an exploit ends with that one fork. The fork may read the one descriptor it was
given and write one answer; it can open nothing (``RLIMIT_NOFILE`` 0), so neither files
nor sockets, write no file, start nothing, and is killed past its time. The server itself
parses no media. It ends when it idles, or when the daemon's end of the socket closes.

Asked on standard input, a Unix packet socket: one JSON object with one descriptor
attached. Answers with one line that says how the fork ended, then the fork's own JSON.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import pkgutil
import resource
import select
import signal
import socket
import time
from pathlib import Path
from typing import Final

import av

from edge.probe import MAX_ANSWER
from edge.probe_media import examine

IDLE_S: Final = 60
# Its command line and its download of samples.
_NOT_LIBRARY: Final = (".__main__", ".datasets")
_MAX_QUESTION: Final = 4096
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38


def main() -> None:
    """Serve until idle or left alone."""
    os.nice(10)
    _load_everything()
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    channel = socket.socket(fileno=0)
    ready = select.poll()
    ready.register(channel, select.POLLIN)
    while ready.poll(IDLE_S * 1000):
        message, descriptors, _, _ = socket.recv_fds(channel, _MAX_QUESTION, 1)
        if not message or not descriptors:
            return
        try:
            answer = _in_fork(channel, json.loads(message), descriptors[0])
        finally:
            os.close(descriptors[0])
        channel.send(answer)


def _load_everything() -> None:
    """Import what the library would import when first used: a fork can open no file for it."""
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if not module.name.endswith(_NOT_LIBRARY):
            importlib.import_module(module.name)


def _in_fork(channel: socket.socket, question: dict[str, int], fd: int) -> bytes:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _answer(channel, question, fd, writing)
    os.close(writing)
    try:
        answer, ended = _collect(channel, reading, question["timeout_ms"])
    finally:
        os.close(reading)
        # Harmless when it ended by itself: until it is reaped its number is not given again.
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if ended == "answered" and os.waitstatus_to_exitcode(status) not in {0, -signal.SIGKILL}:
        ended = f"ended with {os.waitstatus_to_exitcode(status)}"
    return json.dumps({"ended": ended}).encode() + b"\n" + answer


def _collect(channel: socket.socket, reading: int, timeout_ms: int) -> tuple[bytes, str]:
    """The fork's bytes until it closes its end, and what stopped the reading."""
    ready = select.poll()
    ready.register(reading, select.POLLIN)
    # No event asked for: the kernel still tells when the daemon is gone.
    ready.register(channel, 0)
    answer = b""
    deadline = time.monotonic() + timeout_ms / 1000
    while True:
        left_ms = (deadline - time.monotonic()) * 1000
        events = ready.poll(max(left_ms, 0))
        if not events:
            return b"", "timeout"
        if any(number == channel.fileno() for number, _ in events):
            return b"", "left alone"
        part = os.read(reading, MAX_ANSWER)
        if not part:
            return answer, "answered" if answer else "ended without an answer"
        answer += part
        if len(answer) > MAX_ANSWER:
            return b"", "too much"


def _answer(channel: socket.socket, question: dict[str, int], fd: int, writing: int) -> None:
    """The fork: limit itself, look, write, end. Never returns to the server's loop."""
    code = 1
    try:
        channel.close()
        _limit(question)
        answer = json.dumps(examine(fd, question["size"])).encode()
        os.write(writing, answer[: MAX_ANSWER + 1])
        code = 0
    finally:
        # Without the interpreter's own ending, which would run what belongs to the server.
        os._exit(code)


def _limit(question: dict[str, int]) -> None:
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _prctl(_PR_SET_DUMPABLE, 0)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    memory = pages * resource.getpagesize() + question["memory_bytes"]
    for limit, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, question["cpu_s"]),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        # Last: what is open stays usable, nothing more can be opened.
        (resource.RLIMIT_NOFILE, 0),
    ):
        resource.setrlimit(limit, (value, value))


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value), 0, 0, 0)


if __name__ == "__main__":
    main()
