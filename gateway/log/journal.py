"""The journal: every entry in the object store, before it is in the database.

One object per batch, named by the position of its first entry, so that the store alone
can rebuild the database (protocols/SPEC 6). A batch is written once and never changed. Values to
bytes and back; whoever reads one still has to check that it continues the log at hand.

Bytes of a batch: CBOR ``{"v": 1, "at": RFC 3339 text, "entries": [[record, statement, kind,
[further subject, ...]], ...]}``. Kind and further subjects are what admission understood
of the record; everything else about an entry is in its statement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.errors import LogDamagedError
from hashing import cbor
from hashing.errors import HashingError
from hashing.ledger import DockLink, SubjectLink
from hashing.statement import decode_statement
from protocols.errors import IdError
from protocols.ids import dock_id

FOLDER = "log/journal"
MAX_BATCH = 512
HEAD = 128
"""Bytes at the beginning of a batch that show how many entries it has."""
_MAX_BYTES = 512 << 20
_VERSION = 1
_ENTRIES = cbor.dumps("entries")
_CBOR_ARRAY = 4
_DOCK_URN = "urn:evidock:dock:"


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry to log. Who made it has checked signature, chain and record digest.

    Attributes:
        statement: registration form, as it arrived.
        record: the bytes it was made over.
        kind: of the record, as far as it is understood.
        issuer, subject: from the statement.
        extra_subjects: further urns whose trails show this entry.
        dock, epoch, seq: place in a dock's ledger, None for the gateway's own statements.
        subject_seq: place among the gateway's acts on the subject, None for a dock's.
    """

    statement: bytes
    record: bytes
    kind: str
    issuer: str
    subject: str
    extra_subjects: tuple[str, ...] = ()
    dock: str | None = None
    epoch: int | None = None
    seq: int | None = None
    subject_seq: int | None = None

    @property
    def place(self) -> tuple[str, int, int] | None:
        """Dock, epoch and number; None for the gateway's own statements."""
        if self.dock is None or self.epoch is None or self.seq is None:
            return None
        return self.dock, self.epoch, self.seq


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries that were journalled together.

    Attributes:
        first: position of the first one.
        at: when they were admitted, by the gateway's clock.
    """

    first: int
    at: datetime
    entries: tuple[NewEntry, ...]

    @property
    def end(self) -> int:
        """Position after the last entry."""
        return self.first + len(self.entries)

    @property
    def key(self) -> str:
        """Its object's name."""
        return journal_key(self.first)


def journal_key(first: int) -> str:
    """Name of the batch that begins at this position."""
    return f"{FOLDER}/{first:020d}"


def first_of(key: str) -> int | None:
    """Position in a batch's name; None for an object that is no batch."""
    name = key.removeprefix(f"{FOLDER}/")
    return int(name) if len(name) == 20 and name.isdecimal() else None  # noqa: PLR2004  # the width above


def encode_batch(batch: Batch) -> bytes:
    """The object's bytes."""
    rows = [[e.record, e.statement, e.kind, list(e.extra_subjects)] for e in batch.entries]
    return cbor.dumps({"v": _VERSION, "at": batch.at.isoformat(), "entries": rows})


def decode_batch(first: int, raw: bytes) -> Batch:
    """Read a batch back.

    Raises:
        LogDamagedError: the object is not a batch, or an entry in it is not a statement.
    """
    try:
        document = cbor.loads_strict(raw, max_size=_MAX_BYTES)
        match document:
            case {"v": 1, "at": str(at), "entries": list(rows)} if 0 < len(rows) <= MAX_BATCH:
                entries = tuple(_entry(row) for row in rows)
                return Batch(first, datetime.fromisoformat(at), entries)
            case _:
                msg = "not a map of version 1 with at and entries"
                raise LogDamagedError(f"{journal_key(first)}: {msg}")
    except (HashingError, IdError, ValueError) as error:
        raise LogDamagedError(f"{journal_key(first)}: {error}") from error


def count_of(head: bytes) -> int | None:
    """Number of entries that a batch says it has; None when its first bytes do not show it.

    Args:
        head: the first ``HEAD`` bytes of the object, or all of it.
    """
    _, found, rest = head.partition(_ENTRIES)
    initial, following = (rest[0], rest[1:]) if rest else (0, b"")
    if not found or initial >> 5 != _CBOR_ARRAY:
        return None
    short = initial & 0x1F
    width = {24: 1, 25: 2}.get(short, 0)
    if short > 23 + 2 or len(following) < width:
        return None
    return int.from_bytes(following[:width], "big") if width else short


def entry_of(statement: bytes, record: bytes, kind: str, extra: Sequence[str]) -> NewEntry:
    """Fill in what the statement says about itself.

    Raises:
        HashingError: not a statement. ValueError: it has no place in a chain.
        IdError: a dock's statement names no dock.
    """
    opened = decode_statement(statement)
    said = (statement, record, kind, opened.issuer, opened.subject, tuple(extra))
    match opened.chain:
        case DockLink(epoch=epoch, seq=seq):
            dock = dock_id(opened.issuer.removeprefix(_DOCK_URN))
            return NewEntry(*said, dock=dock, epoch=epoch, seq=seq)
        case SubjectLink(seq=seq):
            return NewEntry(*said, subject_seq=seq)
        case None:
            msg = "a statement without a place in a chain"
            raise ValueError(msg)


def _entry(row: object) -> NewEntry:
    match row:
        case [bytes(record), bytes(statement), str(kind), list(extra)] if all(
            isinstance(subject, str) for subject in extra
        ):
            return entry_of(statement, record, kind, extra)
        case _:
            msg = "an entry is not [record, statement, kind, [subject, ...]]"
            raise ValueError(msg)
