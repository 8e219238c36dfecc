"""Walks the outer structure of recordings: is it whole, and what did the camera's clock say?

A library that opens a cut file may still state its full duration, so completeness is
decided here, by sizes: a last box that runs past the end of the file was cut. Runs only
in the limited process. Written against hostile bytes: iterative, with ceilings on how
many boxes are looked at, and it believes no size it has not compared with the file's.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

Read = Callable[[int, int], bytes]

# ISO/IEC 14496-12: seconds since 1904-01-01; the Unix epoch in that count.
MAC_EPOCH: Final = 2_082_844_800
_MAX_BOXES: Final = 100_000
_MAX_INNER: Final = 20_000
_HEADER: Final = 8
_LARGE_HEADER: Final = 16
_ZEROS_TOLD: Final = 4096
_ZEROS_CUT: Final = 32 * 1024
_TAIL: Final = 64 * 1024

_C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_PADDING = frozenset({b"free", b"skip", b"wide", b"JUNK", b"junk"})
# Only these ways down are followed: a moov inside a moov leads nowhere.
_INSIDE = {
    b"moov": frozenset({b"trak", b"mvhd", b"pssh"}),
    b"trak": frozenset({b"mdia"}),
    b"mdia": frozenset({b"minf"}),
    b"minf": frozenset({b"stbl"}),
    b"stbl": frozenset({b"stsd"}),
    b"stsd": frozenset({b"encv", b"enca", b"enct", b"encs"}),
}
_SAMPLE_ENTRIES_AT: Final = 8


@dataclass(slots=True)
class Structure:
    """What the walk found.

    Attributes:
        cut: the file ends before its content does.
        raw_time: ``mvhd`` creation time as it stands in the file, None when absent.
        idit: the creation text of an AVI file.
        warnings: findings in plain words.
    """

    cut: bool = False
    encrypted: bool = False
    raw_time: int | None = None
    idit: str | None = None
    vendor_signature: str | None = None
    warnings: list[str] = field(default_factory=list)

    def found_cut(self, why: str) -> None:
        """Note why the file is not whole."""
        self.cut = True
        self.warnings.append(why)


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    start: int
    body: int
    end: int


def walk_iso(read: Read, size: int) -> Structure:
    """Walk an MP4, MOV or 3GP file (ISO/IEC 14496-12)."""
    found = Structure()
    kinds: set[bytes] = set()
    last = b""
    offset = 0
    for _ in range(_MAX_BOXES):
        if offset >= size:
            break
        box = _box_at(read, offset, size)
        if box is None:
            _rest(found, read, offset, size, whole={b"moov", b"mdat"} <= kinds)
            break
        kinds.add(box.kind)
        last = box.kind
        if box.end > size:
            found.found_cut(
                f"last box ({_shown(box.kind)}) runs {box.end - size} bytes past the end of "
                "file: the recording was cut"
            )
            break
        _look_into(found, read, box)
        offset = box.end
    _judge_iso(found, kinds)
    if last not in _PADDING:
        _zeros_at_end(found, read, size)
    return found


def _judge_iso(found: Structure, kinds: set[bytes]) -> None:
    if b"moov" not in kinds:
        found.found_cut("no index (moov): the recording was cut, e.g. by power loss")
    elif not kinds & {b"mdat", b"moof"}:
        found.found_cut("index without media data (no mdat): the recording was cut")
    if b"pssh" in kinds:
        found.encrypted = True
    if found.encrypted:
        found.warnings.append("encrypted: it cannot be played without its key")


def _look_into(found: Structure, read: Read, box: _Box) -> None:
    if box.kind == b"moov":
        _walk_index(found, read, box)
    elif box.kind == b"uuid" and read(box.body, 16) == _C2PA:
        found.vendor_signature = "C2PA manifest"


def _walk_index(found: Structure, read: Read, moov: _Box) -> None:
    pending = [moov]
    for _ in range(_MAX_INNER):
        if not pending:
            return
        parent = pending.pop()
        wanted = _INSIDE[parent.kind]
        start = parent.body + (_SAMPLE_ENTRIES_AT if parent.kind == b"stsd" else 0)
        for box in _children(read, start, parent.end):
            if box.kind not in wanted:
                continue
            if box.kind == b"mvhd":
                found.raw_time = _creation(read(box.body, 12))
            elif box.kind in _INSIDE:
                pending.append(box)
            else:
                found.encrypted = True


def _children(read: Read, start: int, end: int) -> Iterator[_Box]:
    for _ in range(_MAX_INNER):
        box = _box_at(read, start, end)
        if box is None or box.end > end:
            return
        yield box
        start = box.end


def _box_at(read: Read, offset: int, end: int) -> _Box | None:
    """The box whose header stands there; None when none does."""
    header = read(offset, _LARGE_HEADER)
    if end - offset < _HEADER or len(header) < _HEADER:
        return None
    length, kind = struct.unpack_from(">I4s", header)
    body = offset + _HEADER
    if length == 1:
        if len(header) < _LARGE_HEADER:
            return None
        (length,) = struct.unpack_from(">Q", header, _HEADER)
        body = offset + _LARGE_HEADER
    elif length == 0:
        length = end - offset
    if length < body - offset or not _is_kind(kind):
        return None
    return _Box(kind, offset, body, offset + length)


def _is_kind(kind: bytes) -> bool:
    return all(0x20 <= byte <= 0x7E or byte == 0xA9 for byte in kind)  # noqa: PLR2004 -- ASCII, and QuickTime's copyright sign


def _rest(found: Structure, read: Read, offset: int, size: int, *, whole: bool) -> None:
    """Say what follows the last box, which is no box."""
    count = size - offset
    if not any(read(offset, min(count, _TAIL))):
        text = f"only zero bytes from {offset} to the end"
        if whole:
            found.warnings.append(f"{text}: space kept by the camera and never used")
        else:
            found.found_cut(f"{text}: the rest was never written")
    elif whole:
        found.warnings.append(f"{count} bytes after the last box are not part of the recording")
    else:
        found.found_cut(f"no box at byte {offset}: damaged or cut there")


def _zeros_at_end(found: Structure, read: Read, size: int) -> None:
    """A card that keeps space ahead leaves zeros where the power went."""
    tail = read(max(size - _TAIL, 0), _TAIL)
    zeros = len(tail) - len(tail.rstrip(b"\0"))
    if found.cut or zeros < _ZEROS_TOLD:
        return
    text = f"the last {zeros} bytes or more are zero"
    if zeros >= _ZEROS_CUT:
        found.found_cut(f"{text}: the end was probably never written")
    else:
        found.warnings.append(text)


def _creation(mvhd: bytes) -> int | None:
    """``creation_time`` of a movie header of version 0 or 1."""
    if len(mvhd) < 12:  # noqa: PLR2004 -- version, flags and the longer of both forms
        return None
    time: int
    if mvhd[0] == 1:
        (time,) = struct.unpack_from(">Q", mvhd, 4)
    else:
        (time,) = struct.unpack_from(">I", mvhd, 4)
    return time


# --- RIFF and Matroska --------------------------------------------------------------


def walk_riff(read: Read, size: int) -> Structure:
    """Walk an AVI or WAV file (RIFF chunks, OpenDML's further RIFFs included)."""
    found = Structure()
    offset = 0
    for _ in range(_MAX_BOXES):
        if offset >= size:
            break
        header = read(offset, 12)
        if len(header) < _HEADER or header[:4] != b"RIFF":
            found.warnings.append(f"{size - offset} bytes after the last RIFF are no part of it")
            break
        (length,) = struct.unpack_from("<I", header, 4)
        end = offset + _HEADER + length
        if length <= 4:  # noqa: PLR2004 -- no more than the name of the form
            found.found_cut("the header was never completed: the recording was cut")
            break
        if end > size:
            found.found_cut(f"RIFF runs {end - size} bytes past the end of file: cut")
        _walk_chunks(found, read, offset + 12, min(end, size))
        offset = end + (end & 1)
    _zeros_at_end(found, read, size)
    return found


def _walk_chunks(found: Structure, read: Read, start: int, end: int) -> None:
    pending = [(start, end)]
    for _ in range(_MAX_INNER):
        if not pending:
            return
        start, end = pending.pop()
        header = read(start, 12)
        if start + _HEADER > end or len(header) < _HEADER:
            continue
        (length,) = struct.unpack_from("<I", header, 4)
        after = start + _HEADER + length + (length & 1)
        if header[:4] == b"IDIT":
            text = read(start + _HEADER, min(length, 64)).decode("ascii", errors="replace")
            found.idit = text.strip("\0\r\n ")
        if after < end:
            pending.append((after, end))
        if header[:4] == b"LIST" and header[8:12] == b"hdrl":
            pending.append((start + 12, min(start + _HEADER + length, end)))


def walk_matroska(read: Read, size: int) -> Structure:
    """Compare the segment's size with the file's (RFC 8794); live recordings state none."""
    found = Structure()
    header = read(0, 64)
    first = _vint(header, 4)
    if first is None:
        found.found_cut("cut inside its header")
        return found
    segment = 4 + first[1] + first[0]
    head = read(segment, 12)
    length = _vint(head, 4) if head[:4] == b"\x18\x53\x80\x67" else None
    if length is None:
        found.found_cut("header without content: the recording was cut")
        return found
    value, width = length
    end = segment + 4 + width + value
    if value != (1 << 7 * width) - 1 and end > size:
        found.found_cut(f"the segment runs {end - size} bytes past the end of file: cut")
    _zeros_at_end(found, read, size)
    return found


def _vint(data: bytes, at: int) -> tuple[int, int] | None:
    """A variable-size integer and its width (RFC 8794 section 4)."""
    if at >= len(data) or data[at] == 0:
        return None
    width = 9 - data[at].bit_length()
    if at + width > len(data):
        return None
    value = int.from_bytes(data[at : at + width], "big") & ((1 << 7 * width) - 1)
    return value, width


def _shown(kind: bytes) -> str:
    return kind.decode("latin-1")


def structure_of(read: Read, size: int, container: str) -> Structure:
    """Walk a recording in a container by its name (``limited.containers``)."""
    if container in {"mp4", "mov", "3gp"}:
        return walk_iso(read, size)
    if container in {"avi", "wav"}:
        return walk_riff(read, size)
    if container == "matroska":
        return walk_matroska(read, size)
    return Structure()
