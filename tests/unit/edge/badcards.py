"""Cards whose file system is damaged: errors that no ordinary one gives on demand."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest


class Lost:
    """A name that a folder lists and nothing is found under."""

    def __init__(self, name: str) -> None:
        self.name = name

    def stat(self, **_: bool) -> os.stat_result:
        """What a damaged or wrongly mounted card answers."""
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.name)


def damage(
    monkeypatch: pytest.MonkeyPatch,
    of: Path,
    *,
    after: int = 10**6,
    lost: Iterable[str] = (),
    twice: bool = False,
) -> None:
    """Damage one folder.

    Args:
        monkeypatch: of the test.
        of: the folder.
        after: names that are listed before an input/output error.
        lost: names that are listed and not found.
        twice: whether each name is listed twice.
    """
    real, inode, missing = os.scandir, of.stat().st_ino, frozenset(lost)

    @contextlib.contextmanager
    def broken(descriptor: int) -> Iterator[Iterator[os.DirEntry[str] | Lost]]:
        with real(descriptor) as entries:
            yield cut(entries)

    def cut(entries: Iterable[os.DirEntry[str]]) -> Iterator[os.DirEntry[str] | Lost]:
        for number, entry in enumerate(entries):
            if number >= after:
                break
            yield Lost(entry.name) if entry.name in missing else entry
            if twice:
                yield entry
        if after < 10**6:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def scandir(at: int | Path) -> AbstractContextManager[Iterator[object]]:
        if isinstance(at, int) and os.fstat(at).st_ino == inode:
            return broken(at)
        return real(at)

    monkeypatch.setattr(os, "scandir", scandir)
