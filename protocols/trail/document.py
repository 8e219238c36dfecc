"""The trail of a case or clip: its document, and the check that trusts only the anchors.

A trail document is what a gateway hands to a stranger: statements with their records, in
log order, each with its inclusion path to one signed checkpoint. ``verify_trail`` follows
the numbered steps of verification (``hashing.verdict.STEPS``) except those that need the
clips' bytes, which the caller reads and compares with ``TrailReport.contents``.

It cannot see what was withheld after the newest entry of a subject; only a later
checkpoint, a receipt held by a dock or a witness shows that.
"""

from __future__ import annotations

import base64
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hashing.errors import HashingError, ProofError
from hashing.keys import PublicKey
from hashing.ledger import DockHead, DockLink, SubjectLink, walk_dock, walk_subject
from hashing.merkle import verify_inclusion
from hashing.note import Checkpoint, open_checkpoint
from hashing.statement import Statement, decode_statement, verify_record, verify_statement
from hashing.verdict import Finding, Outcome, Verdict
from protocols.anchors import Anchors
from protocols.errors import ProtocolError, RecordError
from protocols.ids import ClipId, EntryId, SessionId, clip_of_urn, dock_id, dock_urn
from protocols.kinds import (
    ClipSealed,
    Disposition,
    DockEnrolled,
    DockRevoked,
    FileName,
    LogOpened,
    SessionClosed,
    SessionInventory,
)
from protocols.records import Record, decode_record

MAX_TRAIL = 256 * 1024 * 1024
MAX_PATH = 64


class TrailError(ProtocolError):
    """The document is not a trail; nothing in it was checked."""


class TrailAbout(BaseModel):
    """What the trail is the trail of: a case by its number, or a clip by its id."""

    model_config = ConfigDict(frozen=True)

    case_no: str | None = None
    case: str | None = None
    clip: str | None = None


class TrailEntry(BaseModel):
    """One statement of the log.

    Attributes:
        index: position in the log.
        statement: base64 of the statement bytes.
        record: base64 of the record it signs; None where it was withheld because it
            speaks of somebody else's clip.
        path: base64 hashes, inclusion path to the document's checkpoint.
    """

    model_config = ConfigDict(frozen=True)

    index: Annotated[int, Field(ge=0, lt=2**53)]
    statement: str
    record: str | None = None
    path: Annotated[tuple[str, ...], Field(max_length=MAX_PATH)] = ()


class TrailDocument(BaseModel):
    """Everything in the log about a case or clip, in log order."""

    model_config = ConfigDict(frozen=True)

    v: int = 1
    about: TrailAbout
    checkpoint: str
    entries: tuple[TrailEntry, ...]
    clips: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, raw: bytes | str) -> Self:
        """Read a document.

        Raises:
            TrailError: too large, or not the shape of a trail.
        """
        if len(raw) > MAX_TRAIL:
            msg = f"trail of {len(raw)} bytes; {MAX_TRAIL} allowed"
            raise TrailError(msg)
        try:
            document = cls.model_validate_json(raw)
        except ValidationError as error:
            msg = f"not a trail: {str(error)[:300]}"
            raise TrailError(msg) from error
        if document.v != 1:
            msg = f"trail version {document.v}; known: 1"
            raise TrailError(msg)
        return document


@dataclass(frozen=True, slots=True)
class TrailEvent:
    """One line of the story: a statement that was opened, and its record if given."""

    index: int
    statement: Statement
    record: Record | None


@dataclass(frozen=True, slots=True)
class ExpectedContent:
    """What the bytes of a clip must be, as its dock sealed them."""

    clip: ClipId
    size: int
    sha256: bytes
    root: bytes


@dataclass(frozen=True, slots=True)
class TrailReport:
    """What was found.

    Attributes:
        verdict: findings of steps 3 to 7, 9 and 10.
        events: what could be opened, in log order.
        contents: the clips whose bytes the caller should compare (step 2).
    """

    verdict: Verdict
    events: tuple[TrailEvent, ...]
    contents: tuple[ExpectedContent, ...]


def verify_trail(document: TrailDocument, anchors: Anchors) -> TrailReport:
    """Check every statement of a trail against keys that do not come from it.

    Args:
        document: from the gateway, a pack or a stranger; nothing in it is trusted.
        anchors: the gateway's keys, obtained at enrolment or otherwise beforehand.
    """
    check = _Check(anchors)
    checkpoint = check.checkpoint(document.checkpoint)
    check.order(document.entries)
    events = []
    for entry in document.entries:
        event = check.opened(entry)
        if event is None:
            continue
        events.append(event)
        if checkpoint is not None:
            check.included(event, entry, checkpoint)
    check.signatures(events)
    check.subject_chains(events)
    sessions = check.sessions(events)
    contents = check.clips(document.clips, events)
    for session in sessions:
        check.session(session, events)
    return TrailReport(Verdict(tuple(check.findings)), tuple(events), contents)


@dataclass(slots=True)
class _Check:
    """The steps, collecting findings; one method per numbered step or part of it."""

    anchors: Anchors
    findings: list[Finding] = field(default_factory=list)

    def _found(self, step: int, outcome: Outcome, subject: str, reason: str) -> None:
        self.findings.append(Finding(step, outcome, subject, reason))

    # 7. Checkpoint signature. (Witness policy: none is required by these anchors.)
    def checkpoint(self, note: str) -> Checkpoint | None:
        try:
            checkpoint = open_checkpoint(note.encode(), self.anchors.checkpoint_key)
        except HashingError as error:
            self._found(7, Outcome.UNSIGNED, "checkpoint", str(error))
            return None
        pinned = self.anchors.checkpoint
        if checkpoint.size < pinned.size:
            self._found(
                7, Outcome.INCOMPLETE, "checkpoint", f"size {checkpoint.size} < {pinned.size}"
            )
        elif checkpoint.size == pinned.size and checkpoint.root != pinned.root:
            self._found(7, Outcome.ALTERED, "checkpoint", "another root than the pinned one")
        else:
            self._found(7, Outcome.INTACT, "checkpoint", f"{checkpoint.origin} {checkpoint.size}")
        return checkpoint

    # 3. Record digest matches the statement.
    def opened(self, entry: TrailEntry) -> TrailEvent | None:
        subject = f"entry {entry.index}"
        try:
            statement = decode_statement(_base64(entry.statement))
        except HashingError as error:
            self._found(3, Outcome.ALTERED, subject, f"statement: {error}")
            return None
        if entry.record is None:
            return TrailEvent(entry.index, statement, None)
        raw = _base64(entry.record)
        try:
            verify_record(statement, raw)
        except ProofError as error:
            self._found(3, Outcome.ALTERED, subject, f"record: {error}")
            return TrailEvent(entry.index, statement, None)
        self._found(3, Outcome.INTACT, subject, "record is the one that was signed")
        try:
            return TrailEvent(entry.index, statement, decode_record(raw))
        except RecordError as error:
            self._found(3, Outcome.UNSUPPORTED, subject, f"record not understood: {error}")
            return TrailEvent(entry.index, statement, None)

    # 10. In log order, nothing twice.
    def order(self, entries: tuple[TrailEntry, ...]) -> None:
        for before, after in pairwise(entries):
            if after.index <= before.index:
                reason = f"stands after entry {before.index}"
                self._found(10, Outcome.ALTERED, f"entry {after.index}", reason)

    # 6. Receipt: inclusion in the checkpoint.
    def included(self, event: TrailEvent, entry: TrailEntry, checkpoint: Checkpoint) -> None:
        subject = f"entry {event.index}"
        path = [_base64(step) for step in entry.path]
        try:
            verify_inclusion(
                event.statement.leaf, event.index, checkpoint.size, path, checkpoint.root
            )
        except ProofError as error:
            self._found(6, Outcome.NOT_LOGGED, subject, str(error))
        else:
            self._found(6, Outcome.INTACT, subject, f"in the log of size {checkpoint.size}")

    # 4. Signature by a key that was enrolled, and not revoked, at that position.
    def signatures(self, events: list[TrailEvent]) -> None:
        docks: dict[str, PublicKey] = {}
        revoked: dict[str, DockRevoked] = {}
        for event in events:
            subject = f"entry {event.index}"
            issuer = event.statement.issuer
            ours = issuer == self.anchors.gateway
            key = self.anchors.statement_key if ours else docks.get(issuer)
            if key is None:
                self._found(4, Outcome.UNKNOWN_KEY, subject, f"{issuer} is not enrolled here")
                continue
            try:
                verify_statement(event.statement, key)
            except HashingError as error:
                self._found(4, Outcome.UNSIGNED, subject, str(error))
                continue
            if ours:
                self._gateway_says(event, docks, revoked)
            elif self._after_revocation(event.statement, revoked.get(issuer)):
                self._found(
                    4, Outcome.REVOKED, subject, f"after the last trusted entry of {issuer}"
                )
                continue
            self._found(4, Outcome.INTACT, subject, f"signed by {issuer}")

    def _gateway_says(
        self, event: TrailEvent, docks: dict[str, PublicKey], revoked: dict[str, DockRevoked]
    ) -> None:
        body = event.record.body if event.record else None
        subject = f"entry {event.index}"
        try:
            match body:
                case LogOpened():
                    if PublicKey.from_pem(body.statement_key).kid != self.anchors.statement_key.kid:
                        self._found(4, Outcome.UNKNOWN_KEY, subject, "log opened under another key")
                case DockEnrolled():
                    docks[dock_urn(dock_id(body.dock))] = PublicKey.from_pem(body.statement_key)
                case DockRevoked():
                    revoked[dock_urn(dock_id(body.dock))] = body
                case _:
                    pass
        except (HashingError, ProtocolError) as error:
            self._found(4, Outcome.UNSUPPORTED, subject, f"unusable key: {error}")

    @staticmethod
    def _after_revocation(statement: Statement, revoked: DockRevoked | None) -> bool:
        link = statement.chain
        if revoked is None or not isinstance(link, DockLink):
            return False
        return (link.epoch, link.seq) > (revoked.last_epoch, revoked.last_seq)

    # 5. Chain position: gateway acts contiguous per subject.
    def subject_chains(self, events: list[TrailEvent]) -> None:
        chains: dict[str, list[tuple[SubjectLink, bytes]]] = defaultdict(list)
        for event in events:
            link = event.statement.chain
            if isinstance(link, SubjectLink):
                chains[event.statement.subject].append((link, event.statement.hash))
        for subject, chain in chains.items():
            broken = walk_subject(chain).first_break
            if broken is not None:
                reason = f"{broken.fault} at {broken.position}: {broken.reason}"
                self._found(5, Outcome.INCOMPLETE, subject, reason)
            else:
                self._found(5, Outcome.INTACT, subject, f"{len(chain)} acts without a hole")

    # 2. (prepared) What the bytes of each clip must be.
    def clips(
        self, names: tuple[str, ...], events: list[TrailEvent]
    ) -> tuple[ExpectedContent, ...]:
        sealed = {}
        for event in events:
            entry = _entry_of(event.statement)
            if entry and event.record and isinstance(event.record.body, ClipSealed):
                sealed[str(entry)] = (entry, event.record.body.content)
        for name in names:
            if name not in sealed:
                self._found(9, Outcome.INCOMPLETE, name, "its sealing is not in the trail")
        return tuple(
            ExpectedContent(
                entry, content.size, bytes.fromhex(content.sha256), bytes.fromhex(content.tree.root)
            )
            for name, (entry, content) in sealed.items()
            if name in names
        )

    def sessions(self, events: list[TrailEvent]) -> list[SessionId]:
        found: dict[SessionId, None] = {}
        for event in events:
            if event.record and isinstance(event.record.body, ClipSealed):
                found[EntryId.parse(event.record.body.session)] = None
        return list(found)

    # 5. Dock entries contiguous through the session to its signed close; 9. completeness.
    def session(self, session: SessionId, events: list[TrailEvent]) -> None:
        span = _span(session, events)
        if not span:
            self._found(5, Outcome.INCOMPLETE, session.session_urn, "its opening is missing")
            return
        closed = span[-1].record.body if span[-1].record else None
        closing = closed if isinstance(closed, SessionClosed) else None
        link = span[0].statement.chain
        # A slice of a ledger begins in its middle; its first prev is taken as given.
        before = (
            DockHead(link.epoch, link.seq - 1, link.prev)
            if isinstance(link, DockLink) and link.seq
            else None
        )
        chain = [
            (event.statement.chain, event.statement.hash)
            for event in span
            if isinstance(event.statement.chain, DockLink)
        ]
        broken = walk_dock(chain, after=before).first_break
        if broken is not None:
            reason = f"{broken.fault} at {broken.position}: {broken.reason}"
            self._found(5, Outcome.INCOMPLETE, session.session_urn, reason)
        elif closing is None:
            self._found(5, Outcome.INCOMPLETE, session.session_urn, "not closed yet")
        else:
            reason = f"{len(span)} entries without a gap, opening to close"
            self._found(5, Outcome.INTACT, session.session_urn, reason)
        self._accounted(session, span, closing)

    def _accounted(
        self, session: SessionId, span: list[TrailEvent], closing: SessionClosed | None
    ) -> None:
        listed, sealed, withheld = _inventory(session, span)
        if closing is not None:
            # Sessions of other bays interleave; the close says how many were this one's.
            withheld = min(withheld, max(0, closing.sealed - len(sealed)))
            sealed |= {left.path_bytes() for left in closing.leftovers}
            withheld += closing.leftovers_total - len(closing.leftovers)
        missing = [path for path in listed if path not in sealed]
        # Records of other people's clips are withheld; their statements still count.
        if len(missing) > withheld:
            name = missing[0].decode(errors="backslashreplace")
            reason = f"{len(missing) - withheld} listed but not accounted for, such as {name!r}"
            self._found(9, Outcome.INCOMPLETE, session.session_urn, reason)
        else:
            reason = f"{len(listed)} listed recordings accounted for"
            self._found(9, Outcome.INTACT, session.session_urn, reason)


def _span(session: SessionId, events: list[TrailEvent]) -> list[TrailEvent]:
    """The dock's entries from the session's opening to its close, or to the last given."""
    mine = [event for event in events if _of_dock(event.statement, session)]
    mine.sort(key=lambda event: _seq(event.statement))
    if not mine or _seq(mine[0].statement) != session.seq:
        return []
    for position, event in enumerate(mine):
        body = event.record.body if event.record else None
        if isinstance(body, SessionClosed) and body.session == str(session):
            return mine[: position + 1]
    return mine


def _inventory(
    session: SessionId, span: list[TrailEvent]
) -> tuple[dict[bytes, None], set[bytes], int]:
    """Paths listed for ingest, paths sealed as far as disclosed, sealings withheld."""
    listed: dict[bytes, None] = {}
    sealed: set[bytes] = set()
    withheld = 0
    for event in span:
        body = event.record.body if event.record else None
        match body:
            case SessionInventory() if body.session == str(session):
                to_ingest = (f for f in body.files if f.disposition is Disposition.INGEST)
                listed.update(dict.fromkeys(file.path_bytes() for file in to_ingest))
            case ClipSealed() if body.session == str(session):
                sealed.add(FileName.path_bytes(body.source))
            case None if _entry_of(event.statement) is not None:
                withheld += 1
            case _:
                pass
    return listed, sealed, withheld


def _of_dock(statement: Statement, session: SessionId) -> bool:
    link = statement.chain
    return (
        statement.issuer == dock_urn(session.dock)
        and isinstance(link, DockLink)
        and link.epoch == session.epoch
        and link.seq >= session.seq
    )


def _seq(statement: Statement) -> int:
    return statement.chain.seq if statement.chain else -1


def _entry_of(statement: Statement) -> ClipId | None:
    """The clip this very statement sealed: its subject names its own position."""
    clip, link = clip_of_urn(statement.subject), statement.chain
    if clip is None or not isinstance(link, DockLink) or statement.issuer != dock_urn(clip.dock):
        return None
    return clip if (clip.epoch, clip.seq) == (link.epoch, link.seq) else None


def _base64(text: str) -> bytes:
    # Wrong base64 gives no bytes, which no digest, signature or proof accepts.
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""
