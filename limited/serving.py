"""The limited process: a fork server, started by ``limited.helper``, never by hand.

It loads the media library once and forks for every question, so that a crash, a hang or an
exploit ends with that one fork. The fork has the descriptors that came with the question, and
walls around it (``limited.walls``). The server itself parses no media. It ends when it idles,
or when the asking program's end of the socket closes.

Asked on standard input, a Unix packet socket: one JSON object with one or two descriptors. It has
``timeout_ms``, ``cpu_s`` and ``memory_bytes``; the rest is the work's. Answers with one line that
says how the fork ended, then the fork's own JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import time
from collections.abc import Callable
from typing import Any, Final

import av

from limited.helper import MAX_ANSWER, MAX_QUESTION
from limited.walls import gain_nothing, raise_walls

IDLE_S: Final = 60
# Its command line and its download of samples.
_NOT_LIBRARY: Final = (".__main__", ".datasets")
_MOST_DESCRIPTORS: Final = 2

Question = dict[str, Any]
Work = Callable[[Question, list[int]], dict[str, Any]]
"""What a fork does with a question and its descriptors; the result is its answer."""


def serve(work: Work) -> None:
    """Serve until idle or left alone."""
    os.nice(10)
    _load_everything()
    gain_nothing()
    channel = socket.socket(fileno=0)
    ready = select.poll()
    ready.register(channel, select.POLLIN)
    while ready.poll(IDLE_S * 1000):
        message, descriptors, _, _ = socket.recv_fds(channel, MAX_QUESTION, _MOST_DESCRIPTORS)
        if not message or not descriptors:
            return
        try:
            answer = _in_fork(channel, work, json.loads(message), descriptors)
        finally:
            # Also what a product is written to: its reader learns that nothing more comes.
            for descriptor in descriptors:
                os.close(descriptor)
        channel.send(answer)


def _load_everything() -> None:
    """Import what the library would import when first used: a fork can open no file for it."""
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if not module.name.endswith(_NOT_LIBRARY):
            importlib.import_module(module.name)


def _in_fork(
    channel: socket.socket, work: Work, question: Question, descriptors: list[int]
) -> bytes:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _answer(channel, work, question, descriptors, writing)
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
    # No event asked for: the kernel still tells when whoever asked is gone.
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


def _answer(
    channel: socket.socket,
    work: Work,
    question: Question,
    descriptors: list[int],
    writing: int,
) -> None:
    """The fork: limit itself, work, write, end. Never returns to the server's loop."""
    code = 1
    try:
        channel.close()
        raise_walls(memory_bytes=question["memory_bytes"], cpu_s=question["cpu_s"])
        answer = json.dumps(work(question, descriptors)).encode()
        os.write(writing, answer[: MAX_ANSWER + 1])
        code = 0
    finally:
        # Without the interpreter's own ending, which would run what belongs to the server.
        os._exit(code)
