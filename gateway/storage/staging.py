"""Files in the making: a folder on this machine, beside whichever store they will go to.

For a store on a local disk it lies on the same file system, so that finishing one is a rename.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final

from gateway.storage.failing import translated
from gateway.storage.folders import Folders
from gateway.storage.locks import StoreLock
from gateway.storage.names import checked_name

PUT: Final = "put-"
"""Begins the name of a small object on its way in."""
FETCHED: Final = "fetched-"
"""Begins the name of a copy of an object that was fetched to be read here as a file."""
DERIVED: Final = "derived-"
"""Begins the name of a staging file of a derived copy."""
REPAIR: Final = "repair-"
"""Begins the name of a staging file of a repair; none outlives the run that made it."""
_HALF_DONE: Final = (PUT, FETCHED, DERIVED, REPAIR)


class Staging:
    """One folder of files in the making, and the locks of who may finish them."""

    def __init__(self, folder: Path, folders: Folders | None = None) -> None:
        """Use a folder; it is made when it is first asked for."""
        self._folder = folder
        self._folders = folders or Folders(folder)

    @property
    def folder(self) -> Path:
        """The folder, which exists.

        Raises:
            StoreError: it cannot be made.
        """
        with translated(self._folder.name):
            self._folders.make(self._folder)
        return self._folder

    def path(self, name: str) -> Path:
        """A place for a file in the making; its folder exists.

        Raises:
            InvalidError: not a plain name of ``a-z 0-9 . _ -``.
            StoreError: the folder cannot be made.
        """
        return self.folder / checked_name(name)

    def free_bytes(self) -> int:
        """Room that is left beside it, in bytes.

        Raises:
            StoreError: the file system cannot tell.
        """
        folder = self.folder
        with translated(folder.name):
            usage = os.statvfs(folder)
        return usage.f_bavail * usage.f_frsize

    async def sweep(self) -> int:
        """Drop what puts and repairs left half done when the power went; before anything else puts.

        Returns:
            Number of files dropped.

        Raises:
            StoreError: the file system could not do it.
        """
        return await asyncio.to_thread(self._sweep)

    def _sweep(self) -> int:
        with translated("staging"):
            left = [path for each in _HALF_DONE for path in self._folder.glob(f"{each}*")]
            for path in left:
                path.unlink(missing_ok=True)
        return len(left)

    # --- one user --------------------------------------------------------------------

    def lock(self, name: str) -> StoreLock | None:
        """Take the store for one program on this machine, or None when another one has it."""
        return StoreLock.take(self.path(f"{name}.lock"))

    def watch(self, name: str) -> StoreLock | None:
        """Keep other programs from taking the store; None when one has it. Nothing is written."""
        return StoreLock.share(self._folder / f"{name}.lock", self._folder.parent)
