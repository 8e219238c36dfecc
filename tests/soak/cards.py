"""Four kinds of cards that come and go at a dock, and how each of them is torn out."""

from __future__ import annotations

import contextlib
import random
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path

from tests.simulators.exfat_card import ExfatCard
from tests.simulators.fuse_card import FuseCard
from tests.simulators.loop import attach, detach

LET_GO_S = 30


class NotLetGo(Exception):  # noqa: N818  # a finding
    """The dock still holds something of a card that is long gone."""


class Plug(ABC):
    """One card and the bay it always goes to.

    Attributes:
        yanks: in how many ways it can be torn out.
        dock_pid: of the daemon, once it runs.
    """

    yanks: tuple[str, ...] = ("out",)
    dock_pid = 0

    @abstractmethod
    def put(self, name: str, content: bytes) -> None:
        """Let the camera record, away from the dock."""

    @abstractmethod
    def dock(self) -> None:
        """Put the camera into its bay."""

    @abstractmethod
    def undock(self) -> None:
        """Take it out; harmless when it is out."""

    def yank(self, how: str, rng: random.Random) -> None:  # noqa: ARG002  # for kinds that can
        """Tear it out, or break it; ``undock`` comes after it."""
        self.undock()


class FolderPlug(Plug):
    """A folder that is moved into the bay and out again."""

    def __init__(self, home: Path, bay: Path) -> None:
        self._home, self._bay = home, bay
        home.mkdir(parents=True)

    def put(self, name: str, content: bytes) -> None:
        (self._home / name).write_bytes(content)

    def dock(self) -> None:
        self._home.rename(self._bay)

    def undock(self) -> None:
        if self._bay.exists():
            self._bay.rename(self._home)


class DiskPlug(Plug):
    """A file system of the kernel's on a loop device."""

    yanks = ("lazily", "out")

    def __init__(self, image: Path, point: Path) -> None:
        self._image, self._point = image, point
        self._aside = image.with_suffix(".aside")
        self._device = 0
        self._aside.mkdir(parents=True)
        point.mkdir(parents=True)
        with image.open("wb") as file:
            file.truncate(32 << 20)
        _run("mkfs.ext4", "-q", "-m", "0", str(image))

    def put(self, name: str, content: bytes) -> None:
        self._show(self._aside)
        (self._aside / name).write_bytes(content)
        _run("umount", str(self._aside))

    def dock(self) -> None:
        self._show(self._point)
        self._device = self._point.stat().st_dev

    def _show(self, point: Path) -> None:
        loop = attach(self._image)
        _run("mount", loop, str(point))
        # The kernel lets go of the loop device itself once nobody holds its file system.
        detach(loop)

    def undock(self) -> None:
        self._until_let_go("umount")

    def yank(self, how: str, rng: random.Random) -> None:  # noqa: ARG002  # as its base
        self._until_let_go("umount", *(("-l",) if how == "lazily" else ()))

    def _until_let_go(self, *umount: str) -> None:
        deadline = time.monotonic() + LET_GO_S
        while self._point.is_mount() or self._holds():
            subprocess.run([*umount, self._point], capture_output=True, check=False)
            if time.monotonic() > deadline:
                msg = f"{self._point} is still held after {LET_GO_S} s by {self._holds()}"
                raise NotLetGo(msg)
            time.sleep(0.05)

    def _holds(self) -> list[str]:
        """Files of the card that the dock has open; a mount that is gone hides none of them."""
        held = []
        for each in Path("/proc", str(self.dock_pid), "fd").iterdir():
            with contextlib.suppress(OSError):
                if each.stat().st_dev == self._device:
                    held.append(str(each.readlink()))
        return held


class ExfatPlug(Plug):
    """An exFAT card read by its FUSE driver, which is killed."""

    yanks = ("driver killed", "umount -f", "out")

    def __init__(self, image: Path, point: Path) -> None:
        self._card = ExfatCard(image, size_mb=32, label="SOAK")
        self._aside, self._point = image.with_suffix(".aside"), point

    def put(self, name: str, content: bytes) -> None:
        self._card.mount(self._aside)
        (self._aside / name).write_bytes(content)
        self._card.unmount()

    def dock(self) -> None:
        self._card.mount(self._point)

    def undock(self) -> None:
        self._card.unmount()

    def yank(self, how: str, rng: random.Random) -> None:  # noqa: ARG002  # as its base
        if how == "driver killed":
            self._card.pull()
        elif how == "umount -f":
            self._card.force()
        time.sleep(0.3)
        self._card.unmount()


class FusePlug(Plug):
    """A card whose driver does what it is told, and dies."""

    yanks = ("killed", "lazily", "gone", "eio", "short", "torn", "hang", "slow")

    def __init__(self, tree: Path, point: Path) -> None:
        self._card, self._point = FuseCard(tree), point

    def put(self, name: str, content: bytes) -> None:
        (self._card.tree / name).write_bytes(content)

    def dock(self) -> None:
        self._card.mount(self._point)

    def undock(self) -> None:
        self._card.cue()
        self._card.unmount()

    def yank(self, how: str, rng: random.Random) -> None:
        cues: dict[str, dict[str, object]] = {
            "gone": {"gone": True},
            "eio": {"eio": {"*": rng.randrange(60_000)}},
            "short": {"short": {"*": rng.randrange(60_000)}},
            "torn": {"torn": {"*": rng.randrange(60_000)}},
            "hang": {"hang": True},
            "slow": {"rate": 200_000},
        }
        if how == "killed":
            self._card.pull()
        self._card.cue(**cues.get(how, {}))
        if how != "lazily":
            time.sleep(rng.uniform(0.1, 1.0))


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        msg = f"{' '.join(command)}: {done.stderr.strip()}"
        raise RuntimeError(msg)
    return done.stdout
