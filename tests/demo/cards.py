"""The card of the demo: made footage, or a copy of somebody's own files.

What is on it is hashed here, with nothing but `hashlib`, before any of our programs sees
it: the demo compares with these digests in the end, so it does not take our word for them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from tests.simulators.footage import make_card

# A spool, a store and the card itself are on the same disk here.
COPIES = 3
_NOT_FOOTAGE = {"thumbs.db", "desktop.ini", "lost.dir", "system volume information", "recycler"}


class CardError(Exception):
    """These files cannot be put on a card; the text says why."""


@dataclass(frozen=True)
class Recording:
    """A file as it was before anybody docked it."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class CameraCard:
    """A folder that stands for a memory card, and what was on it at first."""

    root: Path
    recordings: tuple[Recording, ...]

    @property
    def size(self) -> int:
        """Bytes of all recordings."""
        return sum(recording.size for recording in self.recordings)


def made_card(root: Path, *, takes: int, seconds: int) -> CameraCard:
    """A card as a camera leaves it, with a cut, an empty and a marked recording."""
    return _card(root, make_card(root, takes=takes, seconds=seconds))


def copied_card(root: Path, source: Path) -> CameraCard:
    """A card with a copy of every file below a directory; the files themselves stay untouched.

    Raises:
        CardError: no such directory, nothing in it, or not enough room for the copies.
    """
    if not source.is_dir():
        raise CardError(f"{source} is not a directory")
    files = sorted(path for path in source.rglob("*") if _is_footage(path, source))
    if not files:
        raise CardError(f"{source} holds no files to put on a card")
    needed = COPIES * sum(path.stat().st_size for path in files)
    free = shutil.disk_usage(root.parent).free
    if needed > free:
        raise CardError(f"{COPIES} copies take {needed} bytes; {free} are free at {root.parent}")
    copies = []
    for path in files:
        copy = root / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy)
        copy.chmod(stat.S_IMODE(copy.stat().st_mode) | stat.S_IRUSR | stat.S_IWUSR)
        copies.append(copy)
    return _card(root, copies)


def left_on(card: CameraCard, root: Path) -> list[str]:
    """Which of the card's recordings are still there, wherever the card is now."""
    return [one.path for one in card.recordings if (root / one.path).exists()]


def _card(root: Path, paths: list[Path]) -> CameraCard:
    recordings = [
        Recording(os.fspath(path.relative_to(root)), path.stat().st_size, sha256_of(path))
        for path in sorted(paths)
    ]
    return CameraCard(root, tuple(recordings))


def sha256_of(path: Path) -> str:
    """What `sha256sum` prints for it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_footage(path: Path, source: Path) -> bool:
    # What a dock lists but leaves on the card: hidden files and operating systems' own.
    names = path.relative_to(source).parts
    if any(name.startswith((".", "$")) or name.lower() in _NOT_FOOTAGE for name in names):
        return False
    return path.is_file() and not path.is_symlink()
