"""What happens once at every start, before any camera or broker is looked at.

The ledger is proved, the spool is made sure to be this ledger's, both are compared, and
what a power cut left is put on record: clips whose bytes are gone, sessions that were never
closed. Nothing is repaired silently: each finding is named in ``dock.booted`` and by an
entry of its own. Nothing whole is removed either, apart from released clips: a disk that is
not mounted, or a ledger that is not the right one, must not cost a recording.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from edge import orphans
from edge.answers import mark_lost
from edge.binding import bind, settle
from edge.ledger import ClipRow, ClipState, Ledger
from edge.spool import Spool
from protocols.errors import RecordError
from protocols.ids import EntryId, SessionId
from protocols.kinds import (
    ClipErased,
    ClipSealed,
    Disposition,
    DockBooted,
    FileName,
    InventoryFile,
    Leftover,
    SessionInventory,
)
from protocols.messages import MAX_ENTRIES_PER_PAGE
from protocols.records import decode_record

log = structlog.get_logger()

# The chain makes the newest signatures vouch for those before them; a start takes seconds
# after years as well. `verify-ledger` verifies every one.
_SIGNATURES = 1000
_NAMED = 100
_OPEN: Final = frozenset({Disposition.INGEST, Disposition.GROWING, Disposition.KNOWN})


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was found at a start.

    Attributes:
        lost: clips whose bytes are gone from the spool before their release.
        dropped: half written spool files.
        orphans: whole spool files that no clip names; set aside.
        closed: sessions that the last run left open.
    """

    lost: tuple[ClipRow, ...]
    dropped: tuple[str, ...]
    orphans: tuple[str, ...]
    closed: tuple[SessionId, ...]


def recover(ledger: Ledger, spool: Spool, version: str) -> Recovered:
    """Prove the ledger and put on record what the last run's end left; blocks.

    May be cut at any point and repeated.

    Raises:
        LedgerDamaged: the ledger does not hold; a person has to look at it.
        LedgerError: the disk refuses.
        SpoolForeign: the spool is not the one this ledger knows; says what to do.
        SpoolDamaged: the spool's disk refuses.
    """
    report = ledger.check(newest_signatures=_SIGNATURES)
    told = bind(ledger, spool)
    lost = tuple(row for row in ledger.spooled(ClipState.SEALED) if _problem(spool, row))
    gone = {row.clip for row in lost}
    keep = {row.spool_name for row in ledger.spooled() if row.spool_name and row.clip not in gone}
    left_open = [row.session for row in ledger.sessions(open_only=True)]
    for row in lost:
        if row.spool_name is not None:
            # What is left of it may be all there is, if the camera has gone.
            spool.set_aside(row.spool_name)
    _end_drops(ledger, spool)
    found = Recovered(
        lost,
        tuple(spool.drop_halves()),
        tuple(spool.set_orphans_aside(keep)),
        tuple(left_open),
    )
    ledger.append(
        DockBooted(
            version=version,
            ledger_check=f"{report.entries} entries hold",
            recovered=(*told, *_told(found)),
        )
    )
    settle(ledger)
    orphans.say(ledger, spool)
    for row in lost:
        mark_lost(ledger, row, _problem(spool, row) or "was not in the spool when the dock began")
    _forget_dropped(ledger, spool)
    for session in left_open:
        ledger.close_session(session, "power", unsealed(ledger, session))
        log.info("session.closed", session=str(session), reason="power")
    return found


# --- what a session left ------------------------------------------------------------


def unsealed(ledger: Ledger, session: SessionId) -> list[Leftover]:
    """Recordings on a session's inventory that it did not seal, from the ledger alone.

    A recording that only looks like a clip of before counts as well, unless the session
    read it again to erase it: other comparisons are not on record.
    """
    open_files = _OpenFiles(session)
    head = ledger.head()
    seq = session.seq + 1
    while head is not None and head.epoch == session.epoch and seq <= head.seq:
        page = ledger.entries(session.epoch, seq, head.seq, max_entries=MAX_ENTRIES_PER_PAGE)
        if not page:
            break
        for entry in page:
            open_files.take(EntryId(ledger.dock, entry.epoch, entry.seq), entry.record)
        seq = page[-1].seq + 1
    return [
        Leftover(**FileName.names(path), outcome="incomplete", reason=_why(listing))
        for path, listing in open_files.listings.items()
    ]


def _why(listing: InventoryFile) -> str:
    if listing.disposition is Disposition.KNOWN:
        return f"looks like {listing.clip}; not known to be compared"
    return "the dock stopped before it was sealed"


class _OpenFiles:
    """What a session's entries, taken in their order, leave unsealed.

    Attributes:
        listings: the newest inventory row of each path that is not dealt with.
    """

    def __init__(self, session: SessionId) -> None:
        self._session = str(session)
        self._read: set[str] = set()
        self.listings: dict[bytes, InventoryFile] = {}

    def take(self, entry: EntryId, record: bytes) -> None:
        """Take the next entry."""
        try:
            body = decode_record(record).body
        except RecordError:
            # Of a newer program that ran before this one; it concerns no session of ours.
            return
        match body:
            case SessionInventory() if body.session == self._session:
                for file in body.files:
                    self._list(file)
            case ClipSealed() if body.session == self._session:
                self._read.add(str(entry))
                self._seal(body)
            case ClipErased() if body.session == self._session:
                self._read.add(body.clip)
                for path, listing in list(self.listings.items()):
                    if listing.clip == body.clip:
                        del self.listings[path]
            case _:
                pass

    def _list(self, file: InventoryFile) -> None:
        # A name that is listed anew is another file, whatever became of the one before.
        path = file.path_bytes()
        self.listings.pop(path, None)
        read = file.disposition is Disposition.KNOWN and file.clip in self._read
        if file.disposition in _OPEN and not read:
            self.listings[path] = file

    def _seal(self, body: ClipSealed) -> None:
        # The file before may be sealed when the one that took its name is listed already.
        path = body.source.path_bytes()
        listing = self.listings.get(path)
        sealed = (body.content.size, body.source.mtime)
        if listing is not None and (listing.size, listing.mtime) == sealed:
            del self.listings[path]


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


def _end_drops(ledger: Ledger, spool: Spool) -> None:
    """Remove files of released clips that were about to be removed when the power went."""
    for name in ledger.spool_leaving():
        spool.remove(name)
        ledger.spool_gone(name)


def _forget_dropped(ledger: Ledger, spool: Spool) -> None:
    """Released clips whose file went while the row still named it."""
    names = spool.names()
    for row in ledger.spooled(ClipState.RELEASED, ClipState.ERASED):
        if row.spool_name not in names:
            ledger.spool_dropped(row.clip)
    _end_drops(ledger, spool)


def _told(found: Recovered) -> list[str]:
    lines = [f"clip {row.clip} is gone from the spool" for row in found.lost[:_NAMED]]
    lines += [f"session {session} was not closed" for session in found.closed[:_NAMED]]
    lines += [f"{name} belongs to no clip: kept as an orphan" for name in found.orphans[:_NAMED]]
    if found.dropped:
        lines.append(f"{len(found.dropped)} half written files dropped from the spool")
    if len(found.lost) > _NAMED:
        lines.append(f"{len(found.lost)} clips are gone from the spool in all")
    if len(found.orphans) > _NAMED:
        lines.append(f"{len(found.orphans)} files belong to no clip in all")
    return lines
