"""What the gateway pulls next from one dock: a pure state machine (SPEC 6).

Facts go in (a head was announced, a leaf is good, a part arrived), wants come out. The
caller sends them, keeps the bytes and tells the time; time is in seconds of any clock
that only moves forward. Nothing is remembered that a restart could not find out again
from the database and the staging files.

Order: missing ledger pages, then leaf lists, then parts; marked clips first, then tagged,
then the oldest. What stays unanswered is pulled again.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from protocols.messages import Head, LeavesWant, LedgerWant, Nack, NackReason, PartWant, Want
from protocols.window import Limits, Window

HASH_BYTES = 32
_LEDGER_PAGE = 64
ClipWant: TypeAlias = LeavesWant | PartWant
# A dock that has lost or not yet found a clip is asked again, but not at once.
_NACK_PAUSE_S = 30.0
_BUSY_PAUSE_S = 2.0


@dataclass(frozen=True, slots=True)
class ClipNeed:
    """A sealed clip that the gateway does not hold yet.

    Attributes:
        size: bytes of the clip.
        leaf_size: bytes of a leaf, 1 MiB.
        priority: 0 marked, 1 tagged, 2 everything else.
    """

    epoch: int
    seq: int
    size: int
    leaf_size: int
    priority: int = 2

    @property
    def leaves(self) -> int:
        """Number of leaves."""
        return -(-self.size // self.leaf_size)


@dataclass(slots=True)
class _Clip:
    """What is known of one clip while it is pulled."""

    need: ClipNeed
    list_complete: bool = False
    have: set[int] = field(default_factory=set)
    wants: Iterator[ClipWant] | None = None
    again: deque[ClipWant] = field(default_factory=deque)
    paused_until: float = 0.0


class Transfer:
    """One worker's view of one dock."""

    def __init__(self, limits: Limits) -> None:
        """Start knowing nothing.

        Args:
            limits: part size and the largest window in bytes and messages.
        """
        self._limits = limits
        self._window = Window(limits)
        self._head: Head | None = None
        self._position: tuple[int, int] = (0, 0)
        self._ledger_pause = 0.0
        self._clips: dict[tuple[int, int], _Clip] = {}
        self._queue: list[_Clip] = []

    # --- facts ----------------------------------------------------------------------

    def announce(self, head: Head) -> None:
        """The dock said where its ledger stands; whatever it lacked before may be there."""
        self._head = head
        self._ledger_pause = 0.0
        for clip in self._clips.values():
            clip.paused_until = 0.0

    def committed(self, epoch: int, next_seq: int) -> None:
        """The database holds the dock's entries of ``epoch`` before ``next_seq``.

        A dock that answers is not one that cannot, whatever a nack in its name said.
        """
        self._position = (epoch, next_seq)
        self._ledger_pause = 0.0

    def add_clip(self, need: ClipNeed) -> None:
        """A clip is sealed and not stored; adding it again starts it afresh.

        The list of a clip of one leaf is its root, so the caller can say
        ``leaves_listed`` at once and spare the dock the question.
        """
        self.drop_clip(need.epoch, need.seq)
        clip = _Clip(need, list_complete=need.leaves == 0)
        self._clips[need.epoch, need.seq] = clip
        insort(self._queue, clip, key=_order)

    def drop_clip(self, epoch: int, seq: int) -> None:
        """The clip is whole, lost or refused; nothing more of it is wanted."""
        clip = self._clips.pop((epoch, seq), None)
        if clip is not None:
            # A card may hold 10,000 recordings: no scan of the queue for each of them.
            del self._queue[bisect_left(self._queue, _order(clip), key=_order)]
            self._window.forget(epoch, seq)

    def leaves_listed(self, epoch: int, seq: int) -> None:
        """The clip's leaf list is complete and leads to its root: parts may be pulled."""
        clip = self._clips.get((epoch, seq))
        if clip is not None and not clip.list_complete:
            clip.list_complete, clip.wants = True, None
            clip.again.clear()

    def leaves_bad(self, epoch: int, seq: int) -> None:
        """The leaf list did not lead to the root: all of it again."""
        clip = self._clips.get((epoch, seq))
        if clip is not None:
            clip.list_complete, clip.wants = False, None
            clip.again.clear()

    def leaf_good(self, epoch: int, seq: int, index: int) -> None:
        """A leaf was checked and kept, now or before a restart."""
        clip = self._clips.get((epoch, seq))
        if clip is not None:
            clip.have.add(index)

    def leaf_bad(self, epoch: int, seq: int, index: int) -> None:
        """A leaf's bytes were wrong: all its parts again."""
        clip = self._clips.get((epoch, seq))
        if clip is not None:
            clip.have.discard(index)
            clip.again.extend(self._parts(clip.need, index))

    def arrived(self, want: Want, now: float) -> bool:
        """An answer came and was dealt with; False when it was not (or no longer) asked for.

        For a ledger page say this after ``committed``, with any range: one page is
        outstanding at a time, and until then the same entries would be pulled again.
        """
        return self._window.arrived(want, now)

    def refused(self, nack: Nack, now: float) -> None:
        """The dock cannot answer: wait, then ask again (a new head ends the wait)."""
        # Only what was asked: else a forged nack would choose what is pulled next.
        if not self._window.arrived(nack.want, now):
            return
        pause = now + (_BUSY_PAUSE_S if nack.reason is NackReason.BUSY else _NACK_PAUSE_S)
        if isinstance(nack.want, LedgerWant):
            self._ledger_pause = pause
            return
        clip = self._clips[nack.want.epoch, nack.want.seq]
        clip.again.append(nack.want)
        clip.paused_until = pause

    # --- wants ----------------------------------------------------------------------

    @property
    def outstanding_bytes(self) -> int:
        """Bytes asked for and not yet answered or given up."""
        return self._window.bytes

    @property
    def clips(self) -> int:
        """Clips that are still wanted."""
        return len(self._clips)

    def next_deadline(self) -> float | None:
        """When the oldest unanswered want is given up; None when nothing is outstanding."""
        return self._window.next_deadline()

    def next_wants(self, now: float, *, budget_bytes: int) -> list[Want]:
        """What to pull now; empty while the window is full or nothing is missing.

        Args:
            now: seconds.
            budget_bytes: share of the worker's overall window that this dock may use now;
                below one part nothing is asked.
        """
        for want in self._window.expire(now):
            self._again(want)
        chosen: list[Want] = []
        for want in self._candidates(now):
            if want in self._window:
                continue
            cost = self._cost(want)
            if cost > budget_bytes or not self._window.fits(cost):
                self._again(want)
                break
            self._window.ask(want, cost, now)
            budget_bytes -= cost
            chosen.append(want)
        return chosen

    def _candidates(self, now: float) -> Iterator[Want]:
        page = self._ledger_want(now)
        if page is not None:
            yield page
        for clip in tuple(self._queue):
            if now >= clip.paused_until:
                yield from self._of_clip(clip)

    def _ledger_want(self, now: float) -> Want | None:
        head, (epoch, next_seq) = self._head, self._position
        if head is None or head.seq is None or now < self._ledger_pause:
            return None
        if head.epoch > epoch:
            next_seq = 0
        if head.epoch < epoch or head.seq < next_seq:
            return None
        return LedgerWant(head.epoch, next_seq, min(head.seq, next_seq + _LEDGER_PAGE - 1))

    def _of_clip(self, clip: _Clip) -> Iterator[ClipWant]:
        while clip.again:
            want = clip.again.popleft()
            if not self._needless(clip, want):
                yield want
        if clip.wants is None:
            clip.wants = self._all_parts(clip) if clip.list_complete else self._list(clip.need)
        # Not `yield from`: that would close the clip's iterator when the caller stops early.
        for want in clip.wants:
            yield want

    def _needless(self, clip: _Clip, want: ClipWant) -> bool:
        if isinstance(want, LeavesWant):
            return clip.list_complete
        return want.offset // clip.need.leaf_size in clip.have

    def _list(self, need: ClipNeed) -> Iterator[ClipWant]:
        total = need.leaves * HASH_BYTES
        step = self._limits.part_size
        for offset in range(0, total, step):
            yield LeavesWant(need.epoch, need.seq, offset, min(step, total - offset))

    def _all_parts(self, clip: _Clip) -> Iterator[ClipWant]:
        for index in range(clip.need.leaves):
            if index not in clip.have:
                yield from self._parts(clip.need, index)

    def _parts(self, need: ClipNeed, index: int) -> Iterator[ClipWant]:
        start = index * need.leaf_size
        end = min(need.size, start + need.leaf_size)
        for offset in range(start, end, self._limits.part_size):
            yield PartWant(need.epoch, need.seq, offset, min(self._limits.part_size, end - offset))

    def _again(self, want: Want) -> None:
        # A ledger page is derived afresh from the head; a dropped clip has no wants left.
        if not isinstance(want, LedgerWant):
            self._clips[want.epoch, want.seq].again.append(want)

    def _cost(self, want: Want) -> int:
        return self._limits.part_size if isinstance(want, LedgerWant) else want.length


def _order(clip: _Clip) -> tuple[int, int, int]:
    return (clip.need.priority, clip.need.epoch, clip.need.seq)
