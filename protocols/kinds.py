"""What each kind of record states (SPEC 3).

Bodies allow unknown fields, which a newer program may add. A hash is lower-case hex, as
``sha256sum`` prints it; a clip, session or entry is named as in ``protocols.ids``.
"""

from __future__ import annotations

import base64
import binascii
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from protocols.errors import IdError
from protocols.ids import EntryId

MAX_FILES_PER_PAGE = 1000
MAX_REPAIRED_RUNS = 1000
MAX_DUE_CLIPS = 500
MAX_CHAPTERS = 200
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
Acknowledged = Annotated[tuple[Word, ...], Field(max_length=256)]


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


class Imported(Part):
    """Who brought files to a dock by hand, why, and where they are from, in his words."""

    by: Word
    why: Words
    origin: Words


class Source(FileName):
    """Where a clip came from, as the card told.

    ``sidecar_of`` names the recordings that this file stands beside, as its name says;
    ``imported`` says that it came in by hand and off no camera's card that a dock was given.
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
    imported: Imported | None = None


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
    be; ``binding`` what is known of the signature of its ``station_bind.ini``. ``imported`` says
    that no camera was docked: somebody brought files by hand.
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
    imported: Imported | None = None


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


class CaseParty(Part):
    """A person or organisation a case is about; a person's name is masked, such as 张*."""

    name: Word
    type: Literal["person", "organisation"]
    role: Word | None = None


class CaseOfficer(Part):
    """Who acts in a case: name, number of the certificate and until which day it holds."""

    name: Word
    number: Word | None = None
    valid_until: Word | None = None
    regular: Flag = True


class CaseStage(Part):
    """One stage of a procedure; times are RFC 3339 with a zone, ``end`` is absent while it runs."""

    name: Word
    start: Word | None = None
    end: Word | None = None
    place: Word | None = None


class CaseDecision(Part):
    """What was decided, on which day, under which number."""

    type: Word
    date: Word | None = None
    number: Word | None = None


class ExternalId(Part):
    """The name of a case in another system."""

    system: Word
    id: Word


class CaseSet(Body):
    """The whole particulars of a case as the case system has them; the newest count.

    ``unit`` is said only to give a case one that had none: a case moves by ``CaseTransferred``.
    """

    kind: ClassVar[str] = "case.set"

    case: Word
    case_no: Word
    title: Words | None = None
    category: Word | None = None
    cause: Words | None = None
    filed: Word | None = None
    unit: Word | None = None
    parties: Annotated[tuple[CaseParty, ...], Field(max_length=64)] = ()
    officers: Annotated[tuple[CaseOfficer, ...], Field(max_length=64)] = ()
    stages: Annotated[tuple[CaseStage, ...], Field(max_length=64)] = ()
    decision: CaseDecision | None = None
    external_ids: Annotated[tuple[ExternalId, ...], Field(max_length=64)] = ()
    archive_no: Word | None = None
    by: Word
    why: Words | None = None


class CaseRenumbered(Body):
    """A case goes on under another number; the ``former`` one stays its own for ever."""

    kind: ClassVar[str] = "case.renumbered"

    case: Word
    case_no: Word
    former: Word
    by: Word
    why: Words


class CaseMerged(Body):
    """Another case became part of this one: its clips, numbers and acts count to this one.

    ``merged`` is that other case, ``acts`` how many acts its chain had, so that none of them can
    be left out unseen; none follows.
    """

    kind: ClassVar[str] = "case.merged"

    case: Word
    case_no: Word
    merged: Word
    merged_no: Word
    acts: Count
    by: Word
    why: Words


class CaseTransferred(Body):
    """A case counts to another unit from here on."""

    kind: ClassVar[str] = "case.transferred"

    case: Word
    case_no: Word
    unit: Word
    former: Word | None = None
    by: Word
    why: Words


class CaseSealed(Body):
    """The file of a case was closed: its links and particulars stay as they are."""

    kind: ClassVar[str] = "case.sealed"

    case: Word
    case_no: Word
    archive_no: Word | None = None
    by: Word
    why: Words


class CaseUnsealed(Body):
    """A closed file was opened again."""

    kind: ClassVar[str] = "case.unsealed"

    case: Word
    case_no: Word
    by: Word
    why: Words


class CaseExcused(Body):
    """Why there is no footage of a stage, or not of all of it; the newest of a stage counts."""

    kind: ClassVar[str] = "case.excused"

    case: Word
    case_no: Word
    stage: Word
    by: Word
    why: Words


class ProposalRejected(Body):
    """A clip that was proposed for a case does not belong to it, somebody says."""

    kind: ClassVar[str] = "proposal.rejected"

    case: Word
    case_no: Word
    clip: EntryName
    by: Word
    why: Words


class ClipKeySupplied(Body):
    """Somebody supplied the key of an encrypted clip; the clip stays as it was sealed.

    ``digest`` is scrypt (RFC 7914, N 16384, r 8, p 1, 32 bytes) over the key with ``salt``: a key
    that is shown is recognised by it, and it tells none. ``supply`` names the act.
    """

    kind: ClassVar[str] = "clip.key.supplied"

    clip: EntryName
    supply: Word
    scheme: Word
    salt: Word
    digest: Hash
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
    acknowledged: Acknowledged = ()


class ClipViewed(Body):
    """Somebody looked at footage that is not his own; stated before a byte is given.

    ``asker`` is the token of a person's account or a case system, ``view`` names the act;
    ``acknowledged`` are the marks of the clip that were shown to him and that he took note of.
    """

    kind: ClassVar[str] = "clip.viewed"

    clip: EntryName
    view: Word
    asker: Word
    how: Literal["play", "copy"]
    by: Word
    reason: Words
    acknowledged: Acknowledged = ()


class ClipCorrected(Body):
    """What was claimed of a clip is put right; the claim stays as it was sealed.

    ``number`` counts the corrections of the clip from 1, and the newest of a ``field`` counts.
    ``to`` is what it is said to be now, and missing where a correction is taken back: then the
    claim counts again. A ``started`` is in UTC, right to ``error_ms``, as ``known_by`` says.
    """

    kind: ClassVar[str] = "clip.corrected"

    clip: EntryName
    number: Annotated[int, Field(strict=True, ge=1, lt=2**63)]
    field: Literal["officer", "unit", "started"]
    claimed: Words | None = None
    to: Word | None = None
    error_ms: Count | None = None
    known_by: Words | None = None
    by: Word
    why: Words


class ClipMarked(Body):
    """Somebody's objection to a clip, a class of secrecy, or why it matters.

    ``mark`` names it. ``until`` is a moment in UTC from which it holds no more, if one was set.
    """

    kind: ClassVar[str] = "clip.marked"

    clip: EntryName
    mark: Word
    label: Literal[
        "privacy",
        "trade-secret",
        "secret",
        "highly-secret",
        "top-secret",
        "minor",
        "third-party",
        "important",
    ]
    by: Word
    why: Words
    until: Word | None = None


class ClipUnmarked(Body):
    """A mark was taken back; that it was there stays on record."""

    kind: ClassVar[str] = "clip.unmarked"

    clip: EntryName
    mark: Word
    label: Word
    by: Word
    why: Words


class RecordingGrouped(Body):
    """Clips are the chapters of one recording, in this order; ``how`` says who found that out."""

    kind: ClassVar[str] = "recording.grouped"

    recording: Word
    clips: Annotated[tuple[EntryName, ...], Field(min_length=2, max_length=MAX_CHAPTERS)]
    how: Literal["by-hand", "proposal"]
    by: Word
    why: Words


class RecordingUngrouped(Body):
    """Clips are no longer taken for the chapters of one recording."""

    kind: ClassVar[str] = "recording.ungrouped"

    recording: Word
    clips: Annotated[tuple[EntryName, ...], Field(min_length=2, max_length=MAX_CHAPTERS)]
    by: Word
    why: Words


class AccountSet(Body):
    """What a person may do from here on; the newest of an account counts.

    ``unit`` is the top of the part of the unit tree that is his, none for all of it; ``officer``
    the number under which docks know him; ``provider`` the OpenID Connect provider that says who
    he is, none where he has a password here; ``subject`` the provider's own name for him, stated
    at his first sign-in and not again: the first of an account at a provider counts until it has
    none. What he signs in with is on no record.
    """

    kind: ClassVar[str] = "account.set"

    account: Word
    login: Word
    name: Word
    officer: Word | None = None
    roles: Annotated[tuple[Word, ...], Field(max_length=16)]
    unit: Word | None = None
    active: Flag
    provider: Words | None = None
    subject: Annotated[str, Field(max_length=255)] | None = None
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


class HoldPlaced(Body):
    """Something may not be disposed of, whatever a rule says, until this is lifted.

    One for each clip that it names, under one ``hold``, or one for a case, which covers every
    clip linked to it now or later. ``authority`` is who ordered it, ``document`` its number.
    After ``until`` somebody has to look at it again; it ends by ``hold.lifted`` alone.
    """

    kind: ClassVar[str] = "hold.placed"

    hold: Word
    case: Word | None = None
    clip: EntryName | None = None
    reason: Words
    authority: Word
    document: Word | None = None
    until: Word | None = None
    by: Word

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        return _case_or_clip(self, self.case, self.clip)


class HoldLifted(Body):
    """A hold ends: one for each clip that it named, or for its case."""

    kind: ClassVar[str] = "hold.lifted"

    hold: Word
    case: Word | None = None
    clip: EntryName | None = None
    reason: Words
    by: Word

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        return _case_or_clip(self, self.case, self.clip)


_BodyT = TypeVar("_BodyT", bound=Body)


def _case_or_clip(body: _BodyT, case: str | None, clip: str | None) -> _BodyT:
    if (case is None) == (clip is None):
        msg = "exactly one of case and clip"
        raise ValueError(msg)
    return body


class RulesNamed(Part):
    """A rule pack: its version, and the SHA-256 of its file."""

    version: Count
    sha256: Hash


class RulesAdopted(Body):
    """From here on clips are kept by this rule pack, which an authority signed with ``kid``."""

    kind: ClassVar[str] = "rules.adopted"

    jurisdiction: Word
    rules: RulesNamed
    kid: Hash
    by: Word
    why: Words


class DueClip(Part):
    """A clip that may go: what it was sealed as, and since when no rule keeps it."""

    clip: EntryName
    size: Count
    sha256: Hash
    due: Word


class DisposalProposed(Body):
    """A person proposes to dispose of these clips and no others.

    ``asker`` is the token of the person's account; ``unit`` whose clips they are.
    """

    kind: ClassVar[str] = "disposal.proposed"

    disposal: Word
    clips: Annotated[tuple[DueClip, ...], Field(min_length=1, max_length=MAX_DUE_CLIPS)]
    rules: RulesNamed
    unit: Word | None = None
    asker: Word
    by: Word
    reason: Words


class DisposalApproved(Body):
    """Another person, in another role, agrees: ``proposal`` is the statement that was read."""

    kind: ClassVar[str] = "disposal.approved"

    disposal: Word
    proposal: Hash
    wait_s: Count
    asker: Word
    by: Word
    reason: Words


class DisposalRefused(Body):
    """A disposal does not take place, or no more of it; whoever proposed it may withdraw it."""

    kind: ClassVar[str] = "disposal.refused"

    disposal: Word
    asker: Word
    by: Word
    reason: Words


class ClipDisposed(Body):
    """The tombstone: from here on the gateway removes the clip's bytes and gives them to nobody.

    Logged before the first byte goes. ``proposed`` and ``approved`` are the positions of those
    statements; ``why`` is what was found when each clip was looked at once more.
    """

    kind: ClassVar[str] = "clip.disposed"

    clip: EntryName
    disposal: Word
    size: Count
    sha256: Hash
    root: Hash
    rules: RulesNamed
    why: Annotated[tuple[Words, ...], Field(max_length=64)]
    proposed: Count
    approved: Count


class LeftOut(Part):
    """A clip of a disposal that was not disposed of after all."""

    clip: EntryName
    code: Word
    reason: Words


class DisposalClosed(Body):
    """What became of every clip of a disposal, by count and hash.

    ``list_sha256`` is of the disposed ones' lines ``clip sha256 size``, each ended by a line feed,
    in the order of the proposal.
    """

    kind: ClassVar[str] = "disposal.closed"

    disposal: Word
    proposed: Count
    disposed: Count
    bytes: Count
    list_sha256: Hash
    left_out: Annotated[tuple[LeftOut, ...], Field(max_length=MAX_DUE_CLIPS)] = ()


class WebhookSet(Body):
    """A case system is told what happens, at a host and of these kinds, from here on or no longer.

    ``webhook`` names the receiver, ``client`` the case system; its whole address and the secret
    that signs what it is told are on no record. Without ``kinds`` it is told of all.
    """

    kind: ClassVar[str] = "webhook.set"

    webhook: Word
    client: Word
    host: Word
    kinds: Annotated[tuple[Word, ...], Field(max_length=64)] | None = None
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
    CaseSet,
    CaseRenumbered,
    CaseMerged,
    CaseTransferred,
    CaseSealed,
    CaseUnsealed,
    CaseExcused,
    ProposalRejected,
    ClipExported,
    ClipViewed,
    ClipKeySupplied,
    ClipCorrected,
    ClipMarked,
    ClipUnmarked,
    RecordingGrouped,
    RecordingUngrouped,
    AccountSet,
    ClientSet,
    WebhookSet,
    HoldPlaced,
    HoldLifted,
    RulesAdopted,
    DisposalProposed,
    DisposalApproved,
    DisposalRefused,
    ClipDisposed,
    DisposalClosed,
)
BODIES: dict[str, type[Body]] = {body.kind: body for body in _ALL}
