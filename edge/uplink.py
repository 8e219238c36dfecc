"""The dock's side of MQTT: announce the head, answer pulls, take what the gateway proves.

The dock keeps no transfer state. Whatever is lost, late or doubled is mended by the retained
head, which says what waits for a release, and by the gateway, which pulls again. An MQTT
acknowledgement means the broker has a message and nothing more; nothing here takes it for
more. What may be published is bounded: one pull at a time is answered, each message only
after the one before it has left for the socket. What is heard and not dealt with yet is
bounded as well, in number and in bytes: whoever reaches the broker may send anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from typing import Final, Literal

import aiomqtt
import structlog

from edge.answers import Answers, Terms
from edge.caselist import CaseList
from edge.clock import DockClock
from edge.config import UplinkSection
from edge.crashpoints import reach
from edge.errors import LedgerDamaged, LedgerError
from edge.ledger import Ledger
from edge.proofs import Proofs, Taken
from edge.pulse import UPLINK
from edge.signals import Signals, heeding_cancellation
from edge.spool import Spool
from edge.telling import tell_bays
from edge.tls import Own, pinned
from edge.uplink_client import PromptClient
from edge.uplink_door import Door, Trouble
from protocols.errors import MessageError
from protocols.ids import ClipId, DockId, EntryId
from protocols.messages import (
    MAX_BAYS,
    MAX_PROOF,
    MAX_PULL,
    MAX_RELEASE,
    VERSION,
    BayState,
    Head,
    Hello,
    LoggedMessage,
    Pull,
    ReceiptMessage,
    Refusal,
    ReleaseMessage,
    State,
)
from protocols.topics import FromDock, ToDock, dock_subscription, from_dock, parse_to_dock

log = structlog.get_logger()

_CONNECT_S: Final = 20.0
_PUBLISH_S: Final = 120.0
_GOODBYE_S: Final = 2.0
_PULLS: Final = 64
_PROOFS: Final = 4096
_PROOF_BYTES: Final = 16 << 20
_LARGEST: Final = {
    ToDock.RECEIPT: MAX_PROOF,
    ToDock.RELEASE: MAX_RELEASE,
    ToDock.REFUSAL: MAX_PULL,
    ToDock.LOGGED: MAX_PROOF,
}
# Kept by the broker on purpose; anything else that was kept is old, or somebody's trap.
_RETAINED: Final = frozenset({ToDock.HELLO, ToDock.CASES})
_INCOMING: Final = 8192
# Heads of a quick succession of seals are said once.
_QUIET_S: Final = 0.2
_POLL_S: Final = 5.0
_STEADY_S: Final = 10.0
_BATCH: Final = 64
# What an attempt, or one turn of announcing, may take beside its waits.
_SLACK_S: Final = 60.0
# Enough to keep a fast link busy across one turn of the event loop; what is not sent yet is
# bounded, or a slow link would keep a ping waiting behind megabytes until it counts as dead.
_SOCKET_OPTIONS: Final = (
    (socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20),
    (socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, 1 << 20),
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
)


class Uplink:
    """Keeps the dock connected to its broker."""

    def __init__(
        self,
        config: UplinkSection,
        dock: DockId,
        version: str,
        *,
        ledger: Ledger,
        spool: Spool,
        proofs: Proofs,
        answers: Answers,
        signals: Signals,
        cases: CaseList | None = None,
        clock: DockClock | None = None,
        bays: Callable[[], Sequence[BayState]] = tuple,
    ) -> None:
        self._config = config
        self._bays = bays
        self._dock = dock
        self._version = version
        self._ledger = ledger
        self._spool = spool
        self._proofs = proofs
        self._answers = answers
        self._signals = signals
        self._cases = cases or CaseList(ledger)
        self._clock = clock or DockClock()
        self._door = Door(config, ledger, self._clock)
        self._renewed = asyncio.Event()
        self._lost_at = time.monotonic()
        self._terms = Terms()
        self._pulls: asyncio.Queue[Pull] = asyncio.Queue(_PULLS)
        self._said: asyncio.Queue[tuple[ToDock, bytes]] = asyncio.Queue(_PROOFS)
        self._said_bytes = 0
        # Not from 0: a gateway answers each announcement once, and it remembers the last run's.
        self._nonce = secrets.randbits(48)
        self._ask = True
        self.connected = False
        self._failed = ""
        self._pause_s = config.min_backoff_s
        self._up_at: float | None = None
        self._next_try_at = 0.0
        self.gateway: Hello | None = None
        self._pulled = False
        self._heard_at: float | None = None

    @property
    def understood(self) -> bool:
        """Whether the gateway speaks this dock's version, as far as it has said or shown.

        For people only: a hello is nobody's signed word, and must not silence the dock.
        """
        return self.gateway is None or self._pulled or VERSION in self.gateway.protocols

    @property
    def problem(self) -> str:
        """Why there is no connection, to whom, and when the next is tried; empty when there is."""
        if self.connected:
            return ""
        if not self._failed:
            return "not connected yet"
        wait_s = self._next_try_at - time.monotonic()
        then = f"next try in {math.ceil(wait_s)} s" if wait_s > 0 else "trying again now"
        found = self._door.trouble
        failed = self._failed if found is None else f"{found.en}. {found.do_en}"
        return f"{self._config.host}:{self._config.port}: {failed}; {then}"

    @property
    def trouble(self) -> Trouble | None:
        """What TLS has against this connection, in words; None when that is not why it fails."""
        return None if self.connected else self._door.trouble

    @property
    def silent_s(self) -> float | None:
        """Seconds since the gateway last said anything to this dock; None before it ever did."""
        return None if self._heard_at is None else _since(self._heard_at)

    @property
    def away_s(self) -> float:
        """Seconds since there was a connection; 0 while there is one."""
        return 0.0 if self.connected else _since(self._lost_at)

    def take_up(self) -> None:
        """Connect anew, with the certificate that has just been written. Nothing is lost by it."""
        self._renewed.set()

    async def run(self) -> None:
        """Connect, serve, and connect again, until cancelled."""
        while True:
            self._up_at = None
            self._signals.pulse.beat(UPLINK, 2 * _CONNECT_S + _SLACK_S)
            try:
                # A task of its own: in Python 3.11 a task group whose child fails while it is
                # being left marks its task as cancelled for good (fixed in 3.13).
                await asyncio.ensure_future(self._connection())
            except* aiomqtt.MqttError as group:
                self._failed = _told(group)
            finally:
                if self.connected:
                    self._lost_at = time.monotonic()
                self.connected = False
            _obey_cancellation()
            if not self._came_up() and self._config.tls is not None:
                await asyncio.to_thread(self._door.look)
            # Of the connection alone: an attempt that takes long to fail is no sign of health.
            if self._held():
                self._pause_s = self._config.min_backoff_s
            # A thousand docks must not come back in the same moment.
            pause_s = self._pause_s * random.uniform(0.5, 1.0)  # noqa: S311  # no secret
            self._next_try_at = time.monotonic() + pause_s
            log.warning("uplink.down", problem=self.problem)
            self._pause_s = min(2 * self._pause_s, self._config.max_backoff_s)
            self._signals.pulse.beat(UPLINK, pause_s + _SLACK_S)
            await asyncio.sleep(pause_s)

    def _came_up(self) -> bool:
        """Whether the last attempt led to a connection at all."""
        return self._up_at is not None

    def _held(self) -> bool:
        """Whether the last attempt led to a connection that lasted."""
        return self._up_at is not None and _since(self._up_at) > _STEADY_S

    async def _connection(self) -> None:
        self._renewed.clear()
        async with self._client() as client:
            with heeding_cancellation():
                await client.subscribe(dock_subscription(self._dock), qos=1, timeout=_CONNECT_S)
            await self._say_online(client, self._bays())
            self._forget()
            self.connected, self._up_at = True, time.monotonic()
            if self._config.tls is not None:
                await asyncio.to_thread(self._door.opened)
            log.info("uplink.up", host=self._config.host, port=self._config.port)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._listen(client))
                    group.create_task(self._announce(client))
                    group.create_task(self._answer(client))
                    group.create_task(self._take())
                    group.create_task(self._cases.run())
                    group.create_task(self._end_when_renewed())
                    group.create_task(
                        tell_bays(self._bays, lambda bays: self._say_online(client, bays))
                    )
            except asyncio.CancelledError:
                with contextlib.suppress(aiomqtt.MqttError, TimeoutError):
                    async with asyncio.timeout(_GOODBYE_S):
                        await self._say_state(client, self._state("offline"))
                raise

    async def _end_when_renewed(self) -> None:
        await self._renewed.wait()
        raise aiomqtt.MqttError("there is a new certificate")

    def _client(self) -> aiomqtt.Client:
        """A client for one connection, with the certificate of this moment.

        Raises:
            aiomqtt.MqttError: the files of TLS cannot be used now.
        """
        config, tls = self._config, self._config.tls
        try:
            context = None if tls is None else pinned(tls.ca, self._clock, Own(tls.cert, tls.key))
        except OSError as error:
            raise aiomqtt.MqttError(f"uplink.tls: {error.strerror or error}") from error
        will = self._state("offline").encode()
        return PromptClient(
            config.host,
            config.port,
            identifier=self._dock,
            protocol=aiomqtt.ProtocolVersion.V311,
            clean_session=True,
            keepalive=config.keepalive_s,
            timeout=_CONNECT_S,
            will=aiomqtt.Will(from_dock(self._dock, FromDock.STATE), will, qos=1, retain=True),
            max_queued_incoming_messages=_INCOMING,
            socket_options=_SOCKET_OPTIONS,
            tls_context=context,
        )

    def _forget(self) -> None:
        """Begin a connection: pulls of the one before were answered to nobody."""
        while not self._pulls.empty():
            self._pulls.get_nowait()
        self._ask = True

    async def _say_online(self, client: aiomqtt.Client, bays: Sequence[BayState]) -> None:
        told = tuple(bays[:MAX_BAYS])
        await self._say_state(client, self._state("online").model_copy(update={"bays": told}))

    async def _say_state(self, client: aiomqtt.Client, state: State) -> None:
        topic = from_dock(self._dock, FromDock.STATE)
        with heeding_cancellation():
            await client.publish(topic, state.encode(), qos=1, retain=True, timeout=_PUBLISH_S)

    def _state(self, state: Literal["online", "offline"]) -> State:
        return State(state=state, version=self._version)

    # --- hearing --------------------------------------------------------------------

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            try:
                self._hear(str(message.topic), message.payload, retained=message.retain)
                if not message.retain:
                    # What the broker kept says nothing of the gateway now.
                    self._heard_at = time.monotonic()
            except MessageError as error:
                log.warning("message.malformed", reason=str(error))
            except asyncio.QueueFull:
                # It is repeated: pulls by the worker, proofs by the next head.
                log.info("message.dropped", topic=str(message.topic))

    def _hear(self, topic: str, payload: bytes, *, retained: bool = False) -> None:
        what = parse_to_dock(topic, self._dock)
        if retained and what not in _RETAINED:
            log.warning("message.retained", topic=topic)
            return
        match what:
            case ToDock.HELLO:
                self.gateway, self._pulled = Hello.decode(payload), False
                if not self.understood:
                    log.error("gateway.version", speaks=list(self.gateway.protocols))
                self._want_answer()
            case ToDock.PULL:
                pull = Pull.decode(payload)
                if self._terms.admits(pull.term, time.monotonic()):
                    self._pulls.put_nowait(pull)
                    self._pulled = True
            case ToDock.RECEIPT | ToDock.RELEASE | ToDock.REFUSAL | ToDock.LOGGED:
                self._keep(what, payload)
            case ToDock.CASES:
                self._cases.hear(payload, retained=retained)
            case ToDock.DISPOSED:
                log.debug("message.unused", topic=topic)

    def _keep(self, what: ToDock, payload: bytes) -> None:
        """Keep a proof or refusal until it is taken.

        Raises:
            MessageError: larger than any of its kind.
            asyncio.QueueFull: too much is kept already.
        """
        if len(payload) > _LARGEST[what]:
            msg = f"{what}: {len(payload)} bytes; {_LARGEST[what]} allowed"
            raise MessageError(msg)
        if self._said_bytes + len(payload) > _PROOF_BYTES:
            raise asyncio.QueueFull
        self._said.put_nowait((what, payload))
        self._said_bytes += len(payload)

    # --- announcing -----------------------------------------------------------------

    def _want_answer(self) -> None:
        """Say the head again with a new number, which asks for an answer."""
        self._ask = True
        self._signals.ledger.ring()

    async def _announce(self, client: aiomqtt.Client) -> None:
        topic = from_dock(self._dock, FromDock.HEAD)
        said: Head | None = None
        said_at = 0.0
        while True:
            self._signals.pulse.beat(UPLINK, _PUBLISH_S + _POLL_S + _SLACK_S)
            rung = self._signals.ledger.listen()
            if self._ask or (
                said and said.unreleased and _since(said_at) > self._config.announce_s
            ):
                self._ask = False
                self._nonce += 1
            head = await asyncio.to_thread(self._head)
            # Free space alone is no news.
            news = said is None or head != said.model_copy(update={"free_bytes": head.free_bytes})
            if news:
                with heeding_cancellation():
                    await client.publish(
                        topic, head.encode(), qos=1, retain=True, timeout=_PUBLISH_S
                    )
                said, said_at = head, time.monotonic()
            await self._signals.ledger.wait(_POLL_S, rung)
            await asyncio.sleep(_QUIET_S)

    def _head(self) -> Head:
        """What the retained head says now; blocks."""
        head = self._ledger.head()
        return Head(
            epoch=head.epoch if head else 0,
            seq=head.seq if head else None,
            hash=head.hash.hex() if head else None,
            accepted=self._proofs.accepted,
            unreleased=tuple(self._ledger.unreleased()),
            free_bytes=self._spool.free_bytes(),
            nonce=self._nonce,
        )

    # --- answering ------------------------------------------------------------------

    async def _answer(self, client: aiomqtt.Client) -> None:
        while True:
            pull = await self._pulls.get()
            async with contextlib.aclosing(self._answers.answer(pull)) as publications:
                async for each in publications:
                    with heeding_cancellation():
                        await client.publish(
                            each.topic, each.payload, qos=each.qos, timeout=_PUBLISH_S
                        )

    # --- taking proofs --------------------------------------------------------------

    async def _take(self) -> None:
        while True:
            batch = [await self._said.get()]
            while len(batch) < _BATCH and not self._said.empty():
                batch.append(self._said.get_nowait())
            self._said_bytes -= sum(len(payload) for _, payload in batch)
            released, stale = await asyncio.to_thread(self._take_batch, batch)
            for clip in released:
                self._signals.release(clip)
            if stale:
                self._want_answer()
            self._signals.ledger.ring()

    def _take_batch(self, batch: Sequence[tuple[ToDock, bytes]]) -> tuple[list[ClipId], bool]:
        """Verify and record; blocks. Returns what was released, and whether proofs were old."""
        try:
            # One commit: each alone would write more than many recordings' own entries.
            with self._ledger.together():
                taken = self._take_each(batch)
        except LedgerDamaged:
            raise
        except LedgerError as error:
            # None of it is on record; the gateway says it all again.
            log.warning("ledger.refused", error=str(error))
            return [], False
        reach("proofs.recorded")
        return taken

    def _take_each(self, batch: Sequence[tuple[ToDock, bytes]]) -> tuple[list[ClipId], bool]:
        released: list[ClipId] = []
        stale = False
        for what, payload in batch:
            try:
                taken = self._take_one(what, payload)
            except MessageError as error:
                log.warning("message.malformed", reason=str(error))
            except LedgerDamaged:
                raise
            except LedgerError as error:
                log.warning("ledger.refused", error=str(error))
            else:
                stale = stale or taken is Taken.STALE
                if isinstance(taken, EntryId):
                    released.append(taken)
        return released, stale

    def _take_one(self, what: ToDock, payload: bytes) -> Taken | ClipId:
        """Take one message; the clip's name when it is news that it was released."""
        if what is ToDock.RECEIPT:
            return self._proofs.receipt(ReceiptMessage.decode(payload))
        if what is ToDock.LOGGED:
            return self._proofs.logged(LoggedMessage.decode(payload))
        if what is ToDock.REFUSAL:
            self._proofs.refusal(Refusal.decode(payload))
            return Taken.NEWS
        release = ReleaseMessage.decode(payload)
        taken = self._proofs.release(release, payload)
        return EntryId(self._dock, release.epoch, release.seq) if taken is Taken.NEWS else taken


def _obey_cancellation() -> None:
    """End when asked to: a connection that fails while it is being closed hides the request."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _since(moment: float) -> float:
    return time.monotonic() - moment


def _told(group: BaseExceptionGroup[aiomqtt.MqttError]) -> str:
    """The first reason inside a group, for the status page."""
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    # The client hides what it met, and repeats its number.
    cause = first.__cause__ or first.__context__
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror[:1].lower() + cause.strerror[1:]
    return str(first) or type(first).__name__
