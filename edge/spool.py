"""Where clips wait on the dock's disk until the gateway has them.

A recording is written to ``<name>.part`` and becomes ``<name>`` once it is complete,
synced and read back; names are random, so nothing of a camera's naming reaches the
dock's disk. Which file belongs to which clip is known to the ledger alone, and a whole
file that no clip names may be all there is of a recording: it is set aside as
``<name>.orphan``, one that is damaged as ``<name>.damaged``, and both stay until a person
takes them away, or an orphan is proven to be a clip (``orphans``). Only half files are dropped.
Which ledger the spool belongs to stands in ``spool-id``. Nothing here decides when a clip may go.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import threading
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from edge import durable
from edge.errors import SpoolDamaged, SpoolFull

_NAME = re.compile(r"[0-9a-f]{32}\Z")
_PART: Final = ".part"
_ORPHAN: Final = ".orphan"
_ID_FILE: Final = "spool-id"
_ID_BYTES: Final = 100
# Start writing to the disk early and keep memory free: a Pi has little, and one sync at
# the end of gigabytes would leave the disk idle while the camera is read.
_WINDOW: Final = 8 << 20
# Waiting for room would mend neither a quota, which the free space does not show, nor the
# largest size a file system takes: the recording would be copied again for ever.
_NO_ROOM = frozenset({errno.ENOSPC})


class Spool:
    """A folder of clips; safe to use from several threads.

    Args:
        root: the folder; made when missing, readable by its owner alone.
        reserve_bytes: free space that recordings never eat up: the ledger lives on it.

    Attributes:
        root: the folder.
    """

    def __init__(self, root: Path, reserve_bytes: int) -> None:
        self.root = root
        self._reserve = reserve_bytes
        self._lock = threading.Lock()
        self._expected: dict[str, int] = {}
        try:
            durable.make_dir(root)
        except OSError as error:
            raise SpoolDamaged(f"cannot make the spool {root}: {error.strerror}") from error

    def begin(self, expected_size: int) -> SpoolFile:
        """Start a file for a recording of this many bytes.

        Raises:
            SpoolFull: it would leave less than the reserve, counting what other open files
                are still going to write.
            SpoolDamaged: the disk refuses.
        """
        name = secrets.token_hex(16)
        with self._lock:
            free = self.free_bytes() - sum(self._expected.values())
            if free - expected_size < self._reserve:
                raise SpoolFull(
                    f"{expected_size} bytes do not fit: {max(free, 0)} free, "
                    f"{self._reserve} kept in reserve"
                )
            self._expected[name] = expected_size
        try:
            return SpoolFile(
                name,
                temp=self.root / f"{name}{_PART}",
                final=self.path(name),
                written=lambda count: self._written(name, count),
                ended=lambda: self._settle(name),
            )
        except BaseException:
            self._settle(name)
            raise

    def path(self, name: str) -> Path:
        """Where a published file is.

        Raises:
            SpoolDamaged: not a name this spool gives, so it must not become a path.
        """
        if not _NAME.match(name):
            raise SpoolDamaged(f"{name[:60]!r} is not the name of a spool file")
        return self.root / name

    def open(self, name: str) -> int:
        """Open a published file for reading; the caller closes the descriptor.

        Raises:
            SpoolDamaged: it is not there or cannot be opened.
        """
        try:
            return os.open(self.path(name), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise SpoolDamaged(f"spool file {name}: {error.strerror}") from error

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Bytes of a published file; fewer than ``length`` only at its end.

        Raises:
            SpoolDamaged: it is not there or cannot be read.
        """
        fd = self.open(name)
        try:
            return os.pread(fd, length, offset)
        except OSError as error:
            raise SpoolDamaged(f"spool file {name} at {offset}: {error.strerror}") from error
        finally:
            os.close(fd)

    def names(self) -> set[str]:
        """Names of all published files."""
        return {entry for entry in self._list() if _NAME.match(entry)}

    def remove(self, name: str) -> None:
        """Drop a published file; harmless when it is gone already.

        Raises:
            SpoolDamaged: the disk refuses.
        """
        path = self.path(name)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise SpoolDamaged(f"cannot drop spool file {name}: {error.strerror}") from error

    def set_aside(self, name: str) -> None:
        """Keep a damaged file out of the way as ``<name>.damaged``, for people to look at.

        Raises:
            SpoolDamaged: the disk refuses.
        """
        path = self.path(name)
        try:
            durable.publish(path, path.with_suffix(".damaged"))
        except FileNotFoundError:
            return
        except OSError as error:
            raise SpoolDamaged(f"cannot set {name} aside: {error.strerror}") from error

    def free_bytes(self) -> int:
        """Free space on the spool's disk, bytes."""
        try:
            room = os.statvfs(self.root)
        except OSError as error:
            raise SpoolDamaged(f"spool {self.root}: {error.strerror}") from error
        return room.f_bavail * room.f_frsize

    def held_bytes(self) -> int:
        """What clips and half written files take up, bytes: all that may ever be freed here.

        Raises:
            SpoolDamaged: the folder cannot be read.
        """
        total = 0
        for entry in self._list():
            if _NAME.match(entry.removesuffix(_PART)):
                # One that goes meanwhile is free space.
                with suppress(OSError):
                    total += (self.root / entry).stat().st_size
        return total

    def identity(self) -> str | None:
        """The name this spool was given; None when it never got one.

        Raises:
            SpoolDamaged: it cannot be read.
        """
        try:
            with (self.root / _ID_FILE).open("rb") as file:
                return file.read(_ID_BYTES).decode("ascii", "backslashreplace").strip()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SpoolDamaged(f"{self.root / _ID_FILE}: {error.strerror}") from error

    def set_identity(self, identity: str) -> None:
        """Give the spool its name, durably.

        Raises:
            SpoolDamaged: the disk refuses.
        """
        try:
            durable.write_atomic(self.root / _ID_FILE, f"{identity}\n".encode())
        except OSError as error:
            raise SpoolDamaged(f"{self.root / _ID_FILE}: {error.strerror}") from error

    def drop_halves(self) -> list[str]:
        """Drop what a power cut left half written: their recordings are still on the card.

        Only for start-up, while nothing is being ingested.

        Returns:
            The file names dropped.
        """
        dropped = []
        for entry in sorted(self._list()):
            if not entry.endswith(_PART) or not _NAME.match(entry.removesuffix(_PART)):
                continue
            try:
                (self.root / entry).unlink(missing_ok=True)
            except OSError as error:
                raise SpoolDamaged(f"cannot drop {entry}: {error.strerror}") from error
            dropped.append(entry)
        return dropped

    def set_orphans_aside(self, keep: set[str]) -> list[str]:
        """Keep whole files that no clip names as ``<name>.orphan``, for people to look at.

        A ledger that is too old names fewer files than there are clips, so a file without a
        clip is no proof that nobody needs it. Only for start-up, as ``drop_halves``.

        Args:
            keep: names that clip rows hold.

        Returns:
            The names set aside.
        """
        orphans = sorted(self.names() - keep)
        for name in orphans:
            path = self.path(name)
            try:
                durable.publish(path, path.with_suffix(_ORPHAN))
            except OSError as error:
                raise SpoolDamaged(f"cannot set {name} aside: {error.strerror}") from error
        return orphans

    def orphans(self) -> list[str]:
        """Files that were set aside because no clip names them."""
        names = (entry for entry in self._list() if entry.endswith(_ORPHAN))
        return sorted(name for name in names if _NAME.match(name.removesuffix(_ORPHAN)))

    def open_orphan(self, name: str) -> int:
        """Open one of ``orphans`` for reading; the caller closes the descriptor.

        Raises:
            SpoolDamaged: it is not there or cannot be opened.
        """
        try:
            # What somebody put there, a pipe for one, must not keep the thread that opens it.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            return os.open(self._orphan(name), flags)
        except OSError as error:
            raise SpoolDamaged(f"{name}: {error.strerror}") from error

    def drop_orphan(self, name: str) -> None:
        """Remove one whose bytes are proven to be elsewhere.

        Raises:
            SpoolDamaged: the disk refuses.
        """
        try:
            self._orphan(name).unlink(missing_ok=True)
        except OSError as error:
            raise SpoolDamaged(f"cannot drop {name}: {error.strerror}") from error

    def _orphan(self, name: str) -> Path:
        if not name.endswith(_ORPHAN):
            raise SpoolDamaged(f"{name[:60]!r} is no orphan of this spool")
        return self.path(name.removesuffix(_ORPHAN)).with_suffix(_ORPHAN)

    def _list(self) -> list[str]:
        try:
            return [entry.name for entry in self.root.iterdir()]
        except OSError as error:
            raise SpoolDamaged(f"spool {self.root}: {error.strerror}") from error

    def _written(self, name: str, count: int) -> None:
        with self._lock:
            self._expected[name] = max(self._expected[name] - count, 0)

    def _settle(self, name: str) -> None:
        with self._lock:
            self._expected.pop(name, None)


class SpoolFile:
    """One recording on its way into the spool: write, sync, read back, publish or discard.

    Used by one thread at a time. After ``publish`` the file is the spool's.
    """

    def __init__(
        self,
        name: str,
        *,
        temp: Path,
        final: Path,
        written: Callable[[int], None],
        ended: Callable[[], None],
    ) -> None:
        self.name = name
        self._temp = temp
        self._final = final
        self._written = written
        self._ended = ended
        self._size = 0
        self._crc = 0
        self._pushed = 0
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            self._fd = os.open(self._temp, flags, 0o600)
        except OSError as error:
            raise self._failure("create", error) from error

    def write(self, data: bytes) -> None:
        """Append bytes.

        Raises:
            SpoolFull: the disk has no room after all.
            SpoolDamaged: the disk refuses.
        """
        try:
            durable.write_all(self._fd, data)
            self._size += len(data)
            self._crc = zlib.crc32(data, self._crc)
            if self._size - self._pushed >= _WINDOW:
                self._push()
        except OSError as error:
            raise self._failure("write", error) from error
        self._written(len(data))

    def sync(self) -> None:
        """Wait until the disk says it has every byte.

        Raises:
            SpoolDamaged: it does not; the file must be discarded, because after a failed
                sync the kernel may call lost pages clean.
        """
        try:
            durable.fsync_file(self._fd)
        except OSError as error:
            raise self._failure("sync", error) from error

    def read_back(self) -> None:
        """Compare what the disk really has with what was written.

        By CRC-32: a disk is no attacker, and SHA-256 once more would cost a board without
        SHA instructions a third of its speed. What one in 2**32 damages hides from it, the
        gateway's check of every leaf finds before anything is released.

        Raises:
            SpoolDamaged: it cannot be read, or is not what was written.
        """
        try:
            with durable.UncachedReader(self._fd) as reader:
                crc, size = reader.crc32()
        except OSError as error:
            raise self._failure("read back", error) from error
        if size != self._size:
            raise SpoolDamaged(f"spool file {self.name}: wrote {self._size} bytes, read {size}")
        if crc != self._crc:
            raise SpoolDamaged(
                f"spool file {self.name}: the disk gives back other bytes than were written"
            )

    def reader(self) -> int:
        """A descriptor of its own for reading the bytes so far; the caller closes it.

        Raises:
            SpoolDamaged: the file is gone.
        """
        try:
            return os.open(self._temp, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise self._failure("open", error) from error

    def publish(self) -> None:
        """Give the file its place in the spool, durably.

        Raises:
            SpoolDamaged: the disk refuses.
        """
        try:
            durable.publish(self._temp, self._final)
        except OSError as error:
            raise self._failure("publish", error) from error
        self._close()

    def discard(self) -> None:
        """Forget the recording; harmless when repeated, and after ``publish`` nothing."""
        if self._fd < 0:
            return
        self._close()
        try:
            self._temp.unlink(missing_ok=True)
        except OSError as error:
            raise self._failure("drop", error) from error

    def _push(self) -> None:
        # For dirty pages DONTNEED starts write-out without waiting; clean ones are dropped.
        start = max(self._pushed - _WINDOW, 0)
        os.posix_fadvise(self._fd, start, self._size - start, os.POSIX_FADV_DONTNEED)
        self._pushed = self._size

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._ended()

    def _failure(self, doing: str, error: OSError) -> SpoolFull | SpoolDamaged:
        text = f"cannot {doing} spool file {self.name}: {error.strerror or error}"
        return SpoolFull(text) if error.errno in _NO_ROOM else SpoolDamaged(text)
