import math

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashing.cbor import byte_string, dumps, loads_strict
from hashing.errors import DecodeError, HashingError

TAGS = frozenset({18})
SCALARS = (
    st.integers(-(1 << 64), (1 << 64) - 1)
    | st.binary(max_size=40)
    | st.text(max_size=40)
    | st.booleans()
    | st.none()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.integers(-300, 300) | st.text(max_size=4), inner, max_size=4)
        | inner.map(lambda value: cbor2.CBORTag(18, value))
    ),
    max_leaves=12,
)


def strict(data: bytes) -> object:
    return loads_strict(data, max_size=1 << 16, max_depth=32, allowed_tags=TAGS)


@given(VALUES)
def test_what_is_written_is_read_back_and_an_independent_decoder_agrees(value: object) -> None:
    encoded = dumps(value)

    assert strict(encoded) == value
    assert cbor2.dumps(cbor2.loads(encoded)) == encoded


@given(st.binary(max_size=64))
def test_whatever_bytes_arrive_are_refused_or_encode_back_to_themselves(data: bytes) -> None:
    try:
        value = strict(data)
    except DecodeError:
        return
    assert dumps(value) == data


@given(VALUES, st.data())
def test_a_value_cut_anywhere_is_refused(value: object, data: st.DataObject) -> None:
    encoded = dumps(value)
    kept = data.draw(st.integers(0, len(encoded) - 1))

    with pytest.raises(DecodeError):
        strict(encoded[:kept])


def test_a_map_keeps_the_order_of_its_writer() -> None:
    assert dumps({2: 0, "b": 1, 1: 2}).hex() == "a302006162010102"
    assert list(strict(bytes.fromhex("a302006162010102")).items()) == [(2, 0), ("b", 1), (1, 2)]  # type: ignore[attr-defined]  # a map by construction


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [
        ("", "cut short"),
        ("18", "cut short"),
        ("1817", "shortest"),
        ("1900ff", "shortest"),
        ("1a0000ffff", "shortest"),
        ("1b00000000ffffffff", "shortest"),
        ("3817", "shortest"),
        ("580161", "shortest"),
        ("1c", "indefinite length or reserved"),
        ("5f4161ff", "indefinite"),
        ("7f6161ff", "indefinite"),
        ("9f01ff", "indefinite"),
        ("bf0101ff", "indefinite"),
        ("ff", "float, undefined or simple"),
        ("f7", "float, undefined or simple"),
        ("f0", "float, undefined or simple"),
        ("f818", "float, undefined or simple"),
        ("f93c00", "float, undefined or simple"),
        ("fa3f800000", "float, undefined or simple"),
        ("fb3ff0000000000000", "float, undefined or simple"),
        ("61ff", "not UTF-8"),
        ("63eda080", "not UTF-8"),
        ("a201000100", "twice"),
        ("a2616100616100", "twice"),
        ("a1f500", "neither integer nor text"),
        ("a1410000", "neither integer nor text"),
        ("a1800000", "neither integer nor text"),
        ("c074323032302d30312d30315430303a30303a30305a", "tag 0"),
        ("c24101", "tag 2"),
        ("d81c80", "tag 28"),
        ("d82361612e", "tag 35"),
        ("0000", "1 bytes follow"),
        ("9b7fffffffffffffff", "cut short"),
        ("9affffffff00", "cut short"),
        ("ba7fffffff", "cut short"),
        ("5b7fffffffffffffff", "cut short"),
    ],
)
def test_every_other_encoding_is_refused_with_its_reason(encoded: str, reason: str) -> None:
    with pytest.raises(DecodeError, match=reason) as caught:
        strict(bytes.fromhex(encoded))
    assert caught.value.reason == str(caught.value)


def test_depth_is_bounded_for_arrays_maps_and_tags() -> None:
    assert loads_strict(b"\x81" * 4 + b"\x00", max_size=5, max_depth=4) == [[[[0]]]]
    for opening in (b"\x81", b"\xa1\x00", b"\xd2"):
        with pytest.raises(DecodeError, match="deeper than 4"):
            loads_strict(opening * 5 + b"\x00", max_size=64, max_depth=4, allowed_tags=TAGS)


@pytest.mark.parametrize(
    ("value", "items"),
    [
        (7, 1),
        ([], 1),
        ([1, [2, 3], []], 6),
        ({1: 2, "a": {3: [4]}}, 8),
        (cbor2.CBORTag(18, [1, cbor2.CBORTag(18, 2)]), 5),
    ],
)
def test_the_number_of_values_is_bounded(value: object, items: int) -> None:
    encoded = dumps(value)

    def read(most: int) -> object:
        return loads_strict(encoded, max_size=64, max_items=most, allowed_tags=TAGS)

    assert read(items) == value
    with pytest.raises(DecodeError, match=f"more than {items - 1} values"):
        read(items - 1)


@pytest.mark.parametrize("opening", [b"\x9a\x00\x0f\x00\x00", b"\xba\x00\x07\x80\x00"])
def test_too_many_values_are_refused_before_any_is_built(opening: bytes) -> None:
    # The first member could not be read: a reader that begins with it says so instead.
    with pytest.raises(DecodeError, match="more than 321 values"):
        loads_strict(opening + b"\xff" + b"\x80" * 0xF0000, max_size=1 << 20, max_items=321)


def test_size_is_checked_before_anything_is_read() -> None:
    with pytest.raises(DecodeError, match="10 bytes where at most 9"):
        loads_strict(bytes(10), max_size=9)


def test_a_tag_is_accepted_only_where_it_is_named() -> None:
    assert strict(b"\xd2\x01") == cbor2.CBORTag(18, 1)
    with pytest.raises(DecodeError, match="tag 18 is not expected"):
        loads_strict(b"\xd2\x01", max_size=2)


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        math.nan,
        {1, 2},
        1 << 64,
        -(1 << 64) - 1,
        bytearray(b"x"),
        memoryview(b"x"),
        object(),
        cbor2.undefined,
        {True: 1},
        {b"k": 1},
        {1.0: 1},
        {"k": [1.5]},
        cbor2.CBORTag(18, {1}),
        "\udcff",
    ],
)
def test_nothing_is_written_that_could_not_be_read_back(value: object) -> None:
    with pytest.raises(HashingError):
        dumps(value)


@pytest.mark.parametrize("size", [0, 1, 23, 24, 255, 256, 65535, 65536])
def test_a_byte_string_by_itself_is_written_as_among_others(size: int) -> None:
    assert byte_string(bytes(size)) == dumps(bytes(size))
