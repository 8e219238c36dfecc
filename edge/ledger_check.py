"""Proof that a ledger file is whole and is what its dock signed.

Used at every start of the dock and by ``evidock-edge verify-ledger``, which needs the
dock's public key alone. It repairs nothing: a ledger that does not hold stops the dock
and calls the operator, because a repaired one would be a rewritten one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.errors import LedgerDamaged
from edge.schema import database_error, open_for_reading
from hashing.errors import HashingError
from hashing.keys import PublicKey
from hashing.ledger import Break, DockHead, DockLink, Walk, walk_dock
from hashing.merkle import root
from hashing.statement import Statement, decode_statement, verify_record, verify_statement
from protocols.errors import ProtocolError, RotationError
from protocols.ids import DockId, EntryId, dock_urn
from protocols.kinds import KeyRotated
from protocols.records import decode_record
from protocols.rotation import DockKeys, Place, Rotation, open_rotation

_HASH: Final = 32
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """A ledger that holds.

    Attributes:
        entries: how many were walked.
        signatures: how many signatures were verified.
        clips: how many clip rows were compared with their entries.
        keys: those that signed it, each with its places.
        walk: the chain's newest head; ``first_break`` is None.
    """

    entries: int
    signatures: int
    clips: int
    walk: Walk
    keys: DockKeys


def check_file(
    path: Path, *, dock: DockId | None, key: PublicKey, expect_head: DockHead | None = None
) -> LedgerReport:
    """Check a ledger file without changing it, also beside a running daemon.

    Args:
        path: the SQLite file.
        dock: whose ledger it should be; None takes the file's word for the name, and
            then proves that every statement bears it.
        key: the dock's public statement key, the newest or any one before.
        expect_head: an entry known from elsewhere that the chain must contain.

    Raises:
        LedgerDamaged: names the first break.
        LedgerError: the file is not there or cannot be read.
    """
    connection = open_for_reading(path)
    try:
        row = connection.execute("SELECT value FROM facts WHERE name = 'dock'").fetchone()
        named = DockId(row[0]) if row else DockId("")
        return check_ledger(connection, dock=dock or named, key=key, expect_head=expect_head)
    except sqlite3.Error as error:
        raise database_error(error, f"ledger {path}") from error
    finally:
        connection.close()


def check_ledger(
    connection: sqlite3.Connection,
    *,
    dock: DockId,
    key: PublicKey,
    newest_signatures: int | None = None,
    expect_head: DockHead | None = None,
) -> LedgerReport:
    """Check everything in an open database; see ``Ledger.check`` and ``check_file``.

    Raises:
        LedgerDamaged: names the first break.
    """
    # 1. The database itself is sound.
    (sound,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if sound != "ok":
        raise LedgerDamaged(f"the database is damaged: {sound}")
    # 2. to 5. Every statement and the chain.
    keys = _keys(connection, dock, key)
    walker = _Walker(connection, dock, keys, newest_signatures)
    walk = walk_dock(walker.links(), expect_head=expect_head)
    if walk.first_break is not None:
        raise LedgerDamaged(_told(walk.first_break))
    # 6. Clip rows say what their entries say.
    clips = _check_clips(connection, dock)
    return LedgerReport(walker.entries, walker.signatures, clips, walk, keys)


def rotations_in(connection: sqlite3.Connection, dock: DockId) -> list[Rotation]:
    """Rotations of the dock's key in the order of the ledger, each with its new key's proof.

    Raises:
        LedgerDamaged: one is none that this dock would have stated.
    """
    rows = connection.execute(
        "SELECT epoch, seq, record FROM entries WHERE kind = ? ORDER BY epoch, seq",
        (KeyRotated.kind,),
    )
    found = []
    for epoch, seq, record in rows:
        entry = EntryId(dock, epoch, seq)
        try:
            body = decode_record(record).body
            if not isinstance(body, KeyRotated):
                raise LedgerDamaged(f"entry {entry}: its row names another kind than was signed")
            found.append(open_rotation(body, entry))
        except ProtocolError as error:
            raise LedgerDamaged(f"entry {entry}: {error}") from error
    return found


def _keys(connection: sqlite3.Connection, dock: DockId, given: PublicKey) -> DockKeys:
    """The keys of all places, from any one of them.

    Forwards each key signs the rotation to the next, which the walk verifies; backwards each new
    key's proof names the one before.
    """
    rotations = rotations_in(connection, dock)
    keys = DockKeys(rotations[0].previous if rotations else given)
    for rotation in rotations:
        try:
            keys = keys.after(rotation)
        except RotationError as error:
            where = f"{rotation.place[0]}.{rotation.place[1]}"
            raise LedgerDamaged(f"entry {where}: {error}") from error
    if given not in {keys.first, *(each.key for each in rotations)}:
        kid = keys.newest.kid.hex()
        raise LedgerDamaged(f"signed under key {kid[:16]}…, not {given.kid.hex()[:16]}…")
    return keys


class _Walker:
    """Reads entries in order and checks each by itself; the chain is the caller's."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        dock: DockId,
        keys: DockKeys,
        newest_signatures: int | None,
    ) -> None:
        self._connection = connection
        self._dock = dock
        self._keys = keys
        self._rotated = {rotation.place for rotation in keys.rotations}
        (total,) = connection.execute("SELECT count(*) FROM entries").fetchone()
        self._unsigned = 0 if newest_signatures is None else max(total - newest_signatures, 0)
        self.entries = 0
        self.signatures = 0

    def links(self) -> Iterator[tuple[DockLink, bytes]]:
        for epoch, seq, subject, digest, record, raw in self._rows():
            where = f"entry {EntryId(self._dock, epoch, seq)}"
            statement = self._checked(where, (epoch, seq), raw, record)
            # 5. The row is filed under what the statement says.
            if not isinstance(statement.chain, DockLink):
                raise LedgerDamaged(f"{where}: its statement is not of a dock's chain")
            if (statement.chain.epoch, statement.chain.seq) != (epoch, seq):
                raise LedgerDamaged(
                    f"{where}: its statement says epoch {statement.chain.epoch}"
                    f" seq {statement.chain.seq}"
                )
            if statement.hash != digest or statement.subject != subject:
                raise LedgerDamaged(f"{where}: hash or subject beside the statement differ from it")
            self.entries += 1
            yield statement.chain, statement.hash

    def _checked(self, where: str, place: Place, raw: bytes, record: bytes) -> Statement:
        try:
            # 2. It decodes; 3. it is signed by this dock; 4. it is over this record.
            statement = decode_statement(raw)
            if self.entries >= self._unsigned or place in self._rotated:
                verify_statement(statement, self._keys.at(place))
                self.signatures += 1
            verify_record(statement, record)
        except HashingError as error:
            raise LedgerDamaged(f"{where}: {error}") from error
        if statement.issuer != dock_urn(self._dock):
            raise LedgerDamaged(f"{where}: issued by {statement.issuer}")
        return statement

    def _rows(self) -> Iterator[tuple[int, int, str, bytes, bytes, bytes]]:
        """In portions, so that a year of records does not lie in memory at once."""
        after = (-1, -1)
        while rows := self._connection.execute(
            "SELECT epoch, seq, subject, hash, record, statement FROM entries"
            " WHERE (epoch, seq) > (?, ?) ORDER BY epoch, seq LIMIT ?",
            (*after, _AT_ONCE),
        ).fetchall():
            yield from rows
            after = rows[-1][:2]


def _check_clips(connection: sqlite3.Connection, dock: DockId) -> int:
    """Compare every clip row, and the leaves the gateway will be given, with the entry."""
    rows = connection.execute(
        "SELECT c.epoch, c.seq, c.size, lower(hex(c.sha256)), lower(hex(c.root)), c.leaf_count,"
        " c.statement_hash = e.hash,"
        " json_extract(CAST(e.record AS TEXT), '$.body.content.size'),"
        " json_extract(CAST(e.record AS TEXT), '$.body.content.sha256'),"
        " json_extract(CAST(e.record AS TEXT), '$.body.content.tree.root'),"
        " json_extract(CAST(e.record AS TEXT), '$.body.content.tree.leaves'), l.leaves"
        " FROM clips c JOIN entries e USING (epoch, seq)"
        " LEFT JOIN leaves l USING (epoch, seq) ORDER BY c.epoch, c.seq"
    )
    _check_kinds(connection, dock)
    count = 0
    for epoch, seq, size, sha256, top, leaf_count, linked, *said, leaves in rows:
        where = f"clip {EntryId(dock, epoch, seq)}"
        if not linked or [size, sha256, top, leaf_count] != said:
            raise LedgerDamaged(f"{where}: its row differs from what was signed")
        if leaves is None or root(_split(leaves)).hex() != top:
            raise LedgerDamaged(f"{where}: its leaf hashes do not lead to the signed root")
        count += 1
    (unrowed,) = connection.execute(
        "SELECT count(*) FROM entries e WHERE kind = 'clip.sealed' AND NOT EXISTS"
        " (SELECT 1 FROM clips c WHERE c.epoch = e.epoch AND c.seq = e.seq)"
    ).fetchone()
    if unrowed:
        raise LedgerDamaged(f"{unrowed} sealed clips have no row")
    return count


def _check_kinds(connection: sqlite3.Connection, dock: DockId) -> None:
    """A sealing whose row calls it something else would not be missed among the clips."""
    found = connection.execute(
        "SELECT epoch, seq FROM entries"
        " WHERE kind IS NOT json_extract(CAST(record AS TEXT), '$.kind') LIMIT 1"
    ).fetchone()
    if found is not None:
        name = EntryId(dock, *found)
        raise LedgerDamaged(f"entry {name}: its row names another kind than was signed")


def _split(leaves: bytes) -> list[bytes]:
    return [leaves[start : start + _HASH] for start in range(0, len(leaves), _HASH)]


def _told(found: Break) -> str:
    return f"{found.fault} at {found.position}: {found.reason}"
