r"""The part of regular expressions that a profile may use, read in linear time.

A name on a card is written by whoever holds the card, and a backtracking matcher can be kept
busy for years by one name of 255 bytes. So a pattern is refused unless the next byte alone
always decides how it goes on: then there is never anything to try a second time.

Allowed: literal text, ``.``, ``[...]``, ``\d``, ``\w``, an escaped sign, ``(?:...)``,
``(?P<name>...)``, ``|``; ``? * + {m} {m,n}`` after one byte, and ``?`` after a group. Not
allowed are repeated groups, references to what was matched, and looking ahead or behind. A
pattern fits a whole name, without regard to the case of ASCII letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

MAX_PATTERN = 300
MAX_SUBJECT = 1024
_MAX_DEPTH = 8
_MAX_TIMES = 255
_ASCII = 128

_ANY: Final = frozenset(range(256))
_DIGIT: Final = frozenset(b"0123456789")
_WORD: Final = _DIGIT | frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
_ESCAPES: Final = {"d": _DIGIT, "w": _WORD}
_SIGNS: Final = frozenset(r"\.[](){}|?*+^$-/&#@~ ")
_BOUNDS: Final = re.compile(r"\{([0-9]{1,3})(?:,([0-9]{1,3}))?\}")
_NAMED: Final = re.compile(r"\(\?P<([a-z_]{1,20})>")


class PatternError(ValueError):
    """A pattern that a profile may not use; the text says what to change."""


@dataclass(frozen=True, slots=True)
class _Bytes:
    """One byte out of a set, repeated."""

    allowed: frozenset[int]
    least: int = 1
    most: int | None = 1

    @property
    def first(self) -> frozenset[int]:
        return self.allowed

    @property
    def empty(self) -> bool:
        return self.least == 0


@dataclass(frozen=True, slots=True)
class _Sequence:
    """One part after the other."""

    parts: tuple[_Node, ...]

    @property
    def first(self) -> frozenset[int]:
        found: frozenset[int] = frozenset()
        for part in self.parts:
            found |= part.first
            if not part.empty:
                break
        return found

    @property
    def empty(self) -> bool:
        return all(part.empty for part in self.parts)


@dataclass(frozen=True, slots=True)
class _Choice:
    """One of several ways; ``optional`` adds the way of nothing at all."""

    ways: tuple[_Sequence, ...]
    optional: bool = False

    @property
    def first(self) -> frozenset[int]:
        return frozenset().union(*(way.first for way in self.ways))

    @property
    def empty(self) -> bool:
        return self.optional or any(way.empty for way in self.ways)


_Node = _Bytes | _Sequence | _Choice


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that is safe to hold against any bytes.

    Attributes:
        text: as the profile has it.
        names: of its groups.
    """

    text: str
    names: frozenset[str]
    _compiled: re.Pattern[bytes]

    def read(self, subject: bytes) -> dict[str, bytes] | None:
        """What its groups found, if the pattern fits the whole subject; None if not.

        A subject of more than 1,024 bytes fits nothing.
        """
        if len(subject) > MAX_SUBJECT:
            return None
        found = self._compiled.fullmatch(subject)
        if found is None:
            return None
        return {name: raw for name, raw in found.groupdict().items() if raw is not None}

    def fits(self, subject: bytes) -> bool:
        """Whether it fits the whole subject."""
        return self.read(subject) is not None


def compiled(text: str) -> Pattern:
    """Make a pattern.

    Raises:
        PatternError: too long, not of the allowed kind, or not decided by the next byte.
    """
    if not text:
        raise PatternError("an empty pattern")
    if len(text) > MAX_PATTERN:
        raise PatternError(f"{len(text)} characters long; {MAX_PATTERN} are allowed")
    reader = _Reader(text)
    tree = reader.whole()
    _decided(tree, frozenset())
    raw = re.compile(text.encode(), re.IGNORECASE | re.DOTALL)
    return Pattern(text, frozenset(reader.names), raw)


def _decided(node: _Node, follow: frozenset[int]) -> None:
    """Check that the next byte decides at every choice; ``follow`` is what may come after."""
    match node:
        case _Bytes(allowed, least, most):
            if least != most and (clash := allowed & follow):
                raise PatternError(f"{_sign(clash)} may both repeat a part and begin the next one")
        case _Sequence(parts):
            for part in reversed(parts):
                _decided(part, follow)
                follow = part.first | follow if part.empty else part.first
        case _Choice(ways, optional):
            seen: frozenset[int] = follow if optional else frozenset()
            for way in ways:
                select = way.first | follow if way.empty else way.first
                if clash := select & seen:
                    raise PatternError(f"two ways begin with {_sign(clash)}; put it before both")
                seen |= select
                _decided(way, follow)


def _sign(clash: frozenset[int]) -> str:
    return repr(chr(min(clash, key=lambda byte: (not chr(byte).isalnum(), byte))))


class _Reader:
    """Reads a pattern from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self.names: list[str] = []

    def whole(self) -> _Choice:
        tree = self._choice(0)
        if self._at < len(self._text):
            raise self._wrong("a bracket is closed that was not opened")
        return tree

    def _wrong(self, reason: str) -> PatternError:
        return PatternError(f"{reason} (character {self._at + 1})")

    def _next(self, expected: str) -> bool:
        if self._text.startswith(expected, self._at):
            self._at += len(expected)
            return True
        return False

    def _choice(self, depth: int) -> _Choice:
        if depth > _MAX_DEPTH:
            raise self._wrong(f"groups nested deeper than {_MAX_DEPTH}")
        ways = [self._sequence(depth)]
        while self._next("|"):
            ways.append(self._sequence(depth))
        return _Choice(tuple(ways))

    def _sequence(self, depth: int) -> _Sequence:
        parts: list[_Node] = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            if self._text[self._at] == "(":
                parts.append(self._group(depth))
            else:
                parts.extend(self._bytes())
        return _Sequence(tuple(parts))

    def _group(self, depth: int) -> _Choice:
        named = _NAMED.match(self._text, self._at)
        if named:
            if named[1] in self.names:
                raise self._wrong(f"two groups are called {named[1]}")
            self.names.append(named[1])
            self._at = named.end()
        elif not self._next("(?:"):
            raise self._wrong("groups are written (?P<name>...) or (?:...); nothing else is")
        inside = self._choice(depth + 1)
        if not self._next(")"):
            raise self._wrong("a bracket is not closed")
        if self._at < len(self._text) and self._text[self._at] in "*+{":
            raise self._wrong("a group cannot be repeated")
        if not self._next("?"):
            return inside
        self._only_once()
        return _Choice(inside.ways, optional=True)

    def _bytes(self) -> list[_Node]:
        signs = self._allowed()
        least, most = self._times()
        if len(signs) > 1 and (least, most) != (1, 1):
            raise self._wrong("a sign beyond ASCII cannot be repeated; put it into brackets")
        return [_Bytes(frozenset(sign), least, most) for sign in signs]

    def _allowed(self) -> list[frozenset[int]]:
        """The bytes of what stands here: one set, or several for a sign beyond ASCII."""
        sign = self._text[self._at]
        self._at += 1
        if sign == "[":
            return [self._class()]
        if sign == "\\":
            return [self._escaped()]
        if sign == ".":
            return [_ANY]
        if sign in "?*+{}]^$":
            raise self._wrong(f"{sign!r} stands for itself only after a backslash")
        return [_either_case(byte) for byte in sign.encode("utf-8", "surrogatepass")]

    def _escaped(self) -> frozenset[int]:
        sign = self._text[self._at : self._at + 1]
        self._at += 1
        if sign in _ESCAPES:
            return _ESCAPES[sign]
        if sign and sign in _SIGNS:
            return frozenset(sign.encode())
        raise self._wrong("after a backslash only d, w and signs are allowed")

    def _class(self) -> frozenset[int]:
        negated = self._next("^")
        allowed: frozenset[int] = frozenset()
        while not self._next("]"):
            low = self._member()
            if not self._text.startswith("-]", self._at) and self._next("-"):
                high = self._member()
                if len(low) != 1 or len(high) != 1 or min(low) > min(high):
                    raise self._wrong("this is no range of signs")
                allowed |= frozenset(range(min(low), min(high) + 1))
            else:
                allowed |= low
        if not allowed:
            raise self._wrong("an empty set of signs")
        allowed = frozenset().union(*map(_either_case, allowed))
        return _ANY - allowed if negated else allowed

    def _member(self) -> frozenset[int]:
        sign = self._text[self._at : self._at + 1]
        self._at += 1
        if not sign:
            raise self._wrong("a set of signs is not closed")
        if sign == "\\":
            return self._escaped()
        last = sign == "-" and self._text.startswith("]", self._at)
        # Doubled, some of these are operators on sets to newer readers of such patterns.
        if (sign in "[]-&~|^" and not last) or ord(sign) >= _ASCII:
            raise self._wrong(f"{sign!r} in a set of signs needs a backslash or is not ASCII")
        return frozenset(sign.encode())

    def _times(self) -> tuple[int, int | None]:
        times: tuple[int, int | None] = (1, 1)
        if self._next("?"):
            times = (0, 1)
        elif self._next("*"):
            times = (0, None)
        elif self._next("+"):
            times = (1, None)
        elif self._text.startswith("{", self._at):
            times = self._bounds()
        else:
            return times
        self._only_once()
        return times

    def _bounds(self) -> tuple[int, int]:
        found = _BOUNDS.match(self._text, self._at)
        if not found:
            raise self._wrong("repetitions are written {3} or {3,5}")
        least, most = int(found[1]), int(found[2] or found[1])
        if not least <= most <= _MAX_TIMES or not most:
            raise self._wrong(f"repetitions go from fewer to more, up to {_MAX_TIMES}")
        self._at = found.end()
        return least, most

    def _only_once(self) -> None:
        if self._at < len(self._text) and self._text[self._at] in "?*+{":
            raise self._wrong("one repetition follows another")


def _either_case(byte: int) -> frozenset[int]:
    sign = bytes([byte])
    return frozenset(sign.lower() + sign.upper())


def fits_one(patterns: Iterable[Pattern], subject: bytes) -> bool:
    """Whether one of them fits the whole subject."""
    return any(pattern.fits(subject) for pattern in patterns)
