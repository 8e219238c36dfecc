"""Parts to leaves to a whole staging file, and nothing unverified on the disk.

A leaf waits in memory until all its parts are there, is hashed against the sealed list and
only then written at its place. So whatever a staging file holds is right wherever it is
not a hole, two workers that write the same clip write the same bytes, and after a crash
the file itself tells what is missing. Making it durable is the storage's business.

``Assembly`` lives on the event loop and touches no file; the functions below it run in
threads and touch nothing but the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from hashing import merkle
from hashing.digest import LEAF_SIZE, leaf_hash_of
from protocols.ids import ClipId

HASH_BYTES = 32
_READ_BYTES = LEAF_SIZE


@dataclass(frozen=True, slots=True)
class ReadyLeaf:
    """All bytes of one leaf, not yet checked."""

    index: int
    parts: tuple[bytes, ...]
    expected: bytes

    @property
    def offset(self) -> int:
        """Where the leaf lies in the clip."""
        return self.index * LEAF_SIZE


class Listing(Enum):
    """What is known of a clip's leaf list."""

    INCOMPLETE = "incomplete"
    ASSEMBLED = "assembled"


@dataclass(slots=True)
class _OpenLeaf:
    parts: dict[int, bytes] = field(default_factory=dict)
    size: int = 0


class Assembly:
    """One clip on its way in; the caller hands over only bytes that were asked for."""

    def __init__(self, clip: ClipId, *, size: int, root: bytes, staging: Path) -> None:
        """Start with nothing.

        Args:
            clip: its name.
            size: sealed size in bytes.
            root: sealed root over the leaves.
            staging: where verified leaves are written.
        """
        self.clip = clip
        self.size = size
        self.root = root
        self.staging = staging
        self.leaves = -(-size // LEAF_SIZE)
        # RFC 9162 section 2.1.1: the root of a tree of one leaf is that leaf's hash.
        self._list = root if self.leaves == 1 else b""
        self._list_parts: dict[int, bytes] = {}
        self._open: dict[int, _OpenLeaf] = {}
        self._good = bytearray(self.leaves)
        self._good_count = 0
        self.received_bytes = 0
        self.buffered_bytes = 0

    @property
    def listed(self) -> bool:
        """Whether the leaf list is known and leads to the root."""
        return self.leaves == 0 or bool(self._list)

    @property
    def whole(self) -> bool:
        """Whether every leaf was verified and written."""
        return self._good_count == self.leaves

    @property
    def leaf_list(self) -> bytes:
        """The verified list; empty until it is known."""
        return self._list

    # --- the leaf list --------------------------------------------------------------

    def add_list_part(self, offset: int, data: bytes) -> Listing:
        """Keep a piece of the leaf list."""
        self._list_parts[offset] = data
        have = sum(len(part) for part in self._list_parts.values())
        return Listing.ASSEMBLED if have >= self.leaves * HASH_BYTES else Listing.INCOMPLETE

    def take_list(self) -> bytes:
        """The pieces joined, to be checked by ``list_leads_to``; they are forgotten here."""
        joined = b"".join(part for _, part in sorted(self._list_parts.items()))
        self._list_parts.clear()
        return joined

    def accept_list(self, verified: bytes) -> None:
        """Take a list that leads to the root."""
        self._list = verified

    # --- leaves ---------------------------------------------------------------------

    def add_part(self, offset: int, data: bytes) -> ReadyLeaf | None:
        """Keep a part; returns its leaf once that is complete.

        A part of a leaf that is verified already, or that lies beyond the clip, is dropped.
        """
        index, within = divmod(offset, LEAF_SIZE)
        if not self._list or index >= self.leaves or self._good[index]:
            return None
        leaf = self._open.setdefault(index, _OpenLeaf())
        before = leaf.parts.pop(within, b"")
        leaf.parts[within] = data
        leaf.size += len(data) - len(before)
        self.buffered_bytes += len(data) - len(before)
        if leaf.size < self.leaf_size(index):
            return None
        del self._open[index]
        expected = self._list[index * HASH_BYTES : (index + 1) * HASH_BYTES]
        # What does not join without gaps gives another hash, and is asked for again.
        return ReadyLeaf(index, tuple(part for _, part in sorted(leaf.parts.items())), expected)

    def written(self, leaf: ReadyLeaf, *, good: bool) -> None:
        """A ready leaf was checked, and written if it was good."""
        self.buffered_bytes -= sum(len(part) for part in leaf.parts)
        if good:
            self.found(leaf.index)

    def found(self, index: int) -> None:
        """A leaf is verified on the disk."""
        if not self._good[index]:
            self._good[index] = 1
            self._good_count += 1
            self.received_bytes += self.leaf_size(index)

    def found_leaves(self) -> list[int]:
        """Indices of the leaves that are verified on the disk."""
        return [index for index, good in enumerate(self._good) if good]

    def forget_open(self) -> int:
        """Let go of parts whose leaf is not complete; returns how many bytes that frees."""
        freed = sum(leaf.size for leaf in self._open.values())
        self._open.clear()
        self._list_parts.clear()
        self.buffered_bytes -= freed
        return freed

    def leaf_size(self, index: int) -> int:
        """Bytes of one leaf; only the last is shorter."""
        return min(LEAF_SIZE, self.size - index * LEAF_SIZE)


# --- in threads ---------------------------------------------------------------------


def list_leads_to(root: bytes, joined: bytes, leaves: int) -> bool:
    """Whether a leaf list has the right length and leads to the sealed root."""
    if len(joined) != leaves * HASH_BYTES:
        return False
    hashes = [joined[start : start + HASH_BYTES] for start in range(0, len(joined), HASH_BYTES)]
    return merkle.root(hashes) == root


def write_leaves(staging: Path, leaves: Iterable[ReadyLeaf]) -> list[bool]:
    """Check leaves and write the good ones at their places; says of each whether it was.

    Nothing is synced here: a leaf that a power cut undoes is found missing and pulled again.

    Raises:
        OSError: the staging file cannot be written; the leaves of this call may or may not be.
    """
    verdicts = []
    descriptor = _open(staging, os.O_WRONLY | os.O_CREAT)
    try:
        for leaf in leaves:
            good = leaf_hash_of(leaf.parts) == leaf.expected
            if good:
                _write_all(descriptor, leaf.parts, leaf.offset)
            verdicts.append(good)
    finally:
        os.close(descriptor)
    return verdicts


def verify_staged(staging: Path, size: int, leaf_list: bytes) -> list[int]:
    """Indices of the leaves that a staging file from before a restart holds rightly.

    Raises:
        OSError: the file is there and cannot be read.
    """
    try:
        descriptor = _open(staging, os.O_RDONLY)
    except FileNotFoundError:
        return []
    try:
        # Storing closes a file for writing first; a crash then leaves it here like that.
        os.fchmod(descriptor, 0o600)
        return [
            index
            for index in _with_data(descriptor, size)
            if _leaf_in_file(descriptor, index, size)
            == leaf_list[index * HASH_BYTES : (index + 1) * HASH_BYTES]
        ]
    finally:
        os.close(descriptor)


def finish_staged(staging: Path, size: int) -> None:
    """Give the staging file its exact length, creating the one of an empty clip.

    Raises:
        FileNotFoundError: it is not there; one made here would hold nothing but zeros.
        OSError: it cannot be written.
    """
    descriptor = _open(staging, os.O_WRONLY | (0 if size else os.O_CREAT))
    try:
        os.ftruncate(descriptor, size)
    finally:
        os.close(descriptor)


def _open(staging: Path, flags: int) -> int:
    return os.open(staging, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _write_all(descriptor: int, parts: Sequence[bytes], offset: int) -> None:
    written = os.pwritev(descriptor, parts, offset)
    total = sum(len(part) for part in parts)
    if written < total:
        rest = memoryview(b"".join(parts))
        while written < total:
            written += os.pwrite(descriptor, rest[written:], offset + written)


def _with_data(descriptor: int, size: int) -> Iterable[int]:
    """Indices of leaves that are not holes altogether."""
    end = min(size, os.fstat(descriptor).st_size)
    position = 0
    while position < end:
        try:
            data = os.lseek(descriptor, position, os.SEEK_DATA)
        except OSError:
            return  # ENXIO: nothing but a hole up to the end
        if data >= end:
            return
        index = data // LEAF_SIZE
        yield index
        position = (index + 1) * LEAF_SIZE


def _leaf_in_file(descriptor: int, index: int, size: int) -> bytes:
    offset = index * LEAF_SIZE
    return leaf_hash_of([os.pread(descriptor, min(_READ_BYTES, size - offset), offset)])
