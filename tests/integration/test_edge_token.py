"""A real dock whose statement key is in a token: it seals, waits when it is pulled, and goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge import keywatch
from tests.simulators.edge_daemon import EdgeDaemon, bay
from tests.simulators.gateway import GrowingLog, SimulatedGateway
from tests.simulators.mosquitto import mosquitto
from tests.simulators.tokens import SoftToken, plugged_in
from tokens.signer import generate

pytestmark = [pytest.mark.broker, pytest.mark.timeout(120)]


@pytest.fixture
def token(tmp_path: Path) -> Iterator[SoftToken]:
    with plugged_in(tmp_path) as plugged:
        yield plugged


def dock_with(token: SoftToken, tmp_path: Path, port: int) -> tuple[EdgeDaemon, SimulatedGateway]:
    log = GrowingLog()
    daemon = EdgeDaemon(tmp_path / "dock", log.anchors, port=port)
    # Made here, read by the dock: in two processes, as keygen and the daemon are.
    daemon.public = generate(token.key()).public
    text = daemon.config.read_text().replace('key = "dock.key.pem"', f'key = "{token.uri()}"')
    daemon.config.write_text(text)
    return daemon, SimulatedGateway(port, {daemon.dock: daemon.public}, log=log)


def codes(status: dict[str, object]) -> list[str]:
    alarms = status["alarms"]
    assert isinstance(alarms, list)
    return [each["code"] for each in alarms]


async def test_a_pulled_token_costs_time_and_no_recording(tmp_path: Path, token: SoftToken) -> None:
    with mosquitto(tmp_path) as port:
        daemon, gateway = dock_with(token, tmp_path, port)
        (daemon.folder / "a.mp4").write_bytes(b"a" * 3_000_000)
        async with gateway.running(), daemon.running():
            await daemon.until(lambda s: bay(s)["phase"] == "safe")
            token.pull()
            (daemon.folder / "b.mp4").write_bytes(b"b" * 3_000_000)
            status = await daemon.until(lambda s: codes(s) == [keywatch.CODE])
            assert "dock7" in status["alarms"][0]["text"]
            assert bay(status)["phase"] not in {"safe", "copied"}
            assert (daemon.folder / "b.mp4").exists()
            token.put_back()
            status = await daemon.until(
                lambda s: bay(s)["phase"] == "safe" and s["clips"]["released"] == 2
            )
            await daemon.until(lambda s: not codes(s))
            view = gateway.docks[daemon.dock]
            await gateway.until(lambda: len(view.bodies("alarm.cleared")) == 1)
            assert len(view.bodies("alarm.raised")) == 1
            assert daemon.end() == 0
        assert daemon.cli("verify-ledger").returncode == 0


async def test_a_dock_does_not_begin_without_its_token_and_says_so(
    tmp_path: Path, token: SoftToken
) -> None:
    daemon, _ = dock_with(token, tmp_path, 1)
    token.pull()
    daemon.start()
    assert daemon.process is not None
    assert daemon.process.wait(20) == 1
    assert "put it in" in daemon.tail()
    token.put_back()
    token.write_pin("0000")
    daemon.start()
    assert daemon.process.wait(20) == 3, daemon.tail()
    assert "refuses the PIN" in daemon.tail()
    assert "0000" not in daemon.tail()
