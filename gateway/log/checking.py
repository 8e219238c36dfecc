"""The whole store looked through, offline: could it, alone, bring back log and clips?

A start of the gateway compares the ends of journal, database and checkpoint; this reads all of
it, as one would to trust a backup: every batch, every statement's signature and place, every
tile, every checkpoint in the database, and that every clip said to be stored is there. It
writes nothing, and it reports what it finds instead of stopping at the first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from sqlalchemy import func, select

from gateway.clock import GatewayClock
from gateway.db import Database
from gateway.errors import (
    LogBusyError,
    LogDamagedError,
    LogError,
    ObjectMissingError,
    StoreAwayError,
    StoreError,
)
from gateway.keys import GatewayKeys
from gateway.log import rewound
from gateway.log.checkpoints import KEY
from gateway.log.journal import FOLDER, NewEntry, decode_batch, first_of, journal_key
from gateway.log.lookups import LogLookups
from gateway.log.models import CheckpointRow, LogEntry
from gateway.log.opening import Heads, LedgerKeys
from gateway.log.own import OwnStatements
from gateway.log.tiles import Edge, Growth
from gateway.log.tree import StoredTree
from gateway.storage.store import Store
from hashing.errors import HashingError
from hashing.merkle import Frontier
from hashing.note import Checkpoint, NoteKey, SignatureType, open_checkpoint, parse_note
from hashing.statement import decode_statement, verify_record, verify_statement
from hashing.verdict import Finding, Outcome, Verdict
from protocols.errors import ProtocolError
from protocols.ids import ClipId, gateway_urn
from protocols.kinds import ClipDisposed, ClipStored
from protocols.records import decode_record

_MAX_PROBLEMS = 1000
_PARTIAL = ".p/"
_COLUMNS = ("kind", "issuer", "subject", "dock", "epoch", "seq", "subject_seq")


@dataclass(frozen=True, slots=True)
class Checked:
    """What to look through.

    Attributes:
        store: the original.
        database: the index; None when there is none to compare with.
        keys: the gateway's; only their public halves are used.
        name: the gateway's.
        object_key: where a clip's content lies in the store.
        content: read every clip again and compare its SHA-256.
    """

    store: Store
    database: Database | None
    keys: GatewayKeys
    name: str
    object_key: Callable[[ClipId], str]
    content: bool


async def check_store(checked: Checked) -> Verdict:
    """Look through all of it.

    Raises:
        LogBusyError: a gateway is using the store; what it writes meanwhile would look wrong.
        GatewayError: store or database cannot be read at all.
    """
    hold = checked.store.staging.watch("log")
    if hold is None:
        msg = "a gateway has this log open; stop it, or check a copy of its folders"
        raise LogBusyError(msg)
    try:
        return await _Check(checked).run()
    finally:
        hold.close()


@dataclass(slots=True)
class _Report:
    """Problems one by one; what is in order is counted."""

    findings: list[Finding] = field(default_factory=list)
    good: dict[tuple[int, str], int] = field(default_factory=dict)

    def problem(self, step: int, outcome: Outcome, subject: str, reason: str) -> None:
        if len(self.findings) < _MAX_PROBLEMS:
            self.findings.append(Finding(step, outcome, subject, reason))

    def count(self, step: int, what: str) -> None:
        self.good[step, what] = self.good.get((step, what), 0) + 1

    def verdict(self) -> Verdict:
        intact = [
            Finding(step, Outcome.INTACT, "store", f"{count} {what}")
            for (step, what), count in sorted(self.good.items())
        ]
        return Verdict((*intact, *self.findings))


class _Check:
    """One pass over the journal, in order."""

    def __init__(self, checked: Checked) -> None:
        self._store = checked.store
        self._checked = checked
        self._database = checked.database
        self._lookups = None if checked.database is None else LogLookups(checked.database)
        self._tree = None if checked.database is None else StoredTree(checked.database)
        self._report = _Report()
        self._keys = LedgerKeys(None, checked.keys.statement.public)
        self._heads = Heads(None)
        self._edge = Edge()
        self._frontier = Frontier()
        self._signed: dict[int, bytes] = {}
        self._roots: dict[int, bytes] = {}
        self._settled = 0
        self._in_database = 0
        self._origin: str | None = None
        self._missing: dict[str, tuple[int, str]] = {}

    async def run(self) -> Verdict:
        """Journal with everything that hangs on it, then the checkpoints."""
        note = await self._note()
        await self._look_at_database()
        stated = _size_of(note)
        self._roots = dict.fromkeys([*self._signed, stated], b"")
        self._settled = stated if self._database is None else self._in_database
        firsts = [
            f async for key in self._store.iterate(FOLDER) if (f := first_of(key)) is not None
        ]
        whole = await self._journal(firsts)
        for step, key in self._missing.values():
            self._report.problem(step, Outcome.INCOMPLETE, key, "is not in the store")
        if whole:
            await self._check_checkpoints(note)
        else:
            self._report.problem(
                7,
                Outcome.INCOMPLETE,
                "journal",
                f"nothing from entry {self._edge.size} on could be checked, no checkpoint either",
            )
        return self._report.verdict()

    # --- before ----------------------------------------------------------------------

    async def _note(self) -> bytes | None:
        try:
            return await self._store.get_bytes(KEY)
        except ObjectMissingError:
            self._report.problem(7, Outcome.INCOMPLETE, KEY, "the store has no checkpoint")
            return None

    async def _look_at_database(self) -> None:
        if self._database is None:
            return
        async with self._database.reading() as session:
            last = await session.scalar(select(func.max(LogEntry.index)))
            rows = await session.execute(select(CheckpointRow.size, CheckpointRow.root))
            self._signed = {row.size: row.root for row in rows}
        self._in_database = 0 if last is None else last + 1

    # --- the journal -----------------------------------------------------------------

    async def _journal(self, firsts: Sequence[int]) -> bool:
        """Take every batch; False when a hole could not be filled from the database."""
        for first, after in pairwise([*firsts, self._in_database]):
            if first < self._edge.size:
                self._report.problem(
                    1, Outcome.ALTERED, journal_key(first), "overlaps the batch before it"
                )
                continue
            if not await self._fill(first):
                return False
            if not await self._batch(first) and not await self._rows(max(after, first + 1)):
                return False
        return await self._fill(self._in_database)

    async def _batch(self, first: int) -> bool:
        key = journal_key(first)
        try:
            batch = decode_batch(first, await self._store.get_bytes(key))
        except LogDamagedError as error:
            self._report.problem(1, Outcome.ALTERED, key, str(error).removeprefix(f"{key}: "))
            return False
        await self._compare(batch.entries)
        await self._take(batch.entries)
        self._report.count(1, "batches of the journal")
        return True

    async def _fill(self, until: int) -> bool:
        """Go on over entries that no batch has, if the database has them."""
        start = self._edge.size
        if start >= until:
            return True
        self._report.problem(
            1, Outcome.INCOMPLETE, FOLDER, f"entries {start} to {until - 1} are in no batch"
        )
        return await self._rows(until)

    async def _rows(self, until: int) -> bool:
        while self._edge.size < until:
            rows: Sequence[LogEntry] = []
            if self._lookups is not None:
                rows = await self._lookups.entries(self._edge.size, until - self._edge.size)
            if [row.index for row in rows] != list(range(self._edge.size, until))[: len(rows)]:
                return False
            if not rows or not all(map(self._readable, rows)):
                return False
            await self._take([_entry(row) for row in rows])
        return True

    def _readable(self, row: LogEntry) -> bool:
        try:
            decode_statement(row.statement)
        except HashingError as error:
            reason = f"the database's statement: {error}"
            self._report.problem(6, Outcome.ALTERED, f"entry {row.index}", reason)
            return False
        return True

    async def _take(self, entries: Sequence[NewEntry]) -> None:
        for index, entry in enumerate(entries, self._edge.size):
            await self._entry(entry, f"entry {index}")
        growth = self._edge.grown([entry.statement for entry in entries])
        for leaf in growth.leaves:
            self._frontier.append(leaf)
            if self._frontier.size in self._roots:
                self._roots[self._frontier.size] = self._frontier.root()
        self._edge = growth.edge
        if self._edge.size <= self._settled:
            await self._tiles(growth)
        if self._edge.size <= self._in_database:
            await self._nodes(growth)

    async def _entry(self, entry: NewEntry, subject: str) -> None:
        statement = decode_statement(entry.statement)
        if self._frontier.size == 0 and subject == "entry 0":
            self._opened(entry)
        try:
            verify_record(statement, entry.record)
            self._report.count(3, "records of entries")
        except HashingError as error:
            self._report.problem(3, Outcome.ALTERED, subject, str(error))
        broken = await self._heads.follow(entry)
        if broken is None:
            self._report.count(5, "places in chains")
        else:
            self._report.problem(5, Outcome.INCOMPLETE, subject, broken.reason)
        try:
            verify_statement(statement, await self._keys.of(entry))
        except LogDamagedError as error:
            self._report.problem(4, Outcome.UNKNOWN_KEY, subject, str(error))
        except HashingError as error:
            self._report.problem(4, Outcome.UNSIGNED, subject, str(error))
        else:
            self._report.count(4, "signatures")
            self._keys.learn(entry)
            if entry.dock is None:
                await self._stored(entry, subject)

    def _opened(self, entry: NewEntry) -> None:
        checked = self._checked
        own = OwnStatements(checked.keys, GatewayClock(), issuer=gateway_urn(checked.name))
        try:
            self._origin = own.origin_of(entry.record)
        except LogError as error:
            self._report.problem(4, Outcome.UNKNOWN_KEY, "entry 0", str(error))

    # --- what must agree with it -----------------------------------------------------

    async def _compare(self, entries: Sequence[NewEntry]) -> None:
        first = self._edge.size
        if self._lookups is None or first >= self._in_database:
            return
        rows = {row.index: row for row in await self._lookups.entries(first, len(entries))}
        for index, entry in enumerate(entries, first):
            row, subject = rows.get(index), f"entry {index}"
            if row is None:
                if index < self._in_database:
                    self._report.problem(
                        6, Outcome.INCOMPLETE, subject, "the database lacks what the journal has"
                    )
                continue
            if differing := _differing(row, entry):
                self._report.problem(
                    6, Outcome.ALTERED, subject, f"the database has another {differing}"
                )
            else:
                self._report.count(6, "entries as in the database")

    async def _tiles(self, growth: Growth) -> None:
        tiles = {key: data for key, data in growth.tiles.items() if _PARTIAL not in key}
        if growth.edge.size == self._settled:
            tiles |= growth.edge.partial()
        for key, data in tiles.items():

            async def same(key: str = key, data: bytes = data) -> str | None:
                return None if await self._store.get_bytes(key) == data else "has other bytes"

            await self._object(6, key, "tiles", same)

    async def _nodes(self, growth: Growth) -> None:
        if self._tree is None:
            return
        subject = f"entry {growth.edge.size - 1}"
        try:
            found = await self._tree.compute(
                lambda read: [read(level, index) for level, index, _ in growth.nodes]
            )
        except LogDamagedError as error:
            self._report.problem(6, Outcome.INCOMPLETE, subject, str(error))
            return
        if found != [node for _, _, node in growth.nodes]:
            reason = "the database has another tree up to here"
            self._report.problem(6, Outcome.ALTERED, subject, reason)

    async def _stored(self, entry: NewEntry, subject: str) -> None:
        try:
            body = decode_record(entry.record).body
        except ProtocolError as error:
            self._report.problem(3, Outcome.UNSUPPORTED, subject, str(error))
            return
        if isinstance(body, ClipDisposed):
            self._gone(body)
        if not isinstance(body, ClipStored):
            return
        key = self._checked.object_key(ClipId.parse(body.clip))

        async def same() -> str | None:
            if (size := await self._store.size(key)) != body.size:
                return f"has {size} bytes, {body.size} were stored"
            if self._checked.content:
                found = await self._store.sha256_uncached(key)
                if found.sha256.hex() != body.sha256:
                    return f"has SHA-256 {found.sha256.hex()}, stored was {body.sha256}"
            return None

        # A size says nothing about the bytes: step 2 is for those who read them.
        step, what = (2, "clips, every byte") if self._checked.content else (1, "clips, by size")
        if (await self._store.sizes([key]))[0] is None:
            # A later entry may say why.
            self._missing[body.clip] = (step, key)
            return
        await self._object(step, key, what, same)

    def _gone(self, body: ClipDisposed) -> None:
        if self._missing.pop(body.clip, None) is None:
            key = self._checked.object_key(ClipId.parse(body.clip))
            reason = "disposed of, and still in the store; a start of the gateway removes it"
            self._report.problem(1, Outcome.INCOMPLETE, key, reason)
        else:
            self._report.count(1, "clips, disposed of")

    async def _object(
        self, step: int, key: str, what: str, check: Callable[[], Awaitable[str | None]]
    ) -> None:
        try:
            wrong = await check()
        except ObjectMissingError:
            self._report.problem(step, Outcome.INCOMPLETE, key, "is not in the store")
        except StoreAwayError:
            raise
        except StoreError as error:
            self._report.problem(step, Outcome.INCOMPLETE, key, f"cannot be read: {error}")
        else:
            if wrong is None:
                self._report.count(step, what)
            else:
                self._report.problem(step, Outcome.ALTERED, key, wrong)

    # --- checkpoints -----------------------------------------------------------------

    async def _check_checkpoints(self, note: bytes | None) -> None:
        if await self._store.exists(rewound.KEY):
            reason = "this log has signed it and does not contain it"
            self._report.problem(7, Outcome.NOT_LOGGED, rewound.KEY, reason)
        for size, root in sorted(self._signed.items()):
            self._checkpoint("the database's checkpoint", size, root)
        if note is None or self._origin is None:
            return
        key = NoteKey(self._origin, self._checked.keys.checkpoint.public, SignatureType.ED25519)
        try:
            newest = open_checkpoint(note, key)
        except HashingError as error:
            self._report.problem(7, Outcome.UNSIGNED, KEY, str(error))
            return
        self._checkpoint(KEY, newest.size, newest.root)
        if self._signed and max(self._signed) > newest.size:
            reason = f"is of size {newest.size}; {max(self._signed)} was signed"
            self._report.problem(7, Outcome.INCOMPLETE, KEY, reason)

    def _checkpoint(self, subject: str, size: int, root: bytes) -> None:
        if size > self._edge.size:
            reason = f"is of size {size}; there are {self._edge.size} entries"
            self._report.problem(7, Outcome.INCOMPLETE, subject, reason)
        elif self._roots.get(size) != root and size:
            reason = f"of size {size} has another root than the entries lead to"
            self._report.problem(7, Outcome.ALTERED, subject, reason)
        else:
            self._report.count(7, "checkpoints")


def _size_of(note: bytes | None) -> int:
    try:
        return 0 if note is None else Checkpoint.parse(parse_note(note).text).size
    except HashingError:
        return 0


def _entry(row: LogEntry) -> NewEntry:
    return NewEntry(
        row.statement,
        row.record,
        row.kind,
        row.issuer,
        row.subject,
        dock=row.dock,
        epoch=row.epoch,
        seq=row.seq,
        subject_seq=row.subject_seq,
    )


def _differing(row: LogEntry, entry: NewEntry) -> str | None:
    if row.statement != entry.statement:
        return "statement"
    if row.record != entry.record:
        return "record"
    statement = decode_statement(entry.statement)
    if (row.statement_hash, row.leaf) != (statement.hash, statement.leaf):
        return "hash"
    return next((name for name in _COLUMNS if getattr(row, name) != getattr(entry, name)), None)
