"""What a session hands on about the recordings of one card: tasks, comparisons, pages.

Small steps without memory of their own: how a recording is described to ``ingest``, how one
that looks like a clip is compared with it, how a long inventory is cut into records.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Literal

from edge.cameras.base import Camera, Card, shown, word
from edge.durable import UncachedReader
from edge.errors import camera_error
from edge.ingest import IngestTask, Recording
from edge.inventory import Found
from edge.ledger import ClipRow, Ledger
from edge.probe import ProbeResult
from edge.profiles.profile import NameFacts
from edge.profiles.reading import CardReading
from edge.timing.dated import Said, Stand, dated
from protocols.clock import utc_text
from protocols.errors import RecordError
from protocols.ids import ClipId, SessionId
from protocols.kinds import (
    MAX_FILES_PER_PAGE,
    CameraClaim,
    CameraClock,
    ClipSealed,
    FileName,
    InventoryFile,
    Source,
)
from protocols.records import decode_record

PAGE_BYTES = 200 * 1024
# As long as a record's name may be.
_NAME = 2048


def recording(card: Card, found: Found) -> Recording:
    """A recording on a card as a look found it."""
    return Recording(
        open=lambda: card.open(found.path),
        path=found.path,
        size=found.size or 0,
        mtime_ns=found.mtime_ns or 0,
        alive=card.alive,
    )


def task_for(
    camera: Camera,
    card: Card,
    session: SessionId,
    found: Found,
    reading: CardReading,
    stand: Stand,
) -> IngestTask:
    """Describe a recording for ``ingest``: everything the card says of it, as claims.

    Args:
        camera: whose card it is on.
        card: as it is opened.
        session: the docking.
        found: the recording.
        reading: what the card's profile makes of its name.
        stand: how clocks stood when it was seen.
    """
    mtime_ns = found.mtime_ns or 0
    mtime = utc_text(mtime_ns)
    facts, claims = reading.facts(found.path), reading.claims
    opener: Callable[[], int] = lambda: card.open(found.path)  # noqa: E731  # a field's value
    return IngestTask(
        open=opener,
        path=found.path,
        size=found.size or 0,
        mtime_ns=mtime_ns,
        volume=camera.volume,
        session=session,
        source=Source(
            **FileName.names(found.path),
            # Some drivers allow names of a kilobyte; the path beside it is whole.
            name=found.path.rpartition(b"/")[2].decode("utf-8", "backslashreplace")[:_NAME],
            mtime=mtime,
            volume=camera.volume,
            profile=reading.profile.name,
            camera=claimed(camera, reading, facts),
            officer=told(_brought(camera, "officer") or facts.user or claims.officer),
            unit=told(_brought(camera, "unit") or facts.unit or claims.unit),
            marked=found.marked,
            sidecar_of=tuple(_beside(reading, found.path)),
            imported=None if camera.brought is None else camera.brought.imported,
        ),
        camera_clock=_clock(facts, mtime),
        dated=lambda clock, probed: dated(clock, _said(facts, found, probed), stand),
        vouch=reading.vouch(found.path),
        alive=card.alive,
    )


def _brought(camera: Camera, what: Literal["officer", "unit"]) -> str | None:
    """What whoever brings it claims of all of it."""
    return None if camera.brought is None else getattr(camera.brought, what)


def _beside(reading: CardReading, path: bytes) -> Iterator[FileName]:
    for owner in reading.beside(path):
        yield FileName.model_validate(FileName.names(owner))


def claimed(camera: Camera, reading: CardReading, facts: NameFacts | None = None) -> CameraClaim:
    """What camera and card say the camera is: a claim, never proved here."""
    device = None if facts is None else facts.device
    claims = reading.claims
    return camera.claim.model_copy(
        update={
            "serial": camera.claim.serial or told(device or claims.serial),
            "model": camera.claim.model or told(claims.model),
        }
    )


def named(claim: CameraClaim, number: str | None) -> CameraClaim:
    """The claim with the number that the camera gave on its control line, if it gave one.

    What the card says of the number yields to the camera's own answer; both are claims.
    """
    return claim if number is None else claim.model_copy(update={"serial": told(number)})


def _clock(facts: NameFacts, mtime: str) -> CameraClock:
    """What the camera's clock said, its own words kept; doubts are named beside, never mended."""
    changed = "time of last change on the card"
    if facts.started is None:
        return CameraClock(ended=mtime, method=changed)
    method = f"start in the file's name, end by {changed}"
    return CameraClock(started=told(facts.started.text), ended=mtime, method=method)


def _said(facts: NameFacts, found: Found, probed: ProbeResult) -> Said:
    """Everything that claims a time of this recording."""
    return Said(
        name=None if facts.started is None else facts.started.text,
        mtime_ns=found.mtime_ns,
        container=probed.started,
        duration_ms=probed.media.duration_ms,
    )


def known(ledger: Ledger, volume: str, found: Found, serial: str | None) -> ClipRow | None:
    """The clip that a recording on a card looks like, by name, size, time and volume.

    Volumes are cloned: a clip that was sealed from another camera is none of this card's.

    Args:
        ledger: asked; blocks.
        volume: of the card.
        found: the recording.
        serial: what its camera claims to be now; None where nothing claims anything.
    """
    rows = ledger.known_clips(volume, found.path, found.size or 0, found.mtime_ns or 0)
    for row in rows:
        sealed = None if serial is None else _sealed_serial(ledger, row.clip)
        if sealed in {None, serial}:
            return row
    return None


def _sealed_serial(ledger: Ledger, clip: ClipId) -> str | None:
    """The camera that a clip's entry names; None where that says nothing."""
    entries = ledger.entries(clip.epoch, clip.seq, clip.seq)
    try:
        body = decode_record(entries[0].record).body if entries else None
    except RecordError:
        return None
    camera = body.source.camera if isinstance(body, ClipSealed) else None
    return None if camera is None else camera.serial


def told(text: str | None) -> str | None:
    """A claim as a record can hold it; nothing stays nothing."""
    return None if text is None else word(text)


def same_bytes(
    card: Card, path: bytes, row: ClipRow, moved: Callable[[], object] = lambda: None
) -> bool:
    """Read a recording on the card whole, past the page cache, and compare it with a clip.

    Args:
        card: the card.
        path: of the recording.
        row: the clip.
        moved: called after each piece; what it raises ends the reading.

    Raises:
        CameraError: it cannot be read, is gone, or the card is.
    """
    descriptor = card.open(path)
    try:
        with UncachedReader(descriptor, moved) as reader:
            sha256, size = reader.sha256()
    except OSError as error:
        raise camera_error(error, f"re-reading {shown(path)}", alive=card.alive) from error
    finally:
        # Closing a file of a pulled FUSE card fails too, and nothing depends on it.
        with suppress(OSError):
            os.close(descriptor)
    return (size, sha256) == (row.size, row.sha256)


def paged(rows: Sequence[InventoryFile]) -> list[list[InventoryFile]]:
    """Cut inventory rows into pages that fit a record: 1,000 rows and 200 KiB each."""
    pages: list[list[InventoryFile]] = []
    room = 0
    for row in rows:
        size = len(row.model_dump_json(exclude_none=True).encode()) + 1
        if not pages or size > room or len(pages[-1]) >= MAX_FILES_PER_PAGE:
            pages.append([])
            room = PAGE_BYTES
        pages[-1].append(row)
        room -= size
    return pages
