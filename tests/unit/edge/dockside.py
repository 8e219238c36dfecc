"""What the dock's unit tests share: a ledger, recordings on a card, a gateway's releases.

Everything is the real thing on real files; only the card is a folder, and it can be told
to fail.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edge.cameras.base import FileState
from edge.clock import DockClock
from edge.errors import Changed, Vanished
from edge.ingest import IngestTask
from edge.ledger import ClipDraft, Ledger
from hashing.digest import digest_bytes
from hashing.keys import Es256Signer
from protocols.acceptance import Release, accept_release
from protocols.clock import ClockReading, ClockSource, utc_text
from protocols.ids import ClipId, DockId, SessionId, dock_id
from protocols.kinds import CameraClaim, CameraClock, Media, SessionOpened, Source
from tests.simulators.log import SimulatedLog

DOCK: DockId = dock_id("dock7")
VOLUME = "label:CAM01"
MTIME_NS = 1_772_000_000_000_000_000
SIGNER = Es256Signer.generate()


class ToldClock(DockClock):
    """A clock that a test sets; synchronised, with an error of a millisecond, until told."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ns = 1_780_000_000_000_000_000
        self.source = ClockSource.NTP

    def read(self) -> ClockReading:
        """What it was told."""
        kept = self.source is ClockSource.NTP
        told = {
            "utc": utc_text(self.now_ns),
            "source": self.source,
            "error_ms": 1 if kept else None,
        }
        return super().read().model_copy(update=told)


def open_ledger(path: Path, signer: Es256Signer = SIGNER, clock: DockClock | None = None) -> Ledger:
    """A ledger on a file; the caller closes it."""
    return Ledger(path, dock=DOCK, signer=signer, clock=clock or DockClock())


def camera_opened(volume: str = VOLUME) -> SessionOpened:
    """The body of a docking."""
    return SessionOpened(bay="1", volume=volume, profile="folder", camera=CameraClaim())


def source_of(path: bytes, *, marked: bool = False) -> Source:
    """Where a recording came from."""
    name = path.rpartition(b"/")[2].decode(errors="replace")
    return Source.model_validate(
        {
            "path": path.decode(),
            "name": name,
            "mtime": "2026-02-25T06:13:20Z",
            "volume": VOLUME,
            "profile": "folder",
            "camera": CameraClaim(),
            "marked": marked,
        }
    )


def draft_of(
    session: SessionId, data: bytes, *, path: bytes = b"DCIM/1.MP4", name: str | None = None
) -> ClipDraft:
    """A recording as if it had been ingested; its spool file is only a name."""
    return ClipDraft(
        content=digest_bytes(data),
        source=source_of(path),
        camera_clock=CameraClock(method="mtime"),
        media=Media(),
        session=session,
        spool_name=name or hashlib.sha256(path + data).hexdigest()[:32],
        volume=VOLUME,
        path=path,
        mtime_ns=MTIME_NS,
    )


def release(ledger: Ledger, log: SimulatedLog, clip: ClipId) -> tuple[Release, bytes]:
    """A gateway's proved release of one clip, verified as a dock does."""
    sealed = ledger.sealed(clip.epoch, clip.seq)
    assert sealed is not None
    accepted = ledger.accepted()
    size = accepted.size if accepted else log.anchors.checkpoint.size
    message = log.release(sealed, size)
    return accept_release(log.anchors, accepted, sealed, message), message.encode()


@dataclass
class FolderCard:
    """A card that is a folder; a test may meddle right before and after the unlink."""

    root: Path
    on_unlink: Callable[[], None] = field(default=lambda: None)
    after_unlink: Callable[[], None] = field(default=lambda: None)
    answers: bool = True

    def open(self, path: bytes) -> int:
        """Open for reading."""
        return os.open(self._at(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)

    def unlink(self, path: bytes, expect: FileState) -> None:
        """Unlink if the name still is that file."""
        self.on_unlink()
        try:
            found = os.lstat(self._at(path))
        except FileNotFoundError as error:
            raise Vanished("gone") from error
        if FileState.of(found) != expect:
            raise Changed("replaced")
        Path(os.fsdecode(self._at(path))).unlink()
        self.after_unlink()

    def place(self, path: bytes) -> str:
        """The folder of a path."""
        try:
            return str(Path(os.fsdecode(self._at(path))).parent.stat().st_ino)
        except FileNotFoundError as error:
            raise Vanished("no folder") from error

    def beside(self, path: bytes) -> str:
        """What else is in the folder."""
        at = Path(os.fsdecode(self._at(path)))
        return "".join(sorted(each.name for each in at.parent.iterdir() if each != at))

    def alive(self) -> bool:
        """Whether the card answers."""
        return self.answers

    def _at(self, path: bytes) -> bytes:
        return os.fsencode(self.root) + b"/" + path

    def put(self, path: bytes, data: bytes) -> Path:
        """Put a recording on the card."""
        at = Path(os.fsdecode(self._at(path)))
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_bytes(data)
        return at

    def task(self, path: bytes, session: SessionId) -> IngestTask:
        """What a session would ask to be taken, as the card is now."""
        found = os.lstat(self._at(path))
        return IngestTask(
            open=lambda: self.open(path),
            path=path,
            size=found.st_size,
            mtime_ns=found.st_mtime_ns,
            volume=VOLUME,
            session=session,
            source=source_of(path),
            camera_clock=CameraClock(method="mtime"),
            inode=found.st_ino,
            alive=self.alive,
        )
