"""Step 2: an original's bytes against what was sealed; and where exactly they differ.

The leaf list of a pack is believed only when it leads to the sealed root. Then every MiB is
judged by itself, and a changed byte is named as leaf, byte range and seconds of the recording: by
the file's own sample tables where they lie in leaves that are as sealed, otherwise, as far as the
container told its length, reckoned evenly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from hashing import merkle
from hashing.digest import LEAF_SIZE, ContentDigest
from hashing.verdict import Finding, Outcome
from protocols.located import believed, leaves_text, runs, seconds_text
from protocols.trail import ExpectedContent
from verifier.samples import NoTablesError, Track, seconds_in, tables_of

_TOLD = 20


@dataclass(frozen=True, slots=True)
class Original:
    """What step 2 compares.

    Attributes:
        expected: what was sealed.
        path: the file in the pack.
        found: digest of its bytes; None when it is not there or cannot be read.
        leaves: the pack's leaf list, not yet believed; None when it is not there.
        duration_ms: length of the recording as its container said.
        missing: why the pack says that the bytes are not in it.
        open: opens the file once more, to read the tables of a damaged one; None does not.
    """

    expected: ExpectedContent
    path: str
    found: ContentDigest | None
    leaves: bytes | None
    duration_ms: int | None
    missing: str | None = None
    open: Callable[[], BinaryIO] | None = None


def check_original(original: Original) -> Iterator[Finding]:
    """Findings of step 2 for one clip."""
    name, expected, found = str(original.expected.clip), original.expected, original.found
    if found is None and expected.disposed is not None:
        reason = f"its bytes are gone: disposed of at entry {expected.disposed}"
        yield Finding(2, Outcome.INTACT, name, reason)
        return
    if found is None:
        why = f"not in the pack, which says: {original.missing}" if original.missing else "missing"
        yield Finding(2, Outcome.INCOMPLETE, name, f"{original.path}: {why}")
        return
    if (found.size, found.sha256, found.root) == (expected.size, expected.sha256, expected.root):
        reason = f"{found.size} bytes, SHA-256 {found.sha256.hex()}, {len(found.leaves)} leaves"
        yield Finding(2, Outcome.INTACT, name, reason)
        yield from _check_list(original, found)
        return
    reason = (
        f"{original.path}: {found.size} bytes with SHA-256 {found.sha256.hex()}; "
        f"sealed were {expected.size} with {expected.sha256.hex()}"
    )
    yield Finding(2, Outcome.ALTERED, name, reason)
    for where in _located(original, found):
        yield Finding(2, Outcome.ALTERED, name, f"{original.path}: {where}")


def _check_list(original: Original, found: ContentDigest) -> Iterator[Finding]:
    if original.leaves is not None and original.leaves != b"".join(found.leaves):
        reason = "its leaf list is not that of its bytes, which are intact"
        yield Finding(2, Outcome.ALTERED, str(original.expected.clip), reason)


def _located(original: Original, found: ContentDigest) -> Iterator[str]:
    expected = original.expected
    listed = believed(original.leaves, expected.size, expected.root)
    if listed is None:
        yield "where cannot be said: its leaf list is missing or not the sealed one"
        return
    common = min(len(listed), len(found.leaves))
    differing = [index for index in range(common) if listed[index] != found.leaves[index]]
    cut = found.size < expected.size
    places = list(runs(differing))
    tracks = _tracks(original, listed)
    for first, last in places[:_TOLD]:
        start, end = first * LEAF_SIZE, min((last + 1) * LEAF_SIZE, expected.size, found.size)
        when = _when(original, tracks, start, end)
        differ = "differs" if first == last else "differ"
        yield f"{leaves_text(first, last)} {differ}: bytes {start} to {end - 1}{when}"
    if len(places) > _TOLD:
        yield f"... and {len(places) - _TOLD} more places"
    if cut:
        when = _when(original, tracks, found.size, expected.size)
        gone = expected.size - found.size
        yield f"cut short: the last {gone} bytes, from byte {found.size} on, are missing{when}"
    elif found.size > expected.size:
        yield f"{found.size - expected.size} bytes were appended after byte {expected.size - 1}"


def _when(original: Original, tracks: Sequence[Track], start: int, end: int) -> str:
    if not tracks:
        told = seconds_text(start, end, original.expected.size, original.duration_ms)
        return told and f"{told}, reckoned evenly"
    span = seconds_in(tracks, start, end)
    if span is None:
        return ", where by the file's own tables no picture or sound lies"
    return f", second {span[0]:.1f} to {span[1]:.1f} of the recording by the file's own tables"


def _tracks(original: Original, listed: Sequence[bytes]) -> Sequence[Track]:
    """The sample tables, as they were sealed; none where they are damaged or there are none."""
    if original.open is None:
        return ()
    try:
        with original.open() as file:
            sealed = _Sealed(file, listed)
            return tables_of(sealed.read, original.expected.size)
    except (OSError, NoTablesError):
        return ()


class _Sealed:
    """Reads a damaged file, and gives only bytes that are as sealed."""

    def __init__(self, file: BinaryIO, listed: Sequence[bytes]) -> None:
        self._file = file
        self._listed = listed
        self._last: tuple[int, bytes] = (-1, b"")

    def read(self, at: int, length: int) -> bytes:
        """So many bytes from there; raises NoTablesError for a leaf that differs."""
        first, last = at // LEAF_SIZE, max(at, at + length - 1) // LEAF_SIZE
        last = min(last, len(self._listed) - 1)
        raw = b"".join(self._leaf(index) for index in range(first, last + 1))
        return raw[at - first * LEAF_SIZE :][:length]

    def _leaf(self, index: int) -> bytes:
        if self._last[0] != index:
            self._file.seek(index * LEAF_SIZE)
            raw = self._file.read(LEAF_SIZE)
            if merkle.leaf_hash(raw) != self._listed[index]:
                raise NoTablesError("the tables lie in bytes that differ")
            self._last = index, raw
        return self._last[1]
