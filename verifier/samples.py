"""Which seconds of a recording lie in which bytes, by the sample tables of an MP4 or MOV file.

Cameras do not write as many bytes each second, so seconds that are reckoned evenly are off by as
much as a picture that stands still makes. ISO/IEC 14496-12 (QuickTime alike) says where each
sample lies and how long it is shown: ``stco``/``co64``, ``stsc``, ``stsz``, ``stts`` and ``mdhd``.

The file is a stranger's: every number is compared with the bytes that are there, boxes are looked
at once and in a bounded number, and tables that do not fit together are none at all. Times are
of decoding; what an edit list shifts or the order of pictures changes is parts of a second.
"""

from __future__ import annotations

import struct
import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from operator import mul
from typing import Final

from verifier.errors import VerifierError

Read = Callable[[int, int], bytes]
Seconds = tuple[float, float]

_MAX_OUTER: Final = 512
_MAX_INNER: Final = 4096
_MAX_TRACKS: Final = 16
_MAX_INDEX: Final = 32 << 20
_MAX_CHUNKS: Final = 2_000_000
_MEDIA: Final = frozenset({b"vide", b"soun"})


class NoTablesError(VerifierError):
    """Not such a file, or tables that cannot be believed."""


@dataclass(frozen=True, slots=True)
class Track:
    """Pictures or sound of a recording.

    Attributes:
        scale: units of time in a second.
        firsts, begins, deltas: runs of samples of one length: number of the first sample, when it
            begins, and how long each is shown.
        ends: bytes of all samples before each, and of all.
        offsets: where samples lie together in a chunk.
        samples: first sample of each chunk, and how many there are in all.
    """

    scale: int
    firsts: Sequence[int]
    begins: Sequence[int]
    deltas: Sequence[int]
    ends: Sequence[int]
    offsets: Sequence[int]
    samples: Sequence[int]

    def seconds(self, start: int, end: int) -> Seconds | None:
        """Of the samples that have a byte from ``start`` to before ``end``; None for no sample."""
        found: list[int] = []
        for offset, (first, last) in zip(self.offsets, pairwise(self.samples), strict=True):
            base, after = self.ends[first], self.ends[last]
            low, high = max(start, offset), min(end, offset + after - base)
            if low < high:
                lo, hi = base + low - offset, base + high - offset
                found.append(bisect_right(self.ends, lo, first, last) - 1)
                found.append(bisect_left(self.ends, hi, first, last))
        return (self._at(min(found)), self._at(max(found))) if found else None

    def _at(self, sample: int) -> float:
        run = bisect_right(self.firsts, sample) - 1
        passed = self.begins[run] + (sample - self.firsts[run]) * self.deltas[run]
        return passed / self.scale


def tables_of(read: Read, size: int) -> tuple[Track, ...]:
    """Read the tables of all pictures and sound.

    Args:
        read: so many bytes from there; less at the end of the file.
        size: of the file.

    Raises:
        NoTablesError: there are none that fit together. Whatever ``read`` raises goes through.
    """
    index = _index(read, size)
    tracks = [_track(body, size) for kind, body in _inner(index) if kind == b"trak"]
    if len(tracks) > _MAX_TRACKS:
        raise NoTablesError(f"{len(tracks)} tracks")
    media = tuple(track for track in tracks if track is not None)
    if not any(track.offsets for track in media):
        raise NoTablesError("no sample of pictures or sound")
    return media


def seconds_in(tracks: Sequence[Track], start: int, end: int) -> Seconds | None:
    """First and last second that have a byte in a range; None where only other things lie."""
    spans = [span for track in tracks if (span := track.seconds(start, end)) is not None]
    if not spans:
        return None
    return min(first for first, _ in spans), max(last for _, last in spans)


# --- boxes ------------------------------------------------------------------------------


def _index(read: Read, size: int) -> memoryview:
    """The body of ``moov``, which holds all tables."""
    at = 0
    for _ in range(_MAX_OUTER):
        head = read(at, 16)
        if len(head) < 8:  # noqa: PLR2004  # a box has size and kind
            break
        length, kind = struct.unpack_from(">I4s", head)
        start = at + 8
        if length == 1 and len(head) == 16:  # noqa: PLR2004  # a size of 64 bits follows
            length, start = struct.unpack_from(">Q", head, 8)[0], at + 16
        elif length == 0:
            length = size - at
        if at + length > size or at + length < start:
            break
        if kind == b"moov":
            if length > _MAX_INDEX:
                raise NoTablesError(f"an index of {length} bytes")
            return memoryview(read(start, at + length - start))
        at += length
    raise NoTablesError("no index (moov)")


def _inner(body: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    at = 0
    for _ in range(_MAX_INNER):
        if at + 8 > len(body):
            return
        length, kind = struct.unpack_from(">I4s", body, at)
        if not 8 <= length <= len(body) - at:  # noqa: PLR2004  # a box has size and kind
            raise NoTablesError("a box that does not fit into the one around it")
        yield kind, body[at + 8 : at + length]
        at += length
    raise NoTablesError("too many boxes")


def _down(body: memoryview, *path: bytes) -> memoryview:
    for wanted in path:
        found = [inner for kind, inner in _inner(body) if kind == wanted]
        if len(found) != 1:
            raise NoTablesError(f"{len(found)} boxes {wanted.decode()}")
        body = found[0]
    return body


# --- tables -----------------------------------------------------------------------------


def _track(body: memoryview, size: int) -> Track | None:
    media = _down(body, b"mdia")
    handler = _down(media, b"hdlr")
    if bytes(handler[8:12]) not in _MEDIA:
        return None
    tables: dict[bytes, memoryview] = {}
    for kind, table in _inner(_down(media, b"minf", b"stbl")):
        if tables.setdefault(kind, table) is not table:
            raise NoTablesError("a table twice")
    try:
        ends = _sizes(tables[b"stsz"])
        offsets, samples = _chunks(tables, ends, size)
        firsts, begins, deltas = _times(tables[b"stts"], len(ends) - 1)
    except (KeyError, OverflowError) as error:
        raise NoTablesError(f"no such table, or numbers beyond all bounds: {error}") from error
    scale = _scale(_down(media, b"mdhd"))
    return Track(scale, firsts, begins, deltas, ends, offsets, samples)


def _scale(body: memoryview) -> int:
    at = 20 if bytes(body[:1]) == b"\x01" else 12
    (scale,) = struct.unpack_from(">I", body, at) if len(body) >= at + 4 else (0,)
    if not scale:
        raise NoTablesError("no units of time")
    return int(scale)


def _rows(body: memoryview, at: int, count: int, kind: str = "I") -> array[int]:
    """So many numbers, of 32 bits (``I``) or of 64 (``Q``)."""
    rows = array(kind)
    length = rows.itemsize * count
    if len(body) < at + length:
        raise NoTablesError("a table that is shorter than it says")
    rows.frombytes(body[at : at + length])
    if sys.byteorder == "little":
        rows.byteswap()
    return rows


def _count(body: memoryview, at: int = 4) -> int:
    if len(body) < at + 4:
        raise NoTablesError("a table without a beginning")
    return int(struct.unpack_from(">I", body, at)[0])


def _sizes(body: memoryview) -> Sequence[int]:
    each, count = _count(body), _count(body, 8)
    if each:
        # Sound that is not compressed: a million samples, all of two bytes.
        return range(0, each * count + 1, each)
    return array("Q", accumulate(_rows(body, 12, count), initial=0))


def _chunks(
    tables: dict[bytes, memoryview], ends: Sequence[int], size: int
) -> tuple[Sequence[int], Sequence[int]]:
    wide = b"co64" in tables
    places = tables[b"co64" if wide else b"stco"]
    offsets = _rows(places, 8, _count(places), "Q" if wide else "I")
    runs = _rows(tables[b"stsc"], 8, 3 * _count(tables[b"stsc"]))
    if len(offsets) > _MAX_CHUNKS:
        raise NoTablesError(f"{len(offsets)} chunks")
    samples = array("Q", [0])
    sample = chunk = 0
    for row in range(0, len(runs), 3):
        first, count = runs[row] - 1, runs[row + 1]
        after = runs[row + 3] - 1 if row + 3 < len(runs) else len(offsets)
        if first != chunk or not first < after <= len(offsets):
            raise NoTablesError("chunks that are not in order")
        for offset in offsets[first:after]:
            if sample + count >= len(ends):
                raise NoTablesError("more samples in chunks than there are")
            if offset + ends[sample + count] - ends[sample] > size:
                raise NoTablesError("samples beyond the end of the file")
            sample += count
            samples.append(sample)
        chunk = after
    if sample != len(ends) - 1 or chunk != len(offsets):
        raise NoTablesError("samples that lie nowhere")
    return offsets, samples


def _times(body: memoryview, samples: int) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
    rows = _rows(body, 8, 2 * _count(body))
    counts, deltas = rows[0::2], rows[1::2]
    if sum(counts) != samples:
        raise NoTablesError("samples without a time")
    begins = array("Q", accumulate(map(mul, counts, deltas), initial=0))
    # The end of the last sample is the beginning of a run of none.
    deltas.append(0)
    return array("Q", accumulate(counts, initial=0)), begins, deltas
