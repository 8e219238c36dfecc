"""A gateway's log as values: keys, a tree in memory, releases and trails that verify.

It signs what a real gateway signs, with the real code of ``hashing`` and ``protocols``.
Tests that need a gateway gone bad take a method apart and build the bad message.
"""

from __future__ import annotations

import base64
from collections import defaultdict

from hashing.keys import Ed25519Signer, Es256Signer
from hashing.ledger import SubjectHead, next_subject_link, statement_hash
from hashing.merkle import consistency_proof, inclusion_proof, leaf_hash, leaf_reader, root
from hashing.note import Checkpoint, NoteKey, SignatureType, sign_checkpoint
from hashing.receipt import sign_receipt
from hashing.statement import attach_receipts, sign_statement
from protocols.acceptance import Sealed
from protocols.anchors import Anchors
from protocols.clock import ClockReading, ClockSource
from protocols.ids import DockId, dock_urn, gateway_urn
from protocols.kinds import (
    Body,
    ClipStored,
    DockEnrolled,
    DockKeyRotated,
    KeyRotated,
    LogOpened,
)
from protocols.messages import Entry, Proved, ReceiptMessage, ReleaseMessage
from protocols.records import decode_record, encode_record
from protocols.trail import TrailAbout, TrailConsistency, TrailDocument, TrailEntry

ORIGIN = "evidock.example/log"
AT = ClockReading(
    utc="2026-02-25T08:00:00.000Z", source=ClockSource.NTP, error_ms=1, boot="g", monotonic_ns=1
)


class SimulatedLog:
    """One gateway's keys and everything it logged.

    Attributes:
        entries: ``(statement, record)`` in log order; leaf 0 is ``log.opened``.
    """

    def __init__(self) -> None:
        self.statement_signer = Es256Signer.generate()
        self.receipt_signer = Es256Signer.generate()
        self.checkpoint_signer = Ed25519Signer.generate()
        self.gateway = gateway_urn("gateway")
        self.entries: list[tuple[bytes, bytes]] = []
        self._heads: dict[str, SubjectHead] = defaultdict()
        key = NoteKey(ORIGIN, self.checkpoint_signer.public, SignatureType.ED25519)
        self.append_own(
            LogOpened(
                origin=ORIGIN,
                instance="simulated",
                gateway=self.gateway,
                statement_key=self.statement_signer.public.pem(),
                receipt_key=self.receipt_signer.public.pem(),
                checkpoint_key=key.vkey(),
            ),
            self.gateway,
        )
        self.anchors = Anchors(
            self.gateway,
            self.statement_signer.public,
            self.receipt_signer.public,
            key,
            self.note(),
        )

    @property
    def size(self) -> int:
        """Number of entries."""
        return len(self.entries)

    def leaves(self) -> list[bytes]:
        """Leaf hashes of all entries."""
        return [leaf_hash(statement) for statement, _ in self.entries]

    def note(self, size: int | None = None) -> bytes:
        """The signed checkpoint of the first ``size`` entries, of all when None."""
        count = self.size if size is None else size
        checkpoint = Checkpoint(ORIGIN, count, root(self.leaves()[:count]))
        return sign_checkpoint(checkpoint, self.checkpoint_signer, ORIGIN)

    def append(self, entry: Entry) -> int:
        """Log a dock's entry; gives its index."""
        self.entries.append((entry.statement, entry.record))
        return self.size - 1

    def append_own(self, body: Body, subject: str) -> int:
        """Sign and log a statement of the gateway; gives its index."""
        link = next_subject_link(self._heads.get(subject))
        record = encode_record(body, at=AT, checkpoint=None, salt=self.size.to_bytes(16, "big"))
        statement = sign_statement(
            self.statement_signer,
            record=record,
            issuer=self.gateway,
            subject=subject,
            chain=link,
        )
        self._heads[subject] = SubjectHead(link.seq, statement_hash(statement))
        self.entries.append((statement, record))
        return self.size - 1

    def enrol(
        self, dock: DockId, signer: Es256Signer, *, certificates: tuple[str, ...] | None = None
    ) -> int:
        """Trust a dock's key from here on."""
        return self.append_own(
            DockEnrolled(
                dock=dock,
                statement_key=signer.public.pem(),
                kid=signer.public.kid.hex(),
                how="test",
                certificates=certificates,
            ),
            dock_urn(dock),
        )

    def confirm(self, dock: DockId, entry: Entry, **lies: object) -> int:
        """State that a dock rotated its key, as its entry says."""
        stated = decode_record(entry.record).body
        if not isinstance(stated, KeyRotated):
            msg = f"entry {entry.seq} rotates nothing"
            raise TypeError(msg)
        body = DockKeyRotated(
            dock=dock,
            statement_key=stated.statement_key,
            kid=stated.kid,
            epoch=entry.epoch,
            seq=entry.seq,
            statement_hash=statement_hash(entry.statement).hex(),
        )
        return self.append_own(body.model_copy(update=lies), dock_urn(dock))

    def receipt(self, index: int) -> bytes:
        """The receipt of one entry for the tree as it is now."""
        return sign_receipt(
            self.receipt_signer,
            size=self.size,
            index=index,
            path=inclusion_proof(leaf_reader(self.leaves()), index, self.size),
            root=root(self.leaves()),
            issuer=self.gateway,
            subject="receipt",
            issued_at=1_772_000_000,
        )

    def proved(self, from_size: int) -> Proved:
        """The checkpoint as it is now and the way to it."""
        path = consistency_proof(leaf_reader(self.leaves()), from_size, self.size)
        return Proved(self.note(), from_size, tuple(path))

    def stored(self, sealed: Sealed) -> ClipStored:
        """What the gateway states when it stored just what was sealed."""
        return ClipStored(
            clip=str(sealed.clip),
            size=sealed.size,
            sha256=sealed.sha256.hex(),
            root=sealed.root.hex(),
            statement_hash=sealed.statement_hash.hex(),
            stores=("local",),
            read_back="o_direct",
        )

    def receipt_message(self, entry: Entry, index: int, from_size: int) -> ReceiptMessage:
        """The message that proves a dock's entry to be logged."""
        return ReceiptMessage(entry.epoch, entry.seq, self.receipt(index), self.proved(from_size))

    def release(
        self,
        sealed: Sealed,
        from_size: int,
        *,
        body: Body | None = None,
        subject: str | None = None,
    ) -> ReleaseMessage:
        """Log ``clip.stored`` and make the release; ``body`` and ``subject`` to lie."""
        index = self.append_own(body or self.stored(sealed), subject or sealed.clip.clip_urn)
        return self.release_message(sealed, index, from_size)

    def release_message(self, sealed: Sealed, index: int, from_size: int) -> ReleaseMessage:
        """The release for an entry logged before."""
        statement, record = self.entries[index]
        return ReleaseMessage(
            sealed.clip.epoch,
            sealed.clip.seq,
            record,
            attach_receipts(statement, [self.receipt(index)]),
            self.proved(from_size),
        )

    def trail(self, about: TrailAbout, indices: list[int], clips: tuple[str, ...]) -> TrailDocument:
        """The trail document of these entries."""
        reader = leaf_reader(self.leaves())
        pinned = self.anchors.checkpoint.size
        return TrailDocument(
            about=about,
            checkpoint=self.note().decode(),
            consistency=TrailConsistency(
                from_size=pinned,
                path=tuple(_b64(h) for h in consistency_proof(reader, pinned, self.size)),
            ),
            entries=tuple(
                TrailEntry(
                    index=index,
                    statement=_b64(self.entries[index][0]),
                    record=_b64(self.entries[index][1]),
                    path=tuple(_b64(h) for h in inclusion_proof(reader, index, self.size)),
                )
                for index in indices
            ),
            clips=clips,
        )


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
