"""What a log asks of a witness: one way to write it, and nothing else is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashing.merkle import MAX_TREE_SIZE
from protocols.witnessing import (
    MAX_BODY,
    AddCheckpoint,
    WitnessingError,
    encode_size,
    parse_size,
)

HASH = b"A" * 43 + b"="


@given(
    st.integers(0, MAX_TREE_SIZE),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    st.binary(max_size=300),
)
def test_what_is_written_is_read(size: int, proof: list[bytes], note: bytes) -> None:
    asked = AddCheckpoint(size, tuple(proof), note)
    assert AddCheckpoint.parse(asked.encode()) == asked


@given(st.binary(max_size=200) | st.from_regex(rb"old [0-9]*\n([A-Za-z0-9+/=]*\n){0,3}\n.*"))
def test_whatever_is_read_is_written_just_so(body: bytes) -> None:
    try:
        asked = AddCheckpoint.parse(body)
    except WitnessingError:
        return
    assert asked.encode() == body


def test_the_example_of_the_specification_is_read() -> None:
    body = (
        b"old 20852014\n"
        b"PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n"
        b"jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n"
        b"\nexample.com/behind-the-sofa\n"
    )
    asked = AddCheckpoint.parse(body)
    assert (asked.old_size, len(asked.proof)) == (20852014, 2)
    assert asked.note == b"example.com/behind-the-sofa\n"


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"old 0", b"old 0\n", b"old\n\nx", b"Old 0\n\nx", b"old  0\n\nx", b"old 0 \n\nx"),
        *(b"old 00\n\nx", b"old 01\n\nx", b"old -1\n\nx", b"old +1\n\nx", b"old 0\r\n\r\nx"),
        *(b"old 99999999999999999999\n\nx", b"old 9999999999999999999\n\nx"),
        *(b" old 0\n\nx", b"\nold 0\n\nx", b"new 0\n\nx"),
        b"old 1\n" + HASH[:-1] + b"\n\nx",
        b"old 1\n" + HASH + b" \n\nx",
        b"old 1\n" + b"A" * 42 + b"B=\n\nx",
        b"old 1\n" + (HASH + b"\n") * 64 + b"\nx",
        b"old 1\n" + b"x" * MAX_BODY,
    ],
)
def test_everything_else_is_refused(body: bytes) -> None:
    with pytest.raises(WitnessingError):
        AddCheckpoint.parse(body)


@pytest.mark.parametrize("body", [b"", b"5", b"05\n", b"5\n\n", b"-5\n", b"9999999999999999999\n"])
def test_a_size_is_read_in_one_form(body: bytes) -> None:
    assert parse_size(encode_size(17)) == 17
    with pytest.raises(WitnessingError):
        parse_size(body)
