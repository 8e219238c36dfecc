import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hashing.ledger import (
    MAX_SEQ,
    NO_PREV,
    DockHead,
    DockLink,
    Fault,
    SubjectHead,
    SubjectLink,
    check_dock_link,
    check_subject_link,
    next_dock_link,
    next_subject_link,
    statement_hash,
    walk_dock,
    walk_subject,
)
from tests.chains import chain, pairs, sign_entry, subject_pairs

HASHES = [statement_hash(bytes([i])) for i in range(8)]


def test_the_first_link_of_a_ledger_and_of_a_subject_names_no_predecessor() -> None:
    assert next_dock_link(None) == DockLink(0, 0, NO_PREV)
    assert next_dock_link(None, epoch=3) == DockLink(3, 0, NO_PREV)
    assert next_subject_link(None) == SubjectLink(0, NO_PREV)


def test_the_next_link_names_the_head() -> None:
    assert next_dock_link(DockHead(2, 5, HASHES[0])) == DockLink(2, 6, HASHES[0])
    assert next_subject_link(SubjectHead(5, HASHES[0])) == SubjectLink(6, HASHES[0])


def test_a_later_epoch_starts_at_zero_and_an_earlier_one_is_not_gone_back_to() -> None:
    head = DockHead(2, 5, HASHES[0])

    assert next_dock_link(head, epoch=3) == DockLink(3, 0, NO_PREV)
    assert next_dock_link(head, epoch=1) == DockLink(2, 6, HASHES[0])


def test_every_next_link_is_accepted_as_next() -> None:
    head = DockHead(0, 4, HASHES[4])
    subject_head = SubjectHead(4, HASHES[4])

    assert check_dock_link(None, next_dock_link(None), HASHES[0]) is None
    assert check_dock_link(head, next_dock_link(head), HASHES[5]) is None
    assert check_dock_link(head, next_dock_link(head, epoch=7), HASHES[5]) is None
    assert check_subject_link(None, next_subject_link(None), HASHES[0]) is None
    assert check_subject_link(subject_head, next_subject_link(subject_head), HASHES[5]) is None


@pytest.mark.parametrize(
    ("link", "entry_hash", "fault", "seq", "reason"),
    [
        (DockLink(1, 8, HASHES[1]), HASHES[2], Fault.GAP, 5, "3 entries, 5 to 7, are missing"),
        (DockLink(1, 6, HASHES[1]), HASHES[2], Fault.GAP, 5, "entry 5 is missing before 6"),
        (DockLink(1, 5, HASHES[2]), HASHES[3], Fault.EDIT, 5, "does not name the entry 4"),
        (DockLink(1, 4, HASHES[0]), HASHES[2], Fault.FORK, 4, "two different statements"),
        (DockLink(1, 4, HASHES[0]), HASHES[1], Fault.REPEAT, 4, "comes twice, identically"),
        (DockLink(1, 3, HASHES[0]), HASHES[2], Fault.REPEAT, 3, "comes again after 4"),
        (DockLink(0, 9, HASHES[0]), HASHES[2], Fault.REPEAT, 9, "epoch 0 was closed"),
        (DockLink(2, 1, HASHES[0]), HASHES[2], Fault.GAP, 0, "entry 0 is missing before 1"),
        (DockLink(2, 0, HASHES[1]), HASHES[2], Fault.EDIT, 0, "first entry of epoch 2"),
    ],
)
def test_a_link_that_is_not_next_says_why(
    link: DockLink, entry_hash: bytes, fault: Fault, seq: int, reason: str
) -> None:
    found = check_dock_link(DockHead(1, 4, HASHES[1]), link, entry_hash)

    assert found is not None
    assert (found.fault, found.epoch, found.seq) == (fault, link.epoch, seq)
    assert found.position == f"epoch {link.epoch} seq {seq}"
    assert reason in found.reason


def test_a_ledger_that_does_not_begin_at_zero_has_a_gap_and_one_with_a_prev_an_edit() -> None:
    gap = check_dock_link(None, DockLink(0, 2, HASHES[0]), HASHES[1])
    edit = check_dock_link(None, DockLink(0, 0, HASHES[0]), HASHES[1])

    assert gap is not None
    assert edit is not None
    assert (gap.fault, gap.seq, edit.fault, edit.seq) == (Fault.GAP, 0, Fault.EDIT, 0)


def test_a_break_in_a_subjects_chain_has_no_epoch() -> None:
    found = check_subject_link(SubjectHead(1, HASHES[1]), SubjectLink(3, HASHES[2]), HASHES[3])

    assert found is not None
    assert (found.fault, found.position, found.epoch, found.seq) == (Fault.GAP, "seq 2", None, 2)


@pytest.mark.parametrize("notation", ["", "A", "ABCD", "AB|A", "A|A|ABC"])
def test_a_whole_chain_walks_to_its_head(notation: str) -> None:
    entries = chain(notation)
    walk = walk_dock(pairs(entries))

    assert walk.first_break is None
    assert walk.head == (entries[-1].head if entries else None)


@pytest.mark.parametrize(
    ("notation", "fault", "position", "held"),
    [
        ("AB-D", Fault.GAP, "epoch 0 seq 2", 2),
        ("-B", Fault.GAP, "epoch 0 seq 0", 0),
        ("ABxC", Fault.EDIT, "epoch 0 seq 2", 2),
        ("AxBC", Fault.EDIT, "epoch 0 seq 1", 1),
        ("ABb", Fault.FORK, "epoch 0 seq 1", 2),
        ("ABCDb", Fault.FORK, "epoch 0 seq 1", 4),
        ("ABB", Fault.REPEAT, "epoch 0 seq 1", 2),
        ("ABCA", Fault.REPEAT, "epoch 0 seq 0", 3),
        ("ACBD", Fault.GAP, "epoch 0 seq 1", 1),
        ("AB|-B", Fault.GAP, "epoch 1 seq 0", 2),
        ("AB|AxB", Fault.EDIT, "epoch 1 seq 1", 3),
    ],
)
def test_a_broken_chain_names_its_first_break(
    notation: str, fault: Fault, position: str, held: int
) -> None:
    entries = chain(notation)
    walk = walk_dock(pairs(entries))

    assert walk.first_break is not None
    assert (walk.first_break.fault, walk.first_break.position) == (fault, position)
    assert walk.head == (entries[held - 1].head if held else None)


def test_a_subjects_chain_is_walked_by_the_same_rules() -> None:
    whole, lost = chain("ABC"), chain("A-C")
    walked, broken = walk_subject(subject_pairs(whole)), walk_subject(subject_pairs(lost))

    assert walked.head == SubjectHead(2, whole[-1].hash)
    assert walked.first_break is None
    assert broken.first_break is not None
    assert (broken.first_break.fault, broken.first_break.position) == (Fault.GAP, "seq 1")
    assert broken.first_break.epoch is None


def test_a_cut_tail_is_found_against_the_known_head_and_says_how_much_is_missing() -> None:
    entries = chain("ABCDE")
    walk = walk_dock(pairs(entries[:2]), expect_head=entries[-1].head)
    subject = walk_subject(subject_pairs(entries[:4]), expect_head=SubjectHead(4, entries[4].hash))

    assert walk.first_break is not None
    assert (walk.first_break.fault, walk.first_break.seq) == (Fault.CUT, 2)
    assert "3 entries, 2 to 4, are missing" in walk.first_break.reason
    assert subject.first_break is not None
    assert subject.first_break.reason.endswith("entry 4 is missing")


def test_a_chain_that_lost_a_whole_epoch_is_cut() -> None:
    entries = chain("AB|AB")
    walk = walk_dock(pairs(entries[:2]), expect_head=entries[-1].head)
    empty = walk_dock([], expect_head=entries[0].head)

    assert walk.first_break is not None
    assert (walk.first_break.fault, walk.first_break.position) == (Fault.CUT, "epoch 1 seq 0")
    assert empty.first_break is not None
    assert "nothing of the chain" in empty.first_break.reason


def test_a_chain_that_grew_beyond_the_known_head_is_whole() -> None:
    entries = chain("ABCD")

    assert walk_dock(pairs(entries), expect_head=entries[1].head).first_break is None


def test_another_entry_at_the_known_heads_place_is_a_fork() -> None:
    entries = chain("ABC")
    other = sign_entry(entries[1].link, "other").head

    for_dock = walk_dock(pairs(entries), expect_head=other).first_break

    assert for_dock is not None
    assert (for_dock.fault, for_dock.seq) == (Fault.FORK, 1)


def test_a_walk_continues_after_a_head() -> None:
    entries = chain("ABCDE")
    walk = walk_dock(pairs(entries[2:]), after=entries[1].head, expect_head=entries[4].head)
    again = walk_dock(pairs(entries[1:]), after=entries[1].head)

    assert walk.first_break is None
    assert again.first_break is not None
    assert again.first_break.fault is Fault.REPEAT


def test_a_known_head_before_the_start_of_the_walk_counts_as_missing() -> None:
    entries = chain("ABCD")
    walk = walk_dock(pairs(entries[3:]), after=entries[2].head, expect_head=entries[0].head)

    assert walk.first_break is not None
    assert walk.first_break.fault is Fault.CUT


CHAIN = chain("ABCDEFGHIJKL")
WHOLE = pairs(CHAIN)


@given(st.integers(0, 11))
def test_any_entry_taken_from_inside_is_found(at: int) -> None:
    walk = walk_dock(WHOLE[:at] + WHOLE[at + 1 :], expect_head=CHAIN[-1].head)

    assert walk.first_break is not None
    assert walk.first_break.fault is (Fault.CUT if at == 11 else Fault.GAP)
    assert walk.first_break.seq == at


@given(st.integers(0, 11), st.integers(0, 11))
def test_any_swap_is_found(one: int, other: int) -> None:
    swapped = list(WHOLE)
    swapped[one], swapped[other] = swapped[other], swapped[one]

    assert (walk_dock(swapped).first_break is None) == (one == other)


@given(st.integers(0, 11), st.binary(min_size=32, max_size=32))
def test_any_edit_of_a_statement_or_of_its_prev_is_found(at: int, other: bytes) -> None:
    link, _ = WHOLE[at]
    assume(other != link.prev)
    altered = [*WHOLE[:at], (link, other), *WHOLE[at + 1 :]]
    relinked = [*WHOLE[:at], (DockLink(0, at, other), WHOLE[at][1]), *WHOLE[at + 1 :]]

    assert walk_dock(altered, expect_head=CHAIN[-1].head).first_break is not None
    assert walk_dock(relinked).first_break is not None


@given(st.integers(0, 11), st.integers(0, 12))
def test_any_entry_inserted_again_is_found(which: int, at: int) -> None:
    walk = walk_dock([*WHOLE[:at], WHOLE[which], *WHOLE[at:]])

    assert walk.first_break is not None


@given(st.integers(0, 12))
def test_any_cut_is_found_against_the_known_head(length: int) -> None:
    walk = walk_dock(WHOLE[:length], expect_head=CHAIN[-1].head)

    assert (walk.first_break is None) == (length == 12)


_LINKS = st.builds(
    DockLink,
    st.integers(0, MAX_SEQ),
    st.integers(0, MAX_SEQ),
    st.binary(min_size=32, max_size=32),
)


@given(st.lists(st.tuples(_LINKS, st.binary(min_size=32, max_size=32)), max_size=8))
def test_whatever_a_chain_claims_walking_it_ends_in_a_head_or_a_break(
    entries: list[tuple[DockLink, bytes]],
) -> None:
    walk = walk_dock(entries, expect_head=DockHead(0, MAX_SEQ, NO_PREV))

    assert walk.first_break is not None
