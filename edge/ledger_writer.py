"""How one entry gets into the dock's ledger: numbered, chained, signed, committed at once.

Several become one commit inside ``together``: each costs a wait for the disk and a dozen of the
database's pages, whatever is in it.

The next number is taken inside the transaction that writes the entry, so two threads, or
two programs on one file, cannot make a fork. What entries mean is the business of the
classes built on this one.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edge.clock import DockClock
from edge.crashpoints import reach
from edge.errors import KeyAway, LedgerDamaged, LedgerError
from edge.ledger_check import LedgerReport, check_ledger, rotations_in
from edge.ledger_queries import LedgerQueries
from edge.schema import open_database
from hashing.errors import HashingError, SigningError
from hashing.keys import KeyKind, PublicKey, Signer
from hashing.ledger import next_dock_link, statement_hash
from hashing.statement import sign_statement
from protocols.clock import ClockReading, ClockSource
from protocols.errors import RecordError
from protocols.ids import DockId, EntryId, dock_urn
from protocols.kinds import AlarmCleared, AlarmRaised, Body, KeyRotated, LedgerReopened
from protocols.records import SALT_BYTES, encode_record
from protocols.rotation import rotated


@dataclass(frozen=True, slots=True)
class Signed:
    """An entry inside an open transaction."""

    entry: EntryId
    hash: bytes
    at: ClockReading


class LedgerWriter(LedgerQueries):
    """Opens the database for writing and puts signed entries into it.

    Args:
        path: the SQLite file; made when missing.
        dock: whose ledger this is; a file of another dock is refused.
        signer: the dock's statement key.
        clock: the dock's clock.

    Raises:
        LedgerDamaged: no database of ours.
        LedgerError: another dock's or key's ledger, or the disk refuses.
    """

    def __init__(self, path: Path, *, dock: DockId, signer: Signer, clock: DockClock) -> None:
        super().__init__(open_database(path), dock)
        self._path = path
        self._signers = {signer.public.kid.hex(): signer}
        self._clock = clock
        self._depth = 0
        try:
            self._claim(signer.public)
        except BaseException:
            self.close()
            raise

    @property
    def public(self) -> PublicKey:
        """The key that signs the next entry."""
        return self._signer.public

    @property
    def _signer(self) -> Signer:
        """The key that the ledger calls for: as committed, whatever became of a commit."""
        row = self._one("SELECT value FROM facts WHERE name = 'kid'")
        signer = self._signers.get(row[0]) if row else None
        if signer is None:
            raise LedgerError("the ledger goes on with another key: start the dock again")
        return signer

    def check(self, *, newest_signatures: int | None = None) -> LedgerReport:
        """Walk the whole ledger and prove it is what this dock signed.

        Args:
            newest_signatures: verify only that many newest signatures; the chain makes
                them vouch for all before. None verifies every one.

        Raises:
            LedgerDamaged: with the first entry that does not hold.
        """
        with self._reading() as db:
            report = check_ledger(
                db, dock=self.dock, key=self._signer.public, newest_signatures=newest_signatures
            )
            if report.keys.newest != self._signer.public:
                raise LedgerDamaged("it was rotated to another key than it is to go on with")
            return report

    def must_be_writable(self) -> None:
        """Take the lock that every commit begins with, and let it go; writes nothing.

        A disk that failed is made read-only by its file system, which no lock would show.

        Raises:
            LedgerError: nothing could be committed now.
        """
        with self._reading() as db:
            db.execute("BEGIN IMMEDIATE")
            db.execute("ROLLBACK")
        try:
            flags = os.statvfs(self._path.parent).f_flag
        except OSError as error:
            raise LedgerError(f"ledger {self._path}: {error.strerror}") from error
        if flags & os.ST_RDONLY or not self._path.exists():
            raise LedgerError(f"ledger {self._path}: its file is gone, or its disk is read-only")

    def append(self, body: Body, subject: str | None = None) -> EntryId:
        """State one fact that changes no row of its own.

        Args:
            body: what is stated.
            subject: urn of what it is about; None for the dock itself.

        Raises:
            LedgerError: not committed.
        """
        with self._writing():
            return self._sign(body, lambda _: subject or dock_urn(self.dock)).entry

    def reopen(self, epoch: int, approval: str, last_known: EntryId | None) -> EntryId:
        """Begin a new epoch after the database was lost; an operator approved it.

        Raises:
            LedgerError: the ledger has reached that epoch already.
        """
        with self._writing():
            if epoch <= self.epoch:
                raise LedgerError(f"epoch {epoch} is not beyond epoch {self.epoch}")
            body = LedgerReopened(
                approval=approval, last_known=str(last_known) if last_known else None
            )
            return self._sign(body, lambda _: dock_urn(self.dock), epoch=epoch).entry

    def rotate_key(self, new: Signer, *, by: str, reason: str, place: str | None = None) -> EntryId:
        """Give the key up for a new one, which signs from the next entry on.

        Args:
            new: the key that follows; already where it will be found after a power cut.
            by: who wants it.
            reason: why.
            place: where that is, unless it is to take the old key's name.

        Raises:
            KeyAway: one of both cannot sign now; nothing was stated.
            LedgerError: not committed, or this ledger had that key before.
        """
        kid = new.public.kid.hex()
        with self._writing() as db:
            # Known before the commit: whatever becomes of that, the one called for is at hand.
            self._signers[kid] = new
            link = next_dock_link(self.head())
            body = self._rotation(db, EntryId(self.dock, link.epoch, link.seq), new, by, reason)
            signed = self._sign(body, lambda _: dock_urn(self.dock))
            facts = {"kid": kid, **({"key-place": place} if place else {})}
            db.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())
            reach("rotate.before-commit")
        return signed.entry

    def _rotation(
        self, db: sqlite3.Connection, entry: EntryId, new: Signer, by: str, reason: str
    ) -> KeyRotated:
        known = rotations_in(db, self.dock)
        if new.public in {self.public, *(each.previous for each in known)}:
            raise LedgerError("this ledger was signed with that key before; make a new one")
        if new.public.kind is not KeyKind.P256:
            raise LedgerError("a statement key is a P-256 key")
        try:
            return rotated(entry, self.public, new, by=by, reason=reason)
        except SigningError as error:
            raise KeyAway(f"the new key does not sign: {error}") from error

    # --- alarms ---------------------------------------------------------------------

    def raise_alarm(self, code: str, text: str, about: str | None = None) -> EntryId | None:
        """State an alarm; None when the same one stands already."""
        with self._writing() as db:
            standing = db.execute(
                "SELECT 1 FROM alarms WHERE code = ? AND about = ?", (code, about or "")
            ).fetchone()
            if standing:
                return None
            body = AlarmRaised(code=code, text=text[:2000], about=about)
            signed = self._sign(body, lambda _: dock_urn(self.dock))
            db.execute(
                "INSERT INTO alarms (code, about, text, raised) VALUES (?, ?, ?, ?)",
                (code, about or "", text[:2000], signed.at.utc),
            )
            return signed.entry

    def clear_alarm(
        self, code: str, about: str | None = None, *, by: str | None = None, why: str | None = None
    ) -> EntryId | None:
        """State that an alarm's cause is gone; None when no such alarm stands.

        Args:
            code: of the alarm.
            about: what it is about.
            by: who says so, if a person does.
            why: in their words.
        """
        with self._writing() as db:
            gone = db.execute(
                "DELETE FROM alarms WHERE code = ? AND about = ?", (code, about or "")
            )
            if not gone.rowcount:
                return None
            body = AlarmCleared(code=code, about=about, by=by, reason=why)
            return self._sign(body, lambda _: dock_urn(self.dock)).entry

    # --- what is remembered between dockings ----------------------------------------

    def recall(self, kind: str, about: str) -> str | None:
        """What was remembered last; None when nothing was."""
        row = self._one("SELECT value FROM memories WHERE kind = ? AND about = ?", kind, about)
        return row[0] if row else None

    def remember(self, kind: str, about: str, value: str | None) -> None:
        """Keep a value to compare the next docking with; None forgets it.

        Raises:
            LedgerError: not committed.
        """
        with self._writing() as db:
            self._remember(db, kind, about, value)

    # --- inside a transaction -------------------------------------------------------

    @contextmanager
    def together(self) -> Iterator[None]:
        """One commit for all that this thread states in the block; others wait for its end.

        Nothing stated inside is durable, nor may anybody be told of it, before the block has
        ended. A step that fails in it is taken back alone.

        Raises:
            LedgerError: nothing of the block was committed.
        """
        with self._writing():
            yield

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: committed to the disk at the end, or as if never begun."""
        with self._reading() as db, self._one_deeper() as outermost:
            if not (outermost or db.in_transaction):
                raise LedgerError("the disk refused an earlier step: nothing of it is committed")
            db.execute("BEGIN IMMEDIATE" if outermost else "SAVEPOINT step")
            try:
                yield db
                db.execute("COMMIT" if outermost else "RELEASE step")
            except ValueError as error:
                # A model refuses its content, for example a text that is not Unicode.
                _take_back(db, whole=outermost)
                raise LedgerError(f"cannot state this: {error}") from error
            except BaseException:
                _take_back(db, whole=outermost)
                raise

    @contextmanager
    def _one_deeper(self) -> Iterator[bool]:
        """Whether a transaction begins here; the lock is held, so one that is open is ours."""
        self._depth += 1
        try:
            yield self._depth == 1
        finally:
            self._depth -= 1

    def _sign(self, body: Body, subject: Callable[[EntryId], str], *, epoch: int = 0) -> Signed:
        link = next_dock_link(self.head(), epoch=epoch)
        entry = EntryId(self.dock, link.epoch, link.seq)
        at, about = self._clock.read(), subject(entry)
        try:
            record = encode_record(
                body, at=at, checkpoint=self.accepted(), salt=os.urandom(SALT_BYTES)
            )
            statement = sign_statement(
                self._signer,
                record=record,
                issuer=dock_urn(self.dock),
                subject=about,
                chain=link,
                issued_at=_issued_at(at),
            )
        except SigningError as error:
            raise KeyAway(f"cannot state {body.kind}: {error}") from error
        except (RecordError, HashingError) as error:
            raise LedgerError(f"cannot state {body.kind}: {error}") from error
        digest = statement_hash(statement)
        self._connection.execute(
            "INSERT INTO entries (epoch, seq, kind, subject, hash, record, statement)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (link.epoch, link.seq, body.kind, about, digest, record, statement),
        )
        return Signed(entry, digest, at)

    @staticmethod
    def _remember(db: sqlite3.Connection, kind: str, about: str, value: str | None) -> None:
        if value is None:
            db.execute("DELETE FROM memories WHERE kind = ? AND about = ?", (kind, about))
            return
        db.execute(
            "INSERT OR REPLACE INTO memories (kind, about, value) VALUES (?, ?, ?)",
            (kind, about, value),
        )

    def _claim(self, key: PublicKey) -> None:
        """Bind the file to this dock and key, so that a mixed-up file is never written on."""
        mine = {"dock": str(self.dock), "kid": key.kid.hex()}
        with self._writing() as db:
            for name, value in mine.items():
                db.execute("INSERT OR IGNORE INTO facts (name, value) VALUES (?, ?)", (name, value))
                row = self._one("SELECT value FROM facts WHERE name = ?", name)
                if row is None or row[0] != value:
                    found = row[0] if row else "nothing"
                    raise LedgerError(
                        f"this ledger was begun with {name} {found}, the configuration says {value}"
                    )


def _take_back(db: sqlite3.Connection, *, whole: bool) -> None:
    # After some errors SQLite has taken everything back by itself.
    if not db.in_transaction:
        return
    if whole:
        db.execute("ROLLBACK")
    else:
        db.execute("ROLLBACK TO step")
        db.execute("RELEASE step")


def _issued_at(at: ClockReading) -> int | None:
    """``iat`` of RFC 8392, only from a synchronised clock (hashing/SPEC 4)."""
    if at.source is not ClockSource.NTP:
        return None
    try:
        return int(datetime.fromisoformat(at.utc).timestamp())
    except ValueError:
        return None
