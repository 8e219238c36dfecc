"""Cards of the mount helper in a real dock: their driver dies, or their device leaves.

How long the dock takes to see it is printed; a real USB host is not here to be tried.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from protocols.kinds import SessionClosed, SessionOpened
from tests.integration.test_edge_mounter import LEFT, Cards, kill_driver
from tests.simulators import udev
from tests.simulators.edge_daemon import EdgeDaemon, bay
from tests.simulators.exfat_card import ExfatCard, available
from tests.simulators.gateway import GrowingLog, SimulatedGateway
from tests.simulators.loop import attach
from tests.simulators.mosquitto import mosquitto

pytestmark = [
    pytest.mark.broker,
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        not (available() and udev.available()),
        reason="needs root, udevd, FUSE, loop devices and exfat-fuse",
    ),
]


class Bench:
    """A dock, its helper, its gateway, and a card in bay 1."""

    def __init__(self, home: Path, port: int) -> None:
        self.cards = Cards(home)
        self.helper = self.cards.helper
        log = GrowingLog()
        self.daemon = EdgeDaemon(
            home / "dock", log.anchors, port=port, cameras="folders = []", erase=False, scan_s=1.0
        )
        with self.daemon.config.open("a") as file:
            file.write(self.helper.tables)
        self.gateway = SimulatedGateway(port, {self.daemon.dock: self.daemon.public}, log=log)

    def card(self, megabytes: int) -> tuple[ExfatCard, str]:
        """A card with a small and a big recording, on its loop device."""
        card = ExfatCard(self.cards.home / "c.img", size_mb=megabytes + 16)
        fill = self.cards.home / "fill"
        card.mount(fill)
        (fill / "A.MP4").write_bytes(b"a" * 1000)
        (fill / "B.MP4").write_bytes(os.urandom(1 << 20) * megabytes)
        card.unmount()
        loop = attach(card.image)
        self.cards.loops.append(loop)
        return card, loop

    def closed(self) -> list[SessionClosed]:
        """Sessions that the gateway knows to have ended."""
        bodies = self.gateway.docks[self.daemon.dock].bodies("session.closed")
        return [body for body in bodies if isinstance(body, SessionClosed)]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with mosquitto(tmp_path) as port, udev.udevd():
        bench = Bench(tmp_path, port)
        try:
            yield bench
        finally:
            bench.daemon.kill()
            bench.cards.close()


@pytest.fixture
async def running(bench: Bench) -> AsyncIterator[Bench]:
    with bench.helper.running():
        async with bench.gateway.running(), bench.daemon.running():
            yield bench


def pull(loop: str, how: str) -> float:
    """Pull it; when that was, in seconds of the monotonic clock."""
    if how == "device removed":
        subprocess.run(["losetup", "-d", loop], check=True)
    began = time.monotonic()
    if how == "driver killed":
        kill_driver(loop)
    else:
        # What `udevadm trigger --action=remove` writes, without the time that program takes.
        Path(f"/sys/block/{Path(loop).name}/uevent").write_text("remove")
    return began


@pytest.mark.parametrize("how", ["driver killed", "device removed"])
@pytest.mark.parametrize("when", ["copied", "waiting"])
async def test_a_pulled_card_is_seen_within_a_second_and_continued_when_it_comes_again(
    running: Bench, how: str, when: str
) -> None:
    daemon, busy = running.daemon, when == "copied"
    loop = running.card(128 if busy else 4)[1]
    await asyncio.to_thread(udev.plug, {loop: LEFT})
    if busy:
        await daemon.until(lambda s: copied(s) > 4 << 20, 60)
    else:
        await daemon.until(safe, 60)
    began = await asyncio.to_thread(pull, loop, how)
    await daemon.until(lambda s: s["bays"] == [], 20)
    took_ms = 1000 * (time.monotonic() - began)
    print(f"{how}, while {when}: seen after {took_ms:.0f} ms")
    assert took_ms < 1000
    await running.gateway.until(lambda: bool(running.closed()))
    (body,) = running.closed()
    assert (body.reason == "removed") is busy
    if busy:
        assert {each.path: each.outcome for each in body.leftovers} == {"B.MP4": "incomplete"}
    await asyncio.to_thread(running.helper.until, lambda: not running.helper.points())
    await asyncio.to_thread(again, running, loop, how)
    await daemon.until(safe, 90)
    names = [c.body.source.name for c in running.gateway.docks[daemon.dock].clips.values()]
    assert sorted(names) == ["A.MP4", "B.MP4"]
    (opened, *_) = running.gateway.docks[daemon.dock].bodies("session.opened")
    assert isinstance(opened, SessionOpened)
    assert (opened.bay, opened.port, opened.camera.name) == ("1号仓", LEFT, "BWC_CAM1")
    # It can be erased, although it is mounted read-only now.
    assert opened.read_only is False


def again(bench: Bench, loop: str, how: str) -> None:
    if how == "device removed":
        loop = attach(bench.cards.home / "c.img")
        bench.cards.loops.append(loop)
        udev.plug({loop: LEFT})
    else:
        udev.trigger("remove", loop)
        udev.settle()
        udev.trigger("add", loop)


def safe(status: dict[str, Any]) -> bool:
    return bool(bay(status).get("message", {}).get("safe"))


def copied(status: dict[str, Any]) -> int:
    return bay(status).get("bytes_done", 0)  # type: ignore[no-any-return]
