"""Where the originals of a pack come from: the running gateway, or its store on this machine.

Whatever comes is compared with what was sealed, so it does not matter who brings it. A list of
leaf hashes that leads to the sealed root is the one that was sealed, and the SHA-256 of the whole,
which the same record seals, says what the bytes are: hashing them once is enough.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Protocol

from gateway.errors import SetupError, StoreError
from gateway.evidence.service import leaf_list_key, object_key
from gateway.storage.store import Store
from gateway.trail.client import ApiClient
from hashing import merkle
from hashing.digest import LEAF_SIZE
from protocols.trail import ExpectedContent


class Origins(Protocol):
    """Brings originals.

    Attributes:
        at_once: how many may be asked for at a time, each by a thread of its own.
    """

    at_once: int

    def read(self, expected: ExpectedContent, start: int) -> Iterator[bytes]:
        """A clip's bytes from this one on; ends at its sealed size, or a little beyond it."""

    def leaves(self, expected: ExpectedContent) -> tuple[bytes, ...] | None:
        """The hashes of its leaves, if a list of them is kept that leads to the sealed root."""


class OverHttp:
    """From the running gateway; it may be on another machine."""

    # Hashed whole and leaf by leaf, each keeps two threads busy.
    at_once = 1

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    def read(self, expected: ExpectedContent, start: int) -> Iterator[bytes]:
        """Raises ApiError."""
        return self._client.content(expected.clip, expected.size - start, start)

    def leaves(self, _: ExpectedContent) -> None:
        """It gives none out; they are hashed anew."""


class InStore:
    """From the gateway's store, read as files by whoever may read them."""

    at_once = 4

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self, expected: ExpectedContent, start: int) -> Iterator[bytes]:
        """Raises SetupError when it is not there, or may not be read."""
        # One byte more than was sealed shows that there is more.
        left = expected.size - start + 1
        try:
            yield from self._store.read_range(object_key(expected.clip), start, left)
        except StoreError as error:
            raise SetupError(f"{error}; run again to go on") from error

    def leaves(self, expected: ExpectedContent) -> tuple[bytes, ...] | None:
        """What was kept when the clip came in."""
        count = -(-expected.size // LEAF_SIZE)
        if count == 1:
            # The root of a tree of one leaf is that leaf's hash; no list of it is kept.
            return (expected.root,)
        key, size = leaf_list_key(expected.clip), count * merkle.HASH_SIZE + 1
        with contextlib.suppress(StoreError):
            return _believed(b"".join(self._store.read_range(key, 0, size)), expected, count)
        return None


def _believed(joined: bytes, expected: ExpectedContent, count: int) -> tuple[bytes, ...] | None:
    if len(joined) != count * merkle.HASH_SIZE:
        return None
    size = merkle.HASH_SIZE
    leaves = tuple(joined[start : start + size] for start in range(0, len(joined), size))
    return leaves if merkle.root(leaves) == expected.root else None
