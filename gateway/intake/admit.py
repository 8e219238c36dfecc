"""The decision on one entry of a dock's ledger: admitted, admitted with doubt, or refused.

Pure. An entry that the dock's key signed and that is exactly the next of its chain is
admitted and will be logged, however strange its record: a strange entry must not block the
ones after it. Everything else is refused with a reason that dock and operator can act on.
What an admitted entry does is decided by ``effects``, not here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from gateway.log.service import NewEntry
from hashing.errors import HashingError, ProofError, SignatureError, UnsupportedError
from hashing.ledger import Break, DockHead, DockLink, Fault, check_dock_link
from hashing.statement import Statement, decode_statement, verify_record, verify_statement
from protocols.errors import RecordError
from protocols.ids import DockId, EntryId, dock_urn
from protocols.kinds import (
    ClipErased,
    ClipLost,
    ClipSealed,
    ClipTagged,
    EraseIntended,
    KeyRotated,
    SessionClosed,
    SessionInventory,
    SessionNoted,
)
from protocols.messages import Entry, Retry
from protocols.records import Record, decode_record
from protocols.rotation import DockKeys, Place

UNREADABLE_KIND = "unreadable"
GIVEN_UP = "key-given-up"


@dataclass(frozen=True, slots=True)
class Admitted:
    """An entry to log.

    Attributes:
        entry: what the log takes.
        head: where the dock's ledger stands after it.
        record: decoded, None when it cannot be understood.
        doubt: (code, reason) for the quarantine, None when the record is understood.
    """

    entry: NewEntry
    head: DockHead
    record: Record | None
    doubt: tuple[str, str] | None

    @property
    def rotates(self) -> bool:
        """Whether the entry after it may be signed with another key."""
        return self.record is not None and isinstance(self.record.body, KeyRotated)


@dataclass(frozen=True, slots=True)
class Refused:
    """An entry that is not logged.

    Attributes:
        code: short stable word.
        reason: one sentence a person can act on.
        retry: what the dock may do.
        statement_hash: SHA-256 of what arrived as the statement.
        signed: whether the dock's own key signed the statement for this very place; only
            then is it worth keeping, because anybody may send anything.
    """

    code: str
    reason: str
    retry: Retry
    statement_hash: bytes
    signed: bool = False


def admit(  # noqa: PLR0911  # one refusal for each check, in their order
    entry: Entry,
    *,
    dock: DockId,
    keys: DockKeys,
    head: DockHead | None,
    approved_epoch: int | None = None,
) -> Admitted | Refused:
    """Decide on one entry.

    Args:
        entry: as it arrived.
        dock: whose topic it came on.
        keys: the dock's statement keys, each with its places in the ledger.
        head: newest entry of this dock in the log.
        approved_epoch: the new epoch an operator has approved.
    """
    arrived = hashlib.sha256(entry.statement).digest()
    # 1. The statement is in the one form, and the dock's own.
    try:
        statement = decode_statement(entry.statement)
    except UnsupportedError as error:
        return Refused("statement-unsupported", str(error), Retry.OPERATOR, arrived)
    except HashingError as error:
        return Refused("statement-form", str(error), Retry.LATER, arrived)
    if statement.issuer != dock_urn(dock):
        reason = f"issued by {statement.issuer[:80]}, sent by {dock}"
        return Refused("statement-issuer", reason, Retry.OPERATOR, arrived)
    # 2. The key that signs at its place signed it.
    link = statement.chain
    place = (link.epoch, link.seq) if isinstance(link, DockLink) else (entry.epoch, entry.seq)
    try:
        verify_statement(statement, keys.at(place))
    except (SignatureError, UnsupportedError) as error:
        return _given_up(statement, keys, place) or Refused(
            "statement-signature", str(error), Retry.OPERATOR, arrived
        )
    # 3. It stands where it says, and is exactly the next.
    if not isinstance(link, DockLink) or (link.epoch, link.seq) != (entry.epoch, entry.seq):
        reason = f"sent as entry {entry.epoch}.{entry.seq}, signed for another place"
        # Anybody can send a genuine statement under another number, or with another record.
        return Refused("statement-place", reason, Retry.LATER, arrived)
    broken = check_dock_link(head, link, statement.hash)
    if broken is not None:
        return _broken_chain(broken, arrived)
    if link.seq == 0 and link.epoch and link.epoch != approved_epoch:
        reason = f"epoch {link.epoch} begins, and no operator has approved it"
        return Refused("epoch-unapproved", reason, Retry.OPERATOR, arrived, signed=True)
    # 4. The record is the one that was signed.
    try:
        verify_record(statement, entry.record)
    except ProofError as error:
        return Refused("record-digest", str(error), Retry.LATER, arrived)
    return _admitted(entry, statement, EntryId(dock, link.epoch, link.seq))


def _given_up(statement: Statement, keys: DockKeys, place: Place) -> Refused | None:
    """An old key that goes on signing is no accident of a link: the dock was copied."""
    gone = keys.given_up(statement.kid, place)
    if gone is None:
        return None
    try:
        verify_statement(statement, keys.at(gone))
    except (SignatureError, UnsupportedError):
        return None
    reason = (
        f"entry {place[0]}.{place[1]} is signed with a key that was given up at entry "
        f"{gone[0]}.{gone[1]}: an old copy of the dock, or of its key, is in use"
    )
    return Refused(GIVEN_UP, reason, Retry.OPERATOR, statement.hash, signed=True)


def _broken_chain(broken: Break, arrived: bytes) -> Refused:
    # A gap or a repetition is what any lossy link makes; two histories are not.
    retry = Retry.LATER if broken.fault in {Fault.GAP, Fault.REPEAT} else Retry.OPERATOR
    reason = f"{broken.position}: {broken.reason}"
    return Refused(f"chain-{broken.fault}", reason, retry, arrived, signed=True)


def _admitted(entry: Entry, statement: Statement, name: EntryId) -> Admitted:
    record, doubt = _understand(entry.record, statement, name)
    return Admitted(
        NewEntry(
            statement=entry.statement,
            record=entry.record,
            kind=record.kind if record else UNREADABLE_KIND,
            issuer=statement.issuer,
            subject=statement.subject,
            extra_subjects=_extra_subjects(record, statement, name) if not doubt else (),
            dock=name.dock,
            epoch=name.epoch,
            seq=name.seq,
            subject_seq=None,
        ),
        DockHead(name.epoch, name.seq, statement.hash),
        record,
        doubt,
    )


def _understand(
    raw: bytes, statement: Statement, name: EntryId
) -> tuple[Record | None, tuple[str, str] | None]:
    try:
        record = decode_record(raw)
    except RecordError as error:
        return None, (error.code, str(error))
    # A clip is named by the entry that sealed it; a statement about another clip that
    # claims to seal this one would show up in the other's trail.
    if isinstance(record.body, ClipSealed) and statement.subject != name.clip_urn:
        return record, ("subject", f"seals {name}, but is about {statement.subject[:120]}")
    return record, None


def _extra_subjects(record: Record | None, statement: Statement, name: EntryId) -> tuple[str, ...]:
    """Further trails this entry belongs to; only of the dock's own clips and sessions."""
    names: list[str] = []
    match record.body if record else None:
        case ClipTagged(clip=clip) | ClipLost(clip=clip):
            names = [_clip(clip, name)]
        case ClipErased(clip=clip, session=session) | EraseIntended(clip=clip, session=session):
            names = [_clip(clip, name), _session(session, name)]
        case (
            ClipSealed(session=session)
            | SessionInventory(session=session)
            | SessionNoted(session=session)
            | SessionClosed(session=session)
        ):
            names = [_session(session, name)]
        case _:
            pass
    return tuple(dict.fromkeys(each for each in names if each and each != statement.subject))


def _clip(text: str, name: EntryId) -> str:
    clip = EntryId.parse(text)
    return clip.clip_urn if clip.dock == name.dock else ""


def _session(text: str, name: EntryId) -> str:
    session = EntryId.parse(text)
    return session.session_urn if session.dock == name.dock else ""
