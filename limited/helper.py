"""One limited process and our end of its socket: ask, wait, and end it for certain."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

MAX_ANSWER: Final = 64 * 1024
"""Longest answer of one fork, bytes."""
MAX_QUESTION: Final = 16 * 1024
_LINE: Final = 4096


class Helper:
    """A process that is started here, and killed with all its forks by ``stop``.

    Args:
        module: whose ``main`` is the process; ends with ``limited.serving.serve``.
        timeout_s: how long one answer may take.
    """

    def __init__(self, module: str, timeout_s: float) -> None:
        """Start it.

        Raises:
            OSError: it cannot be started.
        """
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel.settimeout(timeout_s)
        try:
            self._process = subprocess.Popen(  # noqa: S603  # our own module, no shell
                [sys.executable, "-I", "-m", module],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={},
                start_new_session=True,
            )
        except OSError:
            self._channel.close()
            raise
        finally:
            theirs.close()

    @property
    def alive(self) -> bool:
        """Whether it has not ended, as it does when it idles."""
        return self._process.poll() is None

    def ask(self, question: bytes, *descriptors: int) -> bytes:
        """Send a question and wait.

        Args:
            question: one JSON object; see ``limited.serving``.
            descriptors: the recording, then where a product goes, if there is to be one.

        Returns:
            A line on how the fork ended, then its answer; empty when the helper has ended.

        Raises:
            TimeoutError: it is stuck. OSError: it is gone.
        """
        self.tell(question, descriptors)
        return self.hear()

    def tell(self, question: bytes, descriptors: Sequence[int]) -> None:
        """Send a question; raises OSError when it is gone."""
        socket.send_fds(self._channel, [question], list(descriptors))

    def hear(self) -> bytes:
        """Wait for the answer, as ``ask``."""
        return self._channel.recv(MAX_ANSWER + _LINE)

    def kill(self) -> None:
        """End the helper and its forks, from whichever thread; somebody still has to ``stop``."""
        # Until it is reaped, its number, which is that of its group, is nobody else's.
        with contextlib.suppress(ProcessLookupError):
            if self._process.returncode is None:
                os.killpg(self._process.pid, signal.SIGKILL)

    def stop(self) -> None:
        """Kill the helper and its forks; they have one process group of their own."""
        self._channel.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
