"""A dock as values: keys, a ledger and sealed clips, without files, clocks or network.

It signs what a real dock signs, with the real code of ``hashing`` and ``protocols``; only
its camera and its time are made up. Tests that need a dock gone bad build the bad entry
with ``forge`` and put it where they want it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from hashing.digest import LEAF_SIZE, ContentDigest, digest_bytes
from hashing.keys import Es256Signer
from hashing.ledger import DockHead, DockLink, next_dock_link, statement_hash
from hashing.statement import sign_statement
from protocols.clock import ClockReading, ClockSource, utc_text
from protocols.ids import ClipId, DockId, EntryId, SessionId, dock_id, dock_urn
from protocols.kinds import (
    Body,
    CameraClaim,
    CameraClock,
    ClipErased,
    ClipLost,
    ClipSealed,
    ClipTagged,
    Content,
    Disposition,
    DockBooted,
    EraseIntended,
    FileName,
    InventoryFile,
    Leftover,
    Media,
    SessionClosed,
    SessionInventory,
    SessionNoted,
    SessionOpened,
    Source,
    Tree,
)
from protocols.messages import Entry, Head, Ref
from protocols.records import CheckpointRef, decode_record, encode_record
from protocols.rotation import rotated

SHIFT_END_NS = 1_772_000_000_000_000_000
VOLUME = "uuid:4E21-0001"
CloseReason = Literal["released", "removed", "power", "daily"]


@dataclass(frozen=True, slots=True)
class SimulatedClip:
    """A sealed clip with its bytes, as the spool of a dock holds it."""

    clip: ClipId
    session: SessionId
    name: str
    data: bytes = field(repr=False)
    digest: ContentDigest = field(repr=False)

    @property
    def leaves(self) -> bytes:
        """The list of 32-byte leaf hashes, joined."""
        return b"".join(self.digest.leaves)


class SimulatedDock:
    """One dock with one bay.

    Attributes:
        id: its name. signer: its statement key.
        entries: its ledger so far, in order.
        clips: what it sealed, by clip.
        officer, unit: claimed of the next recordings.
        accepted: newest checkpoint it accepted; named in the records it makes from then on.
    """

    def __init__(
        self, name: str = "dock7", *, epoch: int = 0, signer: Es256Signer | None = None
    ) -> None:
        self.id: DockId = dock_id(name)
        self.signer = signer or Es256Signer.generate()
        self.entries: list[Entry] = []
        self.clips: dict[ClipId, SimulatedClip] = {}
        self.accepted: CheckpointRef | None = None
        self.officer: str | None = "officer 014032"
        self.unit: str | None = None
        self._epoch = epoch
        self._head: DockHead | None = None
        self._nonce = 0

    @property
    def public_pem(self) -> str:
        """The statement key as an operator hands it to the gateway."""
        return self.signer.public.pem()

    @property
    def head(self) -> DockHead | None:
        """The newest entry."""
        return self._head

    # --- ledger ----------------------------------------------------------------------

    def append(self, body: Body, subject: str | None = None) -> EntryId:
        """Sign a fact as the next entry; ``subject`` None means what a dock would say."""
        link = next_dock_link(self._head, epoch=self._epoch)
        name = EntryId(self.id, link.epoch, link.seq)
        entry = self.forge(body, link, subject=subject or self._subject(body, name))
        self.entries.append(entry)
        self._head = DockHead(link.epoch, link.seq, statement_hash(entry.statement))
        return name

    def append_bytes(self, record: bytes, subject: str | None = None) -> EntryId:
        """Sign any bytes as the next entry, for records nobody can understand."""
        link = next_dock_link(self._head, epoch=self._epoch)
        entry = self._signed(record, link, subject or dock_urn(self.id), self.signer)
        self.entries.append(entry)
        self._head = DockHead(link.epoch, link.seq, statement_hash(entry.statement))
        return EntryId(self.id, link.epoch, link.seq)

    def forge(
        self,
        body: Body,
        link: DockLink,
        *,
        subject: str | None = None,
        signer: Es256Signer | None = None,
    ) -> Entry:
        """Make an entry for any place, by any key, without adding it to the ledger."""
        name = EntryId(self.id, link.epoch, link.seq)
        return self._signed(
            self.record(body, link.seq),
            link,
            subject or self._subject(body, name),
            signer or self.signer,
        )

    def record(self, body: Body, seq: int) -> bytes:
        """The record's bytes; the salt follows from dock and number, so runs repeat."""
        return encode_record(
            body,
            at=self.reading(seq),
            checkpoint=self.accepted,
            salt=hashlib.sha256(f"{self.id} {seq}".encode()).digest()[:16],
        )

    def reading(self, seq: int) -> ClockReading:
        """The dock's clock when it made entry ``seq``: one second later each time."""
        return ClockReading(
            utc=utc_text(SHIFT_END_NS + seq * 10**9),
            source=ClockSource.NTP,
            error_ms=12,
            boot="5f0c7f8e-simulated",
            monotonic_ns=seq * 10**9,
        )

    def reopen(self) -> None:
        """Go on in the next epoch, as after the loss of the dock's database."""
        self._epoch += 1

    def rotate(self, new: Es256Signer | None = None, **lies: object) -> EntryId:
        """State that the key gives way to another, and sign with that one from here on."""
        signer = new or Es256Signer.generate()
        link = next_dock_link(self._head, epoch=self._epoch)
        name = EntryId(self.id, link.epoch, link.seq)
        body = rotated(name, self.signer.public, signer, by="Wang", reason="yearly")
        stated = self.append(body.model_copy(update=lies))
        self.signer = signer
        return stated

    # --- a shift end -----------------------------------------------------------------

    def boot(self) -> EntryId:
        """State that the daemon started."""
        return self.append(DockBooted(version="0.1.0", ledger_check="intact"))

    def open_session(self, *, officer: str | None = "officer 014032") -> SessionId:
        """Dock a camera."""
        return self.append(
            SessionOpened(
                bay="bay1",
                volume=VOLUME,
                profile="generic",
                camera=CameraClaim(serial="T71082", model="DSJ-A9"),
                officer=officer,
            )
        )

    def inventory(self, session: SessionId, names: Iterable[str], *, last: bool = True) -> EntryId:
        """Sign one page of what is on the card."""
        files = tuple(
            InventoryFile(path=f"DCIM/{name}", disposition=Disposition.INGEST) for name in names
        )
        page = sum(1 for _ in self._of_session(session))
        return self.append(
            SessionInventory(session=str(session), page=page, last=last, files=files)
        )

    def seal(
        self,
        session: SessionId,
        data: bytes,
        *,
        name: str = "REC0001.MP4",
        marked: bool = False,
        path: bytes | None = None,
        media: Media | None = None,
        started: str | None = "2026-02-25T05:58:12",
    ) -> ClipId:
        """Ingest a recording and seal it as a clip."""
        digest = digest_bytes(data)
        where = FileName.names(path if path is not None else f"DCIM/{name}".encode())
        clip = self.append(
            ClipSealed(
                content=content_of(digest),
                source=Source(
                    **where,
                    name=name,
                    mtime="2026-02-25T06:12:00.000Z",
                    volume=VOLUME,
                    profile="generic",
                    camera=CameraClaim(serial="T71082", model="DSJ-A9"),
                    officer=self.officer,
                    unit=self.unit,
                    marked=marked,
                ),
                camera_clock=CameraClock(started=started, method="file time"),
                session=str(session),
                media=media or Media(container="mov,mp4,m4a,3gp,3g2,mj2", playable=True),
            )
        )
        self.clips[clip] = SimulatedClip(clip, session, name, data, digest)
        return clip

    def close_session(
        self,
        session: SessionId,
        *,
        reason: CloseReason = "released",
        leftovers: tuple[Leftover, ...] = (),
        **lies: object,
    ) -> EntryId:
        """Undock the camera; names the ledger's head and how much there was.

        Args:
            session: which docking.
            reason: why it ends; ``daily`` does not end it.
            leftovers: recordings that were not sealed.
            lies: fields of the body to state otherwise.
        """
        if self._head is None:
            msg = "a session is closed after it was opened"
            raise RuntimeError(msg)
        pages = [decode_record(entry.record).body for entry in self._of_session(session)]
        files = sum(len(page.files) for page in pages if isinstance(page, SessionInventory))
        sealed = [clip for clip in self.clips.values() if clip.session == session]
        body = SessionClosed(
            session=str(session),
            reason=reason,
            sealed=len(sealed),
            released=len(sealed),
            erased=0,
            inventory_files=files,
            inventory_pages=len(pages),
            leftovers=leftovers,
            leftovers_total=len(leftovers),
            head=str(EntryId(self.id, self._head.epoch, self._head.seq)),
            head_hash=self._head.hash.hex(),
        )
        return self.append(body.model_copy(update=lies))

    def shift_end(self, recordings: dict[str, bytes], *, marked: str = "") -> list[ClipId]:
        """Dock, take inventory, seal every recording, undock."""
        session = self.open_session()
        self.inventory(session, recordings)
        clips = [
            self.seal(session, data, name=name, marked=name == marked)
            for name, data in recordings.items()
        ]
        self.close_session(session)
        return clips

    # --- what it says ----------------------------------------------------------------

    def page(self, first: int, last: int, *, epoch: int = 0) -> tuple[Entry, ...]:
        """Entries of the ledger by number."""
        return tuple(e for e in self.entries if e.epoch == epoch and first <= e.seq <= last)

    def part(self, clip: ClipId, offset: int, length: int) -> bytes:
        """Bytes of a clip."""
        return self.clips[clip].data[offset : offset + length]

    def announcement(self, released: Iterable[ClipId] = ()) -> Head:
        """A head with a fresh nonce; every sealed clip not in ``released`` waits."""
        self._nonce += 1
        done = set(released)
        waiting = tuple((c.epoch, c.seq, c.seq) for c in sorted(self.clips) if c not in done)
        return Head(
            epoch=self._epoch,
            seq=None if self._head is None else self._head.seq,
            hash=None if self._head is None else self._head.hash.hex(),
            accepted=self.accepted and Ref(size=self.accepted.size, root=self.accepted.root),
            unreleased=waiting,
            free_bytes=10**10,
            nonce=self._nonce,
        )

    def _signed(self, record: bytes, link: DockLink, subject: str, signer: Es256Signer) -> Entry:
        statement = sign_statement(
            signer, record=record, issuer=dock_urn(self.id), subject=subject, chain=link
        )
        return Entry(link.epoch, link.seq, record, statement)

    def _subject(self, body: Body, name: EntryId) -> str:
        match body:
            case ClipSealed():
                return name.clip_urn
            case SessionOpened():
                return name.session_urn
            case (
                SessionInventory(session=session)
                | SessionNoted(session=session)
                | SessionClosed(session=session)
            ):
                return EntryId.parse(session).session_urn
            case ClipTagged() | EraseIntended() | ClipErased() | ClipLost():
                return EntryId.parse(body.clip).clip_urn
            case _:
                return dock_urn(self.id)

    def _of_session(self, session: SessionId) -> Iterator[Entry]:
        needle = b'"kind":"session.inventory"'
        about = f'"session":"{session}"'.encode()
        return (e for e in self.entries if needle in e.record and about in e.record)


def content_of(digest: ContentDigest) -> Content:
    """A digest as a record states it."""
    return Content(
        size=digest.size,
        sha256=digest.sha256.hex(),
        tree=Tree(leaves=len(digest.leaves), root=digest.root.hex()),
    )


def footage(size: int, seed: str = "footage") -> bytes:
    """Bytes that differ everywhere, cheaply and repeatably."""
    return hashlib.shake_256(seed.encode()).digest(size)


__all__ = ["LEAF_SIZE", "SimulatedClip", "SimulatedDock", "content_of", "footage"]
