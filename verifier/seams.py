"""A ZIP file without a seam: every byte of it is one member's, or the directory's, and both agree.

A ZIP says most things twice, and programs differ in whom they believe: some read the directory,
some the header before each member, some a second name in a field of its own (APPNOTE 4.6.9). What
one of them shows as evidence has to be what every other shows; so whatever is said twice has to be
the same, and there is no room between members, before them or behind.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from protocols.shown import shown
from verifier.errors import VerifierError

_LOCAL: Final = struct.Struct("<4sHHHHHIIIHH")
_END: Final = struct.Struct("<4sHHHHIIH")
_FIELD: Final = struct.Struct("<HH")
_END64: Final = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR: Final = 20
_DESCRIBED: Final = 0x8
_UTF8: Final = 0x800
_ZIP64: Final = 0x1
_FULL: Final = 0xFFFFFFFF
_MANY: Final = 0xFFFF
_HARMLESS: Final = frozenset({_ZIP64, 0x000A, 0x5455, 0x5855, 0x7855, 0x7875})
"""Sizes, and times and owners as NTFS, Info-ZIP and its old forms tell them."""


def check_seams(
    file: BinaryIO, members: Iterable[zipfile.ZipInfo], directory: int, size: int
) -> None:
    """Walk through the whole file by what its directory says.

    Args:
        file: to be read anywhere.
        members: of the directory, in the order in which they lie.
        directory: where it begins.
        size: of the file.

    Raises:
        VerifierError: another program might read something else; with the member.
        OSError: it cannot be read.
    """
    at, count = 0, 0
    for member in members:
        if member.header_offset != at:
            raise _trap(member, "does not begin where the one before it ends")
        at = _end_of(file, member)
        count += 1
    if at != directory:
        raise VerifierError("a ZIP made to deceive: something lies before its directory")
    _check_end(file, size, count)


def _trap(member: zipfile.ZipInfo, reason: str) -> VerifierError:
    return VerifierError(f"a ZIP made to deceive: {shown(member.orig_filename)} {reason}")


def _end_of(file: BinaryIO, member: zipfile.ZipInfo) -> int:
    """Where the bytes of a member end, once its own header says what the directory says."""
    file.seek(member.header_offset)
    raw = file.read(_LOCAL.size)
    if len(raw) < _LOCAL.size:
        raise _trap(member, "lies behind the end of the file: it was cut short")
    magic, _, flags, method, _, _, crc, packed, plain, named, extra = _LOCAL.unpack(raw)
    name, fields = file.read(named), file.read(extra)
    spelt = member.orig_filename.encode("utf-8" if member.flag_bits & _UTF8 else "cp437")
    if (magic, flags, method, name) != (
        *(b"PK\x03\x04", member.flag_bits),
        *(member.compress_type, spelt),
    ):
        raise _trap(member, "is called or packed otherwise in its own header")
    if member.comment:
        raise _trap(member, "carries a comment, which nobody verifies")
    for each in (fields, member.extra):
        if strange := {kind for kind, _ in _fields(each)} - _HARMLESS:
            raise _trap(member, f"has a second name or more (field {min(strange):#06x})")
    wanted = (member.CRC, member.compress_size, member.file_size)
    said = _sizes(crc, packed, plain, fields)
    at: int = member.header_offset + _LOCAL.size + named + extra + member.compress_size
    if not flags & _DESCRIBED:
        if said != wanted:
            raise _trap(member, "has other sizes or sums in its own header")
        return at
    if any(one not in {0, other} for one, other in zip(said, wanted, strict=True)):
        raise _trap(member, "has other sizes or sums in its own header")
    file.seek(at)
    return at + _described(file.read(24), member, wanted)


def _described(raw: bytes, member: zipfile.ZipInfo, wanted: tuple[int, int, int]) -> int:
    """How long the words behind a member are; they have to be the directory's (4.3.9)."""
    for form in ("<4sIQQ", "<4sIII"):
        length = struct.calcsize(form)
        if raw[:length] == struct.pack(form, b"PK\x07\x08", wanted[0], *_fitting(form, wanted)):
            return length
    raise _trap(member, "has other sizes or sums behind it")


def _fitting(form: str, wanted: tuple[int, int, int]) -> tuple[int, int]:
    mask = _FULL if form.endswith("II") else -1
    return wanted[1] & mask, wanted[2] & mask


def _sizes(crc: int, packed: int, plain: int, fields: bytes) -> tuple[int, int, int]:
    """What a member's own header says, in 64 bits where it needs them (4.5.3)."""
    large = next((value for kind, value in _fields(fields) if kind == _ZIP64), b"")
    if packed == plain == _FULL and len(large) >= struct.calcsize("<QQ"):
        plain, packed = struct.unpack_from("<QQ", large)
    return crc, packed, plain


def _fields(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """Extra fields; what is left over at the end is one of an impossible kind."""
    at = 0
    while at < len(raw):
        kind, length = _FIELD.unpack_from(raw.ljust(at + _FIELD.size), at)
        at += _FIELD.size + length
        yield (kind if at <= len(raw) else -1), raw[at - length : at]


def _check_end(file: BinaryIO, size: int, count: int) -> None:
    """The file ends with its directory's end, which counts all members and comments on nothing."""
    file.seek(max(0, size - _END.size))
    magic, disk, first, here, total, _, _, comment = _END.unpack(file.read(_END.size))
    if magic != b"PK\x05\x06" or comment:
        raise VerifierError("a ZIP made to deceive: words or bytes stand behind its directory")
    if _MANY in {here, total}:
        file.seek(max(0, size - _END.size - _LOCATOR - _END64.size))
        magic, _, _, _, disk, first, here, total, _, _ = _END64.unpack(file.read(_END64.size))
        if magic != b"PK\x06\x06":
            raise VerifierError("a ZIP made to deceive: nothing says how many members it has")
    if (disk, first, here, total) != (0, 0, count, count):
        raise VerifierError("a ZIP made to deceive: its end counts other members than it lists")
