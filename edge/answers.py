"""Answers to what a gateway worker pulls: ledger pages, leaf lists, parts of clips.

Values in, payloads out; nothing here speaks MQTT. A pull is believed in nothing: numbers
may be absurd, clips unknown, bytes long gone; each such want gets a refusal that says why.
A worker whose lease was taken over by a higher term is not answered, until the higher one
has fallen silent for so long that its lease must have ended.

Parts lie side by side, so neighbours are read in one go and cut; the next span is read
while the current one is being published.
"""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import structlog

from edge.errors import EdgeError, SpoolDamaged
from edge.ledger import ClipRow, ClipState, Ledger
from edge.resent import Resent
from edge.spool import Spool
from hashing.digest import LEAF_SIZE
from protocols.ids import ClipId, DockId
from protocols.messages import (
    LeavesWant,
    LedgerWant,
    Nack,
    NackReason,
    PartWant,
    Pull,
    Want,
    encode_page,
)
from protocols.topics import FromDock, clip_bytes, to_worker

log = structlog.get_logger()

MAX_PIECE: Final = 1024 * 1024
SPAN_BYTES: Final = 4 * 1024 * 1024
PAGE_BYTES: Final = 256 * 1024
TERM_SILENCE_S: Final = 60.0
LOST: Final = "clip-lost"
_ROWS_KEPT: Final = 64
# A disk that resets fails for some seconds and then has everything; a bad sector stays bad.
_READS: Final = 3
_APART_S: Final = 5.0
# The program is short of something just now, which says nothing of the file.
_SHORT_OF: Final = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EINTR, None}
)


@dataclass(frozen=True, slots=True)
class Publication:
    """One message to publish."""

    topic: str
    payload: bytes
    qos: int


@dataclass(frozen=True, slots=True)
class _Span:
    """Parts of one clip that lie side by side."""

    parts: tuple[PartWant, ...]

    @property
    def length(self) -> int:
        # One absurdly long part alone may be more; what is over is pulled again.
        return min(sum(part.length for part in self.parts), SPAN_BYTES)


_Work: TypeAlias = LedgerWant | LeavesWant | _Span


class Terms:
    """Which workers are heard; see the module's text."""

    def __init__(self) -> None:
        self._highest = -1
        self._heard_at = 0.0

    def admits(self, term: int, now: float) -> bool:
        """Whether a pull under this fencing number is answered.

        Args:
            term: of the pull.
            now: seconds by a monotonic clock.
        """
        if term < self._highest and now - self._heard_at < TERM_SILENCE_S:
            return False
        self._highest, self._heard_at = term, now
        return True


class Answers:
    """Makes answers from the ledger and the spool.

    Args:
        lost: told of a clip whose bytes are not in the spool, from a worker thread.
    """

    def __init__(
        self, dock: DockId, ledger: Ledger, spool: Spool, lost: Callable[[ClipRow, str], None]
    ) -> None:
        self._dock = dock
        self._ledger = ledger
        self._spool = spool
        self._lost = lost
        self._resent = Resent(ledger, spool)
        # Rows are asked for every part, while a seal may hold the ledger for its commit.
        self._rows: dict[tuple[int, int], ClipRow] = {}
        self._unreadable: dict[ClipId, tuple[int, float]] = {}

    async def answer(self, pull: Pull) -> AsyncGenerator[Publication, None]:
        """Everything one pull is answered with, in the order it was asked."""
        work = list(_grouped(pull.want))
        ahead: asyncio.Future[list[Publication]] | None = None
        for number, each in enumerate(work):
            done = await (ahead or self._begin(pull.worker, each))
            following = work[number + 1] if number + 1 < len(work) else None
            ahead = None if following is None else self._begin(pull.worker, following)
            for publication in done:
                yield publication

    def _begin(self, worker: str, work: _Work) -> asyncio.Future[list[Publication]]:
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(None, self._make, worker, work)

    def _make(self, worker: str, work: _Work) -> list[Publication]:
        """Answer one piece of work; blocks."""
        try:
            match work:
                case LedgerWant():
                    return [self._page(worker, work)]
                case LeavesWant():
                    return [self._leaves(worker, work)]
                case _Span():
                    return self._parts(worker, work)
        except EdgeError as error:
            # The ledger's or the spool's disk refuses just now; the worker asks again.
            log.warning("answer.failed", error=str(error))
            wants = work.parts if isinstance(work, _Span) else (work,)
            return [self._nack(worker, want, NackReason.BUSY) for want in wants]

    def _page(self, worker: str, want: LedgerWant) -> Publication:
        entries = self._ledger.entries(want.epoch, want.first, want.last, max_bytes=PAGE_BYTES)
        if not entries:
            return self._nack(worker, want, NackReason.UNKNOWN)
        topic = to_worker(self._dock, FromDock.LEDGER, worker)
        return Publication(topic, encode_page(entries), 1)

    def _leaves(self, worker: str, want: LeavesWant) -> Publication:
        leaves = self._ledger.leaves(want.epoch, want.seq)
        piece = leaves[want.offset : want.offset + min(want.length, MAX_PIECE)]
        if not piece:
            return self._nack(worker, want, NackReason.UNKNOWN)
        return self._bytes(worker, FromDock.LEAVES, want, piece)

    def _parts(self, worker: str, span: _Span) -> list[Publication]:
        first = span.parts[0]
        row = self._row(first.epoch, first.seq)
        if row is None or row.spool_name is None:
            lost = row is not None and row.state is ClipState.LOST
            reason = NackReason.LOST if lost else NackReason.UNKNOWN
            return [self._nack(worker, part, reason) for part in span.parts]
        try:
            damaged = self._resent.damaged_leaf(row, span.parts)
            data = memoryview(self._spool.read(row.spool_name, first.offset, span.length))
        except SpoolDamaged as error:
            self._rows.pop((first.epoch, first.seq), None)
            return self._unread(worker, span, row, error)
        if damaged is not None:
            at = f"from byte {damaged * LEAF_SIZE}"
            why = f"the spool gives back other bytes than were sealed, {at}"
            return self._damaged(worker, span, row, why)
        answers = []
        for part in span.parts:
            start = part.offset - first.offset
            piece = bytes(data[start : start + min(part.length, MAX_PIECE)])
            answers.append(
                self._bytes(worker, FromDock.PART, part, piece)
                if piece
                else self._nack(worker, part, NackReason.UNKNOWN)
            )
        return answers

    def _unread(
        self, worker: str, span: _Span, row: ClipRow, error: SpoolDamaged
    ) -> list[Publication]:
        reason = NackReason.BUSY
        now = self._ledger.clip(row.clip.epoch, row.clip.seq)
        if now is None or now.spool_name is None:
            # Dropped since, because it was released.
            reason = NackReason.UNKNOWN
        elif now.spool_name not in self._spool.names():
            reason = NackReason.LOST
            self._lost(row, str(error))
        else:
            log.warning("spool.unreadable", clip=str(row.clip), error=str(error))
            if self._stays_unreadable(row.clip, error):
                return self._damaged(worker, span, now, f"it cannot be read: {error}")
        return [self._nack(worker, part, reason) for part in span.parts]

    def _stays_unreadable(self, clip: ClipId, error: SpoolDamaged) -> bool:
        """Whether a file that is there failed so often that waiting mends nothing."""
        if getattr(error.__cause__, "errno", None) in _SHORT_OF:
            return False
        times, last = self._unreadable.get(clip, (0, 0.0))
        now = time.monotonic()
        if times and now - last < _APART_S:
            return False
        if times + 1 < _READS:
            self._unreadable[clip] = (times + 1, now)
            return False
        self._unreadable.pop(clip, None)
        return True

    def _damaged(self, worker: str, span: _Span, row: ClipRow, why: str) -> list[Publication]:
        """The disk does not give back what was sealed: named, and never sent as the clip."""
        self._rows.pop((row.clip.epoch, row.clip.seq), None)
        self._lost(row, why)
        if row.spool_name is not None:
            # The rest of it may be all that is left if the camera has gone.
            self._spool.set_aside(row.spool_name)
        return [self._nack(worker, part, NackReason.LOST) for part in span.parts]

    def _row(self, epoch: int, seq: int) -> ClipRow | None:
        known = self._rows.get((epoch, seq))
        if known is not None:
            return known
        row = self._ledger.clip(epoch, seq)
        # Only what can still change to "dropped", which the spool itself then says.
        if row is not None and row.spool_name is not None:
            if len(self._rows) >= _ROWS_KEPT:
                self._rows.clear()
            self._rows[epoch, seq] = row
        return row

    def _bytes(
        self, worker: str, what: FromDock, want: LeavesWant | PartWant, payload: bytes
    ) -> Publication:
        topic = clip_bytes(
            self._dock, what, worker, epoch=want.epoch, seq=want.seq, offset=want.offset
        )
        return Publication(topic, payload, 0)

    def _nack(self, worker: str, want: Want, reason: NackReason) -> Publication:
        topic = to_worker(self._dock, FromDock.NACK, worker)
        return Publication(topic, Nack(want, reason).encode(), 1)


def mark_lost(ledger: Ledger, row: ClipRow, reason: str) -> bool:
    """Put on record that a clip's bytes are gone, with an alarm; True when that was news.

    It is none when the gateway has released the clip meanwhile.

    Raises:
        LedgerError: not committed.
    """
    now = ledger.clip(row.clip.epoch, row.clip.seq)
    if now is None or now.state is not ClipState.SEALED:
        return False
    text = f"{row.clip} is gone from the spool: {reason}; it is copied again from its camera"
    # The alarm first: cut in between, the loss itself is found again.
    ledger.raise_alarm(LOST, text, about=str(row.clip))
    if ledger.mark_lost(row.clip, reason) is None:
        return False
    log.error("clip.lost", clip=str(row.clip), reason=reason)
    return True


def _grouped(wants: Sequence[Want]) -> Iterator[_Work]:
    """Join neighbouring parts to spans; everything else stays as it is."""
    parts: list[PartWant] = []
    for want in wants:
        if isinstance(want, PartWant):
            if parts and not _joins(parts, want):
                yield _Span(tuple(parts))
                parts = []
            parts.append(want)
            continue
        if parts:
            yield _Span(tuple(parts))
            parts = []
        yield want
    if parts:
        yield _Span(tuple(parts))


def _joins(parts: Sequence[PartWant], want: PartWant) -> bool:
    last = parts[-1]
    return (last.epoch, last.seq, last.offset + last.length) == (
        want.epoch,
        want.seq,
        want.offset,
    ) and sum(part.length for part in parts) + want.length <= SPAN_BYTES
