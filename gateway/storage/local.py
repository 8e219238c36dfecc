"""The object store on a local file system: the only code that makes a file permanent here.

An object appears whole or not at all, and once a ``put`` has returned it survives a power
cut: data is synced, renamed into place, and every folder involved is synced. ``digest_uncached``
then reads it back past the page cache, because only that shows what the disk really holds;
a release rests on it. Nothing here knows what an object means; clips are removed by
``gateway.disposal`` alone.

Objects lie under ``objects/``, files in the making under ``staging/`` on the same file system.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.crashpoints import reach
from gateway.durable import sync_folder
from gateway.errors import ObjectMissingError, StoreError
from gateway.storage.failing import translated
from gateway.storage.folders import Folders
from gateway.storage.names import ASIDE, MOST_ASIDE, checked_key
from gateway.storage.staging import PUT, Staging
from gateway.storage.uncached import StoredDigest, StoredHash, read_back

_CHUNK = 1 << 20
_READ_BACKS = 2


class LocalStore:
    """A ``Store`` below one folder.

    Attributes:
        staging: files in the making, on the same file system.
    """

    def __init__(self, root: Path) -> None:
        """Use a folder; it is made at the first write."""
        self._objects = root / "objects"
        self._folders = Folders(root)
        self.staging = Staging(root / "staging", self._folders)
        # Reading back a clip takes seconds; it must not hold up the log's small writes.
        self._slow = ThreadPoolExecutor(_READ_BACKS, thread_name_prefix="evidock-read-back")

    def path(self, key: str) -> Path:
        """Where an object lies.

        Raises:
            InvalidError: not a key.
        """
        return self._objects / checked_key(key)

    # --- writing ---------------------------------------------------------------------

    async def put_file(self, key: str, staged: Path) -> None:
        """Make a staged file an object: durable when this returns, gone from staging.

        An object already there is replaced; the new one is on the disk before it takes the name.

        Raises:
            StoreFullError: no space. StoreError: any other failure; the object is not changed.
        """
        await asyncio.to_thread(self._put_file, key, staged)

    async def put_bytes(self, key: str, data: bytes) -> None:
        """Write a small object whole; durable when this returns.

        Raises:
            StoreFullError: no space. StoreError: any other failure; the object is not changed.
        """
        await asyncio.to_thread(self._put_bytes, key, data)

    async def put_new(self, key: str, data: bytes) -> None:
        """As ``Store``: the only writer has its own way of looking, and nothing arrives late."""
        await self.put_bytes(key, data)

    async def delete(self, key: str) -> None:
        """Remove an object; nothing happens when there is none.

        Raises:
            StoreError: the store could not do it.
        """
        with translated(key):
            await asyncio.to_thread(self.path(key).unlink, missing_ok=True)

    async def remove(self, key: str) -> None:
        """Remove an object for good: no power cut brings its name back. Repeating does no harm.

        Raises:
            StoreError: the store could not do it.
        """
        with translated(key):
            await asyncio.to_thread(self._remove, self.path(key))

    async def remove_below(self, prefix: str) -> None:
        """Remove every object below a folder of keys for good, and the folder.

        Raises:
            StoreError: the store could not do it.
        """
        with translated(prefix):
            await asyncio.to_thread(self._remove_below, self.path(prefix))

    def _remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        if path.parent.is_dir():
            sync_folder(path.parent)

    def _remove_below(self, folder: Path) -> None:
        # Never through a link: what lies behind one is not ours.
        if folder.is_symlink() or not folder.is_dir():
            return
        for found in sorted(folder.rglob("*"), reverse=True):
            if found.is_dir() and not found.is_symlink():
                self._folders.forget(found)
                found.rmdir()
            else:
                found.unlink(missing_ok=True)
        self._folders.forget(folder)
        folder.rmdir()
        sync_folder(folder.parent)

    def _put_file(self, key: str, staged: Path) -> None:
        final = self.path(key)
        with translated(key):
            descriptor = os.open(staged, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                # The original is never written again; a slip of ours shall meet a refusal.
                os.fchmod(descriptor, 0o400)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            reach("store.staged-synced")
            self._folders.make(final.parent)
            staged.rename(final)
            reach("store.renamed")
            sync_folder(final.parent)
            sync_folder(staged.parent)

    def _put_bytes(self, key: str, data: bytes) -> None:
        final = self.path(key)
        temporary = self.staging.path(f"{PUT}{secrets.token_hex(8)}")
        with translated(key):
            try:
                _write_synced(temporary, data)
                self._folders.make(final.parent)
                temporary.rename(final)
            except OSError:
                temporary.unlink(missing_ok=True)
                raise
            sync_folder(final.parent)

    async def settle(self, prefix: str) -> None:
        """Make durable that the objects in a folder of keys, such as ``log/journal``, are there.

        A program that was killed between renaming an object and syncing its folder leaves a
        name that is seen, and that the next power cut may take away. Call this before anything
        is promised on the strength of having found such an object.

        Raises:
            StoreError: the store could not do it.
        """
        with translated(prefix):
            await asyncio.to_thread(self._settle, self.path(prefix))

    def _settle(self, folder: Path) -> None:
        if folder.is_dir():
            self._folders.make(folder)
            sync_folder(folder)

    async def set_aside(self, key: str) -> str | None:
        """Keep what lies under a key, as ``damaged/<key>/<number>``, and leave it there as well.

        Where the file system has no second names, it is moved. Repeating does no harm.

        Returns:
            The key under which it is kept; None when nothing lies there.

        Raises:
            StoreError: the store could not do it.
        """
        return await asyncio.to_thread(self._set_aside, key)

    def _set_aside(self, key: str) -> str | None:
        found = self.path(key)
        if not os.path.lexists(found):
            return None
        for number in range(MOST_ASIDE):
            aside = f"{ASIDE}/{key}/{number}"
            place = self.path(aside)
            if os.path.lexists(place):
                if os.path.samestat(place.lstat(), found.lstat()):
                    return aside
                continue
            with translated(aside):
                self._folders.make(place.parent)
                try:
                    place.hardlink_to(found)
                except OSError:
                    found.rename(place)
                    sync_folder(found.parent)
                sync_folder(place.parent)
            return aside
        msg = f"{ASIDE}/{key} holds {MOST_ASIDE} objects; see to the disk before repairing again"
        raise StoreError(msg)

    # --- reading ---------------------------------------------------------------------

    async def get_bytes(self, key: str) -> bytes:
        """The whole of a small object.

        Raises:
            ObjectMissingError: there is none. StoreError: it cannot be read.
        """
        with translated(key):
            return await asyncio.to_thread(self.path(key).read_bytes)

    async def heads(self, keys: Sequence[str], length: int) -> list[bytes]:
        """The first bytes of many objects, at most ``length`` of each.

        Raises:
            ObjectMissingError: one is not there. StoreError: it cannot be read.
        """
        return await asyncio.to_thread(lambda: [self._head(key, length) for key in keys])

    def _head(self, key: str, length: int) -> bytes:
        with translated(key):
            descriptor = os.open(self.path(key), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                return os.pread(descriptor, length, 0)
            finally:
                os.close(descriptor)

    async def exists(self, key: str) -> bool:
        """Whether there is an object of this name.

        Raises:
            StoreError: the store cannot tell.
        """
        try:
            await self.size(key)
        except ObjectMissingError:
            return False
        return True

    async def size(self, key: str) -> int:
        """Size of an object in bytes.

        Raises:
            ObjectMissingError: there is none. StoreError: the store cannot tell.
        """
        with translated(key):
            return (await asyncio.to_thread(self.path(key).stat)).st_size

    async def sizes(self, keys: Sequence[str]) -> list[int | None]:
        """Sizes of many objects in bytes, in this order; None for one that is not there.

        Raises:
            StoreError: the store cannot tell.
        """
        return await asyncio.to_thread(lambda: [self._size(key) for key in keys])

    def _size(self, key: str) -> int | None:
        try:
            with translated(key):
                return self.path(key).stat().st_size
        except ObjectMissingError:
            return None

    async def iterate(self, prefix: str) -> AsyncIterator[str]:
        """Keys below a folder of keys, such as ``log/journal``, in order of their names.

        Raises:
            StoreError: the store cannot be read.
        """
        folder = self.path(prefix)
        with translated(prefix):
            keys = await asyncio.to_thread(lambda: sorted(_walk(folder, prefix)))
        for key in keys:
            yield key

    async def open_range(self, key: str, start: int, length: int) -> AsyncIterator[bytes]:
        """Bytes ``start`` to ``start + length`` of an object, in chunks of at most 1 MiB.

        Fewer come when the object ends earlier; the caller compares with ``size`` first.

        Raises:
            ObjectMissingError: there is none, at the first chunk. StoreError: a read failed.
        """
        with translated(key):
            descriptor = await asyncio.to_thread(
                os.open, self.path(key), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
            )
        try:
            end = start + length
            while start < end:
                with translated(key):
                    chunk = await asyncio.to_thread(
                        os.pread, descriptor, min(_CHUNK, end - start), start
                    )
                if not chunk:
                    return
                start += len(chunk)
                yield chunk
        finally:
            os.close(descriptor)

    def read_range(self, key: str, start: int, length: int) -> Iterator[bytes]:
        """As ``open_range``, for a thread that may wait."""
        with translated(key):
            descriptor = os.open(self.path(key), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            end = start + length
            while start < end:
                with translated(key):
                    chunk = os.pread(descriptor, min(_CHUNK, end - start), start)
                if not chunk:
                    return
                start += len(chunk)
                yield chunk
        finally:
            os.close(descriptor)

    @asynccontextmanager
    async def as_file(self, key: str) -> AsyncIterator[Path]:
        """The object itself; it is not to be written to. Whether it is there shows on opening."""
        yield self.path(key)

    async def sha256_uncached(self, key: str) -> StoredHash:
        """Size and SHA-256 of what the disk holds, read past the page cache.

        The object's name is durable when this returns, whoever put it there: a release rests
        on the answer.

        Raises:
            ObjectMissingError: there is none. StoreError: it cannot be read.
        """
        path = self.path(key)
        loop = asyncio.get_running_loop()
        with translated(key):
            await asyncio.to_thread(self._settle, path.parent)
        with translated(key), read_back(path) as reader:
            found = await loop.run_in_executor(self._slow, reader.sha256)
        reach("store.read-back")
        return found

    async def digest_uncached(self, key: str) -> StoredDigest:
        """The same with the leaves, at twice the hashing: to tell what is wrong with a file.

        Returns:
            The digest; its ``method`` says how the cache was avoided.

        Raises:
            ObjectMissingError: there is none. StoreError: it cannot be read.
        """
        path = self.path(key)
        loop = asyncio.get_running_loop()
        with translated(key), read_back(path) as reader:
            return await loop.run_in_executor(self._slow, reader.digest)


def _write_synced(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _walk(folder: Path, prefix: str) -> Iterator[str]:
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        key = f"{prefix}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(folder / entry.name, key)
        elif entry.is_file(follow_symlinks=False):
            yield key
