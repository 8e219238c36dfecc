"""Ranges and entity tags as RFC 9110 has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.evidence.ranges import Span, UnsatisfiableRange, matches, span_of

TAG = '"' + "ab" * 32 + '"'


@pytest.mark.parametrize(
    ("field", "start", "length"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, 1000),
        ("bytes=10-19", 10, 10),
        ("bytes=990-5000", 990, 10),
        ("bytes=-1", 999, 1),
        ("bytes=-5000", 0, 1000),
        ("BYTES=10-19", 10, 10),
        ("bytes= 10-19 , ", 10, 10),
        ("bytes=0-9,10-19", 0, 20),
        ("bytes=10-19,0-12", 0, 20),
        ("bytes=0-9,2000-3000", 0, 10),
        ("bytes=5-" + "9" * 5000, 5, 995),
        ("bytes=-" + "9" * 5000, 0, 1000),
    ],
)
def test_one_piece_is_sent(field: str, start: int, length: int) -> None:
    assert span_of(field, 1000) == Span(start, length, partial=True)


@pytest.mark.parametrize(
    "field",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=a-b",
        "bytes=1-2-3",
        "bytes=0x1-0x2",
        "bytes=\u0661-\u0662",
        "bytes=9-1",
        "bytes=0-1,9-1",
        "items=0-1",
        "bytes=+1-2",
    ],
)
def test_the_whole_is_sent_without_a_range_or_for_one_that_is_none(field: str | None) -> None:
    assert span_of(field, 1000) == Span(0, 1000, partial=False)


@pytest.mark.parametrize(
    ("field", "size"),
    [
        ("bytes=1000-", 1000),
        ("bytes=" + "9" * 5000 + "-", 1000),
        ("bytes=-0", 1000),
        ("bytes=0-", 0),
        ("bytes=-1", 0),
        ("bytes=0-1,5-6", 1000),
        ("bytes=" + ",".join(f"{n}-{n}" for n in range(0, 400, 2)), 1000),
    ],
)
def test_what_is_no_one_piece_of_the_content_is_refused(field: str, size: int) -> None:
    with pytest.raises(UnsatisfiableRange):
        span_of(field, size)


@given(field=st.text(), size=st.integers(0, 2**63 - 1))
def test_any_field_gives_a_piece_of_the_content_or_a_refusal(field: str, size: int) -> None:
    try:
        span = span_of("bytes=" + field, size)
    except UnsatisfiableRange:
        return
    assert span.start >= 0
    assert span.start + span.length <= size
    assert span.length > 0 or (size == 0 and not span.partial)


def test_a_content_range_names_first_last_and_size() -> None:
    assert Span(10, 5, partial=True).content_range(100) == "bytes 10-14/100"


@pytest.mark.parametrize(
    ("field", "weak", "found"),
    [
        (TAG, True, True),
        (f"W/{TAG}", True, True),
        (f"W/{TAG}", False, False),
        (f'"other", {TAG}', False, True),
        ("*", False, True),
        (TAG.strip('"'), True, False),
        ("", True, False),
    ],
)
def test_entity_tags_are_compared_as_the_header_says(field: str, weak: bool, found: bool) -> None:  # noqa: FBT001  # table columns
    assert matches(field, TAG, weak=weak) is found
