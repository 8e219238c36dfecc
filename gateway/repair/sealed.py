"""What a clip must be: the record that its dock sealed, as the log has it.

Rows are an index that somebody could have edited. What is written to the store on the strength
of a root is therefore held against the signed checkpoint first.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import LogDamagedError
from gateway.evidence.models import Clip
from gateway.log.service import Log
from hashing.digest import LEAF_SIZE
from hashing.errors import HashingError
from hashing.merkle import verify_inclusion
from hashing.statement import decode_statement, verify_record
from protocols.errors import ProtocolError
from protocols.ids import ClipId
from protocols.kinds import ClipSealed
from protocols.located import leaves_of
from protocols.records import decode_record


@dataclass(frozen=True, slots=True)
class Sealed:
    """What the bytes of a clip must be.

    Attributes:
        clip: its name. name: its file's, as the camera had it.
        size: bytes. sha256, root: of them. duration_ms: as the container told.
    """

    clip: ClipId
    name: str
    size: int
    sha256: bytes
    root: bytes
    duration_ms: int | None

    @property
    def leaves(self) -> int:
        """How many there are."""
        return leaves_of(self.size)

    def leaf_size(self, index: int) -> int:
        """Bytes of one leaf; only the last is shorter."""
        return min(LEAF_SIZE, self.size - index * LEAF_SIZE)


async def sealed_of(log: Log, row: Clip) -> Sealed:
    """Read it from the log, and check that it is under the newest checkpoint.

    Raises:
        LogDamagedError: the entry is not the one that was logged, or seals another clip.
        GatewayError: log or database could not do it.
    """
    entry = await log.entry(row.entry_index)
    head = await log.checkpoint_over([entry.index])
    path = await log.inclusion(entry.index, head.size)
    try:
        statement = decode_statement(entry.statement)
        verify_record(statement, entry.record)
        verify_inclusion(statement.leaf, entry.index, head.size, path, head.root)
        body = decode_record(entry.record).body
    except (HashingError, ProtocolError) as error:
        raise LogDamagedError(f"entry {entry.index}, which sealed {row.id}: {error}") from error
    if not isinstance(body, ClipSealed) or statement.subject != row.id.clip_urn:
        raise LogDamagedError(f"entry {entry.index} does not seal {row.id}")
    content = body.content
    return Sealed(
        row.id,
        body.source.name,
        content.size,
        bytes.fromhex(content.sha256),
        bytes.fromhex(content.tree.root),
        body.media.duration_ms,
    )
