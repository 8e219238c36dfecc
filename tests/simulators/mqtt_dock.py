"""A dock over real MQTT, honest by itself and as bad as its ``twist`` makes it.

It announces, answers pulls from a ``SimulatedDock``'s ledger and clips, and believes
receipts and releases only when ``protocols.acceptance`` does. A twist gets every answer
before it is published and returns what is published instead: nothing, twice, something
else, somewhere else, or later.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiomqtt

from hashing.ledger import statement_hash
from protocols.acceptance import Release, Sealed, accept_receipt, accept_release
from protocols.anchors import Anchors
from protocols.errors import AcceptanceError
from protocols.ids import ClipId
from protocols.messages import (
    Entry,
    Hello,
    LeavesWant,
    LedgerWant,
    Nack,
    NackReason,
    PartWant,
    Pull,
    ReceiptMessage,
    Refusal,
    ReleaseMessage,
    State,
    Want,
    encode_page,
)
from protocols.records import CheckpointRef
from protocols.topics import (
    FromDock,
    ToDock,
    clip_bytes,
    dock_subscription,
    from_dock,
    parse_to_dock,
    to_worker,
)
from tests.simulators.dock import SimulatedDock


@dataclass(frozen=True, slots=True)
class Answer:
    """One message a dock is about to publish."""

    what: FromDock
    topic: str
    payload: bytes = field(repr=False)
    later_s: float = 0.0


PAGE_BYTES = 256 * 1024
Twist = Callable[[Answer], Sequence[Answer]]


def honest(answer: Answer) -> Sequence[Answer]:
    """Publish as it is."""
    return (answer,)


class MqttDock:
    """A simulated dock with a connection.

    Attributes:
        receipts: entries whose receipt was proved. released: clips whose release was proved.
        refusals: what the gateway refused. alarms: what it could not prove, other than stale.
        stale: how often a proof started elsewhere. pulls: pull messages obeyed.
        served: answers published, by kind. missing: clips it says it does not have.
    """

    def __init__(
        self, dock: SimulatedDock, anchors: Anchors, port: int, *, twist: Twist = honest
    ) -> None:
        self.dock = dock
        self.twist = twist
        self.receipts: set[tuple[int, int]] = set()
        self.released: dict[ClipId, Release] = {}
        self.release_count: Counter[ClipId] = Counter()
        self.refusals: list[Refusal] = []
        self.alarms: list[AcceptanceError] = []
        self.stale = 0
        self.pulls = 0
        self.asked: list[Want] = []
        self.terms: list[int] = []
        self.served: Counter[FromDock] = Counter()
        self.missing: dict[ClipId, NackReason] = {}
        self.hello: Hello | None = None
        self.deaf_to: set[ToDock] = set()
        self.news = asyncio.Event()
        self._anchors = anchors
        self._port = port
        self._term = -1
        self._client: aiomqtt.Client | None = None
        self._later: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[MqttDock]:
        """Be online inside the block; announces at once."""
        state = from_dock(self.dock.id, FromDock.STATE)
        will = aiomqtt.Will(state, State(state="offline", version="0").encode(), 1, retain=True)
        client = aiomqtt.Client(
            "127.0.0.1", self._port, identifier=self.dock.id, will=will, timeout=30
        )
        client.pending_calls_threshold = 1000
        async with client, asyncio.TaskGroup() as tasks:
            self._client = client
            await client.subscribe(dock_subscription(self.dock.id), qos=1)
            await client.publish(
                state, State(state="online", version="0.1.0").encode(), 1, retain=True
            )
            reader = tasks.create_task(self._read(client))
            await self.announce()
            try:
                yield self
            finally:
                reader.cancel()
                for task in self._later:
                    task.cancel()
                self._client = None

    async def announce(self) -> None:
        """Publish the head, retained, with a new nonce."""
        head = self.dock.announcement(self.released)
        await self._publish(
            from_dock(self.dock.id, FromDock.HEAD), head.encode(), qos=1, retain=True
        )

    async def until(self, done: Callable[[], bool], timeout_s: float = 30) -> None:
        """Wait for something to become true; fails after ``timeout_s``."""
        async with asyncio.timeout(timeout_s):
            while not done():
                self.news.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.5):
                        await self.news.wait()

    async def until_released(self, timeout_s: float = 30) -> None:
        """Wait until every clip is released."""
        await self.until(lambda: self.released.keys() >= self.dock.clips.keys(), timeout_s)

    async def _publish(
        self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False
    ) -> None:
        if self._client is not None:
            await self._client.publish(topic, payload, qos=qos, retain=retain, timeout=30)

    async def _read(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            what = parse_to_dock(message.topic.value, self.dock.id)
            payload = message.payload
            if what not in self.deaf_to and isinstance(payload, bytes):
                await self._heard(what, payload)
            self.news.set()

    async def _heard(self, what: ToDock, payload: bytes) -> None:
        match what:
            case ToDock.PULL:
                await self._answer(Pull.decode(payload))
            case ToDock.RECEIPT:
                await self._receipt(ReceiptMessage.decode(payload))
            case ToDock.RELEASE:
                await self._release(ReleaseMessage.decode(payload))
            case ToDock.REFUSAL:
                self.refusals.append(Refusal.decode(payload))
            case ToDock.HELLO:
                self.hello = Hello.decode(payload)
            case _:
                pass

    # --- pulls ------------------------------------------------------------------------

    async def _answer(self, pull: Pull) -> None:
        if pull.term < self._term:
            return
        if pull.term > self._term:
            self.terms.append(pull.term)
        self._term = pull.term
        self.pulls += 1
        self.asked += pull.want
        for want in pull.want:
            for answer in self.twist(self._answer_one(pull.worker, want)):
                if answer.later_s:
                    self._send_later(answer)
                else:
                    await self._send(answer)

    def _answer_one(self, worker: str, want: Want) -> Answer:
        match want:
            case LedgerWant(epoch, first, last):
                page = encode_page(list(self._fitting(self.dock.page(first, last, epoch=epoch))))
                return Answer(
                    FromDock.LEDGER, to_worker(self.dock.id, FromDock.LEDGER, worker), page
                )
            case LeavesWant(epoch, seq, offset, length) | PartWant(epoch, seq, offset, length):
                what = FromDock.LEAVES if isinstance(want, LeavesWant) else FromDock.PART
                clip = ClipId(self.dock.id, epoch, seq)
                reason = self.missing.get(clip)
                if reason is not None:
                    nack = Nack(want, reason).encode()
                    return Answer(
                        FromDock.NACK, to_worker(self.dock.id, FromDock.NACK, worker), nack
                    )
                held = self.dock.clips[clip]
                data = held.leaves if isinstance(want, LeavesWant) else held.data
                topic = clip_bytes(self.dock.id, what, worker, epoch=epoch, seq=seq, offset=offset)
                return Answer(what, topic, data[offset : offset + length])

    @staticmethod
    def _fitting(entries: Sequence[Entry]) -> Iterator[Entry]:
        size = 0
        for entry in entries:
            size += len(entry.record) + len(entry.statement)
            if size > PAGE_BYTES and entry is not entries[0]:
                return
            yield entry

    async def _send(self, answer: Answer) -> None:
        self.served[answer.what] += 1
        qos = 0 if answer.what in {FromDock.PART, FromDock.LEAVES} else 1
        await self._publish(answer.topic, answer.payload, qos=qos)

    def _send_later(self, answer: Answer) -> None:
        async def send() -> None:
            await asyncio.sleep(answer.later_s)
            await self._send(answer)

        task = asyncio.ensure_future(send())
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    # --- proofs -----------------------------------------------------------------------

    async def _receipt(self, message: ReceiptMessage) -> None:
        (entry,) = self.dock.page(message.seq, message.seq, epoch=message.epoch)
        try:
            ref = accept_receipt(self._anchors, self.dock.accepted, entry.statement, message)
        except AcceptanceError as error:
            await self._not_proved(error)
        else:
            self._accept(ref)
            self.receipts.add((message.epoch, message.seq))

    async def _release(self, message: ReleaseMessage) -> None:
        clip = ClipId(self.dock.id, message.epoch, message.seq)
        self.release_count[clip] += 1
        try:
            release = accept_release(self._anchors, self.dock.accepted, self.sealed(clip), message)
        except AcceptanceError as error:
            await self._not_proved(error)
        else:
            self._accept(release.accepted)
            self.released[clip] = release

    async def _not_proved(self, error: AcceptanceError) -> None:
        if error.code != "stale":
            self.alarms.append(error)
            return
        self.stale += 1
        await self.announce()

    def _accept(self, ref: CheckpointRef) -> None:
        if self.dock.accepted is None or ref.size > self.dock.accepted.size:
            self.dock.accepted = ref

    def sealed(self, clip: ClipId) -> Sealed:
        """What the dock sealed, from its own ledger."""
        held = self.dock.clips[clip]
        (entry,) = self.dock.page(clip.seq, clip.seq, epoch=clip.epoch)
        return Sealed(
            clip,
            held.digest.size,
            held.digest.sha256,
            held.digest.root,
            statement_hash(entry.statement),
        )


class Mischief:
    """A twist that drops, repeats, delays and spoils answers by chance, repeatably."""

    def __init__(self, seed: int, **shares: float) -> None:
        """Shares of answers by name: drop, twice, late, corrupt, cut, elsewhere, foreign."""
        self._random = random.Random(seed)  # noqa: S311  # mischief, not secrets
        self._shares = shares

    def __call__(self, answer: Answer) -> Sequence[Answer]:
        """Do one thing, or nothing, to an answer."""
        point = self._random.random()
        for name, share in self._shares.items():
            if point < share:
                return self._do(name, answer)
            point -= share
        return (answer,)

    def _do(self, name: str, answer: Answer) -> Sequence[Answer]:  # noqa: PLR0911  # one each
        what, topic, payload = answer.what, answer.topic, answer.payload
        match name:
            case "drop":
                return ()
            case "twice":
                return (answer, answer)
            case "late":
                return (Answer(what, topic, payload, later_s=self._random.uniform(0.05, 1.5)),)
            case "corrupt":
                place = self._random.randrange(max(1, len(payload)))
                spoilt = payload[:place] + bytes([255 ^ payload[place]]) + payload[place + 1 :]
                return (Answer(what, topic, spoilt),)
            case "cut":
                return (Answer(what, topic, payload[: len(payload) // 2]),)
            case "longer":
                return (Answer(what, topic, payload + bytes(777)),)
            case "elsewhere":
                return (Answer(what, topic + "7" if topic[-1].isdigit() else topic, payload),)
            case "foreign":
                parts = topic.split("/")
                parts[5] = "another-worker"
                return (Answer(what, "/".join(parts), payload),)
            case _:
                raise ValueError(name)
