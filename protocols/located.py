"""Where the bytes of a clip differ from what was sealed: leaves, bytes, seconds of the recording.

A list of leaf hashes from a stranger is believed only when it leads to the sealed root.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hashing import merkle
from hashing.digest import LEAF_SIZE

Run = tuple[int, int]
"""First and last of leaves that follow each other."""


def leaves_of(size: int) -> int:
    """How many leaves so many bytes make."""
    return -(-size // LEAF_SIZE)


def believed(raw: bytes | None, size: int, root: bytes) -> tuple[bytes, ...] | None:
    """The leaf hashes of a joined list; None when they do not lead to the sealed root.

    Args:
        raw: 32 bytes for each leaf; None when there is no list.
        size: of the clip, sealed.
        root: sealed.
    """
    if raw is None or len(raw) != leaves_of(size) * merkle.HASH_SIZE:
        return None
    starts = range(0, len(raw), merkle.HASH_SIZE)
    leaves = tuple(raw[start : start + merkle.HASH_SIZE] for start in starts)
    return leaves if merkle.root(leaves) == root else None


def runs(indices: Sequence[int]) -> Iterator[Run]:
    """Runs of indices that follow each other; the indices are in order."""
    start = None
    before = -2
    for index in indices:
        if index != before + 1:
            if start is not None:
                yield start, before
            start = index
        before = index
    if start is not None:
        yield start, before


def leaves_text(first: int, last: int) -> str:
    """Leaves in words."""
    return f"leaf {first}" if first == last else f"leaves {first} to {last}"


def seconds(start: int, end: int, size: int, duration_ms: int | None) -> tuple[float, float] | None:
    """Seconds of the recording, reckoned as if every second took as many bytes.

    Args:
        start: first byte.
        end: byte after the last one.
        size: of the clip, sealed.
        duration_ms: as its container said; None gives None.
    """
    if not size or not duration_ms:
        return None
    return duration_ms * start / size / 1000, duration_ms * end / size / 1000


def seconds_text(start: int, end: int, size: int, duration_ms: int | None) -> str:
    """The same in words, to follow others; empty where nothing is known."""
    told = seconds(start, end, size, duration_ms)
    return "" if told is None else f", about second {told[0]:.0f} to {told[1]:.0f} of the recording"
