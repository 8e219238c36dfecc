"""A file's lock: held until closed, collected or the program ends, whatever ends it."""

from __future__ import annotations

import fcntl
import os
import weakref
from pathlib import Path

from gateway.storage.failing import translated


class StoreLock:
    """Held until closed, collected or the program ends, whatever ends it."""

    def __init__(self, descriptor: int) -> None:
        self._close = weakref.finalize(self, os.close, descriptor)

    @classmethod
    def take(cls, path: Path) -> StoreLock | None:
        """Lock a file, or None when it is locked; raises StoreError when it cannot be opened."""
        with translated(path.name):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return cls._locked(descriptor, fcntl.LOCK_EX)

    @classmethod
    def share(cls, path: Path, otherwise: Path) -> StoreLock | None:
        """Keep a file from being locked by ``take``; None when it is.

        Args:
            path: the file; only read.
            otherwise: a folder that is held instead when there is no such file, as in a copy.

        Raises:
            StoreError: neither can be opened.
        """
        with translated(otherwise.name):
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                descriptor = os.open(otherwise, os.O_RDONLY | os.O_CLOEXEC)
        return cls._locked(descriptor, fcntl.LOCK_SH)

    @classmethod
    def _locked(cls, descriptor: int, how: int) -> StoreLock | None:
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return cls(descriptor)

    def close(self) -> None:
        """Give it back."""
        self._close()
