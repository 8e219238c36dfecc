"""What the dock's database knows, as values. Nothing here reads or writes it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hashing.digest import ContentDigest
from protocols.ids import ClipId, EntryId, SessionId
from protocols.kinds import CameraClock, Media, Source


class ClipState(StrEnum):
    """Where a clip stands in its life at the dock."""

    SEALED = "sealed"
    RELEASED = "released"
    ERASED = "erased"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class ClipDraft:
    """A recording that was copied, hashed, synced, read back and published; not a clip yet.

    Attributes:
        content: digests of the bytes.
        source: where it came from, as the card told.
        camera_clock: what the camera's clock claimed.
        media: what the probe could tell.
        session: the docking that brought it.
        spool_name: the published spool file.
        volume: the card, as the camera claims it.
        path: on the card, relative to its root.
        mtime_ns: as the card told, nanoseconds since 1970.
    """

    content: ContentDigest
    source: Source
    camera_clock: CameraClock
    media: Media
    session: SessionId
    spool_name: str
    volume: str
    path: bytes
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class ClipRow:
    """One clip.

    Attributes:
        clip: the entry that sealed it.
        statement_hash: of that entry.
        spool_name: None once the spool no longer holds it.
        release_index: position of the release in the gateway's log, None before it.
        released_ns: when the release was accepted, by the dock's clock; for housekeeping only.
    """

    clip: ClipId
    session: SessionId
    size: int
    sha256: bytes
    root: bytes
    statement_hash: bytes
    leaf_count: int
    spool_name: str | None
    volume: str
    path: bytes
    mtime_ns: int
    marked: bool
    state: ClipState
    release_index: int | None
    released_ns: int | None


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One docking.

    Attributes:
        opened: UTC text of the dock's clock.
        closed: reason of the close, None while open.
        inventory_pages: pages signed so far.
        inventory_files: files named on them.
    """

    session: SessionId
    bay: str
    volume: str
    opened: str
    closed: str | None
    inventory_pages: int
    inventory_files: int


@dataclass(frozen=True, slots=True)
class Erasure:
    """An erasure that was begun.

    Attributes:
        session: the docking in which it was last begun.
        compared: digest of the recording when it was read again and found equal; None
            before that.
        place: the folder it was in then; None in a note of an earlier program.
    """

    clip: ClipId
    session: SessionId
    compared: bytes | None
    place: str | None


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something a person has to see to; ``raised`` is UTC text of the dock's clock."""

    code: str
    text: str
    about: str | None
    raised: str


@dataclass(frozen=True, slots=True)
class Tag:
    """What an officer says of a clip: a case, a category, or both; all of it claims."""

    case_no: str | None = None
    category: str | None = None
    officer: str | None = None

    def said(self) -> dict[str, str]:
        """What is said at all, by its names."""
        every = {"case_no": self.case_no, "category": self.category, "officer": self.officer}
        return {name: text for name, text in every.items() if text is not None}

    def adds_nothing_to(self, before: Tag) -> bool:
        """Whether all of this was said last."""
        return self.said().items() <= before.said().items()

    def over(self, before: Tag) -> Tag:
        """What was said last of each once this is said after that; the officer is this one's."""
        return Tag(self.case_no or before.case_no, self.category or before.category, self.officer)


@dataclass(frozen=True, slots=True)
class RefusalRow:
    """What the gateway said against an entry; ``retry`` is never, later or operator."""

    entry: EntryId
    code: str
    reason: str
    retry: str


class Bond(StrEnum):
    """How far a ledger and its spool are bound to each other."""

    BEGUN = "begun"
    """the ledger says so; the spool may not have its name yet"""
    ACCEPTED = "accepted"
    """an operator said so; not on record yet"""
    BOUND = "bound"


@dataclass(frozen=True, slots=True)
class BoundSpool:
    """The spool that a ledger's clips are in; ``identity`` is what stands in its id file."""

    identity: str
    bond: Bond
