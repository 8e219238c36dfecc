"""The real programs as child processes: started, awaited, stopped, nothing left behind.

Used by the demo, the end-to-end tests and the bench, so that all three run exactly what a
user runs: the console scripts, configured by files and options, spoken to over their
sockets. Nothing of `edge` or `gateway` is imported here.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

_T = TypeVar("_T")

SCRIPTS = Path(sys.executable).parent
LOG_TAIL = 25
PORTS = (20_000, 30_000)
TRIES = 100


class ProgramError(Exception):
    """A program did not do what was asked of it; the text holds the end of its log."""


class Program:
    """One child process in a session of its own, with everything it says in a log file."""

    def __init__(self, name: str, argv: Sequence[str | Path], log: Path) -> None:
        self.name = name
        self.log = log
        self._argv = [str(word) for word in argv]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; a second start after a stop is a restart."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Process id of the running program."""
        if self._process is None:
            raise ProgramError(f"{self.name} was not started")
        return self._process.pid

    def check(self) -> None:
        """Raises ProgramError when it has ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            code = self._process.returncode
            raise ProgramError(f"{self.name} ended with code {code}\n{self.tail()}")

    def tail(self) -> str:
        """The last lines of its log."""
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_TAIL:]
        return "\n".join(f"  {self.name}| {line}" for line in lines)

    def wait_until(self, ask: Callable[[], _T | None], what: str, timeout_s: float) -> _T:
        """Ask again and again until there is an answer that is not None.

        Raises:
            ProgramError: the program ended meanwhile, or the time is over.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            self.check()
            answer = ask()
            if answer is not None:
                return answer
            time.sleep(0.05)
        raise ProgramError(f"{self.name}: {what} did not happen in {timeout_s:g} s\n{self.tail()}")

    def kill(self) -> None:
        """As a power cut would: no chance to tidy up."""
        self._end(signal.SIGKILL, 10)

    def wait_killed(self, timeout_s: float = 60) -> None:
        """Wait until it killed itself, as a crash point of a fault test makes it do.

        Raises:
            ProgramError: it still runs after that time, or ended in another way.
        """
        process, self._process = self._process, None
        if process is None:
            raise ProgramError(f"{self.name} was not started")
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            code = None
        _kill_session(process.pid)
        process.wait(5)
        if code != -signal.SIGKILL:
            raise ProgramError(
                f"{self.name} was to be killed, not to end with {code}\n{self.tail()}"
            )

    def stop(self, timeout_s: float = 15) -> int:
        """Ask it to end, as an init system does; returns its exit code."""
        return self._end(signal.SIGTERM, timeout_s)

    def _end(self, number: signal.Signals, timeout_s: float) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            _kill_session(process.pid)
            process.wait(5)
            message = f"{self.name} did not end in {timeout_s:g} s\n{self.tail()}"
            raise ProgramError(message) from None
        # Its helpers are to be gone too, however it ended.
        _kill_session(process.pid)
        return code


def _kill_session(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def script(name: str) -> Path:
    """A console script of the environment that is running this."""
    return SCRIPTS / name


def run(*argv: str | Path, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; whatever its exit code is."""
    return subprocess.run(
        [str(word) for word in argv],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout_s,
        check=False,
    )


def must(*argv: str | Path, timeout_s: float = 120) -> str:
    """Run a command that has to succeed; returns what it printed."""
    done = run(*argv, timeout_s=timeout_s)
    if done.returncode:
        words = " ".join(str(word) for word in argv)
        raise ProgramError(f"{words}\nended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def free_port() -> int:
    """A loopback port that nobody listens on right now.

    Not one of those that the kernel hands to outgoing connections: between this answer and
    its use, somebody's connection could sit on it.
    """
    for _ in range(TRIES):
        port = PORTS[0] + secrets.randbelow(PORTS[1] - PORTS[0])
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise ProgramError(f"no free port in {TRIES} tries")
