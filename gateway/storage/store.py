"""What the gateway asks of an object store, wherever its objects lie.

An object appears whole or not at all, and is durable once a ``put`` has returned. Every method
may be repeated. Keys are checked (``names``). All of them raise StoreError when the store cannot
do it, and InvalidError for what is no key.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

from gateway.storage.staging import Staging
from gateway.storage.uncached import StoredDigest, StoredHash


class Store(Protocol):
    """One durable object per key.

    Attributes:
        staging: files in the making, on this machine.
    """

    @property
    def staging(self) -> Staging: ...  # noqa: D102  # above

    # --- writing ---------------------------------------------------------------------

    async def put_file(self, key: str, staged: Path) -> None:
        """Make a staged file an object: durable when this returns, gone from staging.

        An object already there is replaced, whole.

        Raises:
            StoreFullError: no space. StoreError: any other failure; the object is not changed.
        """

    async def put_bytes(self, key: str, data: bytes) -> None:
        """Write a small object whole; durable when this returns.

        Raises:
            StoreFullError: no space. StoreError: any other failure; the object is not changed.
        """

    async def put_new(self, key: str, data: bytes) -> None:
        """As ``put_bytes``, of a name that is not taken; the same again changes nothing.

        Where the store can, an attempt that was given up and arrives late replaces nothing.

        Raises:
            StoreFullError: no space. StoreError: the name is taken, or any other failure.
        """

    async def delete(self, key: str) -> None:
        """Remove an object; nothing happens when there is none."""

    async def remove(self, key: str) -> None:
        """Remove an object for good: no power cut brings its name back."""

    async def remove_below(self, prefix: str) -> None:
        """Remove every object below a folder of keys for good, and the folder."""

    async def settle(self, prefix: str) -> None:
        """Make durable that the objects in a folder of keys, such as ``log/journal``, are there.

        Call this before anything is promised on the strength of having found such an object.
        """

    async def set_aside(self, key: str) -> str | None:
        """Keep what lies under a key, as ``damaged/<key>/<number>``, and leave it there as well.

        Returns:
            The key under which it is kept; None when nothing lies there.
        """

    # --- reading ---------------------------------------------------------------------

    async def get_bytes(self, key: str) -> bytes:
        """The whole of a small object.

        Raises:
            ObjectMissingError: there is none.
        """

    async def heads(self, keys: Sequence[str], length: int) -> list[bytes]:
        """The first bytes of many objects, at most ``length`` of each.

        Raises:
            ObjectMissingError: one is not there.
        """

    async def exists(self, key: str) -> bool:
        """Whether there is an object of this name."""

    async def size(self, key: str) -> int:
        """Size of an object in bytes.

        Raises:
            ObjectMissingError: there is none.
        """

    async def sizes(self, keys: Sequence[str]) -> list[int | None]:
        """Sizes of many objects in bytes, in this order; None for one that is not there."""

    def iterate(self, prefix: str) -> AsyncIterator[str]:
        """Keys below a folder of keys, such as ``log/journal``, in order of their names."""

    def open_range(self, key: str, start: int, length: int) -> AsyncIterator[bytes]:
        """Bytes ``start`` to ``start + length`` of an object, in chunks of at most 1 MiB.

        Fewer come when the object ends earlier; the caller compares with ``size`` first.

        Raises:
            ObjectMissingError: there is none, at the first chunk.
        """

    def read_range(self, key: str, start: int, length: int) -> Iterator[bytes]:
        """As ``open_range``, for a thread that may wait."""

    def as_file(self, key: str) -> AbstractAsyncContextManager[Path]:
        """An object as a file on this machine, for reading, as long as the context is open.

        Where there is no such object, there is no such file.
        """

    async def sha256_uncached(self, key: str) -> StoredHash:
        """Size and SHA-256 of what the store really holds, past whatever remembers it.

        The object's name is durable when this returns, whoever put it there: a release rests
        on the answer.

        Raises:
            ObjectMissingError: there is none.
        """

    async def digest_uncached(self, key: str) -> StoredDigest:
        """The same with the leaves, at twice the hashing: to tell what is wrong with a file.

        Raises:
            ObjectMissingError: there is none.
        """
