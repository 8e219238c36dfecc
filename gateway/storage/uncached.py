"""Reading an object back from the disk, not from memory.

After a write the page cache answers with what was meant to be written. Only a read that
passes it by shows what the disk keeps. ``O_DIRECT`` does that; where a file system refuses
it (tmpfs, some network and FUSE ones), the pages are synced and dropped first, which asks
the kernel but proves less. So every digest says by which method it was made.
"""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
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


@dataclass(frozen=True, slots=True)
class StoredHash:
    """Size and SHA-256 of an object as the disk holds it; ``method`` as in StoredDigest."""

    size: int
    sha256: bytes
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

    def sha256(self) -> StoredHash:
        """Read the whole file and hash it once; blocks for as long as the disk takes.

        Raises:
            OSError: it cannot be read, or ``ECANCELED`` after ``stop``.
        """
        sha256 = hashlib.sha256()
        size, method = self._read(sha256.update)
        return StoredHash(size, sha256.digest(), method)

    def digest(self) -> StoredDigest:
        """Read the whole file for SHA-256 and leaves, which takes twice the hashing.

        Raises:
            OSError: as ``sha256``.
        """
        with Digester() as digester:
            _, method = self._read(lambda chunk: digester.update(bytes(chunk)))
            found = digester.finish()
        return StoredDigest(found.size, found.sha256, found.leaves, found.root, method)

    def _read(self, update: Callable[[memoryview], object]) -> tuple[int, str]:
        """Pass every chunk on, the next one being read meanwhile; gives size and method."""
        descriptor, method = open_uncached(self._path)
        size = 0
        try:
            # Anonymous mappings start on a page, which O_DIRECT asks of its buffers.
            with (
                mmap.mmap(-1, _BUFFER) as front,
                mmap.mmap(-1, _BUFFER) as back,
                ThreadPoolExecutor(1, "read-back") as ahead,
            ):
                buffers = [front, back]
                count = os.readv(descriptor, [front])
                while count:
                    if self._stopped.is_set():
                        raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))
                    size += count
                    # Only the end of the file is no multiple of a page, and reading on
                    # from there would be an unaligned read.
                    last = bool(count % mmap.PAGESIZE)
                    following = None if last else ahead.submit(os.readv, descriptor, [buffers[1]])
                    with memoryview(buffers[0]) as view:
                        for start in range(0, count, _CHUNK):
                            with view[start : min(start + _CHUNK, count)] as chunk:
                                update(chunk)
                    count = following.result() if following else 0
                    buffers.reverse()
        finally:
            os.close(descriptor)
        return size, method


def open_uncached(path: Path) -> tuple[int, str]:
    """Open a file so that reading it passes the page cache by.

    Returns:
        A descriptor for the caller to close, and the method. Reads go into a buffer that
        starts on a page and is a multiple of it; a short read is the end of the file.

    Raises:
        OSError: it cannot be opened, or is no file.
    """
    if not stat.S_ISREG(path.lstat().st_mode):
        # Opening a pipe would wait for whoever put it there.
        raise OSError(errno.EINVAL, "not a file")
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
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
