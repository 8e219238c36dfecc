from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.intake.entries import pause_for
from gateway.intake.proofs import Way, merged
from gateway.intake.shares import QUIET_S, TURN_S, Shares
from hashing.digest import LEAF_SIZE
from protocols.ids import dock_id

A, B, C = dock_id("a"), dock_id("b"), dock_id("c")

# --- shares -------------------------------------------------------------------------


def test_a_dock_alone_gets_everything() -> None:
    assert Shares(64 << 20).bytes_for(A, 0.0) == 64 << 20


def test_docks_at_work_share_alike() -> None:
    shares = Shares(8 << 20)
    shares.bytes_for(A, 0.0)
    assert shares.bytes_for(B, 0.0) == 4 << 20
    assert shares.bytes_for(A, 0.0) == 4 << 20


def test_a_dock_that_is_done_gives_its_share_back() -> None:
    shares = Shares(8 << 20)
    shares.bytes_for(A, 0.0)
    shares.bytes_for(B, 0.0)
    shares.leave(A)
    assert shares.bytes_for(B, 0.0) == 8 << 20


def test_more_docks_than_leaves_fit_take_turns_and_none_waits_for_ever() -> None:
    shares = Shares(2 * LEAF_SIZE)
    served = set()
    now = 0.0
    for _ in range(10):
        for dock in (A, B, C):
            if shares.bytes_for(dock, now):
                served.add(dock)
                shares.heard(dock, now)
        now += TURN_S / 2
    assert served == {A, B, C}


def test_no_more_than_all_memory_is_ever_given_away() -> None:
    shares = Shares(3 * LEAF_SIZE)
    docks = [dock_id(f"d{number}") for number in range(50)]
    for now in range(100):
        for dock in docks:
            shares.bytes_for(dock, float(now))
        given_out = sum(shares.bytes_for(dock, float(now)) for dock in docks)
        assert given_out <= 3 * LEAF_SIZE


def test_a_dock_that_does_not_answer_loses_its_turn_to_one_that_waits() -> None:
    shares = Shares(LEAF_SIZE)
    assert shares.bytes_for(A, 0.0)
    assert not shares.bytes_for(B, 1.0)
    assert shares.bytes_for(B, QUIET_S + 1)


def test_without_room_on_the_disk_nobody_is_asked() -> None:
    shares = Shares(LEAF_SIZE)
    shares.closed = True
    assert shares.bytes_for(A, 0.0) == 0


# --- the way to the dock's checkpoint -----------------------------------------------


def test_the_first_proof_starts_at_what_the_dock_announced() -> None:
    way = Way(5)
    assert way.to(9) == 5


def test_all_messages_of_one_checkpoint_carry_the_same_way() -> None:
    way = Way(5)
    assert [way.to(9), way.to(9), way.to(9)] == [5, 5, 5]


def test_the_next_checkpoint_is_proved_from_the_one_before_without_waiting() -> None:
    way = Way(5)
    way.to(9)
    assert way.to(12) == 9
    assert way.to(12) == 9


def test_a_dock_that_follows_leaves_the_way_as_it_is() -> None:
    way = Way(5)
    way.to(9)
    way.to(12)
    assert not way.announced(9, again=True)
    assert way.to(20) == 12


def test_a_dock_that_asks_again_from_where_it_was_has_lost_what_was_sent() -> None:
    way = Way(5)
    way.to(9)
    assert way.announced(5, again=True)
    assert way.to(12) == 5


def test_other_news_of_the_dock_does_not_mean_that_messages_on_their_way_are_lost() -> None:
    way = Way(5)
    way.to(9)
    assert not way.announced(5, again=False)
    assert way.to(12) == 9


def test_a_dock_that_claims_more_than_there_is_gets_no_negative_way() -> None:
    way = Way(5)
    way.announced(1000, again=True)
    assert way.to(9) == 9


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40), st.integers(0, 40))))
def test_merged_ranges_hold_the_same_numbers_without_overlap(
    ranges: list[tuple[int, int, int]],
) -> None:
    def numbers(these: list[tuple[int, int, int]]) -> list[tuple[int, int]]:
        return [(epoch, n) for epoch, first, last in these for n in range(first, last + 1)]

    result = merged(ranges)
    assert set(numbers(result)) == set(numbers(ranges))
    assert len(numbers(result)) == len(set(numbers(result)))


def test_ranges_to_the_end_of_all_numbers_are_merged_at_once() -> None:
    assert merged([(0, 0, 2**63 - 1)] * 1000) == [(0, 0, 2**63 - 1)]


def test_a_refused_entry_is_asked_for_ever_more_rarely_but_always_again() -> None:
    pauses = [pause_for(times) for times in range(2000)]
    assert pauses == sorted(pauses)
    assert 0 < pauses[0] < pauses[-1] <= 60
