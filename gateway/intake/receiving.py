"""Content of one dock's clips: leaf lists and parts in, verified leaves on the disk.

Messages are taken synchronously, straight from the connection, and only if they answer
exactly what was asked: so memory is bounded by what was asked for, and a stranger's bytes
are dropped at once. Hashing and writing go to threads in batches.
"""

from __future__ import annotations

import asyncio
import errno
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog

from gateway.crashpoints import reach
from gateway.errors import StoreError, StoreFullError
from gateway.evidence.models import Clip
from gateway.evidence.service import leaf_list_key
from gateway.intake.assembler import (
    Assembly,
    Listing,
    ReadyLeaf,
    list_leads_to,
    verify_staged,
    write_leaves,
)
from gateway.intake.means import Means
from gateway.unbroken import to_the_end
from hashing.digest import LEAF_SIZE
from protocols.ids import ClipId
from protocols.messages import LeavesWant, PartWant
from protocols.topics import DockTopic
from protocols.transfer import ClipNeed, Transfer

MAX_BATCH_LEAVES = 32
# After wrong bytes so many times in a row a clip is left alone, longer each time.
_PATIENCE = 3
_ALARMING = 6
_FIRST_PAUSE_S = 2.0
_LONGEST_PAUSE_S = 30.0
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_Result = TypeVar("_Result")
_event = structlog.get_logger("gateway.intake")

MARKED, TAGGED, REST = 0, 1, 2


@dataclass(slots=True)
class Incoming:
    """One clip on its way in."""

    row: Clip
    assembly: Assembly
    resumable: bool


class Receiving:
    """The clips that one dock is sending.

    Attributes:
        buffered_bytes: of parts that wait to become verified leaves.
        progressed: clips with newly verified bytes, for somebody to note and clear.
        troubled: clips whose bytes keep being wrong, for somebody to raise an alarm and clear.
    """

    def __init__(
        self, means: Means, transfer: Transfer, *, whole: Callable[[Incoming], None]
    ) -> None:
        """Start with no clips.

        Args:
            means: the worker's services.
            transfer: decides what is asked for next.
            whole: told when every leaf of a clip is verified and written.
        """
        self._means = means
        self._transfer = transfer
        self._whole = whole
        self._clips: dict[tuple[int, int], Incoming] = {}
        self._lists: deque[Incoming] = deque()
        self._ready: deque[tuple[Incoming, ReadyLeaf]] = deque()
        self._paused: list[tuple[float, Incoming]] = []
        self._wrong: Counter[ClipId] = Counter()
        self._work = asyncio.Event()
        self.buffered_bytes = 0
        self.progressed: set[ClipId] = set()
        self.troubled: set[ClipId] = set()

    def __contains__(self, clip: ClipId) -> bool:
        """Whether the clip is on its way in."""
        return (clip.epoch, clip.seq) in self._clips

    def received_bytes(self, clip: ClipId) -> int | None:
        """Verified bytes of a clip that is on its way in."""
        incoming = self._clips.get((clip.epoch, clip.seq))
        return incoming.assembly.received_bytes if incoming else None

    def add(self, row: Clip, *, resumable: bool) -> None:
        """Begin, or begin again, to fetch a clip.

        Args:
            row: of the clip.
            resumable: a staging file may hold leaves from before.
        """
        self.drop(row.id)
        staging = self._means.store.staging.path(f"{row.id}.part")
        incoming = Incoming(
            row, Assembly(row.id, size=row.size, root=row.root, staging=staging), resumable
        )
        self._clips[row.epoch, row.seq] = incoming
        if incoming.assembly.listed and (resumable or incoming.assembly.whole):
            # What an earlier run left is looked at before anything is asked for.
            self._lists.append(incoming)
            self._work.set()
        else:
            self._ask_for(incoming)

    def drop(self, clip: ClipId) -> None:
        """Stop fetching a clip; what waits in memory of it is let go."""
        incoming = self._clips.pop((clip.epoch, clip.seq), None)
        if incoming is not None:
            self.buffered_bytes -= incoming.assembly.buffered_bytes
            self._transfer.drop_clip(clip.epoch, clip.seq)

    # --- messages, synchronously ------------------------------------------------------

    def take_list_part(self, topic: DockTopic, payload: bytes, now: float) -> bool:
        """Take a piece of a leaf list; False when it was not asked for."""
        want = LeavesWant(topic.epoch, topic.seq, topic.offset, len(payload))
        incoming = self._clips.get((topic.epoch, topic.seq))
        if not self._transfer.arrived(want, now) or incoming is None:
            return False
        if incoming.assembly.listed:
            return True
        if incoming.assembly.add_list_part(topic.offset, payload) is Listing.ASSEMBLED:
            self._lists.append(incoming)
            self._work.set()
        return True

    def take_part(self, topic: DockTopic, payload: bytes, now: float) -> bool:
        """Take bytes of a clip; False when they were not asked for."""
        want = PartWant(topic.epoch, topic.seq, topic.offset, len(payload))
        incoming = self._clips.get((topic.epoch, topic.seq))
        if not self._transfer.arrived(want, now) or incoming is None:
            return False
        before = incoming.assembly.buffered_bytes
        leaf = incoming.assembly.add_part(topic.offset, payload)
        self.buffered_bytes += incoming.assembly.buffered_bytes - before
        if leaf is not None:
            self._ready.append((incoming, leaf))
            self._work.set()
        return True

    # --- work in threads --------------------------------------------------------------

    async def run(self, progress: Callable[[], None]) -> None:
        """Check and write until cancelled.

        Args:
            progress: called whenever more may be asked for.

        Raises:
            StoreError: staging files cannot be read or written.
        """
        while True:
            await self._work.wait()
            self._work.clear()
            while self._lists or self._ready:
                try:
                    if self._lists:
                        await self._check_list(self._lists.popleft())
                    else:
                        await self._write_ready()
                except OSError as error:
                    kind = StoreFullError if error.errno in _FULL else StoreError
                    raise kind(f"staging: {error.strerror}") from error
                progress()

    async def _check_list(self, incoming: Incoming) -> None:
        assembly, row = incoming.assembly, incoming.row
        if not assembly.listed:
            joined = assembly.take_list()
            good = await self._in_thread(list_leads_to, row.root, joined, assembly.leaves)
            if not self._current(incoming):
                return
            if not good:
                self._transfer.leaves_bad(row.epoch, row.seq)
                self._wrong_bytes(incoming)
                return
            # Without it a damaged object could be told to be damaged, and not where.
            await self._means.store.put_bytes(leaf_list_key(row.id), joined)
            if not self._current(incoming):
                return
            assembly.accept_list(joined)
        if incoming.resumable:
            kept = await self._in_thread(
                verify_staged, assembly.staging, row.size, assembly.leaf_list
            )
            if not self._current(incoming):
                return
            for index in kept:
                assembly.found(index)
        self._ask_for(incoming)
        self._finish_if_whole(incoming)

    async def _write_ready(self) -> None:
        batch = [self._ready.popleft() for _ in range(min(len(self._ready), MAX_BATCH_LEAVES))]
        batch = [(incoming, leaf) for incoming, leaf in batch if self._current(incoming)]
        # A thread cannot be cancelled: one left behind would write into the next attempt's file.
        verdicts = await to_the_end(self._in_thread(_write_batch, batch))
        for (incoming, leaf), good in zip(batch, verdicts, strict=True):
            if not self._current(incoming):
                continue
            before = incoming.assembly.buffered_bytes
            incoming.assembly.written(leaf, good=good)
            self.buffered_bytes += incoming.assembly.buffered_bytes - before
            row = incoming.row
            if good:
                self._wrong.pop(row.id, None)
                self._transfer.leaf_good(row.epoch, row.seq, leaf.index)
                self.progressed.add(row.id)
                self._finish_if_whole(incoming)
            else:
                self._transfer.leaf_bad(row.epoch, row.seq, leaf.index)
                self._wrong_bytes(incoming)

    def _wrong_bytes(self, incoming: Incoming) -> None:
        """Bytes that are not what was sealed: fetched again, but not forever at full speed."""
        row = incoming.row
        self._wrong[row.id] += 1
        times = self._wrong[row.id]
        _event.warning("clip.wrong-bytes", clip=str(row.id), times=times)
        if times == _ALARMING:
            self.troubled.add(row.id)
        if times >= _PATIENCE and all(paused is not incoming for _, paused in self._paused):
            self._transfer.drop_clip(row.epoch, row.seq)
            self.buffered_bytes -= incoming.assembly.forget_open()
            pause = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(times - _PATIENCE, 10))
            self._paused.append((_now() + pause, incoming))

    def tick(self, now: float) -> None:
        """Ask again for clips that were paused; call it now and then."""
        due = [incoming for until, incoming in self._paused if until <= now]
        self._paused = [each for each in self._paused if each[0] > now]
        for incoming in due:
            if self._current(incoming):
                self._ask_for(incoming)

    def _ask_for(self, incoming: Incoming) -> None:
        row, assembly = incoming.row, incoming.assembly
        need = ClipNeed(row.epoch, row.seq, row.size, LEAF_SIZE, priority=_priority(row))
        self._transfer.add_clip(need)
        for index in assembly.found_leaves():
            self._transfer.leaf_good(row.epoch, row.seq, index)
        if assembly.listed:
            self._transfer.leaves_listed(row.epoch, row.seq)

    def _finish_if_whole(self, incoming: Incoming) -> None:
        if incoming.assembly.whole:
            row = incoming.row
            self._clips.pop((row.epoch, row.seq), None)
            self._transfer.drop_clip(row.epoch, row.seq)
            self.progressed.discard(row.id)
            self._whole(incoming)

    def _current(self, incoming: Incoming) -> bool:
        return self._clips.get((incoming.row.epoch, incoming.row.seq)) is incoming

    async def _in_thread(self, work: Callable[..., _Result], *arguments: object) -> _Result:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._means.writers, work, *arguments)


def _write_batch(batch: list[tuple[Incoming, ReadyLeaf]]) -> list[bool]:
    verdicts: list[bool] = []
    start = 0
    while start < len(batch):
        incoming = batch[start][0]
        end = start
        while end < len(batch) and batch[end][0] is incoming:
            end += 1
        leaves = [leaf for _, leaf in batch[start:end]]
        verdicts += write_leaves(incoming.assembly.staging, leaves)
        start = end
    reach("intake.leaf-written")
    return verdicts


def _priority(row: Clip) -> int:
    if row.marked:
        return MARKED
    return TAGGED if row.tagged_case or row.tagged_category else REST


def _now() -> float:
    return asyncio.get_running_loop().time()
