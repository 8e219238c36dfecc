"""A gateway in memory over a real broker: pulls everything, proves everything it says.

It decides with ``protocols.transfer`` what to pull, checks every statement, leaf and clip
as a gateway must, and answers with really signed receipts and releases. Switches make it
slow to release, silent or mistaken, for tests of what a dock does then.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import aiomqtt

from edge.signals import heeding_cancellation
from hashing.digest import LEAF_SIZE, leaf_hash_of
from hashing.keys import PublicKey
from hashing.ledger import DockHead, DockLink, check_dock_link
from hashing.merkle import (
    Frontier,
    NodeReader,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root,
)
from hashing.note import Checkpoint, sign_checkpoint
from hashing.receipt import sign_receipt
from hashing.statement import decode_statement, verify_record, verify_statement
from protocols import messages, topics
from protocols.acceptance import Sealed
from protocols.ids import ClipId, DockId, EntryId
from protocols.kinds import ClipSealed
from protocols.messages import Entry, Head, Proved
from protocols.records import Record, decode_record
from protocols.topics import FromDock, ToDock
from protocols.transfer import ClipNeed, Transfer
from protocols.window import Limits
from tests.simulators.log import ORIGIN, SimulatedLog

PART = 256 * 1024


class GrowingLog(SimulatedLog):
    """A simulated log whose proofs stay cheap however many entries there are."""

    def __init__(self) -> None:
        self._frontier = Frontier()
        self._nodes: dict[tuple[int, int], bytes] = {}
        super().__init__()

    @property
    def reader(self) -> NodeReader:
        """The tree's nodes, up to date with the entries."""
        for statement, _ in self.entries[self._frontier.size :]:
            for level, index, value in self._frontier.append(leaf_hash(statement)):
                self._nodes[level, index] = value
        return lambda level, index: self._nodes[level, index]

    def note(self, size: int | None = None) -> bytes:
        if size is not None and size != self.size:
            return super().note(size)
        assert self.reader is not None
        checkpoint = Checkpoint(ORIGIN, self.size, self._frontier.root())
        return sign_checkpoint(checkpoint, self.checkpoint_signer, ORIGIN)

    def receipt(self, index: int) -> bytes:
        path = inclusion_proof(self.reader, index, self.size)
        return sign_receipt(
            self.receipt_signer,
            size=self.size,
            index=index,
            path=path,
            root=self._frontier.root(),
            issuer=self.gateway,
            subject="receipt",
            issued_at=1_772_000_000,
        )

    def proved(self, from_size: int) -> Proved:
        return Proved(
            self.note(), from_size, tuple(consistency_proof(self.reader, from_size, self.size))
        )


@dataclass
class PulledClip:
    """A clip while it is pulled and after."""

    sealed: Sealed
    body: ClipSealed
    leaves: bytearray = field(default_factory=bytearray)
    parts: dict[int, dict[int, bytes]] = field(default_factory=dict)
    good: dict[int, bytes] = field(default_factory=dict)
    whole: bool = False
    release_index: int | None = None

    @property
    def count(self) -> int:
        """Number of leaves."""
        return self.body.content.tree.leaves


@dataclass
class DockView:
    """What the gateway knows of one dock."""

    key: PublicKey
    transfer: Transfer
    head: Head | None = None
    state: str = ""
    entries: list[Entry] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    clips: dict[tuple[int, int], PulledClip] = field(default_factory=dict)
    nacks: list[messages.Nack] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    last: DockHead | None = None
    answered: set[tuple[int, int, int]] = field(default_factory=set)

    def bodies(self, kind: str) -> list[object]:
        """Bodies of all records of one kind, in order."""
        return [record.body for record in self.records if record.kind == kind]


class SimulatedGateway:
    """One worker.

    Attributes:
        releasing: whether whole clips get their release; switch on later to send them all.
        receipting: whether entries get receipts.
        keep: whether bytes of whole clips are kept in memory, for tests that compare them.
        mistake: changes outgoing messages, to test what a dock does with wrong ones.
    """

    def __init__(
        self,
        port: int,
        keys: dict[DockId, PublicKey],
        *,
        log: SimulatedLog | None = None,
        part_size: int = PART,
        window_bytes: int = 8 << 20,
        window_messages: int = 64,
    ) -> None:
        self.port = port
        self.log = log or GrowingLog()
        self.releasing = True
        self.receipting = True
        self.keep = True
        self.worker = "w1"
        self.term = 1
        self.received_bytes = 0
        self.mistake: Callable[[ToDock, bytes], bytes | None] | None = None
        limits = Limits(
            part_size=part_size, window_bytes=window_bytes, window_messages=window_messages
        )
        self.docks = {dock: DockView(key, Transfer(limits)) for dock, key in keys.items()}
        self.part_size = part_size
        self._client: aiomqtt.Client | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[SimulatedGateway]:
        """Serve in the background."""
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.run())
            try:
                yield self
            finally:
                task.cancel()

    async def run(self) -> None:
        """Connect, and again whenever the broker went away, until cancelled."""
        while True:
            # In a task of its own: a task group that fails may leave its task marked as
            # cancelled before Python 3.13.
            await asyncio.ensure_future(self._guarded())
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                # A connection that fails while it is being closed hides the request to end.
                raise asyncio.CancelledError
            await asyncio.sleep(0.1)

    async def until(self, done: Callable[[], bool], timeout_s: float = 30.0) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(timeout_s):
            while not done():  # noqa: ASYNC110  # also of things outside this process
                await asyncio.sleep(0.05)

    async def _guarded(self) -> None:
        """One connection; losing it is ordinary."""
        try:
            await self._connection()
        except* aiomqtt.MqttError:
            pass

    async def _connection(self) -> None:
        async with aiomqtt.Client(
            "127.0.0.1", self.port, identifier=f"gateway-{self.worker}", timeout=30
        ) as client:
            self._client = client
            for topic in topics.worker_subscriptions(self.worker):
                await client.subscribe(topic, qos=1)
            hello = messages.Hello(version="sim", part_size=self.part_size, time="now").encode()
            for dock in self.docks:
                await client.publish(topics.to_dock(dock, ToDock.HELLO), hello, qos=1, retain=True)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._timer())
                async for message in client.messages:
                    assert isinstance(message.payload, bytes)
                    await self._hear(str(message.topic), message.payload)

    async def _timer(self) -> None:
        while True:
            await asyncio.sleep(0.25)
            for dock in self.docks:
                await self._pull(dock)
                await self._release_whole(dock)

    async def _hear(self, topic: str, payload: bytes) -> None:
        heard = topics.parse_from_dock(topic)
        view = self.docks.get(heard.dock)
        if view is None:
            return
        match heard.what:
            case FromDock.STATE:
                view.state = messages.State.decode(payload).state
            case FromDock.HEAD:
                await self._head(heard.dock, view, Head.decode(payload))
            case FromDock.LEDGER:
                await self._page(heard.dock, view, messages.decode_page(payload))
            case FromDock.NACK:
                nack = messages.Nack.decode(payload)
                view.nacks.append(nack)
                view.transfer.refused(nack, time.monotonic())
            case FromDock.LEAVES | FromDock.PART:
                self.received_bytes += len(payload)
                self._bytes(view, heard, payload)
        await self._pull(heard.dock)
        await self._release_whole(heard.dock)

    async def _head(self, dock: DockId, view: DockView, head: Head) -> None:
        view.head = head
        view.transfer.announce(head)
        announcement = (head.epoch, head.seq or 0, head.nonce)
        if announcement in view.answered:
            return
        view.answered.add(announcement)
        for epoch, first, last in head.unreleased:
            for seq in range(first, last + 1):
                clip = view.clips.get((epoch, seq))
                if clip is not None and clip.release_index is not None:
                    await self._send_release(dock, view, clip)

    async def _page(self, dock: DockId, view: DockView, entries: tuple[Entry, ...]) -> None:
        fresh = [entry for entry in entries if self._admit(dock, view, entry)]
        if view.last is not None:
            view.transfer.committed(view.last.epoch, view.last.seq + 1)
        if entries:
            want = messages.LedgerWant(entries[0].epoch, entries[0].seq, entries[-1].seq)
            view.transfer.arrived(want, time.monotonic())
        indices = [self.log.append(entry) for entry in fresh]
        if not self.receipting or view.head is None or view.head.accepted is None:
            return
        for entry, index in zip(fresh, indices, strict=True):
            message = self.log.receipt_message(entry, index, view.head.accepted.size)
            await self._say(dock, ToDock.RECEIPT, message.encode())

    def _admit(self, dock: DockId, view: DockView, entry: Entry) -> bool:
        statement = decode_statement(entry.statement)
        verify_statement(statement, view.key)
        verify_record(statement, entry.record)
        assert isinstance(statement.chain, DockLink)
        at = (view.last.epoch, view.last.seq) if view.last else (-1, -1)
        if (entry.epoch, entry.seq) <= at:
            return False
        broken = check_dock_link(view.last, statement.chain, statement.hash)
        assert broken is None, broken
        view.last = DockHead(entry.epoch, entry.seq, statement.hash)
        record = decode_record(entry.record)
        view.entries.append(entry)
        view.records.append(record)
        if isinstance(record.body, ClipSealed):
            self._seal(dock, view, entry, record.body, statement.hash)
        return True

    def _seal(
        self, dock: DockId, view: DockView, entry: Entry, body: ClipSealed, statement: bytes
    ) -> None:
        content = body.content
        sealed = Sealed(
            ClipId(dock, entry.epoch, entry.seq),
            content.size,
            bytes.fromhex(content.sha256),
            bytes.fromhex(content.tree.root),
            statement,
        )
        clip = PulledClip(sealed, body)
        view.clips[entry.epoch, entry.seq] = clip
        if not content.size:
            self._finish(view, clip)
            return
        view.transfer.add_clip(ClipNeed(entry.epoch, entry.seq, content.size, LEAF_SIZE))

    def _bytes(self, view: DockView, heard: topics.DockTopic, payload: bytes) -> None:
        make = messages.LeavesWant if heard.what is FromDock.LEAVES else messages.PartWant
        want = make(heard.epoch, heard.seq, heard.offset, len(payload))
        clip = view.clips.get((heard.epoch, heard.seq))
        if clip is None or clip.whole or not view.transfer.arrived(want, time.monotonic()):
            return
        if isinstance(want, messages.LeavesWant):
            self._leaf_list(view, clip, want, payload)
        else:
            self._part(view, clip, want, payload)

    def _leaf_list(
        self, view: DockView, clip: PulledClip, want: messages.LeavesWant, payload: bytes
    ) -> None:
        clip.leaves[want.offset : want.offset + len(payload)] = payload
        if len(clip.leaves) < clip.count * 32:
            return
        leaves = [bytes(clip.leaves[i : i + 32]) for i in range(0, len(clip.leaves), 32)]
        assert root(leaves) == clip.sealed.root
        view.transfer.leaves_listed(want.epoch, want.seq)

    def _part(
        self, view: DockView, clip: PulledClip, want: messages.PartWant, payload: bytes
    ) -> None:
        index = want.offset // LEAF_SIZE
        parts = clip.parts.setdefault(index, {})
        parts[want.offset] = payload
        expected = min(LEAF_SIZE, clip.sealed.size - index * LEAF_SIZE)
        if sum(map(len, parts.values())) < expected:
            return
        pieces = [parts[offset] for offset in sorted(parts)]
        del clip.parts[index]
        if leaf_hash_of(pieces) != bytes(clip.leaves[index * 32 : index * 32 + 32]):
            view.refused.append(f"leaf {index} of {clip.sealed.clip}")
            view.transfer.leaf_bad(want.epoch, want.seq, index)
            return
        clip.good[index] = b"".join(pieces) if self.keep else b""
        view.transfer.leaf_good(want.epoch, want.seq, index)
        if len(clip.good) == clip.count:
            self._finish(view, clip)

    def _finish(self, view: DockView, clip: PulledClip) -> None:
        if self.keep:
            data = b"".join(clip.good[index] for index in range(clip.count))
            assert hashlib.sha256(data).digest() == clip.sealed.sha256
        clip.whole = True
        view.transfer.drop_clip(clip.sealed.clip.epoch, clip.sealed.clip.seq)

    async def _pull(self, dock: DockId) -> None:
        view = self.docks[dock]
        wants = view.transfer.next_wants(time.monotonic(), budget_bytes=64 << 20)
        if wants:
            pull = messages.Pull(self.worker, self.term, tuple(wants))
            await self._say(dock, ToDock.PULL, pull.encode())

    async def _release_whole(self, dock: DockId) -> None:
        view = self.docks[dock]
        if not self.releasing:
            return
        whole = [c for c in view.clips.values() if c.whole and c.release_index is None]
        for clip in whole:
            body = self.log.stored(clip.sealed)
            clip.release_index = self.log.append_own(body, clip.sealed.clip.clip_urn)
        for clip in whole:
            await self._send_release(dock, view, clip)

    async def _send_release(self, dock: DockId, view: DockView, clip: PulledClip) -> None:
        if view.head is None or view.head.accepted is None or clip.release_index is None:
            return
        from_size = view.head.accepted.size
        message = self.log.release_message(clip.sealed, clip.release_index, from_size)
        await self._say(dock, ToDock.RELEASE, message.encode())

    async def _say(self, dock: DockId, what: ToDock, payload: bytes) -> None:
        if self.mistake is not None:
            changed = self.mistake(what, payload)
            if changed is None:
                return
            payload = changed
        if self._client is not None:
            with heeding_cancellation():
                await self._client.publish(topics.to_dock(dock, what), payload, qos=1, timeout=30)

    # --- what tests ask -------------------------------------------------------------

    def content(self, clip: EntryId) -> bytes:
        """The bytes of a whole clip."""
        pulled = self.docks[clip.dock].clips[clip.epoch, clip.seq]
        return b"".join(pulled.good[index] for index in range(pulled.count))

    def released(self, dock: DockId) -> int:
        """How many clips of a dock were released."""
        clips = self.docks[dock].clips.values()
        return sum(clip.release_index is not None for clip in clips)
