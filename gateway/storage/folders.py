"""Folders whose names survive a power cut."""

from __future__ import annotations

from pathlib import Path

from gateway.durable import sync_folder


class Folders:
    """Makes folders below one root; each is synced once for as long as this program lives."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._made: set[Path] = set()

    def make(self, folder: Path) -> None:
        """Make a folder; its name, too, is durable when this returns.

        That it exists does not say so: another thread or a killed program may have made it a
        moment ago. So each one is synced once for as long as this program lives.

        Raises:
            OSError: it cannot be made.
        """
        there = folder.is_dir()
        if there and (folder in self._made or not folder.is_relative_to(self._root)):
            return
        self.make(folder.parent)
        if not there:
            folder.mkdir(mode=0o700, exist_ok=True)
        try:
            # A new folder is there after a power cut only once its parent is synced.
            sync_folder(folder.parent)
        except PermissionError:
            # An operator's folder for the store may lie in one that only root reads.
            if folder != self._root or not there:
                raise
        self._made.add(folder)

    def forget(self, folder: Path) -> None:
        """A folder is about to be removed."""
        self._made.discard(folder)
