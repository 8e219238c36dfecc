"""Loop devices as cards: an image that the kernel shows as a disk."""

from __future__ import annotations

import subprocess
from pathlib import Path


def attach(image: Path) -> str:
    """Show an image as a disk that can be written; its device.

    ``blockdev --setro`` stays with a loop device when its image goes, so a device that some
    test before left so is made writable first.
    """
    loop = _run("losetup", "-f", "--show", str(image)).strip()
    _run("blockdev", "--setrw", loop)
    return loop


def detach(loop: str) -> None:
    """Take the disk away; harmless when it is away."""
    subprocess.run(["losetup", "-d", loop], capture_output=True, check=False)


def _run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
