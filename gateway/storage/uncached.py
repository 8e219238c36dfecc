"""Reading an object back from the disk, not from memory.

After a write the page cache answers with what was meant to be written. Only a read that
passes it by shows what the disk keeps. ``O_DIRECT`` does that; where a file system refuses
it (tmpfs, some network and FUSE ones), the pages are synced and dropped first, which asks
the kernel but proves less. So every digest says by which method it was made.
"""

from __future__ import annotations

import errno
import mmap
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hashing.digest import ContentDigest, Digester

O_DIRECT = "o_direct"
FADVISE = "fadvise"
_BUFFER = 4 << 20
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class StoredDigest(ContentDigest):
    """Digest of an object as the disk holds it.

    Attributes:
        method: ``o_direct``, or ``fadvise`` where the file system refuses the former.
    """

    method: str


@contextmanager
def read_back(path: Path) -> Iterator[UncachedReader]:
    """One reading of a file past the cache; leaving early stops the thread that reads."""
    reader = UncachedReader(path)
    try:
        yield reader
    finally:
        reader.stop()


class UncachedReader:
    """One pass over one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Make a ``digest`` that runs in another thread end soon."""
        self._stopped.set()

    def digest(self) -> StoredDigest:
        """Read the whole file; blocks for as long as the disk takes.

        Raises:
            OSError: it cannot be read, or ``ECANCELED`` after ``stop``.
        """
        descriptor, method = open_uncached(self._path)
        try:
            with Digester() as digester, mmap.mmap(-1, _BUFFER) as buffer:
                # An anonymous mapping starts on a page, which O_DIRECT asks of its buffer.
                while count := os.readv(descriptor, [buffer]):
                    if self._stopped.is_set():
                        raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))
                    for start in range(0, count, _CHUNK):
                        digester.update(buffer[start : min(start + _CHUNK, count)])
                    if count % mmap.PAGESIZE:
                        # Only the end of the file is no multiple of a page, and reading on
                        # from there would be an unaligned read.
                        break
                found = digester.finish()
        finally:
            os.close(descriptor)
        return StoredDigest(found.size, found.sha256, found.leaves, found.root, method)


def open_uncached(path: Path) -> tuple[int, str]:
    """Open a file so that reading it passes the page cache by.

    Returns:
        A descriptor for the caller to close, and the method. Reads go into a buffer that
        starts on a page and is a multiple of it; a short read is the end of the file.

    Raises:
        OSError: it cannot be opened.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, flags | os.O_DIRECT), O_DIRECT
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.EOPNOTSUPP}:
            raise
    descriptor = os.open(path, flags)
    # Dirty pages cannot be dropped, so they go to the disk first.
    os.fdatasync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    return descriptor, FADVISE
