"""Cards that fail on cue, on a file system of the test's own: each is named, none is believed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from protocols.kinds import SessionClosed
from tests.simulators.edge_daemon import EdgeDaemon
from tests.simulators.fuse_card import FuseCard, available
from tests.simulators.gateway import GrowingLog, SimulatedGateway
from tests.simulators.mosquitto import mosquitto

pytestmark = [
    pytest.mark.broker,
    pytest.mark.timeout(180),
    pytest.mark.skipif(not available(), reason="needs root, FUSE and fusermount3"),
]
SIZE = 300_000


class Dock:
    """A daemon, its gateway, and cards by name."""

    def __init__(self, home: Path, port: int) -> None:
        self.media, self._home = home / "media", home
        self.media.mkdir()
        log = GrowingLog()
        cameras = f'mount_root = "{self.media}"'
        self.daemon = EdgeDaemon(home / "dock", log.anchors, port=port, cameras=cameras, erase=True)
        self.gateway = SimulatedGateway(port, {self.daemon.dock: self.daemon.public}, log=log)
        self.cards: dict[str, FuseCard] = {}

    def insert(self, name: str, **faults: object) -> bytes:
        """Dock a card with one recording, wrong in this way; gives what it really holds."""
        card = self.cards[name] = FuseCard(self._home / name)
        content = os.urandom(SIZE)
        (card.tree / f"{name}.mp4").write_bytes(content)
        card.cue(**faults)
        card.mount(self.media / name)
        return content

    def stored(self) -> dict[str, list[bytes]]:
        """What the gateway has under each name."""
        found: dict[str, list[bytes]] = {}
        for clip in self.gateway.docks[self.daemon.dock].clips.values():
            found.setdefault(clip.body.source.name, []).append(
                self.gateway.content(clip.sealed.clip)
            )
        return found

    def leftovers(self) -> set[tuple[str | None, str]]:
        """What closed sessions did not take, and why."""
        closed = self.gateway.docks[self.daemon.dock].bodies("session.closed")
        bodies = [body for body in closed if isinstance(body, SessionClosed)]
        return {(left.path, left.outcome) for body in bodies for left in body.leftovers}


@pytest.fixture
def dock(tmp_path: Path) -> Iterator[Dock]:
    with mosquitto(tmp_path) as port:
        dock = Dock(tmp_path, port)
        yield dock
        dock.daemon.kill()
        for card in dock.cards.values():
            card.cue()
            card.unmount()


def phases(status: dict[str, Any]) -> dict[str, str]:
    return {bay["camera"]["name"]: bay["phase"] for bay in status["bays"]}


async def test_each_card_that_fails_is_named_and_costs_no_other_card_its_turn(dock: Dock) -> None:
    async with dock.gateway.running(), dock.daemon.running():
        good = dock.insert("good")
        slow = dock.insert("slow", rate=150_000)
        dock.insert("eio", eio={"*": 150_000})
        dock.insert("short", short={"*": 150_000})
        dock.insert("hangs", hang=True)
        dock.insert("gone")
        dock.cards["gone"].cue(gone=True)
        await dock.daemon.until(
            lambda s: (
                {
                    "good": "safe",
                    "slow": "safe",
                    "eio": "attention",
                    "short": "attention",
                }.items()
                <= phases(s).items()
            ),
            90,
        )
        named = {("eio.mp4", "unreadable"), ("short.mp4", "unreadable")}
        await dock.gateway.until(lambda: named <= dock.leftovers())
        dock.cards["hangs"].cue()
        await dock.daemon.until(lambda s: phases(s).get("hangs") == "safe", 60)
        stored = dock.stored()
        alarms = {alarm["code"] for alarm in (dock.daemon.status() or {})["alarms"]}
        assert "camera-is-the-dock" not in alarms
    assert (stored["good.mp4"], stored["slow.mp4"]) == ([good], [slow])
    assert set(stored) <= {"good.mp4", "slow.mp4", "hangs.mp4", "gone.mp4"}


async def test_a_card_that_reads_otherwise_each_time_is_never_erased(dock: Dock) -> None:
    async with dock.gateway.running(), dock.daemon.running():
        content = dock.insert("torn", torn={"*": 150_000})
        await dock.daemon.until(lambda s: phases(s).get("torn") == "attention", 90)
        on_card = dock.cards["torn"].tree / "torn.mp4"
        assert on_card.read_bytes() == content
        assert content not in dock.stored().get("torn.mp4", [])
        # Docked again in a good reader, it is taken as it is, and only then erased.
        await asyncio.to_thread(dock.cards["torn"].unmount)
        dock.cards["torn"].cue()
        await dock.daemon.until(lambda s: s["bays"] == [], 30)
        await asyncio.to_thread(dock.cards["torn"].mount, dock.media / "torn")
        await dock.daemon.until(lambda s: phases(s).get("torn") == "safe", 60)
        assert not on_card.exists()
        assert dock.stored()["torn.mp4"].count(content) == 1
