"""The only code that makes a file permanent on the dock, or reads what the disk really has.

A file appears whole or not at all: written under another name, synced, renamed, folder
synced. Reading back goes past the page cache, because memory would repeat what was
written even where the disk did not keep it. Nothing here knows what a file means;
``OSError`` passes through to the module that does.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import mmap
import os
import secrets
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

CHUNK: Final = 1 << 20
# O_DIRECT wants offsets in multiples of the device's block; 4 KiB suits every one.
_BLOCK: Final = 4096


def fsync_file(fd: int) -> None:
    """Wait until the disk has the file's bytes and metadata."""
    os.fsync(fd)


def fsync_dir(path: Path) -> None:
    """Wait until the disk has the folder's names."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_dir(path: Path, mode: int = 0o700) -> None:
    """Make a folder and its missing parents, so that a power cut cannot take them away again."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        folder.mkdir(mode=mode, exist_ok=True)
        fsync_dir(folder.parent)


def publish(temp: Path, final: Path) -> None:
    """Give a finished file its name, so that after a power cut it is there whole or not at all.

    Harmless when repeated after the rename: a missing ``temp`` with ``final`` in place is
    the state wanted, and only the folders are synced again.
    """
    try:
        fd = os.open(temp, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        if not final.exists():
            raise
    else:
        try:
            fsync_file(fd)
        finally:
            os.close(fd)
        temp.rename(final)
    fsync_dir(final.parent)
    if temp.parent != final.parent:
        fsync_dir(temp.parent)


def write_atomic(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace or create a file so that readers and power cuts see the old or the new one."""
    temp = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        try:
            # The umask may have taken bits away that the caller asked for.
            os.fchmod(fd, mode)
            write_all(fd, data)
            fsync_file(fd)
        finally:
            os.close(fd)
        temp.rename(path)
    except OSError:
        temp.unlink(missing_ok=True)
        raise
    fsync_dir(path.parent)


def write_all(fd: int, data: bytes) -> None:
    """Write every byte; the kernel may take fewer at once."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


class UncachedReader:
    """Reads a file from its start, from the device and not from memory.

    ``O_DIRECT`` where the file system has it; else the file's pages are dropped first
    (after a sync, because dirty pages cannot be dropped). The descriptor stays the
    caller's, but gets the ``O_DIRECT`` flag.

    Attributes:
        method: ``o_direct`` or ``fadvise``: what the reading rests on.
    """

    def __init__(self, fd: int, moved: Callable[[], object] = lambda: None) -> None:
        """Begin.

        Args:
            fd: the file.
            moved: called after each piece; what it raises ends the reading.
        """
        self._fd = fd
        self._moved = moved
        self.method: Literal["o_direct", "fadvise"] = "fadvise"
        if not self._set_direct(on=True) or not self._direct_reads():
            self._drop_pages()
        self._buffers = (mmap.mmap(-1, CHUNK), mmap.mmap(-1, CHUNK))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the buffers back; the descriptor stays open."""
        for buffer in self._buffers:
            buffer.close()

    def __iter__(self) -> Iterator[bytes]:
        """The bytes in order, at most 1 MiB at once; each object is the caller's to keep."""
        buffer, offset = self._buffers[0], 0
        while count := self._read_at(buffer, offset):
            offset += count
            yield buffer[:count]

    def sha256(self) -> tuple[bytes, int]:
        """Digest of the whole file and its size in bytes."""
        digest = hashlib.sha256()
        size = self._feed(digest.update)
        return digest.digest(), size

    def crc32(self) -> tuple[int, int]:
        """CRC-32 of the whole file and its size in bytes: against disks, not attackers."""
        crc = 0

        def update(data: memoryview) -> None:
            nonlocal crc
            crc = zlib.crc32(data, crc)

        size = self._feed(update)
        return crc, size

    def _feed(self, update: Callable[[memoryview], object]) -> int:
        """Pass the file on chunk by chunk, the next one being read meanwhile; gives its size."""
        offset = 0
        front, back = self._buffers
        with ThreadPoolExecutor(1, "evidock-read-back") as pool:
            count = self._read_at(front, 0)
            while count:
                offset += count
                self._moved()
                ahead = pool.submit(self._read_at, back, offset)
                with memoryview(front) as view, view[:count] as filled:
                    update(filled)
                count = ahead.result()
                front, back = back, front
        return offset

    def _read_at(self, buffer: mmap.mmap, offset: int) -> int:
        filled = 0
        with memoryview(buffer) as whole:
            while filled < CHUNK:
                if (offset + filled) % _BLOCK and self._ends_at(offset + filled):
                    break
                with whole[filled:] as rest:
                    count = os.preadv(self._fd, [rest], offset + filled)
                if count == 0:
                    break
                filled += count
        return filled

    def _ends_at(self, offset: int) -> bool:
        """Whether an odd place is the end; if not, O_DIRECT, which needs even ones, is given up."""
        if offset >= os.fstat(self._fd).st_size:
            return True
        if self.method == "o_direct":
            self._set_direct(on=False)
            self._drop_pages()
            self.method = "fadvise"
        return False

    def _set_direct(self, *, on: bool) -> bool:
        flags = fcntl.fcntl(self._fd, fcntl.F_GETFL)
        wanted = flags | os.O_DIRECT if on else flags & ~os.O_DIRECT
        try:
            fcntl.fcntl(self._fd, fcntl.F_SETFL, wanted)
        except OSError as error:
            if error.errno == errno.EINVAL:
                return False
            raise
        return True

    def _direct_reads(self) -> bool:
        # Some file systems take the flag and refuse the read, so one block is tried.
        try:
            with mmap.mmap(-1, _BLOCK) as block:
                os.preadv(self._fd, [block], 0)
        except OSError as error:
            if error.errno not in {errno.EINVAL, errno.EOPNOTSUPP}:
                raise
            self._set_direct(on=False)
            return False
        self.method = "o_direct"
        return True

    def _drop_pages(self) -> None:
        try:
            os.fdatasync(self._fd)
        except OSError as error:
            # Read-only cards and simple FUSE drivers have nothing to sync and say so.
            if error.errno not in {errno.EINVAL, errno.ENOSYS, errno.EROFS}:
                raise
        os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_DONTNEED)


def read_uncached(path: Path) -> Iterator[bytes]:
    """A file's bytes as the device has them, at most 1 MiB at once."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        with UncachedReader(fd) as reader:
            yield from reader
    finally:
        os.close(fd)
