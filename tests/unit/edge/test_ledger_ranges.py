"""Whatever is unreleased lies in one of at most so many ranges."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.ledger_queries import _at_most

SEQS = st.sets(st.tuples(st.integers(0, 2), st.integers(0, 300)), max_size=120)


@given(SEQS, st.integers(3, 40))
def test_ranges_keep_covering_everything_when_they_are_joined(
    clips: set[tuple[int, int]], limit: int
) -> None:
    single = [(epoch, seq, seq) for epoch, seq in sorted(clips)]
    joined = _at_most(single, limit)
    assert len(joined) <= limit
    for epoch, seq in clips:
        assert any(e == epoch and first <= seq <= last for e, first, last in joined)
    assert joined == sorted(joined)


@given(SEQS)
def test_few_ranges_are_left_as_they_are(clips: set[tuple[int, int]]) -> None:
    single = [(epoch, seq, seq) for epoch, seq in sorted(clips)]
    assert _at_most(single, max(len(single), 3)) == single
