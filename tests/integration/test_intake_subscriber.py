"""The gateway's connection: whether it hears, and what it does when it does not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiomqtt
import pytest

from gateway.broker import EmbeddedBroker
from gateway.config import BrokerSection
from gateway.intake import subscriber
from gateway.intake.subscriber import Subscriber
from gateway.services import Vitals
from tests.demo.programs import free_port
from tests.simulators.intake import eventually
from tests.simulators.mosquitto import mosquitto

pytestmark = pytest.mark.broker
HEAD = "evidock/1/dock/dock7/head"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriber, "ECHO_EVERY_S", 0.3)
    monkeypatch.setattr(subscriber, "ECHO_WITHIN_S", 1.0)


@pytest.fixture
async def embedded() -> AsyncIterator[int]:
    number = free_port()
    broker = EmbeddedBroker("127.0.0.1", number)
    await broker.start()
    yield number
    await broker.stop()


@pytest.fixture
def external(tmp_path: Path) -> Iterator[int]:
    with mosquitto(tmp_path) as port:
        yield port


class Listener:
    """A gateway's connection and what came over it."""

    def __init__(self, port: int) -> None:
        self.vitals = Vitals()
        self.connections = 0
        self.heard: list[str] = []
        self.subscriber = Subscriber(
            BrokerSection(embedded=False, port=port),
            "gw-1",
            deliver=lambda topic, _: self.heard.append(topic),
            connected=self._connected,
            vitals=self.vitals,
        )

    def _connected(self) -> None:
        self.connections += 1

    async def is_connected(self) -> bool:
        return self.vitals.broker == "connected"

    async def is_deaf(self) -> bool:
        return "another client has its name" in (self.vitals.broker or "")

    async def hears(self, port: int) -> None:
        """Wait until a dock's announcement arrives."""
        self.heard.clear()
        async with aiomqtt.Client("127.0.0.1", port, identifier="dock7", timeout=10) as dock:

            async def heard() -> bool:
                await dock.publish(HEAD, b"{}", qos=1)
                return HEAD in self.heard

            await eventually(heard, 20)


@asynccontextmanager
async def listening(port: int) -> AsyncIterator[Listener]:
    listener = Listener(port)
    task = asyncio.ensure_future(listener.subscriber.run())
    try:
        await eventually(listener.is_connected)
        yield listener
        assert not task.done()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_a_gateway_that_hears_itself_stays_connected(embedded: int, external: int) -> None:
    async with listening(embedded) as one, listening(external) as other:
        await asyncio.sleep(3)
        for listener, port in ((one, embedded), (other, external)):
            await listener.hears(port)
            assert listener.connections == 1
            assert set(listener.heard) == {HEAD}


async def test_a_gateway_whose_name_another_client_took_says_so_and_hears_again(
    embedded: int,
) -> None:
    async with listening(embedded) as listener:
        async with aiomqtt.Client("127.0.0.1", embedded, identifier="gateway-gw-1", timeout=10):
            await eventually(listener.is_deaf)
        await eventually(listener.is_connected)
        await listener.hears(embedded)
        assert listener.connections > 1
