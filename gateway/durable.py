"""What is on the disk and stays there: names in a folder, and everything written to a file system.

A file that is synced is still lost when its name is not: the folder has to be synced too.
"""

from __future__ import annotations

import ctypes
import os
import weakref
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the folder's names; raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
