"""The worker's connection to the broker: messages in, messages out.

Messages are handed over the moment they arrive, without a queue: what nobody asked for is
dropped there and then, so a flood fills no memory. Whatever fails ends the connection, and
a new one is made after a pause that grows. A connection on which the worker does not hear
itself has failed too, however open it is: a broker may have given its name to another client.
The broker is not trusted with anything but carrying bytes. It should limit messages to a
little over 1 MiB, because an MQTT 3.1.1 client has no way to refuse a larger one before it
has arrived.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import aiomqtt
import structlog

from gateway.config import BrokerSection
from gateway.services import Vitals
from protocols.topics import worker_echo, worker_subscriptions

KEEPALIVE_S = 20
TIMEOUT_S = 10.0
ECHO_EVERY_S = 30.0
ECHO_WITHIN_S = 10.0
_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 30.0
_IN_FLIGHT = 32
_RECEIVE_BUFFER = 4 << 20
_event = structlog.get_logger("gateway.intake")

Deliver = Callable[[str, bytes], None]


class Subscriber:
    """One MQTT client that is kept connected."""

    def __init__(
        self,
        broker: BrokerSection,
        worker: str,
        *,
        deliver: Deliver,
        connected: Callable[[], None],
        vitals: Vitals,
    ) -> None:
        """Prepare; ``run`` connects.

        Args:
            broker: where it is.
            worker: this worker's name, which is its client identifier too.
            deliver: is handed topic and payload of every message; must not raise or block.
            connected: called after every new connection is subscribed.
            vitals: is kept up to date about the connection.
        """
        self._broker = broker
        self._worker = worker
        self._deliver = deliver
        self._connected = connected
        self._vitals = vitals
        self._vitals.broker = "not connected yet"
        self._client: aiomqtt.Client | None = None
        self._echo = b""
        self._heard = False
        self._sending = asyncio.Semaphore(_IN_FLIGHT)

    async def run(self) -> None:
        """Stay connected until cancelled."""
        pause = _FIRST_PAUSE_S
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self._session()
            except (aiomqtt.MqttError, OSError) as error:
                self._vitals.broker = f"not connected: {error}"
                _event.warning("broker.lost", host=self._broker.host, reason=str(error))
            if asyncio.get_running_loop().time() - began > _LONGEST_PAUSE_S:
                pause = _FIRST_PAUSE_S
            # Jitter, so that a hundred workers do not come back at the same moment.
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  # no secret
            pause = min(_LONGEST_PAUSE_S, pause * 2)

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Send at QoS 1; False when there is no connection or the broker does not confirm."""
        async with self._sending:
            client = self._client
            if client is None:
                return False
            with _heeding_cancellation():
                try:
                    await client.publish(topic, payload, qos=1, retain=retain, timeout=TIMEOUT_S)
                except (aiomqtt.MqttError, OSError) as error:
                    _event.warning("broker.not-sent", topic=topic, reason=str(error))
                    return False
        return True

    async def _session(self) -> None:
        client = aiomqtt.Client(
            self._broker.host,
            self._broker.port,
            identifier=f"gateway-{self._worker}",
            clean_session=True,
            keepalive=KEEPALIVE_S,
            timeout=TIMEOUT_S,
            queue_type=_handing_to(self._hand_over),
            max_inflight_messages=_IN_FLIGHT,
            tls_params=self._tls(),
            socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)],
        )
        client.pending_calls_threshold = _IN_FLIGHT
        async with client:
            self._client = client
            try:
                for topic in (*worker_subscriptions(self._worker), worker_echo(self._worker)):
                    with _heeding_cancellation():
                        await client.subscribe(topic, qos=1)
                _event.info("broker.connected", host=self._broker.host, port=self._broker.port)
                self._vitals.broker = "connected"
                self._connected()
                while True:
                    await self._listen(client, ECHO_EVERY_S)
                    await self._hear_itself(client)
            finally:
                self._client = None

    async def _listen(self, client: aiomqtt.Client, seconds: float) -> None:
        """Let messages come in for a while; raises MqttError when the connection ends."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                async for _ in client.messages:
                    pass  # everything is handed over before it would get here

    async def _hear_itself(self, client: aiomqtt.Client) -> None:
        self._echo, self._heard = secrets.token_bytes(16), False
        await self.publish(worker_echo(self._worker), self._echo)
        if not self._heard:
            await self._listen(client, ECHO_WITHIN_S)
        if not self._heard:
            msg = (
                "the broker does not bring back what this gateway says to itself: another client "
                f"has its name, or it may not read and write {worker_echo(self._worker)}"
            )
            raise aiomqtt.MqttError(msg)

    def _hand_over(self, topic: str, payload: bytes) -> None:
        if topic == worker_echo(self._worker):
            self._heard |= payload == self._echo
            return
        # On a slow link the echo waits behind footage, and whoever hears that is not deaf.
        self._heard = True
        self._deliver(topic, payload)

    def _tls(self) -> aiomqtt.TLSParameters | None:
        tls = self._broker.tls
        if tls is None:
            return None
        return aiomqtt.TLSParameters(
            ca_certs=str(tls.ca), certfile=str(tls.cert), keyfile=str(tls.key)
        )


@contextmanager
def _heeding_cancellation() -> Iterator[None]:
    """End a task whose cancellation the client has swallowed inside the block.

    It waits with ``asyncio.wait_for``, which before Python 3.12 returns as if nothing had
    happened when the answer comes at the moment of the cancellation. Requests from before
    the block do not count: a task group that failed leaves one behind.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    yield
    if task is not None and task.cancelling() > before:
        raise asyncio.CancelledError


def _handing_to(deliver: Deliver) -> type[asyncio.Queue[aiomqtt.Message]]:
    """A queue for the client that hands messages over instead of holding them."""

    class Handing(asyncio.Queue[aiomqtt.Message]):
        def put_nowait(self, item: aiomqtt.Message) -> None:
            if isinstance(item.payload, bytes):
                deliver(item.topic.value, item.payload)

    return Handing
