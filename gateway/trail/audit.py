"""The whole log, read over the API and checked from its first entry to its checkpoint.

A trail proves its own entries. This proves that the log is one: that its entries build the
tree that was signed, that it still contains what was pinned at enrolment, that every
statement is signed by a key the log itself enrolled, and that no chain in it has a hole.
It keeps chain heads and the tree's edge in memory, not the log.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from gateway.trail.client import ApiClient, ApiError
from hashing.errors import HashingError
from hashing.keys import PublicKey
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
from hashing.note import Checkpoint, open_checkpoint
from hashing.statement import Statement, decode_statement, verify_record, verify_statement
from hashing.verdict import Finding, Outcome, Verdict
from protocols.anchors import Anchors
from protocols.errors import ProtocolError
from protocols.ids import dock_id, dock_urn
from protocols.kinds import DockEnrolled
from protocols.records import decode_record

_PAGE = 200
_MAX_PROBLEMS = 1000


@dataclass(frozen=True, slots=True)
class LoggedEntry:
    """One entry as the API gave it; nothing in it is checked yet."""

    index: int
    statement: bytes
    record: bytes


def audit(client: ApiClient, anchors: Anchors) -> Verdict:
    """Check the log against keys that do not come from it.

    Raises:
        ApiError: the gateway does not answer, or not with a log.
    """
    note = client.text("/log/checkpoint").encode()
    try:
        checkpoint = open_checkpoint(note, anchors.checkpoint_key)
    except HashingError as error:
        return Verdict((Finding(7, Outcome.UNSIGNED, "checkpoint", str(error)),))
    found = _Audit(anchors)
    for entry in entries(client, 0, checkpoint.size):
        found.take(entry)
        if len(found.findings) >= _MAX_PROBLEMS:
            break
    return found.verdict(checkpoint)


def entries(client: ApiClient, start: int, end: int) -> Iterator[LoggedEntry]:
    """Entries ``start`` to ``end`` of the log.

    Raises:
        ApiError: the gateway does not answer, or with something else.
    """
    while start < end:
        page = client.get("/log/entries", {"start": start, "limit": min(_PAGE, end - start)})
        rows = page.get("entries") if isinstance(page, dict) else None
        if not rows or not isinstance(rows, list):
            raise ApiError(f"the gateway gave no entry {start} of its log")
        for row in rows[: end - start]:
            yield _entry(row, start)
            start += 1


def _entry(row: Any, index: int) -> LoggedEntry:  # noqa: ANN401  # JSON
    try:
        if row["index"] != index:
            raise ApiError(f"the gateway gave entry {row['index']} for {index}")
        statement = base64.b64decode(row["statement"], validate=True)
        return LoggedEntry(index, statement, base64.b64decode(row["record"], validate=True))
    except (KeyError, TypeError, ValueError) as error:
        raise ApiError(f"the gateway gave something that is no entry for {index}") from error


@dataclass(slots=True)
class _Audit:
    """Takes entries in log order, collecting problems; what is in order is only counted."""

    anchors: Anchors
    findings: list[Finding] = field(default_factory=list)
    _tree: Frontier = field(default_factory=Frontier)
    _pinned: bytes | None = None
    _keys: dict[str, PublicKey] = field(default_factory=dict)
    _docks: dict[str, DockHead] = field(default_factory=dict)
    _subjects: dict[tuple[str, str], SubjectHead] = field(default_factory=dict)

    def take(self, entry: LoggedEntry) -> None:
        subject = f"entry {entry.index}"
        try:
            statement = decode_statement(entry.statement)
        except HashingError as error:
            self._problem(3, Outcome.ALTERED, subject, f"statement: {error}")
            return
        self._tree.append(statement.leaf)
        if self._tree.size == self.anchors.checkpoint.size:
            self._pinned = self._tree.root()
        try:
            verify_record(statement, entry.record)
        except HashingError as error:
            self._problem(3, Outcome.ALTERED, subject, f"record: {error}")
        self._signature(statement, entry.record, subject)
        self._chain(statement, subject)

    def verdict(self, checkpoint: Checkpoint) -> Verdict:
        """Everything found, and what holds for the whole."""
        count = f"{self._tree.size} entries"
        whole = self._tree.size == checkpoint.size and self._tree.root() == checkpoint.root
        if whole:
            self._good(6, "log", f"{count} build the tree that was signed")
        else:
            self._problem(6, Outcome.NOT_LOGGED, "log", f"{count} build another tree than signed")
        pinned = self.anchors.checkpoint
        if checkpoint.size < pinned.size:
            self._problem(7, Outcome.INCOMPLETE, "log", f"smaller than the pinned {pinned.size}")
        elif pinned.size and self._pinned != pinned.root:
            self._problem(7, Outcome.ALTERED, "log", "does not contain the pinned checkpoint")
        else:
            self._good(7, "log", f"checkpoint {checkpoint.size} of {checkpoint.origin}")
        for step, what in ((3, "records"), (4, "signatures"), (5, "chains")):
            if not any(problem.step == step for problem in self.findings):
                self._good(step, "log", f"{what} of {count}")
        return Verdict(tuple(self.findings))

    def _signature(self, statement: Statement, record: bytes, subject: str) -> None:
        ours = statement.issuer == self.anchors.gateway
        key = self.anchors.statement_key if ours else self._keys.get(statement.issuer)
        if key is None:
            self._problem(4, Outcome.UNKNOWN_KEY, subject, f"{statement.issuer} is not enrolled")
            return
        try:
            verify_statement(statement, key)
            # A record that is not understood is logged as bytes and enrols nobody.
            body = decode_record(record).body if ours else None
            if isinstance(body, DockEnrolled):
                issuer = dock_urn(dock_id(body.dock))
                self._keys[issuer] = PublicKey.from_pem(body.statement_key)
        except (HashingError, ProtocolError) as error:
            self._problem(4, Outcome.UNSIGNED, subject, str(error))

    def _chain(self, statement: Statement, subject: str) -> None:
        broken: Break | None = None
        match statement.chain:
            case DockLink() as link:
                head = self._docks.get(statement.issuer)
                broken = check_dock_link(head, link, statement.hash)
                self._docks[statement.issuer] = DockHead(link.epoch, link.seq, statement.hash)
            case SubjectLink() as link:
                name = (statement.issuer, statement.subject)
                broken = check_subject_link(self._subjects.get(name), link, statement.hash)
                self._subjects[name] = SubjectHead(link.seq, statement.hash)
            case None:
                self._problem(5, Outcome.ALTERED, subject, "without a place in a chain")
        if broken is not None:
            self._problem(5, Outcome.INCOMPLETE, subject, f"{broken.fault}: {broken.reason}")

    def _problem(self, step: int, outcome: Outcome, subject: str, reason: str) -> None:
        self.findings.append(Finding(step, outcome, subject, reason))

    def _good(self, step: int, subject: str, reason: str) -> None:
        self.findings.append(Finding(step, Outcome.INTACT, subject, reason))
