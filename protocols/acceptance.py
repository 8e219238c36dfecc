"""What a dock accepts from a gateway, and why it may then erase (SPEC 6).

The only proof on which anything is erased is built here. The gateway's administrator is
one of the attackers: a release counts only if the gateway's statement says exactly what
the dock sealed, the statement is in the log, and that log still contains everything the
dock has accepted before.
"""

from __future__ import annotations

from dataclasses import dataclass

from hashing.errors import HashingError
from hashing.ledger import DockLink, SubjectLink
from hashing.merkle import verify_consistency
from hashing.note import Checkpoint, open_checkpoint
from hashing.receipt import decode_receipt, verify_receipt
from hashing.statement import (
    Statement,
    decode_statement,
    decode_transparent,
    verify_record,
    verify_statement,
)
from protocols.anchors import Anchors
from protocols.errors import AcceptanceError, RecordError
from protocols.ids import ClipId, DockId, dock_urn
from protocols.kinds import ClipStored
from protocols.messages import LoggedMessage, Proved, ReceiptMessage, ReleaseMessage
from protocols.records import MAX_SIZE, CheckpointRef, decode_record


@dataclass(frozen=True, slots=True)
class Sealed:
    """What the dock sealed, from its own ledger."""

    clip: ClipId
    size: int
    sha256: bytes
    root: bytes
    statement_hash: bytes


@dataclass(frozen=True, slots=True)
class Release:
    """A proved release.

    Attributes:
        index: position of the gateway's statement in the log.
        accepted: the checkpoint the dock accepts from now on.
    """

    clip: ClipId
    index: int
    accepted: CheckpointRef


def accept_checkpoint(
    anchors: Anchors, accepted: CheckpointRef | None, proved: Proved
) -> CheckpointRef:
    """Decide whether a checkpoint continues the log this dock knows.

    Args:
        anchors: whom the dock trusts.
        accepted: the newest checkpoint accepted so far; None means the pinned one.
        proved: the checkpoint and its consistency path.

    Returns:
        The newer of both.

    Raises:
        AcceptanceError: ``stale`` when the path starts elsewhere (announce the head again);
            ``log-forked`` when two signed checkpoints contradict each other; and, of a
            message that anybody on the way may have spoilt, ``checkpoint-signature``,
            ``checkpoint-size`` and ``proof-damaged`` (the path does not lead there).
    """
    try:
        new = open_checkpoint(proved.note, anchors.checkpoint_key)
    except HashingError as error:
        raise AcceptanceError("checkpoint-signature", f"checkpoint: {error}") from error
    if new.origin != anchors.origin:
        raise AcceptanceError("checkpoint-signature", f"checkpoint of another log: {new.origin}")
    ref, known = _ref(new), accepted or _ref(anchors.checkpoint)
    if new.size == known.size:
        if new.root.hex() != known.root:
            raise AcceptanceError("log-forked", f"two roots for size {new.size}")
        return known
    if new.size < known.size or proved.from_size != known.size:
        raise AcceptanceError(
            "stale",
            f"proof runs from {proved.from_size} to {new.size}; accepted is {known.size}",
        )
    try:
        verify_consistency(known.size, bytes.fromhex(known.root), new.size, new.root, proved.path)
    except HashingError as error:
        # A rewritten log looks like this too, but the path is nobody's signed word.
        raise AcceptanceError(
            "proof-damaged",
            f"not proved that checkpoint {new.size} contains checkpoint {known.size}: {error}",
        ) from error
    return ref


def accept_receipt(
    anchors: Anchors,
    accepted: CheckpointRef | None,
    statement: bytes,
    message: ReceiptMessage,
) -> CheckpointRef:
    """Decide whether the dock's own entry is proved to be in the log.

    Raises:
        AcceptanceError: as ``accept_checkpoint``, or ``receipt``.
    """
    ref = accept_checkpoint(anchors, accepted, message.proved)
    try:
        leaf = decode_statement(statement).leaf
    except HashingError as error:
        raise AcceptanceError("receipt", f"receipt: {error}") from error
    _check_receipt(anchors, leaf, message.receipt, message.proved.note)
    return ref


def accept_logged(
    anchors: Anchors, accepted: CheckpointRef | None, dock: DockId, message: LoggedMessage
) -> tuple[Statement, DockLink]:
    """Decide whether an entry under a dock's name is proved to be in the log.

    Returns:
        The statement, and the place in the dock's ledger that it claims. Whether this dock
        made it is for its own ledger to say.

    Raises:
        AcceptanceError: as ``accept_checkpoint``, or ``receipt``; then it proves nothing.
    """
    accept_checkpoint(anchors, accepted, message.proved)
    try:
        statement = decode_statement(message.statement)
    except HashingError as error:
        raise AcceptanceError("receipt", f"statement: {error}") from error
    _check_receipt(anchors, statement.leaf, message.receipt, message.proved.note)
    if statement.issuer != dock_urn(dock) or not isinstance(statement.chain, DockLink):
        raise AcceptanceError("receipt", f"not an entry of {dock}: {statement.issuer}")
    return statement, statement.chain


def accept_release(
    anchors: Anchors, accepted: CheckpointRef | None, sealed: Sealed, message: ReleaseMessage
) -> Release:
    """Decide whether a clip is proved to be stored as it was sealed.

    Raises:
        AcceptanceError: with the first of the checks that fails.
    """
    # 1. The checkpoint continues what this dock knows.
    ref = accept_checkpoint(anchors, accepted, message.proved)
    # 2. The statement is the gateway's own, about this clip, over this record.
    statement = _gateway_statement(anchors, sealed, message)
    # 3. The record says that exactly what was sealed is stored.
    _check_stored(sealed, message.record)
    # 4. The statement is in the log that the checkpoint commits to.
    index = _check_receipt(anchors, statement.leaf, statement.receipts[0], message.proved.note)
    return Release(sealed.clip, index, ref)


def _gateway_statement(anchors: Anchors, sealed: Sealed, message: ReleaseMessage) -> Statement:
    try:
        statement = decode_transparent(message.transparent)
        verify_statement(statement, anchors.statement_key)
        verify_record(statement, message.record)
    except HashingError as error:
        raise AcceptanceError("release-statement", f"release: {error}") from error
    if statement.issuer != anchors.gateway:
        raise AcceptanceError("release-statement", f"release issued by {statement.issuer}")
    if statement.subject != sealed.clip.clip_urn:
        raise AcceptanceError("release-statement", f"release is about {statement.subject}")
    if not isinstance(statement.chain, SubjectLink):
        raise AcceptanceError("release-statement", "release without a subject chain")
    return statement


def _check_stored(sealed: Sealed, record: bytes) -> None:
    try:
        body = decode_record(record).body
    except RecordError as error:
        raise AcceptanceError("release-record", f"release record: {error}") from error
    if not isinstance(body, ClipStored):
        raise AcceptanceError("release-record", f"release record is a {body.kind}")
    stored_and_sealed = {
        "clip": (body.clip, str(sealed.clip)),
        "size": (body.size, sealed.size),
        "SHA-256": (body.sha256, sealed.sha256.hex()),
        "root": (body.root, sealed.root.hex()),
        "statement": (body.statement_hash, sealed.statement_hash.hex()),
    }
    differs = [
        f"{what} stored {says}, sealed {own}"
        for what, (says, own) in stored_and_sealed.items()
        if says != own
    ]
    if differs:
        raise AcceptanceError(
            "release-differs",
            f"what the gateway stored is not what this dock sealed: {'; '.join(differs)}. "
            "Does another dock, or an older copy of this ledger, use this dock's name?",
        )


def _check_receipt(anchors: Anchors, leaf: bytes, receipt: bytes, note: bytes) -> int:
    checkpoint = open_checkpoint(note, anchors.checkpoint_key)
    try:
        opened = decode_receipt(receipt)
        root = verify_receipt(opened, leaf, anchors.receipt_key)
    except HashingError as error:
        raise AcceptanceError("receipt", f"receipt: {error}") from error
    # A receipt for another tree proves nothing about the one just found consistent.
    if (opened.size, root) != (checkpoint.size, checkpoint.root):
        raise AcceptanceError(
            "receipt", f"receipt is for size {opened.size}, checkpoint for {checkpoint.size}"
        )
    if opened.issuer != anchors.gateway:
        raise AcceptanceError("receipt", f"receipt issued by {opened.issuer}")
    return opened.index


def _ref(checkpoint: Checkpoint) -> CheckpointRef:
    if checkpoint.size >= MAX_SIZE:
        raise AcceptanceError(
            "checkpoint-size", f"a checkpoint of {checkpoint.size}; below {MAX_SIZE} allowed"
        )
    return CheckpointRef(size=checkpoint.size, root=checkpoint.root.hex())
