"""The files of a pack, written one by one into a folder, and the tally of what was written.

The manifests come last: what a power cut leaves behind is no bag yet, and it lies under a
name that says so (``gateway.export.command``).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gateway.durable import FileSystem
from gateway.errors import InvalidError, SetupError
from gateway.export.fetching import fetch
from gateway.export.origins import Origins
from hashing.digest import ContentDigest
from protocols.pack import bag, layout
from protocols.trail import ExpectedContent

Advance = Callable[[int], None]
_MOST_AT_ONCE = 4


class Pack(Protocol):
    """Where the files of a pack go.

    Attributes:
        at_once: how many originals it takes at a time, each from a thread of its own.
    """

    at_once: int

    def put(self, path: str, data: bytes) -> None:
        """Write one small file."""

    def original(
        self, path: str, expected: ExpectedContent, origins: Origins, advance: Advance
    ) -> ContentDigest:
        """Write one original; raises NotAsSealedError when it is not what was sealed."""

    def finish(self, info: dict[str, str]) -> None:
        """Write declaration and manifests; then it is whole."""


@dataclass(slots=True)
class Tally:
    """What was written so far: SHA-256 and size by path in the pack."""

    digests: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def took(self, path: str, data: bytes) -> None:
        """A small file was written."""
        self.digests[path] = hashlib.sha256(data).hexdigest()
        self.sizes[path] = len(data)

    def took_original(self, path: str, digest: ContentDigest) -> None:
        """A large file was written and hashed on its way."""
        self.digests[path] = digest.sha256.hex()
        self.sizes[path] = digest.size

    def declare(self, put: Callable[[str, bytes], None], info: dict[str, str]) -> None:
        """Write declaration, bag-info and manifests, in an order in which each lists the last."""
        payload = {path: each for path, each in self.digests.items() if is_payload(path)}
        sizes = [size for path, size in self.sizes.items() if is_payload(path)]
        put(layout.BAGIT, bag.DECLARATION)
        fields = [*info.items(), ("Payload-Oxum", bag.oxum(sizes))]
        put(layout.BAG_INFO, bag.bag_info(fields))
        put(layout.MANIFEST, bag.manifest(payload))
        tags = {path: each for path, each in self.digests.items() if not is_payload(path)}
        put(layout.TAG_MANIFEST, bag.manifest(tags))


@dataclass(slots=True)
class PackFolder:
    """A pack in the making, below a folder."""

    root: Path
    at_once: int = field(default_factory=lambda: min(_MOST_AT_ONCE, os.cpu_count() or 1))
    tally: Tally = field(default_factory=Tally)
    _disk: FileSystem = field(init=False)
    _made: set[Path] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._disk = FileSystem(self.root)

    def put(self, path: str, data: bytes) -> None:
        """Write one small file; raises SetupError when it cannot be written."""
        try:
            _write(self._place(path), [data])
        except OSError as error:
            raise SetupError(f"{self.root / path}: {error.strerror}; run again to go on") from error
        self.tally.took(path, data)

    def original(
        self, path: str, expected: ExpectedContent, origins: Origins, advance: Advance
    ) -> ContentDigest:
        """Bring one original, going on where an earlier run was cut."""
        target = self._place(path)
        leaves = origins.leaves(expected)
        digest = fetch(
            lambda start: origins.read(expected, start), expected, target, advance, leaves
        )
        self.tally.took_original(path, digest)
        return digest

    def finish(self, info: dict[str, str]) -> None:
        """Write declaration and manifests, and make all of it durable; raises SetupError."""
        self.tally.declare(self.put, info)
        try:
            self._disk.sync()
        except OSError as error:
            raise SetupError(f"{self.root}: {error.strerror}; run again to go on") from error

    def _place(self, path: str) -> Path:
        place = self.root / checked(path)
        if place.parent not in self._made:
            place.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(place.parent)
        return place


def checked(path: str) -> str:
    """A path as it is; raises InvalidError for what is no name for a file of a pack."""
    if not layout.is_safe(path):
        msg = f"{path[:200]!r} is no name for a file of a pack"
        raise InvalidError(msg)
    return path


def is_payload(path: str) -> bool:
    """Whether a file belongs to the payload of the bag."""
    return path.startswith(layout.DATA)


def write_synced(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file whole and durably; raises OSError."""
    _write(path, chunks, sync=True)


def _write(path: Path, chunks: Iterable[bytes], *, sync: bool = False) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o640)
    with os.fdopen(descriptor, "wb") as file:
        file.writelines(chunks)
        file.flush()
        if sync:
            os.fsync(descriptor)
