"""The embedded broker under a real client: what docks and gateway rely on."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import AsyncIterator

import aiomqtt
import pytest

from gateway.broker import EmbeddedBroker
from gateway.errors import BrokerFailedError
from tests.demo.programs import free_port

pytestmark = pytest.mark.broker
KIB = 1024


@pytest.fixture
async def port() -> AsyncIterator[int]:
    number = free_port()
    broker = EmbeddedBroker("127.0.0.1", number)
    await broker.start()
    yield number
    await broker.stop()


def client(
    port: int, name: str, will: aiomqtt.Will | None = None, keepalive: int = 60
) -> aiomqtt.Client:
    return aiomqtt.Client(
        "127.0.0.1", port, identifier=name, will=will, keepalive=keepalive, timeout=10
    )


async def first(listener: aiomqtt.Client) -> aiomqtt.Message:
    async with asyncio.timeout(10):
        async for message in listener.messages:
            return message
    raise AssertionError("no message")


async def test_a_retained_message_reaches_whoever_subscribes_later(port: int) -> None:
    async with client(port, "dock1") as dock:
        await dock.publish("evidock/1/dock/dock1/head", b"{}", qos=1, retain=True)
    async with client(port, "worker") as worker:
        await worker.subscribe("evidock/1/dock/+/head", qos=1)
        message = await first(worker)
    assert (message.topic.value, message.payload) == ("evidock/1/dock/dock1/head", b"{}")


async def test_a_cleared_retained_message_reaches_nobody(port: int) -> None:
    async with client(port, "dock1") as dock:
        await dock.publish("evidock/1/dock/dock1/head", b"{}", qos=1, retain=True)
        await dock.publish("evidock/1/dock/dock1/head", b"", qos=1, retain=True)
    async with client(port, "worker") as worker:
        await worker.subscribe("evidock/1/dock/+/head", qos=1)
        await worker.publish("evidock/1/dock/dock2/head", b"other", qos=1)
        message = await first(worker)
    assert message.payload == b"other"


async def test_the_last_will_of_a_dock_that_vanishes_is_published(port: int) -> None:
    topic = "evidock/1/dock/dock1/state"
    async with client(port, "worker") as worker:
        await worker.subscribe(topic, qos=1)
        dock = client(port, "dock1", aiomqtt.Will(topic, b"offline", qos=1, retain=True))
        async with dock:
            # Pulling the plug: the socket goes, and no DISCONNECT is sent.
            plug = dock._client.socket()
            assert isinstance(plug, socket.socket)
            plug.shutdown(socket.SHUT_RDWR)
            assert (await first(worker)).payload == b"offline"
            with contextlib.suppress(aiomqtt.MqttError):
                await dock.__aexit__(None, None, None)
    async with client(port, "later") as later:
        await later.subscribe(topic, qos=1)
        assert (await first(later)).payload == b"offline"


@pytest.mark.parametrize("qos", [0, 1])
@pytest.mark.parametrize("size", [256 * KIB, 1024 * KIB])
async def test_parts_arrive_whole_and_in_order(port: int, qos: int, size: int) -> None:
    parts = [os.urandom(size) for _ in range(8)]
    async with client(port, "worker") as worker, client(port, "dock1") as dock:
        await worker.subscribe("evidock/1/dock/+/part/w/#", qos=qos)
        async with asyncio.TaskGroup() as group:
            group.create_task(
                publish_all(dock, "evidock/1/dock/dock1/part/w/0/1/{}", parts, qos=qos)
            )
            received = await collect(worker, len(parts))
    assert received == parts


async def test_it_carries_a_clip_fast_enough_to_try_things_out(port: int) -> None:
    part, count = os.urandom(256 * KIB), 256
    async with client(port, "worker") as worker, client(port, "dock1") as dock:
        await worker.subscribe("evidock/1/dock/+/part/w/#", qos=0)
        started = time.monotonic()
        received = 0
        # A window, as in the real thing: nothing bounds what an in-process broker queues.
        for _ in range(count // 16):
            await publish_all(dock, "evidock/1/dock/dock1/part/w/0/1/{}", [part] * 16, qos=0)
            received += len(await collect(worker, 16))
        rate = received * len(part) / (time.monotonic() - started) / 1e6
    print(f"embedded broker: {rate:.0f} MB/s in messages of 256 KiB, QoS 0")
    assert received == count
    assert rate > 5


async def test_a_name_is_taken_over_by_the_newest_client(port: int) -> None:
    async with client(port, "worker") as worker:
        await worker.subscribe("t", qos=1)
        old = client(port, "dock1")
        await old.__aenter__()
        async with client(port, "dock1") as new:
            await new.publish("t", b"new", qos=1)
            assert (await first(worker)).payload == b"new"
            with contextlib.suppress(aiomqtt.MqttError):
                await old.__aexit__(None, None, None)


async def test_a_taken_port_is_said_so(port: int) -> None:
    with pytest.raises(BrokerFailedError, match=str(port)):
        await EmbeddedBroker("127.0.0.1", port).start()


async def test_it_starts_again_on_its_port_after_stopping() -> None:
    number = free_port()
    for _ in range(2):
        broker = EmbeddedBroker("127.0.0.1", number)
        await broker.start()
        async with client(number, "dock1") as dock:
            await dock.publish("t", b"x", qos=1)
        await broker.stop()
        await broker.stop()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "broker.example", ""])  # noqa: S104  # refused here
def test_it_refuses_to_listen_beyond_loopback(host: str) -> None:
    with pytest.raises(BrokerFailedError, match="loopback"):
        EmbeddedBroker(host, 1883)


async def publish_all(dock: aiomqtt.Client, topic: str, parts: list[bytes], *, qos: int) -> None:
    for number, part in enumerate(parts):
        await dock.publish(topic.format(number), part, qos=qos)


async def collect(worker: aiomqtt.Client, count: int) -> list[bytes]:
    received: list[bytes] = []
    async with asyncio.timeout(30):
        async for message in worker.messages:
            assert isinstance(message.payload, bytes)
            received.append(message.payload)
            if len(received) == count:
                break
    return received


async def test_footage_is_not_spelled_out_for_the_log(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="amqtt")
    async with client(port, "dock1") as dock, client(port, "worker") as worker:
        await worker.subscribe("evidock/1/dock/+/part", qos=1)
        await dock.publish("evidock/1/dock/dock1/part", os.urandom(256 * KIB), qos=1)
        message = await first(worker)
    assert len(bytes(message.payload)) == 256 * KIB
    assert any("256" in record.getMessage() for record in caplog.records)
    assert max(len(record.getMessage()) for record in caplog.records) < KIB
