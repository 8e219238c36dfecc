"""The files of a pack, wherever they lie: listed once, opened one at a time, never followed.

A source lists what it holds and what it refuses to touch: links, devices, names that could
lead outside or mean two things. Whoever reads from it gets bytes and nothing else.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from protocols.pack.layout import is_safe
from protocols.shown import shown
from verifier.errors import NoFileError, VerifierError
from verifier.files import open_regular

MAX_FILES = 1_000_000
_MAX_DEPTH = 12


class Source(ABC):
    """A pack's files.

    Attributes:
        sizes: of every file that can be read, by its path in the pack.
        refused: what lies there and is not touched, each with the reason.
    """

    def __init__(self) -> None:
        self.sizes: dict[str, int] = {}
        self._folded: dict[str, str] = {}
        self.refused: dict[str, str] = {}
        self._digests: dict[str, str] = {}

    @abstractmethod
    def open(self, path: str) -> BinaryIO:
        """Open one of ``sizes``; raises OSError when it cannot be read."""

    def close(self) -> None:  # noqa: B027  # a folder has nothing to close
        """Let go of it."""

    def read(self, path: str, limit: int) -> bytes | None:
        """A small file whole; None when it is not there, too large or cannot be read."""
        if self.sizes.get(path, limit + 1) > limit:
            return None
        try:
            with self.open(path) as file:
                raw = file.read(limit + 1)
        except OSError:
            return None
        if len(raw) > limit:
            return None
        self.is_still(path, hashlib.sha256(raw).hexdigest())
        return raw

    def is_still(self, path: str, sha256: str) -> None:
        """Hold a file against what it was when it was read before.

        Raises:
            VerifierError: it changed meanwhile; what was hashed is not what would be believed.
        """
        if self._digests.setdefault(path, sha256) != sha256:
            msg = (
                f"{path} changed while it was being verified: nothing can be said of it. Copy the "
                "pack to where nobody writes to it, and verify the copy"
            )
            raise VerifierError(msg)

    def _found(self, path: str, size: int) -> None:
        if len(self.sizes) + len(self.refused) >= MAX_FILES:
            msg = f"more than {MAX_FILES} files: this is no evidence pack"
            raise VerifierError(msg)
        if not is_safe(path):
            self.refused[shown(path)] = "a name that no file of a pack has"
        elif (other := self._folded.setdefault(path.lower(), path)) != path:
            # Windows and exFAT keep one of both; whoever unpacks there reads another pack.
            self.refused[path] = f"differs from {other} in case only"
        else:
            self.sizes[path] = size


class Folder(Source):
    """A pack that lies in a folder."""

    def __init__(self, root: Path) -> None:
        """List it.

        Raises:
            VerifierError: it cannot be listed.
        """
        super().__init__()
        self._root = root
        try:
            for path, entry in _walk(root, "", 0):
                self._take(path, entry)
        except OSError as error:
            where = shown(str(error.filename or root))
            raise VerifierError(f"{where}: {error.strerror}") from error

    def _take(self, path: str, entry: os.DirEntry[str]) -> None:
        said = entry.stat(follow_symlinks=False)
        if stat.S_ISREG(said.st_mode):
            self._found(path, said.st_size)
        elif stat.S_ISLNK(said.st_mode):
            self.refused[shown(path)] = "a symbolic link, which is not followed"
        else:
            self.refused[shown(path)] = "neither a file nor a folder"

    def open(self, path: str) -> BinaryIO:
        """Open one file; a link, pipe or device that has taken its place since is not."""
        try:
            return open_regular(self._root / path, follow=False)
        except NoFileError as error:
            raise OSError(errno.EINVAL, str(error)) from error


def _walk(folder: Path, prefix: str, depth: int) -> Iterator[tuple[str, os.DirEntry[str]]]:
    with os.scandir(folder) as entries:
        listed = sorted(islice(entries, MAX_FILES + 1), key=lambda entry: entry.name)
    for entry in listed:
        path = prefix + entry.name
        if entry.is_dir(follow_symlinks=False) and depth < _MAX_DEPTH:
            yield from _walk(folder / entry.name, f"{path}/", depth + 1)
        else:
            yield path, entry


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """The pack in a folder or ZIP file.

    Raises:
        VerifierError: there is none, or it cannot be read.
    """
    from verifier.archive import Archive  # noqa: PLC0415  # it builds on what is above

    source: Source
    if path.is_dir():
        source = Folder(path)
    elif path.is_file():
        source = Archive(path)
    else:
        msg = f"{path}: there is no such folder or ZIP file"
        raise VerifierError(msg)
    try:
        yield source
    finally:
        source.close()
