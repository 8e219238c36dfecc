"""The object store in a bucket: S3 and what speaks its protocol, through ``obstore``.

A ``put`` has ended when the service says that the object is durable; how many disks that means
is the operator's choice of service (docs/storage.md). Large files go up in parts, a few at a
time, straight from staging: an object is never in memory, and appears only when every part is
there. Reading back asks the service for every byte: nothing on this machine remembers one.
Half-made uploads of a killed gateway are invisible; a rule of the bucket should drop them.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import secrets
import stat
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

import obstore
from obstore import exceptions
from obstore.store import S3Store

from gateway.crashpoints import reach
from gateway.errors import ObjectMissingError, StoreAwayError, StoreError, StoreFullError
from gateway.storage.failing import translated
from gateway.storage.names import ASIDE, MOST_ASIDE, checked_key
from gateway.storage.staging import FETCHED, Staging
from gateway.storage.uncached import StoredDigest, StoredHash
from hashing.digest import Digester

READ_BACK: Final = "s3-get"
"""The method of reading back: a request for every byte to the service itself."""
_CHUNK: Final = 1 << 20
_PART: Final = 8 << 20
_MOST_PARTS: Final = 10_000
_PARTS_AT_ONCE: Final = 4
_READ_AT_ONCE: Final = 4 << 20
_REQUESTS: Final = 16
_READ_BACKS: Final = 2
_NO_ROOM: Final = ("QuotaExceeded", "InsufficientStorage", "StorageFull", "status: 507")
_NO_CONDITIONS: Final = ("NotImplemented", "status code: 501", "status code: 400")
_T = TypeVar("_T")


class _TakenError(StoreError):
    """Something else has this name."""


class CloudStore:
    """A ``Store`` in a bucket.

    Attributes:
        staging: files in the making, on this machine.
    """

    def __init__(self, bucket: S3Store, sending: S3Store, staging: Staging) -> None:
        """Use a bucket, or what lies below a prefix of one; it has to be there.

        Args:
            bucket: for all that is answered soon.
            sending: the same, for what takes long before any answer comes.
            staging: files in the making.
        """
        self._bucket, self._sending = bucket, sending
        self.staging = staging
        self._has_conditions = True
        self._requests = asyncio.Semaphore(_REQUESTS)
        self._slow = ThreadPoolExecutor(_READ_BACKS, thread_name_prefix="evidock-read-back")

    # --- writing ---------------------------------------------------------------------

    async def put_file(self, key: str, staged: Path) -> None:
        """As ``Store``: the staged file goes when every byte is there."""
        checked_key(key)
        with translated(staged.name):
            size = await asyncio.to_thread(_size_of, staged)
        part = max(_PART, -(-size // _MOST_PARTS))
        with _said(key):
            await obstore.put_async(
                self._sending, key, staged, chunk_size=part, max_concurrency=_PARTS_AT_ONCE
            )
        reach("store.uploaded")
        with translated(staged.name):
            await asyncio.to_thread(staged.unlink, missing_ok=True)

    async def put_bytes(self, key: str, data: bytes) -> None:
        """As ``Store``."""
        with _said(checked_key(key)):
            await obstore.put_async(self._bucket, key, data, use_multipart=False)

    async def put_new(self, key: str, data: bytes) -> None:
        """As ``Store``; what a service without conditions cannot refuse replaces the object."""
        if self._has_conditions and await self._created(key, data):
            return
        await self.put_bytes(key, data)
        # Only now: it was the condition that it would not have.
        self._has_conditions = False

    async def delete(self, key: str) -> None:
        """As ``Store``."""
        with suppress(ObjectMissingError), _said(checked_key(key)):
            await obstore.delete_async(self._bucket, key)

    async def remove(self, key: str) -> None:
        """As ``Store``; of a bucket that keeps versions, its rules say when the last one goes."""
        await self.delete(key)

    async def remove_below(self, prefix: str) -> None:
        """As ``Store``."""
        async for key in self.iterate(prefix):
            await self.delete(key)

    async def settle(self, prefix: str) -> None:
        """Nothing to do: a service that shows an object keeps it."""
        checked_key(prefix)

    async def set_aside(self, key: str) -> str | None:
        """As ``Store``; the copy is made by the service."""
        for number in range(MOST_ASIDE):
            aside = checked_key(f"{ASIDE}/{checked_key(key)}/{number}")
            if await self.exists(aside):
                continue
            try:
                with _said(key):
                    await obstore.copy_async(self._sending, key, aside)
            except ObjectMissingError:
                return None
            return aside
        msg = f"{ASIDE}/{key} holds {MOST_ASIDE} objects; see to the store before repairing again"
        raise StoreError(msg)

    # --- reading ---------------------------------------------------------------------

    async def get_bytes(self, key: str) -> bytes:
        """As ``Store``."""
        with _said(checked_key(key)):
            found = await obstore.get_async(self._bucket, key)
            return bytes(await found.bytes_async())

    async def heads(self, keys: Sequence[str], length: int) -> list[bytes]:
        """As ``Store``."""
        return await self._each(keys, lambda key: self._head(key, length))

    async def exists(self, key: str) -> bool:
        """As ``Store``."""
        return await self._size(key) is not None

    async def size(self, key: str) -> int:
        """As ``Store``."""
        with _said(checked_key(key)):
            return (await obstore.head_async(self._bucket, key))["size"]

    async def sizes(self, keys: Sequence[str]) -> list[int | None]:
        """As ``Store``."""
        return await self._each(keys, self._size)

    async def iterate(self, prefix: str) -> AsyncIterator[str]:
        """As ``Store``."""
        found: list[str] = []
        with _said(checked_key(prefix)):
            async for page in obstore.list(self._bucket, prefix):
                found.extend(each["path"] for each in page)
        for key in sorted(found):
            yield key

    async def open_range(self, key: str, start: int, length: int) -> AsyncIterator[bytes]:
        """As ``Store``."""
        with _said(checked_key(key)):
            size = (await obstore.head_async(self._bucket, key))["size"]
            end = min(start + length, size)
            if start >= end:
                return
            found = await obstore.get_async(self._bucket, key, options={"range": (start, end)})
            async for received in found.stream(min_chunk_size=_CHUNK):
                for chunk in _divided(memoryview(received)):
                    yield bytes(chunk)

    def read_range(self, key: str, start: int, length: int) -> Iterator[bytes]:
        """As ``Store``."""
        with _said(checked_key(key)):
            end = min(start + length, obstore.head(self._bucket, key)["size"])
            if start >= end:
                return
            found = obstore.get(self._bucket, key, options={"range": (start, end)})
            for received in found.stream(min_chunk_size=_CHUNK):
                for chunk in _divided(memoryview(received)):
                    yield bytes(chunk)

    @asynccontextmanager
    async def as_file(self, key: str) -> AsyncIterator[Path]:
        """As ``Store``: fetched into staging, and gone from there at the end."""
        fetched = self.staging.path(f"{FETCHED}{secrets.token_hex(8)}")
        stopped = threading.Event()
        try:
            with suppress(ObjectMissingError):
                await asyncio.to_thread(self._fetch, checked_key(key), fetched, stopped)
            yield fetched
        finally:
            stopped.set()
            fetched.unlink(missing_ok=True)

    async def sha256_uncached(self, key: str) -> StoredHash:
        """As ``Store``."""
        sha256 = hashlib.sha256()
        size = await self._read_back(checked_key(key), sha256.update)
        reach("store.read-back")
        return StoredHash(size, sha256.digest(), READ_BACK)

    async def digest_uncached(self, key: str) -> StoredDigest:
        """As ``Store``."""
        with Digester() as digester:
            await self._read_back(checked_key(key), lambda part: digester.update(bytes(part)))
            found = digester.finish()
        return StoredDigest(found.size, found.sha256, found.leaves, found.root, READ_BACK)

    # --- inside ----------------------------------------------------------------------

    async def _created(self, key: str, data: bytes) -> bool:
        """Whether the object is there now; false where the service knows no conditions."""
        try:
            with _said(checked_key(key)):
                await obstore.put_async(self._bucket, key, data, mode="create", use_multipart=False)
        except _TakenError:
            # An attempt of ours whose answer was lost has done it.
            if await self.get_bytes(key) != data:
                raise
        except StoreAwayError as error:
            if not any(word in str(error) for word in _NO_CONDITIONS):
                raise
            return False
        return True

    async def _each(self, keys: Sequence[str], ask: Callable[[str], Awaitable[_T]]) -> list[_T]:
        async def one(key: str) -> _T:
            async with self._requests:
                return await ask(key)

        return list(await asyncio.gather(*map(one, keys)))

    async def _size(self, key: str) -> int | None:
        try:
            return await self.size(key)
        except ObjectMissingError:
            return None

    async def _head(self, key: str, length: int) -> bytes:
        return b"".join([chunk async for chunk in self.open_range(key, 0, length)])

    async def _read_back(self, key: str, update: Callable[[memoryview], object]) -> int:
        stopped = threading.Event()
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._slow, self._read_all, key, update, stopped)
        finally:
            # A cancelled caller waits for nobody; its thread ends at the next chunk.
            stopped.set()

    def _read_all(
        self, key: str, update: Callable[[memoryview], object], stopped: threading.Event
    ) -> int:
        size = 0
        for view in self._received(key):
            if stopped.is_set():
                raise StoreError(f"{key}: stopped")
            size += len(view)
            update(view)
        return size

    def _received(self, key: str) -> Iterator[memoryview]:
        # By itself: what becomes of the bytes here is no word of the service's.
        with _said(key):
            for received in obstore.get(self._bucket, key).stream(min_chunk_size=_READ_AT_ONCE):
                yield memoryview(received)

    def _fetch(self, key: str, path: Path, stopped: threading.Event) -> None:
        try:
            with translated(path.name), path.open("xb") as file:
                self._read_all(key, file.write, stopped)
        except StoreError:
            path.unlink(missing_ok=True)
            raise


def _size_of(staged: Path) -> int:
    # A link could lead to any file of this machine, and away with it.
    about = staged.lstat()
    if not stat.S_ISREG(about.st_mode):
        raise OSError(errno.EINVAL, "not a file")
    return about.st_size


def _divided(view: memoryview) -> Iterator[memoryview]:
    for start in range(0, len(view), _CHUNK):
        yield view[start : start + _CHUNK]


@contextmanager
def _said(key: str) -> Iterator[None]:
    """Raise what the service says as the gateway's own errors: for its log, and for no client."""
    try:
        yield
    except (exceptions.NotFoundError, FileNotFoundError) as error:
        raise ObjectMissingError(f"no object {key}") from error
    except exceptions.AlreadyExistsError as error:
        raise _TakenError(f"{key} is there already, with other bytes") from error
    except exceptions.BaseError as error:
        said = str(error)
        kind = StoreFullError if any(word in said for word in _NO_ROOM) else StoreAwayError
        raise kind(f"{key}: {type(error).__name__}: {said.splitlines()[0][:300]}") from error
    except OSError as error:
        # What the library says of a connection that broke while an object was read.
        raise StoreAwayError(f"{key}: {error}") from error
