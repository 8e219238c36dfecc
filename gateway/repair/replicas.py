"""Copies of clips elsewhere. Nothing in them is believed: whoever reads a leaf hashes it.

A replica may be hostile: wrong bytes, links that lead elsewhere, pipes that never end, files of
any size, a server that gives one byte a minute. What is read is bounded, links below the folder
that the operator named are not followed, and every refusal is a reason in words.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from gateway.errors import GatewayError, SetupError
from gateway.evidence.service import leaf_list_key, object_key
from gateway.repair.sealed import Sealed
from gateway.trail.client import ApiClient
from hashing.digest import LEAF_SIZE
from hashing.merkle import HASH_SIZE
from protocols.pack import layout
from protocols.shown import shown

_LEAF_S = 60.0
_WORD = 200


class ReplicaError(GatewayError):
    """A replica did not give what it was asked for.

    Attributes:
        lasting: there is no use in asking it for another leaf of this clip.
    """

    def __init__(self, reason: str, *, lasting: bool = False) -> None:
        super().__init__(reason)
        self.lasting = lasting


class Replica(Protocol):
    """One copy of some clips.

    Attributes:
        name: where it is, as it goes on record.
    """

    name: str

    def leaf_list(self, sealed: Sealed, /) -> bytes | None:
        """The clip's leaf hashes, joined, if it keeps them."""
        ...

    def leaf(self, sealed: Sealed, index: int, /) -> bytes:
        """The bytes of one leaf; raises ReplicaError."""
        ...


class StoreReplica:
    """The store of a gateway, or a copy of its folder."""

    def __init__(self, root: Path) -> None:
        """Use ``root/objects``."""
        self.name = _named("store", root)
        self._root = root / "objects"

    def leaf_list(self, sealed: Sealed) -> bytes | None:
        """What it kept when the clip came in."""
        return _list_in(self._root, leaf_list_key(sealed.clip), sealed)

    def leaf(self, sealed: Sealed, index: int) -> bytes:
        """From its object."""
        return _leaf_in(self._root, object_key(sealed.clip), sealed, index)


class PackReplica:
    """An evidence pack in a folder."""

    def __init__(self, root: Path) -> None:
        """Use the folder."""
        self.name = _named("pack", root)
        self._root = root

    def leaf_list(self, sealed: Sealed) -> bytes | None:
        """The pack's leaf list."""
        return _list_in(self._root, layout.leaf_list(sealed.clip), sealed)

    def leaf(self, sealed: Sealed, index: int) -> bytes:
        """From the pack's original."""
        path = layout.original(sealed.clip, sealed.name)
        return _leaf_in(self._root, path, sealed, index)


class FileReplica:
    """A single file that is said to be a copy of the clip that is repaired."""

    def __init__(self, path: Path) -> None:
        """Use the file."""
        self.name = _named("file", path)
        # The operator's own word may be a link.
        self._path = path.resolve()

    def leaf_list(self, _: Sealed) -> bytes | None:
        """It has none."""
        return None

    def leaf(self, sealed: Sealed, index: int) -> bytes:
        """From the file."""
        return _leaf_in(self._path.parent, self._path.name, sealed, index)


class GatewayReplica:
    """Another gateway, over its API."""

    def __init__(self, client: ApiClient, address: str, longest_s: float = _LEAF_S) -> None:
        """Ask over a client; one leaf may take ``longest_s``."""
        self.name = shown(f"gateway {address}")[:_WORD]
        self._client = client
        self._longest_s = longest_s

    def leaf_list(self, _: Sealed) -> bytes | None:
        """Its API has none."""
        return None

    def leaf(self, sealed: Sealed, index: int) -> bytes:
        """By a range of its content."""
        wanted = sealed.leaf_size(index)
        began = time.monotonic()
        taken = bytearray()
        for piece in self._pieces(sealed, index, wanted):
            taken += piece
            if time.monotonic() - began > self._longest_s:
                reason = f"too slow: {len(taken)} bytes in {self._longest_s:.0f} s"
                raise ReplicaError(reason, lasting=True)
        return _fitting(bytes(taken), wanted)

    def _pieces(self, sealed: Sealed, index: int, wanted: int) -> Iterator[bytes]:
        try:
            yield from self._client.content_range(sealed.clip, index * LEAF_SIZE, wanted)
        except GatewayError as error:
            raise ReplicaError(str(error), lasting=True) from error


def replica_at(where: str, client: ApiClient | None = None) -> Replica:
    """The replica that an operator names: an address, or a store, a pack, a file.

    Args:
        where: in the operator's words.
        client: for an address; None makes one.

    Raises:
        SetupError: nothing of that kind is there.
    """
    if where.startswith(("http://", "https://")):
        return GatewayReplica(client or ApiClient(where), where)
    path = Path(where)
    if path.is_file():
        return FileReplica(path)
    if (path / layout.BAGIT).is_file():
        return PackReplica(path)
    for root in (path, path / "store"):
        if (root / "objects").is_dir():
            return StoreReplica(root)
    raise SetupError(
        f"{where}: no replica; it may be a gateway's store or data folder, a copy of one, an "
        "unpacked evidence pack, a file with --clip, or http://host:port of another gateway"
    )


# --- files of strangers -------------------------------------------------------------------


def _list_in(root: Path, key: str, sealed: Sealed) -> bytes | None:
    try:
        return _read(root, key, 0, sealed.leaves * HASH_SIZE + 1)
    except OSError:
        return None


def _leaf_in(root: Path, key: str, sealed: Sealed, index: int) -> bytes:
    wanted = sealed.leaf_size(index)
    try:
        return _fitting(_read(root, key, index * LEAF_SIZE, wanted), wanted)
    except OSError as error:
        # A bad sector spoils one leaf; what is not there at all is not there for any.
        reason = f"{shown(key)}: {error.strerror or error}"
        raise ReplicaError(reason, lasting=not isinstance(error, _UnreadableError)) from error


class _UnreadableError(OSError):
    """A place in a file that could be opened."""


def _read(root: Path, key: str, start: int, length: int) -> bytes:
    descriptor = _open_below(root, key.split("/"))
    try:
        taken = bytearray()
        while len(taken) < length:
            piece = os.pread(descriptor, length - len(taken), start + len(taken))
            if not piece:
                break
            taken += piece
        return bytes(taken)
    except OSError as error:
        raise _UnreadableError(error.errno, error.strerror) from error
    finally:
        os.close(descriptor)


def _open_below(root: Path, parts: Sequence[str]) -> int:
    """Open a file; no link is followed at any step below ``root``, and nothing but a file read."""
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            below = os.open(part, flags, dir_fd=folder)
            os.close(folder)
            folder = below
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        found = os.open(parts[-1], flags, dir_fd=folder)
    finally:
        os.close(folder)
    if not stat.S_ISREG(os.fstat(found).st_mode):
        os.close(found)
        raise OSError(0, "not a file")
    return found


def _fitting(data: bytes, wanted: int) -> bytes:
    if len(data) < wanted:
        raise ReplicaError(f"{len(data)} bytes where {wanted} are expected: it is cut short")
    if len(data) > wanted:
        raise ReplicaError(f"more than the {wanted} bytes that were asked for")
    return data


def _named(what: str, path: Path) -> str:
    return shown(f"{what} {path.absolute()}")[:_WORD]
