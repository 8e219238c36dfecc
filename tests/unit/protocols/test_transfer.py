"""What is pulled next: everything once, in the right order, whatever the network does."""

import random
from collections import defaultdict
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.messages import Head, LeavesWant, LedgerWant, Nack, NackReason, PartWant, Want
from protocols.transfer import HASH_BYTES, ClipNeed, Transfer
from protocols.window import Limits

KIB = 1024
LIMITS = Limits(part_size=4 * KIB, window_bytes=64 * KIB, window_messages=8)
BIG = 1 << 40


def _head(seq: int | None, epoch: int = 0) -> Head:
    return Head(
        epoch=epoch,
        seq=seq,
        hash=None if seq is None else "0" * 64,
        unreleased=(),
        free_bytes=0,
    )


def _clip(seq: int, size: int = 40 * KIB, priority: int = 2) -> ClipNeed:
    return ClipNeed(0, seq, size, leaf_size=16 * KIB, priority=priority)


def _ask(transfer: Transfer, now: float = 0.0, budget: int = BIG) -> list[Want]:
    return transfer.next_wants(now, budget_bytes=budget)


def test_nothing_is_asked_before_the_dock_announced_itself() -> None:
    assert _ask(Transfer(LIMITS)) == []


def test_an_empty_ledger_asks_for_nothing() -> None:
    transfer = Transfer(LIMITS)
    transfer.announce(_head(None))
    assert _ask(transfer) == []


def test_ledger_pages_come_one_at_a_time_and_in_order() -> None:
    transfer = Transfer(LIMITS)
    transfer.announce(_head(99))
    assert _ask(transfer) == [LedgerWant(0, 0, 63)]
    assert _ask(transfer) == []
    transfer.committed(0, 10)
    assert transfer.arrived(LedgerWant(0, 0, 9), 0.1)
    assert _ask(transfer) == [LedgerWant(0, 10, 73)]
    transfer.committed(0, 100)
    transfer.arrived(LedgerWant(0, 10, 99), 0.1)
    assert _ask(transfer) == []


def test_a_new_epoch_is_pulled_from_its_beginning() -> None:
    transfer = Transfer(LIMITS)
    transfer.committed(0, 50)
    transfer.announce(_head(3, epoch=1))
    assert _ask(transfer) == [LedgerWant(1, 0, 3)]


def test_a_head_of_an_older_epoch_asks_for_nothing() -> None:
    transfer = Transfer(LIMITS)
    transfer.committed(2, 5)
    transfer.announce(_head(80, epoch=1))
    assert _ask(transfer) == []


def test_marked_clips_come_before_tagged_before_oldest() -> None:
    transfer = Transfer(Limits(part_size=4 * KIB, window_bytes=8 * KIB, window_messages=3))
    for seq, priority in ((5, 2), (3, 2), (9, 0), (7, 1)):
        transfer.add_clip(_clip(seq, 4 * KIB, priority))
        transfer.leaves_listed(0, seq)
    order = []
    while transfer.clips:
        for want in _ask(transfer):
            assert isinstance(want, PartWant)
            order.append(want.seq)
            transfer.arrived(want, 0.0)
            transfer.drop_clip(0, want.seq)
    assert order == [9, 7, 3, 5]


def test_parts_wait_for_the_leaf_list() -> None:
    transfer = Transfer(LIMITS)
    transfer.add_clip(_clip(1))
    assert _ask(transfer) == [LeavesWant(0, 1, 0, 3 * HASH_BYTES)]
    transfer.arrived(LeavesWant(0, 1, 0, 3 * HASH_BYTES), 0.1)
    transfer.leaves_listed(0, 1)
    first = _ask(transfer)
    assert first[0] == PartWant(0, 1, 0, 4 * KIB)
    assert len(first) == LIMITS.window_messages


def test_a_wrong_leaf_list_is_pulled_again() -> None:
    transfer = Transfer(LIMITS)
    transfer.add_clip(_clip(1))
    (want,) = _ask(transfer)
    transfer.arrived(want, 0.1)
    transfer.leaves_bad(0, 1)
    assert _ask(transfer) == [want]


def test_a_leaf_kept_before_a_restart_is_not_pulled() -> None:
    transfer = Transfer(LIMITS)
    transfer.add_clip(_clip(1))
    transfer.leaves_listed(0, 1)
    transfer.leaf_good(0, 1, 0)
    transfer.leaf_good(0, 1, 1)
    assert _ask(transfer) == [PartWant(0, 1, 32 * KIB, 4 * KIB), PartWant(0, 1, 36 * KIB, 4 * KIB)]


def test_a_wrong_leaf_is_pulled_again_and_the_last_part_is_short() -> None:
    transfer = Transfer(LIMITS)
    transfer.add_clip(_clip(1, 5 * KIB))
    transfer.leaves_listed(0, 1)
    parts = [PartWant(0, 1, 0, 4 * KIB), PartWant(0, 1, 4 * KIB, KIB)]
    assert _ask(transfer) == parts
    for part in parts:
        assert transfer.arrived(part, 0.1)
    transfer.leaf_bad(0, 1, 0)
    assert _ask(transfer) == parts


def test_an_empty_clip_wants_nothing() -> None:
    transfer = Transfer(LIMITS)
    transfer.add_clip(_clip(1, 0))
    assert _ask(transfer) == []


def test_what_is_not_answered_in_time_is_pulled_again() -> None:
    transfer = Transfer(LIMITS)
    transfer.add_clip(_clip(1, 4 * KIB))
    transfer.leaves_listed(0, 1)
    (want,) = _ask(transfer)
    assert transfer.next_deadline() == LIMITS.min_timeout_s
    assert _ask(transfer, now=4.9) == []
    assert _ask(transfer, now=5.0) == [want]
    assert not transfer.arrived(PartWant(0, 1, 4, 4), 5.1)
    assert transfer.arrived(want, 5.1)
    assert not transfer.arrived(want, 5.2)
    assert transfer.next_deadline() is None


def test_the_window_bounds_bytes_and_the_budget_bounds_them_further() -> None:
    transfer = Transfer(Limits(part_size=4 * KIB, window_bytes=16 * KIB, window_messages=100))
    transfer.add_clip(_clip(1, 160 * KIB))
    transfer.leaves_listed(0, 1)
    assert len(_ask(transfer, budget=4 * KIB - 1)) == 0
    assert len(_ask(transfer, budget=9 * KIB)) == 2
    assert len(_ask(transfer)) == 2
    assert transfer.outstanding_bytes == 16 * KIB


def test_a_slow_link_gets_a_smaller_window_and_a_longer_timeout() -> None:
    limits = Limits(part_size=4 * KIB, window_bytes=64 * KIB, window_messages=100)
    transfer = Transfer(limits)
    transfer.add_clip(_clip(1, 1600 * KIB))
    transfer.leaves_listed(0, 1)
    now, last = 0.0, 0
    for _ in range(30):
        asked = _ask(transfer, now)
        now += 4.0
        for want in asked:
            transfer.arrived(want, now)
        last = len(asked)
    assert last == 1
    assert len(_ask(transfer, now)) == 1
    assert transfer.next_deadline() == pytest.approx(now + 16.0, rel=0.01)


def test_a_fast_link_grows_the_window_to_its_ceiling() -> None:
    transfer = Transfer(
        Limits(part_size=256 * KIB, window_bytes=8 * KIB * KIB, window_messages=100)
    )
    transfer.add_clip(ClipNeed(0, 1, 1 << 30, 1 << 20))
    transfer.leaves_listed(0, 1)
    first = _ask(transfer)
    assert len(first) == 4
    now = 0.0
    for _ in range(8):
        now += 0.01
        for want in first:
            transfer.arrived(want, now)
        first = _ask(transfer, now)
    assert len(first) == 32


@pytest.mark.parametrize(("reason", "pause_s"), [(NackReason.BUSY, 2), (NackReason.UNKNOWN, 30)])
def test_a_clip_the_dock_cannot_give_waits_and_others_go_on(
    reason: NackReason, pause_s: float
) -> None:
    transfer = Transfer(LIMITS)
    for seq in (1, 2):
        transfer.add_clip(_clip(seq, 4 * KIB))
        transfer.leaves_listed(0, seq)
    first, second = _ask(transfer)
    transfer.refused(Nack(first, reason), 0.0)
    transfer.arrived(second, 0.0)
    transfer.drop_clip(0, 2)
    assert _ask(transfer, now=pause_s - 0.1) == []
    assert _ask(transfer, now=pause_s) == [first]


def test_a_new_head_ends_every_wait() -> None:
    transfer = Transfer(LIMITS)
    transfer.announce(_head(0))
    transfer.add_clip(_clip(1, 4 * KIB))
    transfer.leaves_listed(0, 1)
    page, part = _ask(transfer)
    transfer.refused(Nack(page, NackReason.UNKNOWN), 0.0)
    transfer.refused(Nack(part, NackReason.UNKNOWN), 0.0)
    assert _ask(transfer, now=1.0) == []
    transfer.announce(_head(0))
    assert _ask(transfer, now=1.0) == [page, part]


def test_facts_about_clips_that_are_not_wanted_are_harmless() -> None:
    transfer = Transfer(LIMITS)
    transfer.leaves_listed(0, 1)
    transfer.leaves_bad(0, 1)
    transfer.leaf_good(0, 1, 0)
    transfer.leaf_bad(0, 1, 0)
    transfer.drop_clip(0, 1)
    transfer.refused(Nack(PartWant(0, 1, 0, 1), NackReason.LOST), 0.0)
    assert transfer.clips == 0


def test_a_nack_nobody_asked_for_changes_nothing() -> None:
    transfer = Transfer(LIMITS)
    transfer.add_clip(_clip(1, 4 * KIB))
    transfer.leaves_listed(0, 1)
    transfer.refused(Nack(PartWant(0, 1, 1 << 50, 1 << 50), NackReason.LOST), 0.0)
    asked = _ask(transfer)
    assert asked == [PartWant(0, 1, 0, 4 * KIB)]
    transfer.refused(Nack(LeavesWant(0, 9, 0, 32), NackReason.LOST), 0.0)
    transfer.drop_clip(0, 1)
    transfer.refused(Nack(asked[0], NackReason.LOST), 0.0)
    assert _ask(transfer) == []


def test_a_part_overdue_after_its_leaf_list_was_taken_back_waits_for_the_list() -> None:
    transfer = Transfer(LIMITS)
    transfer.add_clip(_clip(1, 4 * KIB))
    transfer.leaves_listed(0, 1)
    _ask(transfer)
    transfer.leaves_bad(0, 1)
    asked = _ask(transfer, now=50.0)
    assert asked[-1] == LeavesWant(0, 1, 0, HASH_BYTES)


def test_dropping_a_clip_gives_its_share_of_the_window_back() -> None:
    transfer = Transfer(LIMITS)
    transfer.announce(_head(0))
    transfer.add_clip(_clip(1))
    transfer.leaves_listed(0, 1)
    _ask(transfer)
    transfer.drop_clip(0, 1)
    assert transfer.outstanding_bytes == LIMITS.part_size  # the ledger page
    assert transfer.next_deadline() == 5.0


def test_overdue_wants_of_every_kind_are_asked_again() -> None:
    transfer = Transfer(LIMITS)
    transfer.announce(_head(0))
    transfer.add_clip(_clip(1))
    transfer.add_clip(_clip(2, 4 * KIB))
    transfer.leaves_listed(0, 2)
    asked = _ask(transfer)
    again = _ask(transfer, now=50.0)
    assert set(asked) == set(again)


def test_a_part_of_a_leaf_that_became_good_is_not_asked_again() -> None:
    transfer = Transfer(LIMITS)
    transfer.add_clip(_clip(1, 4 * KIB))
    transfer.leaves_listed(0, 1)
    _ask(transfer)
    transfer.leaf_good(0, 1, 0)
    assert _ask(transfer, now=50.0) == []


def test_a_leaf_list_in_several_messages_is_not_asked_again_once_complete() -> None:
    transfer = Transfer(Limits(part_size=64, window_bytes=64 * KIB, window_messages=8))
    transfer.add_clip(ClipNeed(0, 1, 5 * 64, leaf_size=64))
    assert _ask(transfer) == [
        LeavesWant(0, 1, 0, 64),
        LeavesWant(0, 1, 64, 64),
        LeavesWant(0, 1, 128, 32),
    ]
    transfer.leaves_listed(0, 1)
    transfer.leaves_listed(0, 1)
    asked = _ask(transfer, now=60.0)
    assert [type(want) for want in asked] == [PartWant] * 5


@dataclass
class _Network:
    """Delivers, loses, repeats and reorders answers, as a seed says."""

    random: random.Random
    pending: list[Want] = field(default_factory=list)

    def send(self, wants: list[Want]) -> None:
        for want in wants:
            copies = self.random.choices([0, 1, 2], weights=[2, 6, 2])[0]
            self.pending.extend([want] * copies)

    def deliver(self) -> list[Want]:
        self.random.shuffle(self.pending)
        count = self.random.randint(0, len(self.pending))
        delivered, self.pending = self.pending[:count], self.pending[count:]
        return delivered


@dataclass
class _Gateway:
    """The caller of the state machine: keeps the bytes, here only their lengths."""

    random: random.Random
    transfer: Transfer
    needs: dict[int, ClipNeed]
    position: int = 0
    got: dict[int, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))

    def receive(self, want: Want, now: float) -> None:
        bad = self.random.random() < 0.1
        match want:
            case LedgerWant(_, first, last) if first <= self.position:
                self.position = max(self.position, last + 1)
                self.transfer.committed(0, self.position)
            case LeavesWant(_, seq):
                (self.transfer.leaves_bad if bad else self.transfer.leaves_listed)(0, seq)
            case PartWant(_, seq, offset, length):
                leaf = offset // self.needs[seq].leaf_size
                if bad:
                    self.transfer.leaf_bad(0, seq, leaf)
                else:
                    self.got[seq][offset] = length
                    self._settle_leaf(self.needs[seq], leaf)
            case _:
                pass  # a page beyond a lost one
        self.transfer.arrived(want, now)

    def _settle_leaf(self, need: ClipNeed, leaf: int) -> None:
        start = leaf * need.leaf_size
        end = min(need.size, start + need.leaf_size)
        parts = self.got[need.seq].items()
        if sum(length for offset, length in parts if start <= offset < end) == end - start:
            self.transfer.leaf_good(0, need.seq, leaf)

    def drop_whole_clips(self) -> None:
        for seq, need in self.needs.items():
            if sum(self.got[seq].values()) == need.size:
                self.transfer.drop_clip(0, seq)


@given(
    seed=st.integers(0, 2**32),
    sizes=st.lists(st.integers(0, 100 * KIB), max_size=6),
    entries=st.integers(1, 150),
)
@settings(deadline=None, max_examples=60)
def test_any_order_loss_or_repeat_of_messages_ends_the_same(
    seed: int, sizes: list[int], entries: int
) -> None:
    rng = random.Random(seed)  # noqa: S311  # a schedule, not a secret
    network, transfer = _Network(rng), Transfer(LIMITS)
    transfer.announce(_head(entries - 1))
    needs = {seq: _clip(seq, size) for seq, size in enumerate(sizes)}
    for need in needs.values():
        transfer.add_clip(need)
    gateway, now = _Gateway(rng, transfer, needs), 0.0
    for _ in range(3000):
        network.send(_ask(transfer, now))
        now += rng.choice([0.01, 0.3, 6.0])
        for want in network.deliver():
            gateway.receive(want, now)
        gateway.drop_whole_clips()
        if not transfer.clips and gateway.position == entries:
            break
    assert gateway.position == entries
    assert transfer.clips == 0
    assert [sum(gateway.got[seq].values()) for seq in needs] == sizes


def test_a_dock_that_answers_after_a_nack_in_its_name_is_asked_on_at_once() -> None:
    transfer = Transfer(LIMITS)
    transfer.announce(_head(99))
    (page,) = _ask(transfer)
    transfer.refused(Nack(page, NackReason.LOST), 0.0)
    assert _ask(transfer) == []
    transfer.committed(0, 64)
    assert _ask(transfer) == [LedgerWant(0, 64, 99)]
