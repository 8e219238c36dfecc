"""The one CBOR form that statements, receipts and messages are written and accepted in.

Every value has exactly one encoding here, so nobody can make a second, equally valid copy of a
signed thing whose digest differs. The reader refuses everything else before acting on it: that is
why it is its own and not cbor2's, which would follow shared references, build regular expressions
or join indefinite strings first. It never re-encodes, sorts or repairs what arrived.

Accepted (RFC 8949): integers of 64 bits, byte and text strings, arrays, maps with integer or text
keys, false, true, null, and the tags a caller names; definite lengths and shortest heads only.
A map's keys keep the order of the writer: order is signed with the rest, so it needs no rule.
"""

from collections.abc import Iterable, Mapping

import cbor2

from hashing.errors import DecodeError, HashingError

_UINT, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_SIMPLE_VALUES: Mapping[int, bool | None] = {20: False, 21: True, 22: None}
_MIN_FOR_WIDTH = (24, 1 << 8, 1 << 16, 1 << 32)
_UINT64_END = 1 << 64


def dumps(value: object) -> bytes:
    """Encode a value in the accepted form; maps in insertion order.

    Args:
        value: int, bytes, str, bool, None, `cbor2.CBORTag`, and lists, tuples and dicts (with int
            or str keys) of these.

    Raises:
        HashingError: the value has no encoding that `loads_strict` would take back.
    """
    _check_encodable(value)
    try:
        return cbor2.dumps(value)
    except UnicodeEncodeError as error:
        # Names that came from a disk as undecodable bytes carry lone surrogates.
        raise HashingError("text with lone surrogates has no UTF-8 encoding") from error


def byte_string(content: bytes) -> bytes:
    """A byte string in the accepted form; what is signed consists of these, thousands at a time."""
    length = len(content)
    if length < _MIN_FOR_WIDTH[0]:
        return bytes((0x40 | length,)) + content
    width = sum(length >= least for least in _MIN_FOR_WIDTH) - 1
    return bytes((0x58 + width,)) + length.to_bytes(1 << width, "big") + content


def loads_strict(
    data: bytes,
    *,
    max_size: int,
    max_items: int = 1 << 16,
    max_depth: int = 16,
    allowed_tags: frozenset[int] = frozenset(),
) -> object:
    """Decode exactly one value; what it accepts encodes back to the very same bytes.

    Args:
        data: what arrived.
        max_size: most bytes looked at.
        max_items: most values built: the outermost one, the members of every array, keys and
            values of every map, and what every tag holds. A mebibyte of empty arrays is small
            and takes seconds to build.
        max_depth: most arrays, maps and tags inside one another.
        allowed_tags: tags to return as `cbor2.CBORTag`.

    Returns:
        int, bytes, str, bool, None, `cbor2.CBORTag`, list or dict of these.

    Raises:
        DecodeError: too big, too many values, cut short, trailing bytes, or any encoding other
            than the one.
    """
    if len(data) > max_size:
        raise DecodeError(f"{len(data)} bytes where at most {max_size} are allowed")
    reader = _Reader(data, max_items, max_depth, allowed_tags)
    reader.expect(1)
    value = reader.item(0)
    if reader.left:
        raise DecodeError(f"{reader.left} bytes follow the CBOR value")
    return value


class _Reader:
    """One pass over untrusted bytes; every length is checked before anything is allocated."""

    __slots__ = (
        "_allowed_tags",
        "_data",
        "_items_left",
        "_max_depth",
        "_max_items",
        "_offset",
        "_size",
    )

    def __init__(
        self, data: bytes, max_items: int, max_depth: int, allowed_tags: frozenset[int]
    ) -> None:
        self._data = data
        self._size = len(data)
        self._offset = 0
        self._max_items = self._items_left = max_items
        self._max_depth = max_depth
        self._allowed_tags = allowed_tags

    @property
    def left(self) -> int:
        return self._size - self._offset

    def expect(self, items: int) -> None:
        """Count values that a head announces, before any of them is built."""
        self._items_left -= items
        if self._items_left < 0:
            raise DecodeError(f"CBOR of more than {self._max_items} values")

    def item(self, depth: int) -> object:
        start = self._offset
        if start >= self._size:
            raise DecodeError("CBOR value is cut short")
        initial = self._data[start]
        start = self._offset = start + 1
        major, argument = initial >> 5, initial & 31
        if argument > 23 and major != _SIMPLE:  # noqa: PLR2004 -- RFC 8949 section 3
            argument = self._argument(argument)
            start = self._offset
        # In the order in which statements have them: thousands are read in a second.
        if major == _UINT:
            return argument
        if _BYTES <= major <= _TEXT:
            end = self._offset = start + argument
            if end > self._size:
                raise DecodeError("CBOR value is cut short")
            content = self._data[start:end]
            return content if major == _BYTES else _text(content)
        if major == _NEGATIVE:
            return -1 - argument
        if major == _SIMPLE:
            return _simple_value(argument)
        if depth >= self._max_depth:
            raise DecodeError(f"CBOR nested deeper than {self._max_depth}")
        return self._container(major, argument, depth)

    def _argument(self, info: int) -> int:
        """What follows the first byte of a head that has no room for it."""
        if info > 27:  # noqa: PLR2004 -- RFC 8949 section 3: 28..30 reserved, 31 indefinite
            raise DecodeError("CBOR indefinite length or reserved head")
        start = self._offset
        end = self._offset = start + (1 << (info - 24))
        if end > self._size:
            raise DecodeError("CBOR value is cut short")
        # One byte: most of them.
        short = end - start == 1
        argument = self._data[start] if short else int.from_bytes(self._data[start:end], "big")
        if argument < _MIN_FOR_WIDTH[info - 24]:
            raise DecodeError("CBOR integer or length not in its shortest form")
        return argument

    def _container(self, major: int, argument: int, depth: int) -> object:
        if major == _TAG:
            return self._tag(argument, depth)
        # An item takes at least one byte: a claim beyond that is a lie about memory.
        if argument > self.left:
            raise DecodeError("CBOR array or map is cut short")
        self.expect(argument if major == _ARRAY else 2 * argument)
        if major == _ARRAY:
            item, inside = self.item, depth + 1
            return [item(inside) for _ in range(argument)]
        return self._map(argument, depth)

    def _tag(self, tag: int, depth: int) -> cbor2.CBORTag:
        if tag not in self._allowed_tags:
            raise DecodeError(f"CBOR tag {tag} is not expected here")
        self.expect(1)
        return cbor2.CBORTag(tag, self.item(depth + 1))

    def _map(self, pairs: int, depth: int) -> dict[int | str, object]:
        result: dict[int | str, object] = {}
        item, inside = self.item, depth + 1
        for _ in range(pairs):
            key = item(inside)
            # True equals 1 in Python, so a boolean key could stand in for a label.
            if isinstance(key, bool) or not isinstance(key, int | str):
                raise DecodeError("CBOR map key is neither integer nor text")
            if key in result:
                raise DecodeError(f"CBOR map has the key {key!r} twice")
            result[key] = item(inside)
        return result


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DecodeError("CBOR text is not UTF-8") from error


def _simple_value(info: int) -> bool | None:
    if info not in _SIMPLE_VALUES:
        raise DecodeError("CBOR float, undefined or simple value")
    return _SIMPLE_VALUES[info]


def _check_encodable(value: object) -> None:
    # cbor2 would write a float, a set, a bignum or a memoryview, none of which comes back.
    if isinstance(value, int):
        if not -_UINT64_END <= value < _UINT64_END:
            raise HashingError(f"{value} does not fit a CBOR integer")
    elif isinstance(value, cbor2.CBORTag):
        _check_encodable(value.value)
    elif isinstance(value, list | tuple):
        _check_all(value)
    elif isinstance(value, dict):
        if any(isinstance(key, bool) or not isinstance(key, int | str) for key in value):
            raise HashingError("CBOR map keys are integers or text")
        _check_all(value)
        _check_all(value.values())
    elif value is not None and not isinstance(value, bytes | str):
        raise HashingError(f"no CBOR form for a {type(value).__name__}")


def _check_all(values: Iterable[object]) -> None:
    for value in values:
        _check_encodable(value)
