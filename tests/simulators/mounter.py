"""A real mount helper in a process of its own, for cards on loop devices."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from edge.cameras.mass_storage import Mount, parse_mounts
from edge.mounter import wire
from edge.mounter.client import Mounter
from edge.mounter.settings import FsType, MounterSection

SETTINGS = """\
[mounter]
socket = "{home}/m.sock"
root = "{home}/cards"
user = "root"
types = ["vfat", "exfat", "ext4"]
writable_s = {writable_s}
usb_guard = false
"""


class MountHelper:
    """`evidock-edge mounter`, started, killed and started again.

    Args:
        home: its directory.
        bays: path by name.
        writable_s: how long it lets a card be writable.
    """

    def __init__(self, home: Path, bays: dict[str, str], writable_s: float = 30.0) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        tables = "".join(
            f'[[bays]]\nname = "{name}"\npath = "{path}"\n' for name, path in bays.items()
        )
        self.tables = SETTINGS.format(home=home, writable_s=writable_s) + tables
        self.config = home / "mounter.toml"
        self.config.write_text(
            f'[dock]\nid = "dock7"\nkey = "k.pem"\ntrust = "t.json"\n{self.tables}'
        )
        self.log = home / "mounter.log"
        self.root = home / "cards"
        section = MounterSection(
            socket=home / "m.sock", root=self.root, types=tuple(FsType), usb_guard=False
        )
        self.client = Mounter(section)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "edge", "mounter", "--config", str(self.config)],
                stdout=log,
                stderr=log,
                # As in its unit, where nobody else may read what it makes unless it says so.
                umask=0o077,
            )
        self.until((self.home / "m.sock").exists)

    def kill(self) -> None:
        """End it as a power cut would; its mounts stay."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None

    def end(self) -> int:
        """End it as the init system does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(10)
        self.process = None
        return code

    @contextlib.contextmanager
    def running(self) -> Iterator[MountHelper]:
        """Run it meanwhile; nothing stays mounted."""
        self.start()
        try:
            yield self
        finally:
            self.kill()
            for mount in self.mounts():
                subprocess.run(["umount", "-l", str(mount.point)], check=False)

    def mounts(self) -> list[Mount]:
        """What is mounted below its root now, as the kernel says."""
        text = os.fsdecode(Path("/proc/self/mountinfo").read_bytes())
        return [mount for mount in parse_mounts(text) if self.root in mount.point.parents]

    def told(self) -> wire.Told:
        """What it tells whoever begins to watch."""
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(self.home / "m.sock"))
            asking.sendall(b'{"verb": "watch"}\n')
            return wire.told(asking.makefile("rb").readline())

    def ready(self, *points: str) -> None:
        """Wait until these, and no others, are mounted and known to it."""
        wanted = tuple(sorted(f"{self.root}/{point}" for point in points))
        self.until(lambda: self.told().mounted == wanted)
        assert self.points() == sorted(points)

    def points(self) -> list[str]:
        """Where, below its root."""
        return sorted(str(mount.point.relative_to(self.root)) for mount in self.mounts())

    def until(self, done: Callable[[], bool], timeout_s: float = 45.0) -> float:
        """Wait until something is so; how many seconds it took."""
        began = time.monotonic()
        while not done():
            assert time.monotonic() - began < timeout_s, self.tail()
            time.sleep(0.01)
        return time.monotonic() - began

    def tail(self) -> str:
        """The end of its log."""
        return f"{self.points()}\n{self.log.read_text(errors='replace')[-3000:]}"
