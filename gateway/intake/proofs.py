"""Receipts and releases to one dock, made fresh for the checkpoint the dock has accepted.

All messages of one batch name one checkpoint and carry the same way to it from what the
dock has accepted, so any of them may be lost. The next batch starts where this one ended,
without waiting to hear that it arrived; when that was wrong the dock announces its head
again with nothing newly accepted, and everything it waits for is sent once more. Nothing
is decided here: what is released has been stored and logged, and read back by this process.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from itertools import islice

import structlog
from sqlalchemy import select

from gateway.crashpoints import reach
from gateway.evidence.models import Clip, ClipState
from gateway.intake.effects import after_revocation
from gateway.intake.means import Means
from gateway.log.models import LogEntry
from hashing.statement import attach_receipts
from protocols.ids import ClipId, DockId
from protocols.messages import Head, LoggedMessage, Proved, ReceiptMessage, ReleaseMessage
from protocols.topics import ToDock

BATCH = 32
# A head is nobody's signature and may name everything there ever was: this much of it is
# answered, and the rest once the dock has announced what it got.
MOST_AT_ONCE = 1000
# What was sent is given this long to show in a head before it is sent again.
REPEAT_S = 10.0
# Announcements come as fast as somebody likes to send them; the newest is answered this often,
# and less often while nothing that is sent is accepted.
ANSWER_S = 0.5
LONGEST_S = 30.0
_event = structlog.get_logger("gateway.intake")


class Way:
    """Which checkpoints the dock has, and which it will have when our messages arrive."""

    def __init__(self, size: int) -> None:
        self.accepted = size
        self._start = size
        self._end = size
        self._on_the_way: set[int] = set()

    def announced(self, accepted: int, *, again: bool) -> bool:
        """The dock named what it has accepted; returns whether what was sent seems lost.

        Args:
            accepted: size of its checkpoint.
            again: the announcement asks for an answer again, as after a proof that did not
                fit; without that, our messages may simply still be on their way.
        """
        if accepted in self._on_the_way and accepted > self.accepted:
            self._on_the_way = {size for size in self._on_the_way if size > accepted}
            self.accepted = accepted
            return False
        if accepted == self.accepted and not again:
            return False
        lost = accepted < self._end
        self.accepted = self._start = self._end = accepted
        self._on_the_way.clear()
        return lost

    def to(self, size: int) -> int:
        """Where a path to the checkpoint of ``size`` has to begin."""
        if size != self._end:
            self._start, self._end = min(self._end, size), size
            self._on_the_way.add(size)
        return self._start


def merged(ranges: Iterable[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Ranges ``(epoch, first, last)`` without overlaps: nobody makes us look a thing up twice."""
    result: list[tuple[int, int, int]] = []
    for epoch, first, last in sorted(ranges):
        if result and result[-1][0] == epoch and first <= result[-1][2] + 1:
            result[-1] = (epoch, result[-1][1], max(last, result[-1][2]))
        elif first <= last:
            result.append((epoch, first, last))
    return result


def _now() -> float:
    return asyncio.get_running_loop().time()


class Proofs:
    """What one dock is still to be told."""

    def __init__(
        self,
        means: Means,
        dock: DockId,
        *,
        pinned_size: int,
        confirm: Callable[[ClipId], None],
    ) -> None:
        """Start with nothing to tell.

        Args:
            means: the worker's services.
            dock: whom to tell.
            pinned_size: checkpoint size handed over at enrolment, for a dock that has not
                yet named the one it accepted.
            confirm: told of clips that wait for a release and have not been seen in the store
                by this process; what is found there is then said by ``stored``.
        """
        self._means = means
        self._confirm = confirm
        self._dock = dock
        self._pinned = pinned_size
        self._way = Way(pinned_size)
        self._head: Head | None = None
        self._unanswered = False
        self._receipts: dict[tuple[int, int], int] = {}
        self._receipted: set[tuple[int, int]] = set()
        self._releases: dict[ClipId, None] = {}
        self._released_at: dict[ClipId, float] = {}
        self._beyond: int | None = None
        self._answer_at = 0.0
        self._losses = 0
        self._wake = asyncio.Event()

    def announced(self, head: Head) -> None:
        """The dock said what it has accepted and what it still waits for.

        The very same announcement again, as a broker repeats a retained one, asks nothing new.
        """
        before, self._head = self._head, head
        if head == before:
            return
        again = before is None or head.nonce != before.nonce
        if again or before is None or (head.epoch, head.seq) != (before.epoch, before.seq):
            self._unanswered = True
        accepted = head.accepted.size if head.accepted else self._pinned
        moved = accepted > self._way.accepted
        if self._way.announced(accepted, again=again):
            self._forget_sent()
            self._losses += 1
        elif moved:
            self._losses = 0
        self._wake.set()

    def reconnected(self) -> None:
        """A connection was made anew: what was sent before may never have arrived."""
        self._forget_sent()
        self._unanswered = self._head is not None
        self._wake.set()

    def logged(self, epoch: int, seq: int, index: int) -> None:
        """An entry of this dock is in the log: its receipt is to be sent."""
        self._receipts[epoch, seq] = index
        self._wake.set()

    def stored(self, clip: ClipId) -> None:
        """A clip is stated as stored and was seen in the store: its release is to be sent."""
        self._releases[clip] = None
        self._wake.set()

    def beyond(self, index: int) -> None:
        """The log has this entry of the dock beyond its head: the dock is to be shown it."""
        self._beyond = index
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled; receipts before releases, so that few checkpoints do for all."""
        while True:
            self._wake.clear()
            pause = self._answer_at - _now()
            if self._unanswered and self._head is not None and pause <= 0:
                pause = min(LONGEST_S, ANSWER_S * 2.0 ** min(self._losses, 10))
                self._unanswered, self._answer_at = False, _now() + pause
                await self._queue_unreleased(self._head)
            if self._receipts:
                await self._send_receipts()
            elif self._releases:
                await self._send_releases()
            elif self._beyond is not None:
                await self._send_logged(self._beyond)
            else:
                await self._wait(pause if self._unanswered else None)

    async def _wait(self, seconds: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    def _forget_sent(self) -> None:
        self._receipted.clear()
        self._released_at.clear()

    # --- what a head waits for --------------------------------------------------------

    async def _queue_unreleased(self, head: Head) -> None:
        limit = _now() - REPEAT_S
        self._released_at = {clip: at for clip, at in self._released_at.items() if at > limit}
        queued = 0
        async for clip, state, entry_index in self._waiting(merged(head.unreleased)):
            if state == ClipState.STORED:
                new = clip not in self._released_at and self._queue_release(clip)
            else:
                new = state != ClipState.REFUSED and self._queue_receipt(clip, entry_index)
            queued += new
            if queued == MOST_AT_ONCE:
                return

    def _queue_release(self, clip: ClipId) -> bool:
        if clip in self._means.seen:
            self._releases[clip] = None
        else:
            self._confirm(clip)
        return True

    def _queue_receipt(self, clip: ClipId, entry_index: int) -> bool:
        if (clip.epoch, clip.seq) in self._receipted:
            return False
        self._receipts[clip.epoch, clip.seq] = entry_index
        return True

    async def _waiting(
        self, ranges: Iterable[tuple[int, int, int]]
    ) -> AsyncIterator[tuple[ClipId, str, int]]:
        """Clips in the ranges, with state and log position, looked up a page at a time."""
        for epoch, first, last in ranges:
            start = first
            while start <= last and (page := await self._page(epoch, start, last)):
                for seq, state, entry_index in page:
                    yield ClipId(self._dock, epoch, seq), state, entry_index
                start = page[-1][0] + 1

    async def _page(self, epoch: int, first: int, last: int) -> Sequence[tuple[int, str, int]]:
        query = (
            select(Clip.seq, Clip.state, Clip.entry_index)
            .where(Clip.dock == self._dock, Clip.epoch == epoch, Clip.seq.between(first, last))
            .order_by(Clip.seq)
            .limit(MOST_AT_ONCE)
        )
        async with self._means.database.reading() as session:
            return [(row[0], row[1], row[2]) for row in await session.execute(query)]

    # --- sending ----------------------------------------------------------------------

    async def _send_receipts(self) -> None:
        batch = list(islice(self._receipts.items(), BATCH))
        # Noted before anything is awaited: what the dock says meanwhile may undo the note.
        self._receipted.update(place for place, _ in batch)
        for place, _ in batch:
            del self._receipts[place]
        proved, receipts = await self._prove([index for _, index in batch])
        messages = [
            ReceiptMessage(epoch, seq, receipt, proved).encode()
            for ((epoch, seq), _), receipt in zip(batch, receipts, strict=True)
        ]
        if not await self._publish(ToDock.RECEIPT, messages):
            # The next head, which every new connection brings, asks for all of them.
            self._receipts.clear()
            self._forget_sent()

    async def _send_logged(self, index: int) -> None:
        """Once for each announcement; whoever does not know the entry announces again."""
        self._beyond = None
        entry = await self._means.log.entry(index)
        proved, (receipt,) = await self._prove([index])
        message = LoggedMessage(entry.statement, receipt, proved).encode()
        if not await self._publish(ToDock.LOGGED, [message]):
            self._forget_sent()

    async def _send_releases(self) -> None:
        batch = list(islice(self._releases, BATCH))
        for clip in batch:
            del self._releases[clip]
            self._receipted.discard((clip.epoch, clip.seq))
            self._released_at[clip] = _now()
        entries = await self._stored_entries(batch)
        proved, receipts = await self._prove([entry.index for _, entry in entries])
        messages = []
        for (clip, entry), receipt in zip(entries, receipts, strict=True):
            transparent = attach_receipts(entry.statement, [receipt])
            message = ReleaseMessage(clip.epoch, clip.seq, entry.record, transparent, proved)
            messages.append(message.encode())
        reach("release.before-publish")
        if not await self._publish(ToDock.RELEASE, messages):
            self._releases.clear()
            self._forget_sent()
            return
        reach("release.published")
        _event.debug("releases.sent", dock=self._dock, clips=[str(clip) for clip, _ in entries])

    async def _publish(self, what: ToDock, messages: Sequence[bytes]) -> bool:
        """Send in this order, without waiting for one to be confirmed before the next."""
        sent = await asyncio.gather(
            *(self._means.publish(self._dock, what, message) for message in messages)
        )
        return all(sent)

    async def _stored_entries(self, clips: Sequence[ClipId]) -> list[tuple[ClipId, LogEntry]]:
        found = []
        async with self._means.database.reading() as session:
            for clip in clips:
                row = await session.get(Clip, (clip.dock, clip.epoch, clip.seq))
                # The log's word alone releases nothing: the store may have lost the bytes since.
                if row is None or row.state != ClipState.STORED or clip not in self._means.seen:
                    continue
                if await after_revocation(session, clip):
                    # A release lets a card be erased, on the word of a key nobody trusts.
                    continue
                if row.stored_index is not None:
                    entry = await session.get(LogEntry, row.stored_index)
                    if entry is not None:
                        found.append((clip, entry))
        return found

    async def _prove(self, indices: Sequence[int]) -> tuple[Proved, list[bytes]]:
        """The newest checkpoint, the way to it, and receipts for exactly its size."""
        at = await self._means.log.checkpoint_over(indices)
        start = self._way.to(at.size)
        proved = await self._means.log.proved(start, at=at)
        return proved, await self._means.log.receipts(indices, at=at)
