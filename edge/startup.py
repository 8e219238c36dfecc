"""What happens once at every start, before any camera or broker is looked at.

The ledger is proved, then compared with the spool, and what a power cut left is put on
record: clips whose bytes are gone, sessions that were never closed. Nothing is repaired
silently: each finding is named in ``dock.booted`` and by an entry of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import structlog

from edge.answers import mark_lost
from edge.ledger import ClipRow, ClipState, Ledger
from edge.spool import Spool
from protocols.errors import RecordError
from protocols.ids import SessionId
from protocols.kinds import (
    ClipSealed,
    Disposition,
    DockBooted,
    FileName,
    Leftover,
    SessionInventory,
)
from protocols.messages import MAX_ENTRIES_PER_PAGE
from protocols.records import decode_record

log = structlog.get_logger()

# The chain makes the newest signatures vouch for those before them; a start takes seconds
# after years as well. `verify-ledger` verifies every one.
_SIGNATURES = 10_000
_NAMED = 100


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was found at a start.

    Attributes:
        lost: clips whose bytes are gone from the spool before their release.
        dropped: spool files that no clip names.
        closed: sessions that the last run left open.
    """

    lost: tuple[ClipRow, ...]
    dropped: tuple[str, ...]
    closed: tuple[SessionId, ...]


def recover(ledger: Ledger, spool: Spool, version: str) -> Recovered:
    """Prove the ledger and put on record what the last run's end left; blocks.

    May be cut at any point and repeated.

    Raises:
        LedgerDamaged: the ledger does not hold; a person has to look at it.
        LedgerError: the disk refuses.
        SpoolDamaged: the spool's disk refuses.
    """
    report = ledger.check(newest_signatures=_SIGNATURES)
    lost = tuple(row for row in ledger.spooled(ClipState.SEALED) if _problem(spool, row))
    gone = {row.clip for row in lost}
    keep = {row.spool_name for row in ledger.spooled() if row.spool_name and row.clip not in gone}
    left_open = [row.session for row in ledger.sessions(open_only=True)]
    for row in lost:
        if row.spool_name is not None:
            # What is left of it may be all there is, if the camera has gone.
            spool.set_aside(row.spool_name)
    dropped = tuple(spool.clean(keep))
    ledger.append(
        DockBooted(
            version=version,
            ledger_check=f"{report.entries} entries hold",
            recovered=tuple(_told(lost, dropped, left_open)),
        )
    )
    for row in lost:
        mark_lost(ledger, row, _problem(spool, row) or "was not in the spool when the dock began")
    _forget_dropped(ledger, spool)
    for session in left_open:
        ledger.close_session(session, "power", unsealed(ledger, session))
        log.info("session.closed", session=str(session), reason="power")
    return Recovered(lost, dropped, tuple(left_open))


def unsealed(ledger: Ledger, session: SessionId) -> list[Leftover]:
    """Recordings on a session's inventory that it did not seal, from the ledger alone."""
    open_files: dict[bytes, None] = {}
    sealed: set[bytes] = set()
    head = ledger.head()
    seq = session.seq + 1
    while head is not None and head.epoch == session.epoch and seq <= head.seq:
        page = ledger.entries(session.epoch, seq, head.seq, max_entries=MAX_ENTRIES_PER_PAGE)
        if not page:
            break
        for entry in page:
            _sort(entry.record, session, open_files, sealed)
        seq = page[-1].seq + 1
    reason = "the dock stopped before it was sealed"
    return [
        Leftover(**FileName.names(path), outcome="incomplete", reason=reason)
        for path in open_files
        if path not in sealed
    ]


def _sort(
    record: bytes, session: SessionId, open_files: dict[bytes, None], sealed: set[bytes]
) -> None:
    try:
        body = decode_record(record).body
    except RecordError:
        # Of a newer program that ran before this one; it concerns no session of ours.
        return
    match body:
        case SessionInventory() if body.session == str(session):
            for file in body.files:
                if file.disposition in {Disposition.INGEST, Disposition.GROWING}:
                    open_files[file.path_bytes()] = None
        case ClipSealed() if body.session == str(session):
            sealed.add(body.source.path_bytes())
        case _:
            pass


def _problem(spool: Spool, row: ClipRow) -> str | None:
    """Why a clip's bytes cannot be in the spool as they were sealed; None when they may be."""
    if row.spool_name is None:
        return "has no spool file"
    path: Path = spool.path(row.spool_name)
    try:
        size = path.stat().st_size
    except OSError as error:
        return f"spool file {row.spool_name}: {error.strerror}"
    return None if size == row.size else f"spool file has {size} of {row.size} bytes"


def _forget_dropped(ledger: Ledger, spool: Spool) -> None:
    """Released clips whose file went while the row still named it."""
    names = spool.names()
    for row in ledger.spooled(ClipState.RELEASED, ClipState.ERASED):
        if row.spool_name not in names:
            ledger.spool_dropped(row.clip)


def _told(
    lost: tuple[ClipRow, ...], dropped: tuple[str, ...], left_open: list[SessionId]
) -> list[str]:
    lines = [f"clip {row.clip} is gone from the spool" for row in lost[:_NAMED]]
    lines += [f"session {session} was not closed" for session in left_open[:_NAMED]]
    if dropped:
        lines.append(f"{len(dropped)} unsealed files dropped from the spool")
    if len(lost) > _NAMED:
        lines.append(f"{len(lost)} clips are gone from the spool in all")
    return lines
