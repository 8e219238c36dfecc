"""An object as the disk gives it back, leaf by leaf, past the page cache.

A disk that fails gives some places back and refuses others. So each leaf is read by itself, and
one that cannot be read is damage like any other, not the end.
"""

from __future__ import annotations

import hashlib
import mmap
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from gateway.repair.sealed import Sealed
from gateway.storage.uncached import open_uncached
from hashing.digest import LEAF_SIZE, leaf_hash_of


@dataclass(frozen=True, slots=True)
class Found:
    """What lies where a clip's object should be.

    Attributes:
        size: bytes; None when no file lies there.
        leaves: hash of each leaf that there should be; None for one that is not there or that
            the disk does not give back.
        sha256: of all of it; None when it could not be read, or is longer than it may be.
        why: what lies there instead of a file, in words; empty for a file.
    """

    size: int | None
    leaves: tuple[bytes | None, ...]
    sha256: bytes | None
    why: str = ""

    @property
    def unreadable(self) -> int:
        """How many leaves should be there and cannot be read."""
        whole = -(-(self.size or 0) // LEAF_SIZE)
        return sum(leaf is None for leaf in self.leaves[:whole])


class OwnObject:
    """One object, open for reading past the page cache; a context manager."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            OSError: it is not there, or is no file.
        """
        self._descriptor, _ = open_uncached(path)
        self._buffer = mmap.mmap(-1, LEAF_SIZE)
        self.size = os.fstat(self._descriptor).st_size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._buffer.close()
        os.close(self._descriptor)

    def leaf(self, index: int) -> bytes | None:
        """The bytes of one leaf, fewer at the end; None when the disk does not give them."""
        try:
            count = os.preadv(self._descriptor, [self._buffer], index * LEAF_SIZE)
        except OSError:
            return None
        return self._buffer[:count]


def examine(path: Path, sealed: Sealed) -> Found:
    """Read what lies there; blocks for as long as the disk takes."""
    try:
        with OwnObject(path) as own:
            return _examined(own, sealed)
    except FileNotFoundError:
        return Found(None, (None,) * sealed.leaves, None, "no object is there")
    except OSError as error:
        return Found(None, (None,) * sealed.leaves, None, error.strerror or str(error))


def _examined(own: OwnObject, sealed: Sealed) -> Found:
    leaves: list[bytes | None] = []
    whole, readable = hashlib.sha256(), own.size <= sealed.size
    for index in range(sealed.leaves):
        data = own.leaf(index) if index * LEAF_SIZE < own.size else None
        # What was appended is no part of the last leaf, which may be whole before it.
        part = None if data is None else data[: sealed.leaf_size(index)]
        leaves.append(None if part is None else leaf_hash_of([part]))
        if data is None:
            readable = readable and index * LEAF_SIZE >= own.size
        else:
            whole.update(data)
    return Found(own.size, tuple(leaves), whole.digest() if readable else None)
