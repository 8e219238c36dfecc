"""A whole pack made durable in one step, at its end.

A pack grows under a name that says that it is not whole, and what an earlier run left is hashed
again before it is used; so nothing rests on a single file being on the disk before the pack gets
its name. Syncing its thousands of files one by one costs more than writing them.
"""

from __future__ import annotations

import ctypes
import os
import weakref
from pathlib import Path


class FileSystem:
    """The file system of a folder, watched from now on for what it fails to write."""

    def __init__(self, folder: Path) -> None:
        """Open it; raises OSError when the folder is not there."""
        self._descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._close = weakref.finalize(self, os.close, self._descriptor)

    def sync(self) -> None:
        """Wait until all that was written is on the disk.

        Raises:
            OSError: something written since this was made is not (Linux 5.8 and later tell).
        """
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.syncfs(self._descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
