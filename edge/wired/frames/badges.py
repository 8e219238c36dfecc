"""What badge readers send when a card is held to them.

A badge is what this kind of reader made of a card: the same card gives other numbers on
other readers, so a number without its reader says nothing. None of these cards proves
anything; all can be copied for the price of a coffee.

* ``rdm6300`` (and Seeed's): STX, 10 hexadecimal digits, 2 digits of XOR, ETX
* ``em18``: the same 12 digits, with nothing around them. Bytes damaged on the line pass for
  a card once in 256 times; take a reader with a frame where there is a choice
* ``dual``: STX, length, type (1 Mifare, 2 EM4100), serial number, XOR, ETX, all binary
* ``idteck``: STX, 8 or 10 digits, one byte of XOR over them, ETX. That the check is an XOR
  of the digits is inferred from its name
* ``line``: a line of text, from a barcode scanner or a reader set up to type
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from edge.wired.frames.framing import Fault, Parser, Skip, Step, Took, seek, xor

_STX: Final = b"\x02"
_ETX: Final = 0x03
_HEX: Final = frozenset(string.hexdigits.encode())
MAX_LINE: Final = 64


class ReaderKind(StrEnum):
    """Which kind of reader a number comes from."""

    RDM6300 = "rdm6300"
    EM18 = "em18"
    DUAL = "dual"
    IDTECK = "idteck"
    LINE = "line"


@dataclass(frozen=True, slots=True)
class Badge:
    """A card as one kind of reader knows it.

    Attributes:
        raw: the card's bytes in upper-case hex, without frame and checksum.
        card: what the reader says of its kind, ``mifare`` or ``em4100``; often nothing.
        text: what a line of text says.
    """

    reader: ReaderKind
    raw: str
    card: str | None = None
    text: str | None = None

    @property
    def name(self) -> str:
        """One word for records and look-ups, for example ``rdm6300:62E3086CED``."""
        kind = self.reader.value if self.card is None else f"{self.reader}-{self.card}"
        return f"{kind}:{self.raw}"


class Rdm6300Parser(Parser[Badge]):
    """RDM6300, Seeed's 125 kHz reader and those that copy them."""

    limit = 14

    def _next(self, held: bytes) -> Step[Badge]:
        if noise := seek(held, _STX):
            return noise
        if not _HEX.issuperset(held[1:13]) or held[13:14] not in {b"", bytes([_ETX])}:
            return Skip(1, Fault.MALFORMED)
        if len(held) < self.limit:
            return None
        return _checked(held[1:13], ReaderKind.RDM6300, self.limit)


class Em18Parser(Parser[Badge]):
    """EM-18: twelve digits and silence."""

    limit = 12

    def _next(self, held: bytes) -> Step[Badge]:
        for at, byte in enumerate(held):
            if byte not in _HEX:
                blank = at == 0 and byte in b"\r\n"
                return Skip(at + 1, None if blank else Fault.NOISE)
        if len(held) < self.limit:
            return None
        return _checked(held[:12], ReaderKind.EM18, self.limit)


def _checked(digits: bytes, reader: ReaderKind, size: int) -> Step[Badge]:
    """Ten digits and two of their XOR."""
    number = bytes.fromhex(digits.decode())
    if xor(number[:5]) != number[5]:
        return Skip(1, Fault.CHECKSUM)
    return Took(size, Badge(reader, number[:5].hex().upper()))


class DualParser(Parser[Badge]):
    """Modules that read IC and EM cards; the length counts the whole frame."""

    limit = 10
    _SIZES: Final = frozenset({9, 10})
    _CARDS: Final = {1: "mifare", 2: "em4100"}

    def _next(self, held: bytes) -> Step[Badge]:
        if noise := seek(held, _STX):
            return noise
        begins = _begins(held[1:2], self._SIZES) and _begins(held[2:3], set(self._CARDS))
        if not begins:
            return Skip(1, Fault.MALFORMED)
        size = held[1] if len(held) > 1 else self.limit
        if len(held) < size:
            return None
        if held[size - 1] != _ETX:
            return Skip(1, Fault.MALFORMED)
        if xor(held[1 : size - 2]) != held[size - 2]:
            return Skip(1, Fault.CHECKSUM)
        raw = held[3 : size - 2].hex().upper()
        return Took(size, Badge(ReaderKind.DUAL, raw, self._CARDS[held[2]]))


def _begins(byte: bytes, allowed: set[int] | frozenset[int]) -> bool:
    return not byte or byte[0] in allowed


class IdteckParser(Parser[Badge]):
    """IDTECK SR30 and readers like it."""

    limit = 13
    _SHORT: Final = 11

    def _next(self, held: bytes) -> Step[Badge]:
        if noise := seek(held, _STX):
            return noise
        if not _HEX.issuperset(held[1:9]):
            return Skip(1, Fault.MALFORMED)
        if badge := self._of(held, 8) or self._of(held, 10):
            return badge
        # Eight digits are not it; ten still can be while what follows them is digits.
        may_be_longer = len(held) < self._SHORT or _HEX.issuperset(held[9:11])
        if may_be_longer and len(held) < self.limit:
            return None
        ended = _ETX in {held[self._SHORT - 1], held[-1]}
        return Skip(1, Fault.CHECKSUM if ended else Fault.MALFORMED)

    @staticmethod
    def _of(held: bytes, digits: int) -> Took[Badge] | None:
        end = digits + 2
        if len(held) <= end or held[end] != _ETX or xor(held[1 : digits + 1]) != held[end - 1]:
            return None
        raw = bytes.fromhex(held[1 : digits + 1].decode()).hex().upper()
        return Took(end + 1, Badge(ReaderKind.IDTECK, raw))


class LineParser(Parser[Badge]):
    """Lines of text: UTF-8, else GBK, without control characters."""

    limit = MAX_LINE + 1

    def __init__(self) -> None:
        super().__init__()
        self._overlong = False

    def idle(self) -> None:
        """Also ends a line that was too long."""
        super().idle()
        self._overlong = False

    def _next(self, held: bytes) -> Step[Badge]:
        end = next((at for at, byte in enumerate(held) if byte in b"\r\n"), -1)
        if end < 0:
            if len(held) < self.limit:
                return None
            # What follows up to the line's end belongs to it, and is no line of its own.
            self._overlong = True
            return Skip(len(held), Fault.TOO_LONG)
        overlong, self._overlong = self._overlong, False
        line = held[:end].strip(b" \t")
        if overlong or not line:
            return Skip(end + 1, Fault.TOO_LONG if overlong and line else None)
        text = _text(line)
        if text is None:
            return Skip(end + 1, Fault.MALFORMED)
        return Took(end + 1, Badge(ReaderKind.LINE, line.hex().upper(), text=text))


def _text(line: bytes) -> str | None:
    for encoding in ("utf-8", "gbk"):
        try:
            text = line.decode(encoding)
        except UnicodeDecodeError:
            continue
        return text if text.isprintable() else None
    return None


def parser_for(reader: ReaderKind) -> Parser[Badge]:
    """A parser for one reader."""
    match reader:
        case ReaderKind.RDM6300:
            return Rdm6300Parser()
        case ReaderKind.EM18:
            return Em18Parser()
        case ReaderKind.DUAL:
            return DualParser()
        case ReaderKind.IDTECK:
            return IdteckParser()
        case ReaderKind.LINE:
            return LineParser()


class Held:
    """Tells a new tap from a card that is still held to the reader.

    Readers repeat a card's number for as long as it lies there.

    Args:
        window_s: a card not seen for so long was taken away. Longer than the pause between
            two repetitions, shorter than anybody's second tap.
    """

    def __init__(self, window_s: float = 0.22) -> None:
        self._window_s = window_s
        self._badge: Badge | None = None
        self._seen_s = 0.0

    def is_tap(self, badge: Badge, now_s: float) -> bool:
        """Whether this is a new tap; to be asked for each frame, with a monotonic time."""
        again = badge == self._badge and now_s - self._seen_s <= self._window_s
        self._badge, self._seen_s = badge, now_s
        return not again
