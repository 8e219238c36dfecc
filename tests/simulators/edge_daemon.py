"""A real `evidock-edge run` in a process of its own, on a state directory of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from edge import keys, screen
from hashing.keys import PublicKey
from protocols.anchors import Anchors
from protocols.ids import DockId, dock_id

CONFIG = """\
[dock]
id = "{dock}"
state_dir = "state"
key = "dock.key.pem"
trust = "trust.json"

[spool]
reserve_mb = {reserve_mb}

[cameras]
{cameras}
settle_s = {settle_s}
scan_s = {scan_s}

[uplink]
port = {port}
min_backoff_s = 0.1
max_backoff_s = 1.0
announce_s = 1.0

[erase]
enabled = {erase}
"""


class EdgeDaemon:
    """One dock on disk; its program can be started, ended, killed and started again.

    Attributes:
        folder: the directory that stands for a camera.
    """

    def __init__(
        self,
        home: Path,
        anchors: Anchors,
        *,
        port: int,
        dock: str = "dock7",
        cameras: str | None = None,
        erase: bool = False,
        settle_s: float = 0.2,
        scan_s: float = 0.1,
        reserve_mb: int = 16,
    ) -> None:
        self.home = home
        self.dock: DockId = dock_id(dock)
        self.folder = home / "camera"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.public: PublicKey = keys.generate(home / "dock.key.pem").public
        (home / "trust.json").write_text(anchors.to_json())
        self.config = home / "edge.toml"
        self.log = home / "edge.log"
        self.config.write_text(
            CONFIG.format(
                dock=dock,
                port=port,
                cameras=cameras or 'folders = [{ path = "camera", name = "cam1", bay = "1" }]',
                erase=str(erase).lower(),
                settle_s=settle_s,
                scan_s=scan_s,
                reserve_mb=reserve_mb,
            )
        )
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def database(self) -> Path:
        """The ledger."""
        return self.home / "state" / "ledger.db"

    @property
    def spool(self) -> Path:
        """The spool directory."""
        return self.home / "state" / "spool"

    def start(self, **environment: str) -> None:
        """Start the program."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edge", "run", "--config", str(self.config)],
                stderr=log,
                stdout=log,
                env={**os.environ, **environment},
            )

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it as the init system does; gives the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(20)
        self.process = None
        return code

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another command of the program on the same configuration."""
        command, *rest = arguments
        return subprocess.run(
            [sys.executable, "-m", "edge", command, "--config", str(self.config), *rest],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def status(self) -> dict[str, Any] | None:
        """The daemon's own answer; None while none answers."""
        return screen.ask(self.home / "state" / "status.sock", {"cmd": "status"})

    async def until(
        self, done: Callable[[dict[str, Any]], bool], timeout_s: float = 30.0
    ) -> dict[str, Any]:
        """Wait until the daemon's status says so."""
        answer: dict[str, Any] | None = None
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    answer = await asyncio.to_thread(self.status)
                    if answer is not None and done(answer):
                        return answer
                    assert self.process is None or self.process.poll() is None, self.tail()
                    await asyncio.sleep(0.1)
        except TimeoutError:
            msg = f"not so after {timeout_s} s: {answer}\n{self.tail()}"
            raise AssertionError(msg) from None

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-4000:]

    @contextlib.asynccontextmanager
    async def running(self, **environment: str) -> AsyncIterator[EdgeDaemon]:
        """Run it meanwhile; a failed test leaves no process behind."""
        self.start(**environment)
        try:
            await self.until(lambda _: True)
            yield self
        finally:
            self.kill()


def bay(answer: dict[str, Any]) -> dict[str, Any]:
    """The only bay of a status answer; empty while no camera is docked."""
    bays: list[dict[str, Any]] = answer["bays"]
    return bays[0] if bays else {"phase": "", "counts": {}, "session": None}
