"""HTTP range and conditional requests on content that never changes (RFC 9110), pure.

A clip's content is named by its SHA-256, which is its strong entity tag; so a range can be
fetched again years later and belongs to the same bytes. Ranges that do not come to one
contiguous piece are refused: nobody needs them for footage, and many small ones are an
old way to make a server work for nothing (section 14.2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SPEC = re.compile(r"([0-9]*)-([0-9]*)\Z")
_MAX_SPECS = 16
_MAX_DIGITS = 19
_BEYOND_ALL = 1 << 64


@dataclass(frozen=True, slots=True)
class Span:
    """``length`` bytes from ``start``; ``partial`` when asked for by a range."""

    start: int
    length: int
    partial: bool

    def content_range(self, size: int) -> str:
        """Value of ``Content-Range`` (section 14.4)."""
        return f"bytes {self.start}-{self.start + self.length - 1}/{size}"


class UnsatisfiableRange(Exception):  # noqa: N818  # named after status 416
    """No one piece of the content answers the range (section 15.5.17)."""


def span_of(range_field: str | None, size: int) -> Span:
    """Decide which bytes to send.

    Args:
        range_field: value of ``Range``, None without one.
        size: bytes of the whole content.

    Returns:
        The whole for no range, another unit than bytes, or a malformed field, which a
        server ignores (section 14.2); otherwise the one piece asked for.

    Raises:
        UnsatisfiableRange: beyond the content, or several separate pieces.
    """
    pieces = _pieces(range_field, size) if range_field is not None else None
    if pieces is None:
        return Span(0, size, partial=False)
    inside = sorted((first, last) for first, last in pieces if first <= last)
    if not inside:
        raise UnsatisfiableRange
    first, last = inside[0]
    for next_first, next_last in inside[1:]:
        if next_first > last + 1:
            raise UnsatisfiableRange
        last = max(last, next_last)
    return Span(first, last - first + 1, partial=True)


def matches(field: str, tag: str, *, weak: bool) -> bool:
    """Whether an ``If-Match`` or ``If-None-Match`` field names this tag (section 13.1).

    Args:
        field: the field's value.
        tag: our strong tag with its quotes.
        weak: compare weakly, as ``If-None-Match`` does.
    """
    if field.strip() == "*":
        return True
    for item in field.split(","):
        named = item.strip()
        if named == tag or (weak and named.removeprefix("W/") == tag):
            return True
    return False


def _pieces(field: str, size: int) -> list[tuple[int, int]] | None:
    unit, equals, specs = field.partition("=")
    if unit.strip().lower() != "bytes" or not equals:
        return None
    listed = [spec.strip() for spec in specs.split(",") if spec.strip()]
    if not listed or len(listed) > _MAX_SPECS:
        return None if not listed else []
    pieces = []
    for spec in listed:
        found = _SPEC.match(spec)
        if found is None or spec == "-":
            return None
        piece = _piece(found[1], found[2], size)
        if piece is None:
            return None
        pieces.append(piece)
    return pieces


def _piece(first: str, last: str, size: int) -> tuple[int, int] | None:
    # An empty piece is (n, n-1): it satisfies nothing and is dropped by the caller.
    if not first:
        return max(0, size - _number(last)), size - 1
    if not last:
        return _number(first), size - 1
    if _number(last) < _number(first):
        return None  # malformed: the whole field is ignored (section 14.1.1)
    return _number(first), min(_number(last), size - 1)


def _number(digits: str) -> int:
    # Python refuses, and anything slower would work hard on, thousands of digits.
    return int(digits) if len(digits) <= _MAX_DIGITS else _BEYOND_ALL
