"""A broker inside this process, for trying Evidock out on one machine.

It knows no accounts, and lets any client take another's name, read everything and publish
as any dock. Integrity does not rest on it, since everything is checked at both ends; who
may listen does. So it listens on loopback and nowhere else, and a deployment uses
Mosquitto or a cluster (README, limits). It sets no limit to the size of a message, so
parts of 1 MiB pass, and keeps nothing when it stops. Of what strangers want retained it keeps
what a dock or gateway would, so much and no more: it lives in the gateway's memory.
"""

from __future__ import annotations

import asyncio
import errno
import os
from contextlib import suppress
from typing import Self

from amqtt.broker import Broker  # type: ignore[import-untyped]  # amqtt ships no types
from amqtt.contexts import BrokerConfig, ListenerConfig  # type: ignore[import-untyped]  # amqtt ships no types
from amqtt.errors import AMQTTError, BrokerError  # type: ignore[import-untyped]  # amqtt ships no types
from amqtt.mqtt.publish import PublishPacket, PublishPayload  # type: ignore[import-untyped]  # amqtt ships no types
from amqtt.session import Session  # type: ignore[import-untyped]  # amqtt ships no types

from gateway.errors import BrokerFailedError
from gateway.loopback import is_loopback
from protocols.errors import IdError
from protocols.ids import dock_id
from protocols.messages import MAX_JSON
from protocols.topics import ROOT, FromDock, ToDock

_STOP_S = 10.0
_MAX_CONNECTIONS = 256
MAX_RETAINED = 1024
"""Topics whose last message is kept; four for a dock."""
_MAX_RETAINED_BYTES = MAX_JSON
# The plugins it would load by default log every packet and publish $SYS statistics.
_PLUGINS = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}


class _Footage(bytes):
    """A payload that describes itself in a word; as ``bytes`` it is what it was."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self)} bytes>"


class _TersePayload(PublishPayload):  # type: ignore[misc]  # amqtt ships no types
    """What a PUBLISH packet carries."""

    @classmethod
    async def from_stream(cls, *packet: object) -> Self:
        payload: Self = await super().from_stream(*packet)
        payload.data = _Footage(payload.data)
        return payload


# amqtt formats every payload for debug lines that nobody asked for: four characters a
# byte, several times a message, 40 % of this process's time while footage comes in.
PublishPacket.PAYLOAD = _TersePayload


class _Broker(Broker):  # type: ignore[misc]  # amqtt ships no types
    """Bounds what is retained, also of wills, and gives it to those who subscribed to it."""

    async def retain_message(
        self, _source: object, topic_name: str | None, data: bytes | None, *rest: object
    ) -> None:
        known = self.retained_messages
        if data and topic_name not in known:
            full = len(known) >= MAX_RETAINED
            if full or len(data) > _MAX_RETAINED_BYTES or not _is_retained(topic_name or ""):
                return
        elif data and len(data) > _MAX_RETAINED_BYTES:
            return
        # Who said it is nobody's concern, and a session holds much more than its name.
        await super().retain_message(None, topic_name, data, *rest)

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        # amqtt runs this for everybody's subscriptions when a client connects, and so would hand
        # each dock what all the others said last.
        owners = self.subscriptions.get(subscription[0], ())
        if any(owner.client_id == session.client_id for owner, _ in owners):
            await super()._publish_retained_messages_for_subscription(subscription, session)

    @property
    def retained_messages(self) -> dict[str, object]:
        """Messages by topic."""
        known: dict[str, object] = super().retained_messages
        return known


def _is_retained(topic: str) -> bool:
    """Whether docks or gateway have messages on this topic retained (protocols/SPEC 4)."""
    match topic.removeprefix(f"{ROOT}/").split("/"):
        case ["dock", dock, FromDock.STATE | FromDock.HEAD] | [
            "gate",
            dock,
            ToDock.HELLO | ToDock.CASES,
        ]:
            with suppress(IdError):
                return topic.startswith(f"{ROOT}/") and dock_id(dock) == dock
        case _:
            pass
    return False


class EmbeddedBroker:
    """One amqtt broker in the running event loop."""

    def __init__(self, host: str, port: int) -> None:
        """Prepare.

        Args:
            host: a loopback address.
            port: TCP port.

        Raises:
            BrokerFailedError: the address is not on loopback.
        """
        if not is_loopback(host):
            msg = f"the embedded broker listens on loopback only, not on {host}"
            raise BrokerFailedError(msg)
        self._host = host
        self._port = port
        self._broker: Broker | None = None

    async def start(self) -> None:
        """Listen; clients may connect once this has returned.

        Raises:
            BrokerFailedError: the port is taken, or the address cannot be had.
        """
        address = f"[{self._host}]" if ":" in self._host else self._host
        listener = ListenerConfig(bind=f"{address}:{self._port}", max_connections=_MAX_CONNECTIONS)
        broker = _Broker(BrokerConfig(listeners={"default": listener}, plugins=dict(_PLUGINS)))
        try:
            await broker.start()
        except (AMQTTError, BrokerError, OSError) as error:
            msg = (
                f"the embedded broker cannot listen on {address}:{self._port}: {_cause(error)}; "
                "choose another with --mqtt-port or [broker] port"
            )
            raise BrokerFailedError(msg) from error
        self._broker = broker

    async def stop(self) -> None:
        """Disconnect everybody and stop listening; nothing happens when it is not running."""
        broker, self._broker = self._broker, None
        if broker is not None:
            # A client that does not read must not keep the gateway from stopping.
            with suppress(TimeoutError, AMQTTError, BrokerError):
                async with asyncio.timeout(_STOP_S):
                    await broker.shutdown()


def _cause(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, OSError) and error.errno is not None:
        if error.errno == errno.EADDRINUSE:
            return "the port is taken"
        return os.strerror(error.errno)
    return str(error)
