"""A real dock erases on a card that a real helper mounted read-only, and that stays read-only."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulators import udev
from tests.simulators.edge_daemon import EdgeDaemon, bay
from tests.simulators.exfat_card import ExfatCard, available
from tests.simulators.gateway import GrowingLog, SimulatedGateway
from tests.simulators.loop import attach, detach
from tests.simulators.mosquitto import mosquitto
from tests.simulators.mounter import MountHelper

pytestmark = [
    pytest.mark.broker,
    pytest.mark.timeout(180),
    pytest.mark.skipif(
        not (available() and udev.available()),
        reason="needs root, udevd, FUSE, loop devices and exfat-fuse",
    ),
]

PORT = "pci-0000:00:14.0-usb-0:1.1"
NAMES = ("A.MP4", "B.MP4")


class Docked:
    """A card in the only bay of a dock with a mount helper, and a gateway."""

    def __init__(self, home: Path, kind: str, port: int) -> None:
        self.home = home
        self.helper = MountHelper(home / "helper", {"1": PORT})
        log = GrowingLog()
        self.dock = EdgeDaemon(
            home / "dock", log.anchors, port=port, cameras="folders = []", erase=True
        )
        with self.dock.config.open("a") as config:
            config.write(self.helper.tables)
        self.gateway = SimulatedGateway(port, {self.dock.dock: self.dock.public}, log=log)
        self.loop = self._card(kind)
        self.point = self.helper.root / "1" / "0.0"

    def _card(self, kind: str) -> str:
        image, fill = self.home / "card.img", self.home / "fill"
        if kind == "exfat":
            card = ExfatCard(image, size_mb=32)
            card.mount(fill)
            self._record(fill)
            card.unmount()
        else:
            with image.open("wb") as file:
                file.truncate(16 << 20)
            run("mkfs.ext4", "-q", str(image))
            fill.mkdir()
            loop = attach(image)
            run("mount", loop, str(fill))
            self._record(fill)
            run("umount", str(fill))
            detach(loop)
        return attach(image)

    def _record(self, folder: Path) -> None:
        for name in NAMES:
            (folder / name).write_bytes(os.urandom(500_000))

    @property
    def read_only(self) -> bool:
        """Whether the kernel lets nobody write to the card."""
        return bool(os.statvfs(self.point).f_flag & os.ST_RDONLY)

    def names(self) -> list[str]:
        """What is on the card."""
        return sorted(each.name for each in self.point.glob("*.MP4"))

    def close(self) -> None:
        """Take everything apart."""
        self.dock.kill()
        self.helper.kill()
        for mount in self.helper.mounts():
            subprocess.run(["umount", "-l", str(mount.point)], check=False)
        detach(self.loop)


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def docked(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Docked]:
    """A card of the kind a test asks for.

    exFAT comes by a FUSE driver, which is mounted anew for the moment; ext4 by the kernel's own.
    """
    with mosquitto(tmp_path) as port, udev.udevd():
        made = Docked(tmp_path, request.param, port)
        try:
            with made.helper.running():
                udev.plug({made.loop: f"{PORT}:1.0-scsi-0:0:0:0"})
                made.helper.ready("1/0.0")
                yield made
        finally:
            made.close()


@pytest.mark.parametrize("docked", ["exfat", "ext4"], indirect=True)
async def test_a_card_is_erased_and_read_only_before_and_after(docked: Docked) -> None:
    async with docked.dock.running():
        told = await docked.dock.until(lambda s: bay(s)["phase"] == "copied", 60)
        assert docked.read_only
        assert not bay(told)["read_only"]
        async with docked.gateway.running():
            told = await docked.dock.until(lambda s: bay(s)["phase"] == "safe", 60)
        assert told["clips"]["erased"] == len(NAMES)
        assert bay(told)["not_erased"] is None
        assert docked.names() == []
        docked.helper.until(lambda: docked.read_only)
        assert docked.dock.end() == 0


@pytest.mark.parametrize("docked", ["exfat"], indirect=True)
async def test_a_dock_that_is_killed_in_the_moment_leaves_a_read_only_card(
    docked: Docked,
) -> None:
    async with docked.gateway.running():
        docked.dock.start(EVIDOCK_CRASH_AT="erase.unlinked")
        assert docked.dock.process is not None
        # In a thread: the gateway that releases runs in this loop.
        await asyncio.to_thread(docked.dock.process.wait, 60)
        docked.helper.until(lambda: docked.read_only)
        assert len(docked.names()) == len(NAMES) - 1
        docked.dock.process = None
        async with docked.dock.running():
            told = await docked.dock.until(lambda s: bay(s)["phase"] == "safe", 60)
        assert docked.names() == []
        assert told["clips"]["erased"] == len(NAMES)
    docked.helper.until(lambda: docked.read_only)


@pytest.mark.parametrize("docked", ["ext4"], indirect=True)
async def test_without_its_helper_nothing_is_erased_and_the_bay_says_so(docked: Docked) -> None:
    async with docked.dock.running():
        await docked.dock.until(lambda s: bay(s)["phase"] == "copied", 60)
        docked.helper.kill()
        async with docked.gateway.running():
            told = await docked.dock.until(lambda s: bay(s)["phase"] == "safe", 60)
        assert "the recordings stay on the card" in bay(told)["message"]["en"]
        assert "does not answer" in bay(told)["not_erased"]
        assert docked.names() == list(NAMES)
        assert docked.read_only


@pytest.mark.parametrize("docked", ["ext4"], indirect=True)
async def test_a_card_that_was_write_protected_meanwhile_keeps_its_recordings(
    docked: Docked,
) -> None:
    async with docked.dock.running():
        await docked.dock.until(lambda s: bay(s)["phase"] == "copied", 60)
        run("blockdev", "--setro", docked.loop)
        async with docked.gateway.running():
            told = await docked.dock.until(lambda s: bay(s)["phase"] == "safe", 60)
        assert told["clips"] == {**told["clips"], "released": len(NAMES), "erased": 0}
        assert bay(told)["not_erased"]
        assert docked.names() == list(NAMES)
        assert docked.read_only
