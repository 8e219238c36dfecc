"""What each kind of record states (SPEC 3).

Bodies allow unknown fields, which a newer program may add. A hash is lower-case hex, as
``sha256sum`` prints it; a clip, session or entry is named as in ``protocols.ids``.
"""

from __future__ import annotations

import base64
import binascii
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from protocols.errors import IdError
from protocols.ids import EntryId

MAX_FILES_PER_PAGE = 1000
MAX_REPAIRED_RUNS = 1000
_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def _entry_name(text: str) -> str:
    try:
        EntryId.parse(text)
    except IdError as error:
        raise ValueError(str(error)) from error
    return text


def _path_base64(text: str) -> str:
    """Base64 of a path that is not UTF-8: one path has one form."""
    try:
        path = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        msg = "not base64"
        raise ValueError(msg) from error
    if base64.b64encode(path).decode() != text:
        msg = "not the one base64 of its bytes"
        raise ValueError(msg)
    try:
        path.decode()
    except UnicodeDecodeError:
        return text
    msg = "the path is UTF-8 and belongs into path"
    raise ValueError(msg)


Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
EntryName = Annotated[str, Field(max_length=60), AfterValidator(_entry_name)]
# Strict: two readers that take "27" or 27.0 for 27, or "off" for false, see two records.
Count = Annotated[int, Field(strict=True, ge=0, lt=2**63)]
Flag = Annotated[bool, Field(strict=True)]
Base64 = Annotated[str, Field(max_length=4096, pattern=r"^[A-Za-z0-9+/]+={0,2}$")]
Certificates = Annotated[tuple[Base64, ...], Field(min_length=1, max_length=8)]
Word = Annotated[str, Field(max_length=200)]
Words = Annotated[str, Field(max_length=2000)]


class Part(BaseModel):
    """A piece of a body; frozen, and keeps fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Body(Part):
    """What one kind of record states."""

    kind: ClassVar[str] = ""


class UnknownBody(Body):
    """A kind this program does not know: kept, logged, shown as unknown."""

    kind: ClassVar[str] = "unknown"

    unknown_kind: str
    fields: dict[str, Any]


# --- pieces -------------------------------------------------------------------------


class FileName(Part):
    """A path on the card, relative to its root: text, or bytes where it is not UTF-8."""

    path: Annotated[str, Field(max_length=8192)] | None = None
    path_b64: Annotated[str, Field(max_length=16384), AfterValidator(_path_base64)] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.path is None) == (self.path_b64 is None):
            msg = "exactly one of path and path_b64"
            raise ValueError(msg)
        return self

    @classmethod
    def names(cls, path: bytes) -> dict[str, str]:
        """The one field that holds these bytes of a path without loss."""
        try:
            text = path.decode()
        except UnicodeDecodeError:
            return {"path_b64": base64.b64encode(path).decode()}
        return {"path": text}

    def path_bytes(self) -> bytes:
        """The path as the file system has it."""
        if self.path is not None:
            return self.path.encode()
        return base64.b64decode(self.path_b64 or "")


class Tree(Part):
    """RFC 9162 tree over the clip's leaves (see ``hashing/SPEC.md``)."""

    alg: Literal["rfc9162-sha256"] = "rfc9162-sha256"
    leaf_size: Annotated[int, Field(strict=True, ge=1048576, le=1048576)] = 1048576
    leaves: Count
    root: Hash


class Content(Part):
    """The bytes of a clip."""

    size: Count
    sha256: Hash
    tree: Tree

    @model_validator(mode="after")
    def _leaves_fit(self) -> Self:
        if not self.size and (self.sha256, self.tree.root) != (_OF_NOTHING, _OF_NOTHING):
            msg = "no bytes have another digest"
            raise ValueError(msg)
        if self.tree.leaves != -(-self.size // self.tree.leaf_size):
            msg = f"{self.size} bytes do not make {self.tree.leaves} leaves"
            raise ValueError(msg)
        return self


class CameraClaim(Part):
    """What the camera or its volume says it is: a claim, never proved here."""

    serial: Word | None = None
    model: Word | None = None
    firmware: Word | None = None
    name: Word | None = None


class CameraDigest(FileName):
    """Whether a recording has the digest that the camera itself wrote down: a claim, checked.

    The path is that of the camera's own list. ``holds`` shows that nothing was damaged since
    by accident and proves no more; ``no-start`` is the first line of a list that begins in
    the middle; ``not-listed`` says that the list does not name the recording.
    """

    state: Literal["holds", "broken", "no-start", "not-listed"]


class Source(FileName):
    """Where a clip came from, as the card told.

    ``sidecar_of`` names the recordings that this file stands beside, as its name says.
    """

    name: Annotated[str, Field(max_length=2048)]
    mtime: Word
    volume: Word
    profile: Word
    camera: CameraClaim
    officer: Word | None = None
    unit: Word | None = None
    marked: Flag = False
    camera_digest: CameraDigest | None = None
    sidecar_of: Annotated[tuple[FileName, ...], Field(max_length=8)] = ()


class Interval(Part):
    """Between which times something happened, in UTC as the dock reckons it, and on what basis.

    A bound that nothing supports is left out; ``basis`` says what the others rest on.
    """

    earliest: Word | None = None
    latest: Word | None = None
    basis: Words


class CameraClock(Part):
    """What the camera's clock claimed about a recording, and how that was learnt.

    ``started`` and ``ended`` are the camera's own claims and are never corrected; ``interval``
    is what can be said beyond them, ``doubts`` what cannot be true of them.
    """

    started: Word | None = None
    ended: Word | None = None
    offset_ms: Annotated[int, Field(strict=True)] | None = None
    offset_error_ms: Count | None = None
    method: Word
    interval: Interval | None = None
    doubts: Annotated[tuple[Word, ...], Field(max_length=16)] = ()


class ClockOffset(Part):
    """How far a camera's clock was off when it was docked, measured before it was set.

    ``offset_ms`` is camera minus dock; ``drift_ms_per_day`` needs two dockings between which
    the clock was left alone or is known to have been set right.
    """

    offset_ms: Annotated[int, Field(strict=True)] | None = None
    offset_error_ms: Count | None = None
    drift_ms_per_day: Annotated[int, Field(strict=True)] | None = None
    drift_error_ms_per_day: Count | None = None
    set_to_dock: Flag | None = None
    method: Word


class CardHistory(Part):
    """What the dock remembers of a card, and whether that fits what it found.

    ``seen`` is ``first``, ``known``, ``formatted`` (the camera is known, its volume or its
    numbering began anew) or ``swapped`` (the volume is known from another camera).
    """

    seen: Literal["first", "known", "formatted", "swapped"]
    last_session: EntryName | None = None
    reason: Words | None = None


class NumberGap(FileName):
    """Numbers missing between two recordings that the camera itself numbered.

    The path is that of the folder; a gap says that files were there or a counter was moved,
    never which of both.
    """

    after: Count
    before: Count
    missing: Count


class Stream(Part):
    """One stream of the container, as the probe saw it."""

    type: Word
    codec: Word | None = None
    width: Count | None = None
    height: Count | None = None
    rate: Word | None = None


class Media(Part):
    """What a limited process could tell of the container; enriches, never decides."""

    container: Word | None = None
    duration_ms: Count | None = None
    streams: Annotated[tuple[Stream, ...], Field(max_length=64)] = ()
    playable: Flag | None = None
    warnings: Annotated[tuple[Words, ...], Field(max_length=64)] = ()
    vendor_signature: Word | None = None


class Disposition(StrEnum):
    """What becomes of a file on the card."""

    INGEST = "ingest"
    KNOWN = "known"
    IGNORED = "ignored"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    GROWING = "growing"


class InventoryFile(FileName):
    """One thing found on the card, a recording or not.

    ``size`` and ``mtime`` are missing where the camera did not even answer that.
    """

    size: Count | None = None
    mtime: Word | None = None
    disposition: Disposition
    reason: Words | None = None
    clip: EntryName | None = None


class Leftover(FileName):
    """A recording of the inventory that this session did not seal, and why."""

    outcome: Literal["vanished", "unreadable", "growing", "incomplete", "changed"]
    reason: Words


# --- kinds of a dock ----------------------------------------------------------------


class DockBooted(Body):
    """The daemon started; first entry of every run."""

    kind: ClassVar[str] = "dock.booted"

    version: Word
    ledger_check: Word
    recovered: tuple[Words, ...] = ()


class LedgerReopened(Body):
    """First entry of a new epoch after the dock lost its database."""

    kind: ClassVar[str] = "ledger.reopened"

    approval: Word
    last_known: EntryName | None = None


class SessionOpened(Body):
    """A camera was docked.

    ``registered`` is what the operator's list of cameras says of the one that this claims to
    be; ``binding`` what is known of the signature of its ``station_bind.ini``.
    """

    kind: ClassVar[str] = "session.opened"

    bay: Word
    volume: Word
    profile: Word
    camera: CameraClaim
    officer: Word | None = None
    unit: Word | None = None
    read_only: Flag | None = None
    port: Word | None = None
    card: CardHistory | None = None
    clock: ClockOffset | None = None
    registered: Literal["in-use", "lost", "retired", "unknown"] | None = None
    binding: Word | None = None


class AbsentFiles(FileName):
    """What a camera's own list names and the card has not, nor the dock took from it.

    The path is that of the list; ``files`` are some of the ``count``, without their folders.
    """

    count: Count
    files: Annotated[tuple[Word, ...], Field(max_length=50)] = ()


class SessionInventory(Body):
    """One page of what was on the card; further pages when more files turned up."""

    kind: ClassVar[str] = "session.inventory"

    session: EntryName
    page: Count
    last: Flag
    files: Annotated[tuple[InventoryFile, ...], Field(max_length=MAX_FILES_PER_PAGE)]
    gaps: Annotated[tuple[NumberGap, ...], Field(max_length=MAX_FILES_PER_PAGE)] = ()
    absent: Annotated[tuple[AbsentFiles, ...], Field(max_length=64)] = ()


class SessionNoted(Body):
    """What the officer said about a docking at the dock: why there is no video, for one."""

    kind: ClassVar[str] = "session.noted"

    session: EntryName
    reason: Word
    text: Words | None = None
    officer: Word | None = None


class ClipSealed(Body):
    """A recording was copied, read back and hashed; from here on it is a clip."""

    kind: ClassVar[str] = "clip.sealed"

    content: Content
    source: Source
    camera_clock: CameraClock
    session: EntryName
    media: Media


class ClipTagged(Body):
    """The officer named a case or category for a clip at the dock."""

    kind: ClassVar[str] = "clip.tagged"

    clip: EntryName
    case_no: Word | None = None
    category: Word | None = None
    officer: Word | None = None


class EraseIntended(Body):
    """The dock is about to erase a released recording from its card."""

    kind: ClassVar[str] = "erase.intended"

    clip: EntryName
    session: EntryName
    release_index: Count


class ClipErased(Body):
    """The recording was read again, found equal, and unlinked on the card."""

    kind: ClassVar[str] = "clip.erased"

    clip: EntryName
    session: EntryName
    reread_sha256: Hash


class ClipLost(Body):
    """A sealed clip is gone from the spool before its release."""

    kind: ClassVar[str] = "clip.lost"

    clip: EntryName
    reason: Words


class SessionClosed(Body):
    """The end of one docking, and where the ledger stood then."""

    kind: ClassVar[str] = "session.closed"

    session: EntryName
    reason: Literal["released", "removed", "power", "daily"]
    sealed: Count
    released: Count
    erased: Count
    inventory_files: Count
    inventory_pages: Count
    leftovers: Annotated[tuple[Leftover, ...], Field(max_length=MAX_FILES_PER_PAGE)] = ()
    leftovers_total: Count = 0
    head: EntryName
    head_hash: Hash


class AlarmRaised(Body):
    """Something a person has to see to."""

    kind: ClassVar[str] = "alarm.raised"

    code: Word
    text: Words
    about: Word | None = None


class AlarmCleared(Body):
    """An alarm's cause is gone, or a person saw to it: ``by`` and ``reason`` are what they said."""

    kind: ClassVar[str] = "alarm.cleared"

    code: Word
    about: Word | None = None
    by: Word | None = None
    reason: Words | None = None


class KeyRotated(Body):
    """The dock gives up its statement key: the next entry is signed with the new one.

    Signed with the key that is given up, which ``previous_key`` names, so that a ledger can be
    checked from either end. ``proof`` is the new key's signature over dock, place and both keys
    (``protocols.rotation``), in base64. ``certificates`` are as in ``DockEnrolled``, for readers.
    """

    kind: ClassVar[str] = "key.rotated"

    statement_key: Words
    kid: Hash
    previous_key: Words
    proof: Annotated[str, Field(max_length=100)]
    by: Word | None = None
    reason: Words | None = None
    certificates: Certificates | None = None


# --- kinds of the gateway -----------------------------------------------------------


class LogOpened(Body):
    """Leaf 0 of the log: who runs it, under which keys."""

    kind: ClassVar[str] = "log.opened"

    origin: Word
    instance: Word
    gateway: Word
    statement_key: Words
    receipt_key: Words
    checkpoint_key: Words
    development: Flag = False


class DockEnrolled(Body):
    """A dock's statement key is trusted from here on.

    ``certificates`` are those of the key, each base64 of DER, its own first and the root last;
    none where the key was handed over by hand. Trust rests on this statement, not on them.
    """

    kind: ClassVar[str] = "dock.enrolled"

    dock: Word
    statement_key: Words
    kid: Hash
    how: Word
    certificates: Certificates | None = None


class DockKeyRotated(Body):
    """A dock rotated its key, as it states at that entry of its own; both have to say the same."""

    kind: ClassVar[str] = "dock.key.rotated"

    dock: Word
    statement_key: Words
    kid: Hash
    epoch: Count
    seq: Count
    statement_hash: Hash


class DockRevoked(Body):
    """What a dock signed is trusted up to ``last_seq`` of ``last_epoch`` only, by whatever key.

    ``by`` and ``reason`` are who decided and why; ``by`` is missing in logs of earlier programs.
    """

    kind: ClassVar[str] = "dock.revoked"

    dock: Word
    kid: Hash
    last_epoch: Count
    last_seq: Count
    by: Word | None = None
    reason: Words


class EpochApproved(Body):
    """A dock that lost its ledger may go on in this epoch, after that last entry of the one before.

    ``by`` and ``reason`` are who allowed it and what happened, in their words.
    """

    kind: ClassVar[str] = "epoch.approved"

    dock: Word
    epoch: Annotated[int, Field(strict=True, ge=1, lt=2**63)]
    last_epoch: Count
    last_seq: Count
    by: Word
    reason: Words


class AlarmSettled(Body):
    """An alarm that accuses a dock or the gateway was looked into: by whom, and what was found."""

    kind: ClassVar[str] = "alarm.settled"

    dock: Word
    code: Word
    by: Word
    reason: Words


class ClipStored(Body):
    """The clip was stored and read back: its statement with receipt is the release."""

    kind: ClassVar[str] = "clip.stored"

    clip: EntryName
    size: Count
    sha256: Hash
    root: Hash
    statement_hash: Hash
    stores: Annotated[tuple[Word, ...], Field(min_length=1, max_length=16)]
    read_back: Word


class RepairedLeaves(Part):
    """Leaves ``first`` to ``last`` of a clip, which came from one replica."""

    first: Count
    last: Count
    source: Word


class FoundDamaged(Part):
    """What lay in the store before a repair, and where it was set aside.

    Each is None where it is not known: there was no object, or the disk did not give it back.
    """

    size: Count | None = None
    sha256: Hash | None = None
    aside: Word | None = None


class ClipRepaired(Body):
    """A damaged object was made whole again, leaf by leaf, and read back; it is as sealed.

    ``repair`` names the act. ``leaves`` are those that came from a replica, at most 1,000 runs of
    them; ``replaced`` counts all. Every other leaf is the store's own.
    """

    kind: ClassVar[str] = "clip.repaired"

    clip: EntryName
    repair: Word
    size: Count
    sha256: Hash
    root: Hash
    read_back: Word
    before: FoundDamaged
    replaced: Count
    leaves: Annotated[tuple[RepairedLeaves, ...], Field(max_length=MAX_REPAIRED_RUNS)]
    by: Word
    reason: Words


class CaseOpened(Body):
    """The gateway learnt of a case."""

    kind: ClassVar[str] = "case.opened"

    case: Word
    case_no: Word
    title: Words | None = None
    category: Word | None = None
    unit: Word | None = None
    by: Word


class CaseLinked(Body):
    """A clip was tied to a case."""

    kind: ClassVar[str] = "case.linked"

    case: Word
    case_no: Word
    clip: EntryName
    link: Word
    by: Word
    why: Words
    how: Literal["manual", "officer-tag", "case-system", "confirmed-proposal"]


class CaseUnlinked(Body):
    """A link was withdrawn; it stays on record."""

    kind: ClassVar[str] = "case.unlinked"

    case: Word
    case_no: Word
    clip: EntryName
    link: Word
    by: Word
    why: Words


class ClipExported(Body):
    """A copy of the clip was handed out, in an evidence pack; stated before it is delivered.

    ``about`` is the urn of the case or clip that the pack is about; ``original`` says whether
    the clip's bytes go along or only what was stated about it, ``request`` is the key that
    makes one export of an asking that was repeated.
    """

    kind: ClassVar[str] = "clip.exported"

    clip: EntryName
    export: Count
    about: Word
    original: Flag
    sha256: Hash
    reason: Words
    recipient: Word
    by: Word
    request: Word | None = None


class ClipViewed(Body):
    """Somebody looked at footage that is not his own; stated before a byte is given.

    ``asker`` is the token of a person's account or a case system, ``view`` names the act.
    """

    kind: ClassVar[str] = "clip.viewed"

    clip: EntryName
    view: Word
    asker: Word
    how: Literal["play", "copy"]
    by: Word
    reason: Words


class AccountSet(Body):
    """What a person may do from here on; the newest of an account counts.

    ``unit`` is the top of the part of the unit tree that is his, none for all of it; ``officer``
    the number under which docks know him. What he signs in with is on no record.
    """

    kind: ClassVar[str] = "account.set"

    account: Word
    login: Word
    name: Word
    officer: Word | None = None
    roles: Annotated[tuple[Word, ...], Field(max_length=16)]
    unit: Word | None = None
    active: Flag
    by: Word
    why: Words


class ClientSet(Body):
    """What a case system may do from here on; the newest of a client counts.

    ``expires`` is a moment in UTC after which its token is refused, whatever else holds. When no
    ``role`` is said, it is a case system.
    """

    kind: ClassVar[str] = "client.set"

    client: Word
    name: Word
    role: Word | None = None
    unit: Word | None = None
    expires: Word
    active: Flag
    by: Word
    why: Words


_ALL: tuple[type[Body], ...] = (
    DockBooted,
    LedgerReopened,
    SessionOpened,
    SessionInventory,
    SessionNoted,
    ClipSealed,
    ClipTagged,
    EraseIntended,
    ClipErased,
    ClipLost,
    SessionClosed,
    AlarmRaised,
    AlarmCleared,
    KeyRotated,
    LogOpened,
    DockEnrolled,
    DockKeyRotated,
    DockRevoked,
    EpochApproved,
    AlarmSettled,
    ClipStored,
    ClipRepaired,
    CaseOpened,
    CaseLinked,
    CaseUnlinked,
    ClipExported,
    ClipViewed,
    AccountSet,
    ClientSet,
)
BODIES: dict[str, type[Body]] = {body.kind: body for body in _ALL}
