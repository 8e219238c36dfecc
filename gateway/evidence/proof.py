"""What proves one clip: the dock's seal and the gateway's word, each with its receipt.

Everything is for one checkpoint, so a stranger needs one signature over the log and no
second question. The trail shows the whole story; this is the short answer.
"""

from __future__ import annotations

import base64

from gateway.evidence.models import Clip
from gateway.evidence.schemas import ClipProof, Proven
from gateway.log.models import LogEntry
from gateway.log.service import Log
from hashing.receipt import decode_receipt
from hashing.statement import attach_receipts


async def prove(log: Log, clip: Clip) -> ClipProof:
    """Prove a clip's statements against the newest checkpoint."""
    indices = [clip.entry_index]
    if clip.stored_index is not None:
        indices.append(clip.stored_index)
    checkpoint = await log.checkpoint_over(indices)
    receipts = await log.receipts(indices, at=checkpoint)
    proven = [
        _proven(await log.entry(index), receipt)
        for index, receipt in zip(indices, receipts, strict=True)
    ]
    return ClipProof(
        clip=str(clip.id),
        checkpoint=checkpoint.note.decode(),
        sealed=proven[0],
        stored=proven[1] if len(proven) > 1 else None,
    )


def _proven(entry: LogEntry, receipt: bytes) -> Proven:
    return Proven(
        index=entry.index,
        record=_text(entry.record),
        statement=_text(entry.statement),
        receipt=_text(receipt),
        transparent=_text(attach_receipts(entry.statement, [receipt])),
        path=[_text(step) for step in decode_receipt(receipt).path],
    )


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
