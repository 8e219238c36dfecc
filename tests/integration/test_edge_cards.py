"""A real dock program with real exFAT cards: docked, read-only, pulled, docked again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from protocols.kinds import SessionClosed, SessionOpened
from tests.simulators.edge_daemon import EdgeDaemon, bay
from tests.simulators.exfat_card import ExfatCard, available
from tests.simulators.gateway import GrowingLog, SimulatedGateway
from tests.simulators.mosquitto import mosquitto

pytestmark = [
    pytest.mark.broker,
    pytest.mark.timeout(180),
    pytest.mark.skipif(not available(), reason="needs root, FUSE, loop devices and exfat-fuse"),
]


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    with mosquitto(tmp_path) as port:
        yield port


@pytest.fixture
def card(tmp_path: Path) -> Iterator[ExfatCard]:
    card = ExfatCard(tmp_path / "card.img")
    yield card
    card.unmount()


@pytest.fixture
def dock(tmp_path: Path, port: int) -> Iterator[tuple[EdgeDaemon, SimulatedGateway]]:
    log = GrowingLog()
    media = tmp_path / "media"
    media.mkdir()
    daemon = EdgeDaemon(
        tmp_path / "dock", log.anchors, port=port, cameras=f'mount_root = "{media}"', erase=True
    )
    yield daemon, SimulatedGateway(port, {daemon.dock: daemon.public}, log=log)
    daemon.kill()


def fill(card: ExfatCard, point: Path, **files: bytes) -> None:
    card.mount(point)
    for name, data in files.items():
        (point / "DCIM").mkdir(exist_ok=True)
        (point / "DCIM" / f"{name}.MP4").write_bytes(data)
    card.unmount()


def closed(gateway: SimulatedGateway, daemon: EdgeDaemon) -> list[SessionClosed]:
    bodies = gateway.docks[daemon.dock].bodies("session.closed")
    return [body for body in bodies if isinstance(body, SessionClosed)]


def names(gateway: SimulatedGateway, daemon: EdgeDaemon) -> list[str]:
    return sorted(c.body.source.name for c in gateway.docks[daemon.dock].clips.values())


async def test_a_docked_card_is_taken_and_erased_and_may_go(
    tmp_path: Path, card: ExfatCard, dock: tuple[EdgeDaemon, SimulatedGateway]
) -> None:
    daemon, gateway = dock
    point = tmp_path / "media" / "BWC 1"
    fill(card, point, A=os.urandom(5_000_000), B=os.urandom(100))
    async with gateway.running(), daemon.running():
        await asyncio.sleep(0.3)
        await asyncio.to_thread(card.mount, point)
        told = await daemon.until(lambda s: bay(s)["phase"] == "safe", 60)
        room = bay(told)["card"]
        assert 0 < room["free"] < room["size"]
        assert list((point / "DCIM").iterdir()) == []
        (opened,) = gateway.docks[daemon.dock].bodies("session.opened")
        assert isinstance(opened, SessionOpened)
        assert opened.camera.name == "BWC_CAM1"
        await asyncio.to_thread(card.unmount)
        await daemon.until(lambda s: s["bays"] == [])
        await gateway.until(lambda: bool(closed(gateway, daemon)))
    assert [body.reason for body in closed(gateway, daemon)] == ["released"]


async def test_an_empty_card_is_on_record_too(
    tmp_path: Path, card: ExfatCard, dock: tuple[EdgeDaemon, SimulatedGateway]
) -> None:
    daemon, gateway = dock
    async with gateway.running(), daemon.running():
        await asyncio.to_thread(card.mount, tmp_path / "media" / "BWC1")
        await daemon.until(lambda s: bay(s)["phase"] == "empty")
        await gateway.until(lambda: bool(closed(gateway, daemon)))
    body = closed(gateway, daemon)[0]
    assert (body.inventory_files, body.inventory_pages, body.sealed) == (0, 1, 0)


async def test_a_read_only_card_is_taken_and_nothing_on_it_is_erased(
    tmp_path: Path, card: ExfatCard, dock: tuple[EdgeDaemon, SimulatedGateway]
) -> None:
    daemon, gateway = dock
    point = tmp_path / "media" / "BWC1"
    fill(card, point, A=b"a" * 1000)
    async with gateway.running(), daemon.running():
        await asyncio.to_thread(card.mount, point, "-o", "ro")
        await daemon.until(lambda s: bay(s)["phase"] == "safe")
        assert (point / "DCIM" / "A.MP4").read_bytes() == b"a" * 1000


@pytest.mark.parametrize("how", [ExfatCard.pull, ExfatCard.force], ids=["killed", "umount -f"])
async def test_a_card_pulled_while_copied_is_continued_at_its_next_docking(
    tmp_path: Path,
    card: ExfatCard,
    dock: tuple[EdgeDaemon, SimulatedGateway],
    how: Callable[[ExfatCard], None],
) -> None:
    daemon, gateway = dock
    point = tmp_path / "media" / "BWC1"
    big = os.urandom(1 << 20) * 150
    fill(card, point, A=b"a" * 100_000, B=big)
    async with gateway.running(), daemon.running():
        await asyncio.to_thread(card.mount, point)
        await daemon.until(lambda s: copying(s, 10 << 20), 60)
        await asyncio.to_thread(how, card)
        await daemon.until(lambda s: s["bays"] == [])
        await gateway.until(lambda: bool(closed(gateway, daemon)))
        body = closed(gateway, daemon)[0]
        assert body.reason == "removed"
        left = {each.path: each.outcome for each in body.leftovers}
        assert left == {"DCIM/B.MP4": "incomplete"}
        assert not list(daemon.spool.glob("*.part"))
        await asyncio.to_thread(card.unmount)
        await asyncio.to_thread(card.mount, point)
        await daemon.until(lambda s: bay(s)["phase"] == "safe", 90)
    assert names(gateway, daemon) == ["A.MP4", "B.MP4"]
    assert {c.sealed.size for c in gateway.docks[daemon.dock].clips.values()} == {
        100_000,
        len(big),
    }


def copying(status: dict[str, Any], done: int) -> bool:
    return any(each["done"] > done for each in bay(status).get("recordings", ()))


async def test_two_cards_with_the_same_names_are_two_cameras(
    tmp_path: Path, card: ExfatCard, dock: tuple[EdgeDaemon, SimulatedGateway]
) -> None:
    daemon, gateway = dock
    other = ExfatCard(tmp_path / "other.img", size_mb=64, label="BWC_CAM2")
    one, two = tmp_path / "media" / "one", tmp_path / "media" / "two"
    fill(card, one, A=b"1" * 1000)
    fill(other, two, A=b"2" * 1000)
    try:
        async with gateway.running(), daemon.running():
            await asyncio.to_thread(card.mount, one)
            await asyncio.to_thread(other.mount, two)
            await daemon.until(
                lambda s: [each["phase"] for each in s["bays"]] == ["safe", "safe"], 60
            )
        contents = sorted(
            gateway.content(c.sealed.clip) for c in gateway.docks[daemon.dock].clips.values()
        )
        assert contents == [b"1" * 1000, b"2" * 1000]
    finally:
        other.unmount()


async def test_a_lost_card_is_left_alone_and_what_vanishes_from_it_is_named(
    tmp_path: Path, card: ExfatCard, port: int
) -> None:
    log, media, listed = GrowingLog(), tmp_path / "media", tmp_path / "cameras.toml"
    media.mkdir()
    listed.write_text("")
    cameras = f'mount_root = "{media}"\nregistry = "{listed}"'
    daemon = EdgeDaemon(tmp_path / "dock", log.anchors, port=port, cameras=cameras, erase=True)
    gateway = SimulatedGateway(port, {daemon.dock: daemon.public}, log=log)
    point = media / "BWC1"

    async def dock_until(phase: str, *alarms: str) -> dict[str, Any]:
        await asyncio.to_thread(card.mount, point)
        told = await daemon.until(
            lambda s: (
                bay(s)["phase"] == phase and [each["code"] for each in s["alarms"]] == [*alarms]
            ),
            60,
        )
        await asyncio.to_thread(card.unmount)
        await daemon.until(lambda s: s["bays"] == [])
        return told

    def dockings() -> list[SessionOpened]:
        bodies = gateway.docks[daemon.dock].bodies("session.opened")
        return [body for body in bodies if isinstance(body, SessionOpened)]

    async with gateway.running(), daemon.running():
        fill(card, tmp_path / "elsewhere", A=b"a" * 1000)
        await dock_until("safe")
        await gateway.until(lambda: len(closed(gateway, daemon)) == 1)
        listed.write_text(f'[[camera]]\nvolume = "{dockings()[0].volume}"\nstate = "lost"\n')
        fill(card, tmp_path / "elsewhere", B=b"b" * 1000)
        await dock_until("refused", "camera-lost")
        await asyncio.to_thread(card.mount, tmp_path / "elsewhere")
        (tmp_path / "elsewhere" / "DCIM" / "B.MP4").unlink()
        await asyncio.to_thread(card.unmount)
        listed.write_text("# found again")
        told = await dock_until("missing", "recordings-vanished")
        assert "DCIM/B.MP4 (1000 bytes)" in told["alarms"][0]["text"]
        await gateway.until(lambda: len(closed(gateway, daemon)) == 3)
    assert [one.card and one.card.seen for one in dockings()] == ["first", "known", "known"]
    assert [one.registered for one in dockings()] == ["unknown", "lost", "unknown"]
    assert names(gateway, daemon) == ["A.MP4"]
    left = [[one.outcome for one in body.leftovers] for body in closed(gateway, daemon)]
    assert left == [[], ["incomplete"], ["vanished"]]
