"""The whole log, entry by entry, checked from its first one to its checkpoint.

A trail proves its own entries. This proves that the log is one: that its entries build the
tree that was signed, that it still contains what was pinned at enrolment, that every
statement is signed by a key the log itself enrolled, that no chain in it has a hole, and that
it is the log its docks say they knew. It keeps chain heads and 32 bytes for each size in
memory, not the log; whoever reads the entries hands them in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hashing.errors import DecodeError, HashingError
from hashing.ledger import (
    Break,
    DockHead,
    DockLink,
    SubjectHead,
    SubjectLink,
    check_dock_link,
    check_subject_link,
)
from hashing.merkle import Frontier
from hashing.note import Checkpoint, parse_note
from hashing.statement import Statement, decode_statement, verify_record
from hashing.verdict import Outcome, Verdict
from protocols.anchors import Anchors
from protocols.errors import RecordError
from protocols.kinds import CaseOpened, CaseRenumbered, DockRevoked, LogOpened
from protocols.records import Record, decode_record
from protocols.trail.findings import Findings
from protocols.trail.keyring import Keyring

MAX_PROBLEMS = 1000
"""After so many there is nothing left to learn."""
_ROOT = 32


@dataclass(frozen=True, slots=True)
class LoggedEntry:
    """One entry as it was given; nothing in it is checked yet.

    Attributes:
        record: None from a mirror, which has none.
    """

    index: int
    statement: bytes
    record: bytes | None


@dataclass(frozen=True, slots=True)
class Audited:
    """What was found, and of how much.

    Attributes:
        verdict: every finding.
        taken: entries that the gateway gave.
        read: those of them whose statement could be opened, so that signature and chain
            were checked.
        bare: there were no records, so that no dock's signature could be checked.
    """

    verdict: Verdict
    taken: int = 0
    read: int = 0
    bare: bool = False


Look = Callable[[int, Statement], None]


def other_log(note: bytes, anchors: Anchors) -> str | None:
    """That a checkpoint is of another log than the trust file's; None when it is not, or none."""
    try:
        origin = Checkpoint.parse(parse_note(note).text).origin
    except DecodeError:
        return None
    if origin == anchors.origin:
        return None
    return (
        f"this trust file is for the log {anchors.origin}, the gateway answers for {origin}: "
        "the wrong file, or another gateway"
    )


class WholeLog:
    """Takes entries in log order, collecting problems; what is in order is only counted."""

    def __init__(self, anchors: Anchors, look: Look | None = None) -> None:
        """Trust the anchors alone; ``look`` is shown every statement that could be opened."""
        self.found = Findings()
        self.bare = 0
        self._anchors = anchors
        self._look = look
        self._ring = Keyring(anchors, self.found)
        self._tree = Frontier()
        # Of every size so far, joined: docks name any of them as the log they knew.
        self._roots = bytearray(self._tree.root())
        self._docks: dict[str, DockHead] = {}
        self._subjects: dict[tuple[str, str], SubjectHead] = {}
        self._cases: dict[str, str] = {}

    @property
    def read(self) -> int:
        """How many statements could be opened."""
        return self._tree.size

    @property
    def is_hopeless(self) -> bool:
        """Whether so much was found that reading on tells nothing new."""
        return len(self.found.items) >= MAX_PROBLEMS

    def take(self, entry: LoggedEntry) -> None:
        """Check one entry, which must be the next one."""
        name = f"entry {entry.index}"
        try:
            statement = decode_statement(entry.statement)
        except HashingError as error:
            self.found.add(3, Outcome.ALTERED, name, f"statement: {error}")
            return
        self._tree.append(statement.leaf)
        self._roots += self._tree.root()
        if entry.record is None:
            self._take_bare(entry.index, statement)
            return
        try:
            verify_record(statement, entry.record)
        except HashingError as error:
            self.found.add(3, Outcome.ALTERED, name, f"record: {error}")
        record = _record(entry.record)
        ours = statement.issuer == self._anchors.gateway
        counts = self._ring.check(entry.index, statement)
        self._chain(statement, name, ours=ours)
        if record is not None:
            self._witnessed(entry.index, record)
            if ours and counts:
                self._heard(entry.index, statement, record)
            elif counts:
                self._ring.hear_dock(entry.index, statement, record.body)
        if entry.index == 0 and not (record and isinstance(record.body, LogOpened)):
            self.found.add(4, Outcome.ALTERED, name, "does not open the log")
        if self._look is not None:
            self._look(entry.index, statement)

    def _take_bare(self, index: int, statement: Statement) -> None:
        """Check what can be checked without records: chains, and the gateway's signatures."""
        self.bare += 1
        ours = statement.issuer == self._anchors.gateway
        if ours:
            self._ring.check(index, statement)
        self._chain(statement, f"entry {index}", ours=ours)
        if self._look is not None:
            self._look(index, statement)

    def verdict(self, checkpoint: Checkpoint) -> Verdict:
        """Everything found, and what holds for the whole."""
        self._ring.settle()
        found, count = self.found, f"{self._tree.size} entries"
        whole = self._tree.size == checkpoint.size and self._tree.root() == checkpoint.root
        if whole:
            found.good(6, "log", f"{count} build the tree that was signed")
        else:
            found.add(6, Outcome.NOT_LOGGED, "log", f"{count} build another tree than signed")
        pinned = self._anchors.checkpoint
        if checkpoint.origin != self._anchors.origin:
            found.add(7, Outcome.ALTERED, "log", f"of another log: {checkpoint.origin}")
        elif checkpoint.size < pinned.size:
            found.add(7, Outcome.INCOMPLETE, "log", f"smaller than the pinned {pinned.size}")
        elif self.root_at(pinned.size) != pinned.root:
            found.add(7, Outcome.ALTERED, "log", "does not contain the pinned checkpoint")
        else:
            found.good(7, "log", f"checkpoint {checkpoint.size} of {checkpoint.origin}")
        steps = {3: "records", 4: "signatures", 5: "chains"}
        if self.bare:
            # Nothing was found in records that were not there.
            steps = {4: "the gateway's signatures, none of a dock,", 5: "chains"}
        for step, what in steps.items():
            if not any(problem.step == step for problem in found.items):
                found.good(step, "log", f"{what} of {count}")
        return Verdict(tuple(found.items))

    def root_at(self, size: int) -> bytes:
        """Root of the first ``size`` entries; empty when fewer were read."""
        return bytes(self._roots[size * _ROOT : (size + 1) * _ROOT])

    def _witnessed(self, index: int, record: Record) -> None:
        """What docks signed as the log they knew is this log (step 7)."""
        known = record.checkpoint
        if known is None:
            return
        if known.size > index:
            reason = f"names a checkpoint of size {known.size}, which was not there yet"
            self.found.add(7, Outcome.ALTERED, f"entry {index}", reason)
        elif self.root_at(known.size).hex() != known.root:
            reason = f"its issuer knew another log of size {known.size}"
            self.found.add(7, Outcome.ALTERED, f"entry {index}", reason)

    def _heard(self, index: int, statement: Statement, record: Record) -> None:
        body = record.body
        self._ring.hear(index, statement, body)
        if isinstance(body, CaseOpened | CaseRenumbered) and body.case != (
            self._cases.setdefault(body.case_no, body.case)
        ):
            reason = f"a second case is opened under the number {body.case_no}"
            self.found.add(10, Outcome.ALTERED, f"entry {index}", reason)
        if isinstance(body, DockRevoked):
            self._revoked_late(index, statement.subject)

    def _revoked_late(self, index: int, issuer: str) -> None:
        """Entries beyond the last trusted one may be logged before anybody knew of the theft."""
        head = self._docks.get(issuer)
        if head is not None and self._ring.is_untrusted(issuer, head.epoch, head.seq):
            reason = f"{issuer} has entries in the log beyond the last that it is trusted for"
            self.found.add(4, Outcome.REVOKED, f"entry {index}", reason)

    def _chain(self, statement: Statement, name: str, *, ours: bool) -> None:
        broken: Break | None = None
        match statement.chain:
            case DockLink() as link if not ours:
                head = self._docks.get(statement.issuer)
                broken = check_dock_link(head, link, statement.hash)
                self._docks[statement.issuer] = DockHead(link.epoch, link.seq, statement.hash)
            case SubjectLink() as link if ours:
                at = (statement.issuer, statement.subject)
                broken = check_subject_link(self._subjects.get(at), link, statement.hash)
                self._subjects[at] = SubjectHead(link.seq, statement.hash)
            case _:
                self.found.add(5, Outcome.ALTERED, name, "without a place in its issuer's chain")
        if broken is not None:
            self.found.add(5, Outcome.INCOMPLETE, name, f"{broken.fault}: {broken.reason}")


def _record(raw: bytes) -> Record | None:
    """What a record says; one that is not understood is logged as bytes and changes nothing."""
    try:
        return decode_record(raw)
    except RecordError:
        return None
