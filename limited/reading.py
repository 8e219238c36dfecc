"""A recording as a media library reads it: a file object over a descriptor that was handed in."""

from __future__ import annotations

import os


class Bytes:
    """A recording as the library reads it: a file object over one descriptor.

    Reads by position, because the descriptor's offset is shared with other processes, and
    counts, so that a long recording is not read as a whole.
    """

    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self._size = size
        self._at = 0
        self.taken = 0

    def at(self, offset: int, length: int) -> bytes:
        """Bytes from a place; fewer at the end."""
        return os.pread(self._fd, length, offset) if 0 <= offset < self._size else b""

    def read(self, length: int = -1) -> bytes:
        """The next bytes."""
        data = self.at(self._at, length if length >= 0 else self._size - self._at)
        self._at += len(data)
        self.taken += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move; returns the new place."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def tell(self) -> int:
        """The place."""
        return self._at
