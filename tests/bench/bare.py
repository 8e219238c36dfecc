"""The bare MQTT pair to compare with: one process publishes, another one counts.

Same broker, same payload size, QoS 0, both on aiomqtt as the product is, and nothing else:
no disk, no hashing, no questions asked. This is the ceiling that library and broker set.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any, cast

import aiomqtt

TOPIC = "bench/part"
END = "bench/end"
QUIET_S = 10.0


@dataclass(frozen=True)
class BareResult:
    """What the counting process saw.

    Attributes:
        seconds: from the first publish to the last payload.
        received: payload bytes that arrived.
        lost: payloads that did not; a broker may drop QoS 0 when a reader is slow.
    """

    seconds: float
    received: int
    lost: int


def measure(port: int, payload_size: int, total: int) -> BareResult:
    """Run the pair once."""
    words = [sys.executable, "-m", "tests.bench.bare", str(port), str(payload_size), str(total)]
    with subprocess.Popen([*words, "count"], stdout=subprocess.PIPE, text=True) as counter:
        assert counter.stdout is not None
        counter.stdout.readline()
        told = subprocess.run(
            [*words, "publish"], stdout=subprocess.PIPE, text=True, check=True, timeout=600
        )
        seen = _read(counter.stdout.readline())
    began = float(_read(told.stdout)["began"])
    count = total // payload_size
    received = int(seen["payloads"])
    return BareResult(float(seen["last"]) - began, received * payload_size, count - received)


def _read(line: str) -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(line))


async def publish(port: int, payload_size: int, total: int) -> None:
    """Say everything as fast as the library takes it."""
    payload = bytes(payload_size)
    async with aiomqtt.Client("127.0.0.1", port) as client:
        began = time.monotonic()
        for _ in range(total // payload_size):
            await client.publish(TOPIC, payload, qos=0, timeout=60)
        await client.publish(END, b"", qos=1, timeout=600)
    print(json.dumps({"began": began}))


async def count(port: int, payload_size: int, total: int) -> None:
    """Count until the end is said, or nothing comes any more."""
    payloads, last = 0, time.monotonic()
    wanted = total // payload_size
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe("bench/#", qos=1)
        print("ready", flush=True)
        messages = client.messages
        while payloads < wanted:
            try:
                message = await asyncio.wait_for(anext(messages), QUIET_S if payloads else 60)
            except TimeoutError:
                break
            if message.topic.value == END:
                break
            payloads, last = payloads + 1, time.monotonic()
    print(json.dumps({"payloads": payloads, "last": last}))


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("payload_size", type=int)
    parser.add_argument("total", type=int)
    parser.add_argument("role", choices=["publish", "count"])
    asked = parser.parse_args()
    work = publish if asked.role == "publish" else count
    asyncio.run(work(asked.port, asked.payload_size, asked.total))


if __name__ == "__main__":
    _main()
