"""What the ledger answers without changing: heads, pages, clips, sessions, numbers for people.

Blocking and safe to call from any thread: one lock keeps callers apart, and no answer
holds a cursor open beyond it.
"""

from __future__ import annotations

import itertools
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

from edge.errors import LedgerError, NoSuchClip
from edge.ledger_rows import (
    Alarm,
    Bond,
    BoundSpool,
    ClipRow,
    ClipState,
    Erasure,
    RefusalRow,
    SessionRow,
)
from edge.schema import database_error
from hashing.ledger import DockHead
from protocols.acceptance import Sealed
from protocols.following import SignedRotation
from protocols.ids import ClipId, DockId, EntryId, SessionId
from protocols.kinds import KeyRotated
from protocols.messages import MAX_ENTRIES_PER_PAGE, MAX_RANGES, Entry
from protocols.records import CheckpointRef

Range: TypeAlias = tuple[int, int, int]
Row: TypeAlias = tuple[Any, ...]

_CLIP_COLUMNS: Final = (
    "epoch",
    "seq",
    "session_epoch",
    "session_seq",
    "size",
    "sha256",
    "root",
    "statement_hash",
    "leaf_count",
    "spool_name",
    "volume",
    "path",
    "mtime_ns",
    "marked",
    "state",
    "release_index",
    "released_ns",
)
_CLIP: Final = ", ".join(_CLIP_COLUMNS)
_SESSION: Final = "epoch, seq, bay, volume, opened, closed, inventory_pages, inventory_files"
_SHOWN: Final = 100


class LedgerQueries:
    """The reading half of the ledger."""

    def __init__(self, connection: sqlite3.Connection, dock: DockId) -> None:
        self._connection = connection
        self._lock = threading.RLock()
        self.dock = dock

    def close(self) -> None:
        """Close the database; later calls raise ``LedgerError``."""
        with self._lock:
            self._connection.close()

    # --- chain ----------------------------------------------------------------------

    def head(self) -> DockHead | None:
        """Newest entry; None while the ledger is empty."""
        row = self._one(
            "SELECT epoch, seq, hash FROM entries ORDER BY epoch DESC, seq DESC LIMIT 1"
        )
        return DockHead(*row) if row else None

    @property
    def epoch(self) -> int:
        """The epoch new entries go into; 0 for an empty ledger."""
        head = self.head()
        return head.epoch if head else 0

    def entries(
        self,
        epoch: int,
        first: int,
        last: int,
        *,
        max_entries: int = MAX_ENTRIES_PER_PAGE,
        max_bytes: int = 256 * 1024,
    ) -> list[Entry]:
        """Entries ``first`` to ``last`` in order, stopping at whichever limit comes first.

        One entry is always given when there is one, however large: else an inventory page
        larger than a part could never leave the dock.
        """
        page: list[Entry] = []
        total = 0
        with self._reading() as db:
            rows = db.execute(
                "SELECT epoch, seq, record, statement FROM entries"
                " WHERE epoch = ? AND seq BETWEEN ? AND ? ORDER BY seq LIMIT ?",
                (epoch, first, last, max(max_entries, 1)),
            )
            for row in rows:
                entry = Entry(*row)
                total += len(entry.record) + len(entry.statement)
                if page and total > max_bytes:
                    break
                page.append(entry)
        return page

    def statement(self, epoch: int, seq: int) -> bytes | None:
        """The signed statement of one entry, None when there is no such entry."""
        row = self._one("SELECT statement FROM entries WHERE epoch = ? AND seq = ?", epoch, seq)
        return bytes(row[0]) if row else None

    def unheard_rotations(self) -> list[SignedRotation]:
        """Rotations of the key without a receipt, oldest first: the gateway may not know them."""
        rows = self._all(
            "SELECT statement, record FROM entries WHERE kind = ? AND receipt IS NULL"
            " ORDER BY epoch, seq",
            KeyRotated.kind,
        )
        return [SignedRotation(bytes(statement), bytes(record)) for statement, record in rows]

    def accepted(self) -> CheckpointRef | None:
        """The newest checkpoint this dock has accepted."""
        row = self._one("SELECT value FROM facts WHERE name = 'accepted'")
        return CheckpointRef.model_validate_json(row[0]) if row else None

    def spool(self) -> BoundSpool | None:
        """The spool this ledger is bound to; None before it ever was."""
        row = self._one("SELECT value FROM facts WHERE name = 'spool'")
        if row is None:
            return None
        bond, _, identity = row[0].partition(" ")
        return BoundSpool(identity, Bond(bond))

    # --- clips ----------------------------------------------------------------------

    def clip(self, epoch: int, seq: int) -> ClipRow | None:
        """The clip that this entry sealed."""
        return self._clip("epoch = ? AND seq = ?", epoch, seq)

    def clip_of_spool(self, spool_name: str) -> ClipRow | None:
        """The clip whose bytes are in this spool file."""
        return self._clip("spool_name = ?", spool_name)

    def sealed(self, epoch: int, seq: int) -> Sealed | None:
        """What was sealed, as ``protocols.acceptance`` compares a release with it."""
        row = self.clip(epoch, seq)
        if row is None:
            return None
        return Sealed(row.clip, row.size, row.sha256, row.root, row.statement_hash)

    def known_clip(self, volume: str, path: bytes, size: int, mtime_ns: int) -> ClipRow | None:
        """Newest of ``known_clips``."""
        return next(iter(self.known_clips(volume, path, size, mtime_ns)), None)

    def known_clips(self, volume: str, path: bytes, size: int, mtime_ns: int) -> list[ClipRow]:
        """Clips sealed from that cheap key that are neither erased nor lost, newest first.

        A cheap key may postpone a re-read; it is no reason to erase anything.
        """
        found = self._clips(
            "volume = ? AND path = ? AND size = ? AND mtime_ns = ?"
            " AND state IN ('sealed', 'released')",
            volume,
            path,
            size,
            mtime_ns,
        )
        return found[::-1]

    def clips_at(self, volume: str, path: bytes) -> list[ClipRow]:
        """All clips that were ever sealed from that place, whatever became of them since."""
        return self._clips("volume = ? AND path = ?", volume, path)

    def clips_of_content(self, sha256: bytes, size: int) -> list[ClipRow]:
        """All clips of these very bytes, wherever they came from."""
        return self._clips("sha256 = ? AND size = ?", sha256, size)

    def paths_of(self, volume: str) -> set[bytes]:
        """Every place on a card that a clip was ever sealed from."""
        rows = self._all("SELECT DISTINCT path FROM clips WHERE volume = ?", volume)
        return {bytes(path) for (path,) in rows}

    def leaves(self, epoch: int, seq: int) -> bytes:
        """The clip's leaf hashes, 32 bytes each; empty for an empty or unknown clip."""
        row = self._one("SELECT leaves FROM leaves WHERE epoch = ? AND seq = ?", epoch, seq)
        return bytes(row[0]) if row else b""

    def release(self, epoch: int, seq: int) -> bytes | None:
        """The verified release message of a clip, as it arrived."""
        row = self._one("SELECT release FROM clips WHERE epoch = ? AND seq = ?", epoch, seq)
        return bytes(row[0]) if row and row[0] is not None else None

    def clips_of_session(self, session: SessionId) -> list[ClipRow]:
        """Clips that one docking brought, in the order they were sealed."""
        return self._clips("session_epoch = ? AND session_seq = ?", session.epoch, session.seq)

    def spooled(self, *states: ClipState) -> list[ClipRow]:
        """Clips whose bytes should be in the spool, oldest first; of some states, or of all."""
        wanted = states or tuple(ClipState)
        marks = ", ".join("?" * len(wanted))
        return self._clips(f"spool_name IS NOT NULL AND state IN ({marks})", *wanted)

    def spool_names(self) -> set[str]:
        """Spool files that clips hold."""
        rows = self._all("SELECT spool_name FROM clips WHERE spool_name IS NOT NULL")
        return {row[0] for row in rows}

    def unreleased(self) -> list[Range]:
        """Ranges ``(epoch, first, last)`` that hold every sealed clip without a release.

        At most 1,000; with more the smallest holes are closed, so that some released
        clips lie inside a range, which costs a repeated release and nothing else.
        """
        rows = self._all(
            "SELECT epoch, seq, state FROM clips WHERE (epoch, seq) >="
            " (SELECT epoch, seq FROM clips WHERE state = 'sealed' ORDER BY epoch, seq LIMIT 1)"
            " ORDER BY epoch, seq"
        )
        ranges: list[Range] = []
        whole = False
        for epoch, seq, state in rows:
            if state != ClipState.SEALED:
                whole = False
            elif whole and ranges[-1][0] == epoch:
                ranges[-1] = (epoch, ranges[-1][1], seq)
            else:
                ranges.append((epoch, seq, seq))
                whole = True
        return _at_most(ranges, MAX_RANGES)

    def unfinished_erasures(self, volume: str) -> list[ClipRow]:
        """Released clips of one card whose erasure was begun and not recorded as done."""
        return self._clips(
            "state = 'released' AND volume = ?"
            " AND (epoch, seq) IN (SELECT epoch, seq FROM erasures)",
            volume,
        )

    def erasure(self, clip: ClipId) -> Erasure | None:
        """How far the erasure of a clip had come."""
        row = self._one(
            "SELECT session_epoch, session_seq, compared, place FROM erasures"
            " WHERE epoch = ? AND seq = ?",
            clip.epoch,
            clip.seq,
        )
        return Erasure(clip, EntryId(self.dock, row[0], row[1]), row[2], row[3]) if row else None

    # --- sessions, alarms, numbers --------------------------------------------------

    def session(self, session: SessionId) -> SessionRow | None:
        """One docking."""
        rows = self._sessions("epoch = ? AND seq = ?", session.epoch, session.seq)
        return rows[0] if rows else None

    def sessions(self, *, open_only: bool = False) -> list[SessionRow]:
        """Dockings, oldest first."""
        return self._sessions("closed IS NULL" if open_only else "TRUE")

    def recent_sessions(self, count: int) -> list[SessionRow]:
        """The newest dockings, newest first."""
        query = f"SELECT {_SESSION} FROM sessions ORDER BY epoch DESC, seq DESC LIMIT ?"  # noqa: S608 -- the text is this module's own
        rows = self._all(query, count)
        return [SessionRow(EntryId(self.dock, row[0], row[1]), *row[2:]) for row in rows]

    def told_of(self, session: SessionId) -> list[tuple[EntryId, str, bytes]]:
        """Entries about one docking, and what officers said of clips since: name, kind, record."""
        rows = self._all(
            "SELECT epoch, seq, kind, record FROM entries WHERE epoch = ? AND seq >= ?"
            " AND (subject = ? OR kind = 'clip.tagged') ORDER BY seq",
            session.epoch,
            session.seq,
            session.session_urn,
        )
        return [(EntryId(self.dock, row[0], row[1]), row[2], bytes(row[3])) for row in rows]

    def alarms(self) -> list[Alarm]:
        """Alarms that stand, oldest first."""
        rows = self._all("SELECT code, text, about, raised FROM alarms ORDER BY rowid")
        return [Alarm(code, text, about or None, raised) for code, text, about, raised in rows]

    def refusals(self) -> list[RefusalRow]:
        """What the gateway refused and has not taken since, newest first, at most 100."""
        rows = self._all(
            "SELECT epoch, seq, code, reason, retry FROM refusals"
            " ORDER BY epoch DESC, seq DESC LIMIT ?",
            _SHOWN,
        )
        return [RefusalRow(EntryId(self.dock, row[0], row[1]), *row[2:]) for row in rows]

    def stats(self) -> dict[str, Any]:
        """Numbers for the status page, as plain JSON values."""
        with self._reading():
            head, accepted = self.head(), self.accepted()
            counts = self._all(
                "SELECT state, count(*), coalesce(sum(size), 0) FROM clips GROUP BY 1"
            )
            newest = self._one(
                "SELECT epoch, seq, release_index FROM clips WHERE release_index IS NOT NULL"
                " ORDER BY release_index DESC LIMIT 1"
            )
            entries = self._one("SELECT count(*) FROM entries")
            numbers = {state: (count, size) for state, count, size in counts}
            return {
                "dock": self.dock,
                "head": _head_json(head),
                "entries": entries[0] if entries else 0,
                "accepted": accepted.model_dump() if accepted else None,
                "clips": {state.value: numbers.get(state, (0, 0))[0] for state in ClipState},
                "bytes": {state.value: numbers.get(state, (0, 0))[1] for state in ClipState},
                "newest_release": newest
                and {"clip": str(EntryId(self.dock, newest[0], newest[1])), "index": newest[2]},
                "open_sessions": [str(row.session) for row in self.sessions(open_only=True)],
                "refusals": [
                    {"entry": str(r.entry), "code": r.code, "reason": r.reason, "retry": r.retry}
                    for r in self.refusals()
                ],
                "alarms": [
                    {"code": a.code, "text": a.text, "about": a.about, "raised": a.raised}
                    for a in self.alarms()
                ],
            }

    # --- plumbing -------------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connection
            except sqlite3.Error as error:
                raise database_error(error, "ledger") from error
            except OverflowError as error:
                # A number beyond 64 bits; whoever hands one in has the one thing to see to.
                raise LedgerError(f"ledger: {error}") from error

    def _one(self, query: str, *values: object) -> Row | None:
        with self._reading() as db:
            row = db.execute(query, values).fetchone()
        return None if row is None else tuple(row)

    def _all(self, query: str, *values: object) -> list[Row]:
        with self._reading() as db:
            return db.execute(query, values).fetchall()

    def _clip(self, condition: str, *values: object) -> ClipRow | None:
        query = f"SELECT {_CLIP} FROM clips WHERE {condition} ORDER BY epoch DESC, seq DESC LIMIT 1"  # noqa: S608 -- the text is this module's own
        row = self._one(query, *values)
        return self._clip_row(row) if row else None

    def _clips(self, condition: str, *values: object) -> list[ClipRow]:
        query = f"SELECT {_CLIP} FROM clips WHERE {condition} ORDER BY epoch, seq"  # noqa: S608 -- the text is this module's own
        return [self._clip_row(row) for row in self._all(query, *values)]

    def _sessions(self, condition: str, *values: object) -> list[SessionRow]:
        query = f"SELECT {_SESSION} FROM sessions WHERE {condition} ORDER BY epoch, seq"  # noqa: S608 -- the text is this module's own
        rows = self._all(query, *values)
        return [SessionRow(EntryId(self.dock, row[0], row[1]), *row[2:]) for row in rows]

    def _clip_row(self, row: Row) -> ClipRow:
        values = dict(zip(_CLIP_COLUMNS, row, strict=True))
        session = EntryId(self.dock, values.pop("session_epoch"), values.pop("session_seq"))
        clip = EntryId(self.dock, values.pop("epoch"), values.pop("seq"))
        values["marked"] = bool(values["marked"])
        values["state"] = ClipState(values["state"])
        return ClipRow(clip=clip, session=session, **values)

    def _must_have_clip(self, clip: ClipId) -> ClipRow:
        row = self.clip(clip.epoch, clip.seq)
        if row is None or clip.dock != self.dock:
            raise NoSuchClip(f"{clip} is no clip of this dock")
        return row


def _head_json(head: DockHead | None) -> dict[str, Any] | None:
    if head is None:
        return None
    return {"epoch": head.epoch, "seq": head.seq, "hash": head.hash.hex()}


def _at_most(ranges: Sequence[Range], limit: int) -> list[Range]:
    """Close the smallest holes until no more than ``limit`` ranges are left."""
    excess = len(ranges) - limit
    if excess <= 0:
        return list(ranges)
    # Ranges of two epochs can never be joined: a range names one epoch.
    holes = [
        (right[1] - left[2], place)
        for place, (left, right) in enumerate(itertools.pairwise(ranges), 1)
        if left[0] == right[0]
    ]
    closed = {place for _, place in sorted(holes)[:excess]}
    joined: list[Range] = []
    for place, (epoch, first, last) in enumerate(ranges):
        if place in closed:
            joined[-1] = (epoch, joined[-1][1], last)
        else:
            joined.append((epoch, first, last))
    # More than a thousand epochs cannot be joined; what is left out comes with a later head.
    return joined[:limit]
