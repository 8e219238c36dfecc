"""A real dock's lamps on a real line: they follow the camera, and "ready" waits for the release."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.demo.programs import free_port
from tests.simulators.edge_daemon import EdgeDaemon, bay
from tests.simulators.gateway import GrowingLog, SimulatedGateway
from tests.simulators.mosquitto import mosquitto
from tests.simulators.serial_camera import AmbaCamera
from tests.simulators.serial_relay import KtaRelays

pytestmark = [pytest.mark.broker, pytest.mark.timeout(120)]

SHOWS = {1: "ready", 2: "waiting", 3: "busy", 4: "attention"}
READY, WAITING, BUSY, _ = SHOWS


class Watched(KtaRelays):
    """A board that asks, whenever the ready lamp is lit, whether the clip is released."""

    released: Callable[[], bool] = staticmethod(lambda: False)

    def __init__(self, link: Path) -> None:
        super().__init__(link)
        self.early = 0

    def switch(self, channel: int, *, on: bool) -> None:
        super().switch(channel, on=on)
        if channel == READY and on:
            self.early += not self.released()


def released(database: Path) -> bool:
    """By the dock's own ledger: whether there is a clip, and none without its release."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as ledger:
        states = [state for (state,) in ledger.execute("SELECT state FROM clips")]
    return bool(states) and set(states) <= {"released", "erased"}


def lights(relays: KtaRelays) -> str:
    return "".join(
        f'[[serial.lights]]\npath = "{relays.link}"\ndriver = "kta"\n'
        f'shows = "{shows}"\nchannels = {{ {channel} = "1" }}\n'
        for channel, shows in SHOWS.items()
    )


async def lit(relays: KtaRelays, *channels: int) -> None:
    async with asyncio.timeout(30):
        while relays.on != set(channels):  # noqa: ASYNC110  # another thread's
            await asyncio.sleep(0.02)


async def test_lamps_follow_a_camera_and_ready_is_never_lit_before_its_release(
    tmp_path: Path,
) -> None:
    relays, camera = Watched(tmp_path / "relay"), AmbaCamera(tmp_path / "line")
    port, log = free_port(), GrowingLog()
    daemon = EdgeDaemon(tmp_path / "dock", log.anchors, port=port, settle_s=1.5)
    gateway = SimulatedGateway(port, {daemon.dock: daemon.public}, log=log)
    relays.released = lambda: released(daemon.database)
    with daemon.config.open("a") as config:
        config.write(lights(relays))
        config.write(
            f'[[serial.control]]\npath = "{camera.link}"\nbay = "1"\n'
            'zone = "Asia/Shanghai"\nread_battery = "Bat"\n'
        )
    (daemon.folder / "a.mp4").write_bytes(b"footage" * 1000)
    with relays.plugged(), camera.plugged():
        async with daemon.running():
            await lit(relays, BUSY)
            await daemon.until(lambda s: bay(s)["phase"] == "copied")
            await lit(relays, WAITING)
            assert (READY, True) not in relays.commands
            # A dock that was cut switches everything anew, and is no wiser than before.
            daemon.kill()
            relays.on = {READY}
            daemon.start()
            await lit(relays, WAITING)
            with mosquitto(tmp_path, port=port):
                async with gateway.running():
                    told = await daemon.until(lambda s: bay(s)["phase"] == "safe")
                    await lit(relays, READY)
            told = await daemon.until(lambda s: bay(s)["battery"] == 43)
            assert "battery 43 %" in bay(told)["message"]["en"]
            assert relays.early == 0
            # The next camera's recording, under the lamp of the one before.
            (daemon.folder / "b.mp4").write_bytes(b"more" * 1000)
            await daemon.until(lambda s: bay(s)["phase"] == "copied")
            await lit(relays, WAITING)
    assert relays.early == 0
