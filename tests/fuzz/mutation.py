"""Small damage to genuine bytes: what reaches deeper into a decoder than noise does."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

# Ends of ranges, heads of CBOR in every width, letters of JSON and PEM, and what breaks text.
TOKENS = (
    *(bytes([byte]) for byte in (0, 1, 0x1F, 0x7F, 0x80, 0xFF, 0xC0, 0xD8, 0x5F, 0x9F, 0xBF, 0xF6)),
    *(
        b"\x18\x17",
        b"\x19\x00\x17",
        b"\x1a\x00\x00\x00\x17",
        b"\x1b" + b"\xff" * 8,
        b"\xfb" + bytes(8),
    ),
    *(b"\xd2\x84", b"\xa0", b"\xa1\x01\x01", b"\x40", b"\x58\x20", b"\x9a\xff\xff\xff\xff"),
    *(b'"', b"{", b"[", b"}", b"]", b",", b"\\u0000", b"\\ud800", b"1e999", b"NaN", b"-0", b"0x1"),
    *(b"9" * 20, b"18446744073709551616", b"true", b"null", b"[" * 40, b'{"a":' * 40),
    *(b"\n", b"\n\n", b"\r\n", b"\t", b" ", b"=", b"+", b"/", b"\xe2\x80\x94 ", b"\xe2\x80\xae"),
    *(b"\xed\xa0\x80", b"\xef\xbf\xbf", b"\xf4\x90\x80\x80", b"../", b"%00", b"-----BEGIN"),
    *(b"\x00\x00\x00\x01", b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"PK\x05\x06", b"PK\x01\x02"),
)


def mutated(seeds: Sequence[bytes], chance: random.Random) -> bytes:
    """One of the seeds with one to four things wrong, or, now and then, noise."""
    if not chance.randrange(20):
        return chance.randbytes(chance.randrange(80))
    raw = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, 4)):
        chance.choice(_WAYS)(raw, chance)
    return bytes(raw)


def _flip(raw: bytearray, chance: random.Random) -> None:
    if raw:
        raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)


def _set(raw: bytearray, chance: random.Random) -> None:
    if raw:
        raw[chance.randrange(len(raw))] = chance.randrange(256)


def _span(raw: bytearray, chance: random.Random) -> slice:
    start = chance.randrange(len(raw) + 1)
    return slice(start, start + chance.choice((1, 2, 4, 8, 32, 64)))


def _drop(raw: bytearray, chance: random.Random) -> None:
    del raw[_span(raw, chance)]


def _repeat(raw: bytearray, chance: random.Random) -> None:
    span = _span(raw, chance)
    raw[span.stop : span.stop] = raw[span]


def _cut(raw: bytearray, chance: random.Random) -> None:
    del raw[chance.randrange(len(raw) + 1) :]


def _put(raw: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(raw) + 1)
    raw[start:start] = chance.choice(TOKENS)


def _instead(raw: bytearray, chance: random.Random) -> None:
    token = chance.choice(TOKENS)
    start = chance.randrange(len(raw) + 1)
    raw[start : start + len(token)] = token


def _append(raw: bytearray, chance: random.Random) -> None:
    raw += chance.choice(TOKENS)


_WAYS: Sequence[Callable[[bytearray, random.Random], None]] = (
    *(_flip, _flip, _set, _drop, _repeat, _cut, _put, _instead, _append),
)
