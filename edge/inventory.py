"""What is on a card, and which of it has come to rest.

``scan`` lists everything, rubbish and refusals included, because the signed inventory is
what shows later that nothing is silently missing. ``Settler`` decides from two looks
whether a file is still being written; it reads no clock and no card.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from edge.cameras.base import Card, Skip, Thing, ThingKind
from edge.profiles.reading import CardReading
from protocols.clock import utc_text
from protocols.kinds import Disposition, FileName, InventoryFile

_RUBBISH_DIRECTORIES = {
    b"system volume information": "kept by Windows for itself",
    b"$recycle.bin": "wastebasket of Windows",
    b"recycler": "wastebasket of Windows",
    b"lost.dir": "kept by Android for itself",
    b".spotlight-v100": "search index of macOS",
    b".fseventsd": "change journal of macOS",
    b".temporaryitems": "kept by macOS for itself",
}
_RUBBISH_FILES = {
    b".ds_store": "folder view of macOS",
    b"thumbs.db": "preview cache of Windows",
    b"desktop.ini": "folder view of Windows",
}
# Marks of common recorders: a folder or a last part of the name (dsj and its clones).
_MARKED = re.compile(rb"(?:^|/)(?:IMP|SOS)/|_(?:IMP|SOS)(?:_enc)?\.[^./]+$", re.IGNORECASE)


def rubbish(path: bytes) -> str | None:
    """Why a name belongs to an operating system rather than a camera, or None."""
    name = path.rpartition(b"/")[2].lower()
    if name.startswith(b"._"):
        return "resource fork of macOS"
    if name.startswith(b".trash"):
        return "wastebasket of a desktop"
    return _RUBBISH_DIRECTORIES.get(name) or _RUBBISH_FILES.get(name)


def is_marked(path: bytes) -> bool:
    """Whether the camera marked a recording as important, by the name it gave it."""
    return bool(_MARKED.search(path))


@dataclass(frozen=True, slots=True)
class Found:
    """Something found on a card.

    Attributes:
        path: relative to the card's root.
        disposition: INGEST for a file; IGNORED, REFUSED or UNREADABLE otherwise.
        size: bytes, where the card answered.
        mtime_ns: time of last change, by the camera's clock.
        reason: why it is no recording to take.
        marked: whether the camera marked it as important.
        ctime_ns: when the card's file system last touched it, if it tells.
        read_only: whether nobody may write to it.
    """

    path: bytes
    disposition: Disposition
    size: int | None = None
    mtime_ns: int | None = None
    reason: str = ""
    marked: bool = False
    ctime_ns: int | None = None
    read_only: bool = False

    @property
    def is_recording(self) -> bool:
        """Whether it is a file that must be taken."""
        return self.disposition is Disposition.INGEST

    @property
    def look(self) -> tuple[int | None, int | None]:
        """What must stand still for the file to count as settled."""
        return self.size, self.mtime_ns


def scan(card: Card, skip: Skip = rubbish) -> list[Found]:
    """List everything on a card, in the order of its paths; blocks.

    Args:
        card: which.
        skip: names what is no recording.

    Raises:
        CameraGone: the card stopped answering.
    """
    return sorted(map(_found, card.walk(skip)), key=lambda found: found.path)


def everything(_path: bytes) -> str | None:
    """Skips nothing: of what somebody brings every file was meant."""
    return None


def read_by(
    reading: CardReading, found: list[Found], today: date, *, whole: bool = False
) -> list[Found]:
    """What a look found, as the card's profile reads it.

    A profile may leave a camera's own small files on the card, with a reason that goes on the
    inventory; what it does not know is a recording. Marks of common recorders count for every
    profile, so that a wrong one loses none. Where all of it was meant (``whole``), nothing is left.
    """
    reading.look([each.path for each in found if each.is_recording], today)
    # Where nobody may write to anything, that is how the card is mounted and marks nothing.
    tells = any(each.is_recording and not each.read_only for each in found)
    return [
        _read(reading, each, tells=tells, whole=whole) if each.is_recording else each
        for each in found
    ]


def _read(reading: CardReading, found: Found, *, tells: bool, whole: bool) -> Found:
    reason = None if whole else reading.ignored(found.path)
    if reason is not None:
        return replace(found, disposition=Disposition.IGNORED, reason=reason)
    marked = reading.marked(found.path, read_only=found.read_only and tells)
    return replace(found, marked=marked or is_marked(found.path))


def _found(thing: Thing) -> Found:
    match thing.kind:
        case ThingKind.FILE:
            # A time that no record can hold is one more lie of a card's.
            return Found(
                thing.path,
                Disposition.INGEST,
                thing.size,
                thing.mtime_ns,
                ctime_ns=thing.ctime_ns,
                read_only=thing.read_only,
            )
        case ThingKind.SKIPPED:
            return Found(thing.path, Disposition.IGNORED, reason=thing.reason)
        case ThingKind.REFUSED:
            return Found(thing.path, Disposition.REFUSED, reason=thing.reason)
        case ThingKind.UNREADABLE:
            return Found(thing.path, Disposition.UNREADABLE, reason=thing.reason)


def inventory_row(
    found: Found, disposition: Disposition, *, reason: str | None = None, clip: str | None = None
) -> InventoryFile:
    """One line of a signed inventory."""
    return InventoryFile(
        **FileName.names(found.path),
        size=found.size,
        mtime=None if found.mtime_ns is None else utc_text(found.mtime_ns),
        disposition=disposition,
        reason=reason or found.reason or None,
        clip=clip,
    )


class Settler:
    """Tells from repeated looks which files stand still.

    A file has settled when size and time of change were the same in two looks at least
    ``settle_s`` apart. A card that the dock cannot write to is no exception: its camera may.
    """

    def __init__(self, settle_s: float) -> None:
        self._settle_s = settle_s
        self._since: dict[bytes, tuple[tuple[int | None, int | None], float]] = {}

    def look(self, now: float, recordings: Iterable[Found]) -> set[bytes]:
        """Take one complete look and say which paths have settled.

        Args:
            now: seconds by a monotonic clock, when the look began.
            recordings: every recording the look found; what is missing is forgotten.
        """
        before, self._since, settled = self._since, {}, set()
        for found in recordings:
            look, since = before.get(found.path, (None, now))
            if look != found.look:
                self._since[found.path] = (found.look, now)
                continue
            self._since[found.path] = (found.look, since)
            if now - since >= self._settle_s:
                settled.add(found.path)
        return settled

    def forget(self, path: bytes) -> None:
        """Start over with a file that changed while it was read."""
        self._since.pop(path, None)
