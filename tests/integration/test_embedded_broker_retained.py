"""What the embedded broker keeps of strangers' messages: little, and what was meant to be kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiomqtt
import pytest

from gateway import broker as embedded
from gateway.broker import EmbeddedBroker
from tests.demo.programs import free_port

pytestmark = pytest.mark.broker
LAST = "evidock/1/dock/last/head"


@pytest.fixture
async def port() -> AsyncIterator[int]:
    number = free_port()
    broker = EmbeddedBroker("127.0.0.1", number)
    await broker.start()
    yield number
    await broker.stop()


def client(port: int, will: aiomqtt.Will | None = None) -> aiomqtt.Client:
    return aiomqtt.Client("127.0.0.1", port, will=will, timeout=10)


async def retained(port: int) -> dict[str, bytes]:
    """Everything a newcomer gets, up to a message that is published last."""
    found: dict[str, bytes] = {}
    async with client(port) as reader:
        await reader.subscribe("#")
        await reader.publish(LAST, b"last")
        async with asyncio.timeout(20):
            async for message in reader.messages:
                if message.topic.value == LAST:
                    return found
                assert isinstance(message.payload, bytes)
                found[message.topic.value] = message.payload
    raise AssertionError("the last message did not come")


async def test_only_what_docks_and_gateway_retain_is_kept(port: int) -> None:
    of_dock, of_gateway = "evidock/1/dock/dock1", "evidock/1/gate/dock1"
    kept = [f"{of_dock}/state", f"{of_dock}/head", f"{of_gateway}/hello", f"{of_gateway}/cases"]
    strange = [
        "anything",
        "evidock/1/dock/dock1/ledger/gw",
        "evidock/1/dock/dock1/head/more",
        "evidock/1/dock/DOCK/head",
        "evidock/1/gate/dock1/release",
        "dock/dock1/head",
        "$SYS/broker",
    ]
    async with client(port) as stranger:
        for topic in (*kept, *strange):
            await stranger.publish(topic, b"{}", qos=1, retain=True)
    assert await retained(port) == dict.fromkeys(kept, b"{}")


async def test_a_large_message_is_not_kept_and_leaves_the_one_before(port: int) -> None:
    topic = "evidock/1/dock/dock1/head"
    async with client(port) as stranger:
        await stranger.publish(topic, b"{}", qos=1, retain=True)
        for big in (topic, "evidock/1/dock/dock2/head"):
            await stranger.publish(big, bytes(70_000), qos=1, retain=True)
    assert await retained(port) == {topic: b"{}"}


async def test_there_is_an_end_to_what_is_kept_and_what_is_kept_can_change(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "MAX_RETAINED", 3)
    topics = [f"evidock/1/dock/dock{number}/head" for number in range(5)]
    async with client(port) as stranger:
        for topic in topics:
            await stranger.publish(topic, b"1", qos=1, retain=True)
        await stranger.publish(topics[0], b"2", qos=1, retain=True)
        await stranger.publish(topics[1], b"", qos=1, retain=True)
        await stranger.publish(topics[4], b"3", qos=1, retain=True)
    assert await retained(port) == {topics[0]: b"2", topics[2]: b"1", topics[4]: b"3"}


async def test_a_client_gets_what_is_kept_on_its_own_subscriptions_and_nothing_of_others(
    port: int,
) -> None:
    theirs, mine = "evidock/1/dock/dock1/head", "evidock/1/gate/dock2/hello"
    async with client(port) as gate, client(port) as other:
        await gate.publish(theirs, b"1", qos=1, retain=True)
        await gate.publish(mine, b"2", qos=1, retain=True)
        await gate.subscribe("evidock/1/dock/#")
        await other.subscribe("evidock/1/gate/+/hello")
        for _ in range(2):
            assert await told(port, mine) == [mine, LAST]


async def told(port: int, topic: str) -> list[str]:
    """What a session that is kept gets on one topic, up to a message published last."""
    found = []
    async with aiomqtt.Client(
        "127.0.0.1", port, identifier="dock2", clean_session=False, timeout=10
    ) as dock:
        await dock.subscribe([(topic, 1), (LAST, 1)])
        await dock.publish(LAST, b"last", qos=1)
        async with asyncio.timeout(20):
            async for message in dock.messages:
                if message.topic.value not in found:
                    found.append(message.topic.value)
                if message.topic.value == LAST:
                    break
    return found
