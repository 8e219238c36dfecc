"""The ledger's entries about dockings: opened, what was on the card, closed.

A session that was opened is closed under every circumstance, at the latest when the dock
starts again, and its close names the ledger's head: so what was docked and what became
of it can be counted from outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

from edge.crashpoints import reach
from edge.errors import LedgerError, NoSuchSession
from edge.ledger_rows import ClipState, SessionRow
from edge.ledger_writer import LedgerWriter
from protocols.ids import EntryId, SessionId
from protocols.kinds import (
    MAX_FILES_PER_PAGE,
    AbsentFiles,
    InventoryFile,
    Leftover,
    NumberGap,
    SessionClosed,
    SessionInventory,
    SessionOpened,
)

# A close must stay under the record's 256 KiB whatever the names of its leftovers.
_LEFTOVER_BYTES: Final = 160 * 1024

CloseReason: TypeAlias = Literal["released", "removed", "power", "daily"]


class SessionEntries(LedgerWriter):
    """The part of the ledger that sessions write."""

    def open_session(self, body: SessionOpened) -> SessionId:
        """A camera was docked; the entry names the session."""
        with self._writing() as db:
            signed = self._sign(body, lambda entry: entry.session_urn)
            db.execute(
                "INSERT INTO sessions (epoch, seq, bay, volume, opened) VALUES (?, ?, ?, ?, ?)",
                (signed.entry.epoch, signed.entry.seq, body.bay, body.volume, signed.at.utc),
            )
        reach("session.opened")
        return signed.entry

    def add_inventory(
        self,
        session: SessionId,
        files: Sequence[InventoryFile],
        *,
        last: bool,
        gaps: Sequence[NumberGap] = (),
        absent: Sequence[AbsentFiles] = (),
    ) -> EntryId:
        """One page of what is on the card; pages are numbered from 0 as they are added.

        Args:
            session: the docking.
            files: at most 1,000, and not over the record's 256 KiB.
            last: whether this page ends a scan.
            gaps: in the camera's own numbering, right before files that the scan added.
            absent: what the camera's own lists name and the card has not.

        Raises:
            LedgerError: no such session, it is closed, or the page is too large.
        """
        if len(files) > MAX_FILES_PER_PAGE:
            raise LedgerError(f"{len(files)} files on one page; {MAX_FILES_PER_PAGE} allowed")
        with self._writing() as db:
            row = self._open_session(session)
            page = SessionInventory(
                session=str(session),
                page=row.inventory_pages,
                last=last,
                files=tuple(files),
                gaps=tuple(gaps),
                absent=tuple(absent),
            )
            signed = self._sign(page, lambda _: session.session_urn)
            db.execute(
                "UPDATE sessions SET inventory_pages = inventory_pages + 1,"
                " inventory_files = inventory_files + ? WHERE epoch = ? AND seq = ?",
                (len(files), session.epoch, session.seq),
            )
        reach("session.inventory")
        return signed.entry

    def close_session(
        self, session: SessionId, reason: CloseReason, leftovers: Sequence[Leftover] = ()
    ) -> EntryId:
        """End one docking, or with ``daily`` only name the head in a long one.

        Counts are taken from the rows; leftovers that fit no record are counted in
        ``leftovers_total``. Closing a closed session again returns its close.

        Raises:
            LedgerError: no such session.
        """
        with self._writing() as db:
            closed = self._closed_by(session)
            if closed is not None:
                return closed
            row = self._open_session(session)
            body = self._close_body(row, reason, leftovers)
            signed = self._sign(body, lambda _: session.session_urn)
            if reason != "daily":
                db.execute(
                    "UPDATE sessions SET closed = ?, closed_epoch = ?, closed_seq = ?"
                    " WHERE epoch = ? AND seq = ?",
                    (reason, signed.entry.epoch, signed.entry.seq, session.epoch, session.seq),
                )
                self._ended(row)
            return signed.entry

    def _ended(self, row: SessionRow) -> None:
        """What else a close ends, in its transaction."""

    def _open_session(self, session: SessionId) -> SessionRow:
        row = self._must_have_session(session)
        if row.closed is not None:
            raise LedgerError(f"session {session} was closed: {row.closed}")
        return row

    def _must_have_session(self, session: SessionId) -> SessionRow:
        row = self.session(session)
        if row is None or session.dock != self.dock:
            raise NoSuchSession(f"{session} is no session of this dock")
        return row

    def _closed_by(self, session: SessionId) -> EntryId | None:
        row = self._one(
            "SELECT closed_epoch, closed_seq FROM sessions"
            " WHERE epoch = ? AND seq = ? AND closed IS NOT NULL",
            session.epoch,
            session.seq,
        )
        return EntryId(self.dock, row[0], row[1]) if row else None

    def _close_body(
        self, row: SessionRow, reason: CloseReason, leftovers: Sequence[Leftover]
    ) -> SessionClosed:
        clips = self.clips_of_session(row.session)
        head = self.head()
        if head is None:
            raise LedgerError("a session cannot be open in an empty ledger")
        released = {ClipState.RELEASED, ClipState.ERASED}
        return SessionClosed(
            session=str(row.session),
            reason=reason,
            sealed=len(clips),
            released=sum(clip.state in released for clip in clips),
            erased=sum(clip.state is ClipState.ERASED for clip in clips),
            inventory_files=row.inventory_files,
            inventory_pages=row.inventory_pages,
            leftovers=_that_fit(leftovers),
            leftovers_total=len(leftovers),
            head=str(EntryId(self.dock, head.epoch, head.seq)),
            head_hash=head.hash.hex(),
        )


def _that_fit(leftovers: Sequence[Leftover]) -> tuple[Leftover, ...]:
    fitting: list[Leftover] = []
    room = _LEFTOVER_BYTES
    for leftover in leftovers[:MAX_FILES_PER_PAGE]:
        room -= len(leftover.model_dump_json().encode())
        if room < 0:
            break
        fitting.append(leftover)
    return tuple(fitting)
