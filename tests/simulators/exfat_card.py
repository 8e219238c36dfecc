"""An exFAT card: an image on a loop device, mounted by the FUSE driver, pulled by force."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil

from tests.simulators.loop import attach, detach
from tests.simulators.tools import there


def available() -> bool:
    """Whether this machine lets us make such a card."""
    programs = there(
        **{"mkfs.exfat": "exfatprogs", "mount.exfat-fuse": "exfat-fuse", "losetup": "mount"}
    )
    return programs and os.geteuid() == 0 and Path("/dev/fuse").exists()


class ExfatCard:
    """A card with a label; make, mount, pull, mount again."""

    def __init__(self, image: Path, *, size_mb: int = 256, label: str = "BWC_CAM1") -> None:
        self.image = image
        self.loop = ""
        self.point: Path | None = None
        with image.open("wb") as file:
            file.truncate(size_mb << 20)
        _run("mkfs.exfat", "-L", label, str(image))

    def mount(self, point: Path, *options: str) -> None:
        """Show the card below a directory."""
        point.mkdir(parents=True, exist_ok=True)
        self.loop = attach(self.image)
        _run("mount", "-t", "exfat-fuse", *options, self.loop, str(point))
        self.point = point

    def pull(self) -> None:
        """Kill the driver: every read answers ENOTCONN, the mount stays in the list."""
        for process in psutil.process_iter(["name", "cmdline"]):
            if self.loop in (process.info["cmdline"] or []) and "exfat" in process.info["name"]:
                os.kill(process.pid, signal.SIGKILL)
                psutil.wait_procs([process], timeout=5)

    def force(self) -> None:
        """``umount -f``, as an operator does with a hanging disk."""
        subprocess.run(["umount", "-f", str(self.point)], capture_output=True, check=False)

    def unmount(self) -> None:
        """Take the card out; harmless when it is out."""
        if self.point is not None:
            for _ in range(50):
                done = subprocess.run(["umount", str(self.point)], capture_output=True, check=False)
                if done.returncode == 0 or b"not mounted" in done.stderr:
                    break
                time.sleep(0.1)
            else:
                subprocess.run(["umount", "-l", str(self.point)], check=False)
            self.point = None
        if self.loop:
            detach(self.loop)
            self.loop = ""


def _run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
