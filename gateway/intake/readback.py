"""A stored clip read back from the disk, as one SHA-256 over all its bytes.

Every leaf of the clip led to the sealed root before it was written. If the bytes that the
disk gives back have the sealed SHA-256 too, they are those bytes: only when they do not is
the costlier digest with leaves made, to tell a disk that errs from a record that lies.
"""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from gateway.storage.uncached import FADVISE, O_DIRECT

_BUFFER = 4 << 20


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What the disk holds.

    Attributes:
        size: bytes.
        sha256: over all of them.
        method: how the page cache was passed by.
    """

    size: int
    sha256: bytes
    method: str


def read_back(path: Path, stopped: threading.Event) -> ReadBack:
    """Read a whole file past the page cache; blocks for as long as disk and hashing take.

    Raises:
        OSError: it cannot be read, or ``ECANCELED`` once ``stopped`` is set.
    """
    descriptor, method = _open(path)
    digest, size = hashlib.sha256(), 0
    try:
        # An anonymous mapping starts on a page, which O_DIRECT asks of its buffer.
        with mmap.mmap(-1, _BUFFER) as buffer, memoryview(buffer) as view:
            while count := os.readv(descriptor, [view]):
                if stopped.is_set():
                    raise OSError(errno.ECANCELED, os.strerror(errno.ECANCELED))
                digest.update(view[:count])
                size += count
                if count % mmap.PAGESIZE:
                    # The end of the file; reading on from here would be an unaligned read.
                    break
    finally:
        os.close(descriptor)
    return ReadBack(size, digest.digest(), method)


def _open(path: Path) -> tuple[int, str]:
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
