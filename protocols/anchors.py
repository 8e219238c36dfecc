"""What a dock, or anybody who verifies, trusts: the gateway's keys and its log's name.

Handed over once, at enrolment, as one JSON file (``trust.json``). Everything a gateway
later says is checked against this file and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from hashing.errors import HashingError
from hashing.keys import PublicKey
from hashing.note import Checkpoint, NoteKey, open_checkpoint
from protocols.errors import ProtocolError
from protocols.json_once import read_once

MAX_ANCHORS = 64 * 1024


class AnchorsError(ProtocolError):
    """The trust file cannot be used; enrol again."""


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    v: int
    gateway: str
    origin: str
    statement_key: str
    receipt_key: str
    checkpoint_key: str
    checkpoint: str


@dataclass(frozen=True, slots=True)
class Anchors:
    """Keys of one gateway, one purpose each, and the checkpoint pinned at enrolment.

    Attributes:
        gateway: issuer urn of the gateway's statements.
        statement_key: signs the gateway's statements (ES256).
        receipt_key: signs receipts (ES256).
        checkpoint_key: signs checkpoints (Ed25519 note key, named by the log's origin).
        note: the signed checkpoint pinned when the trust was handed over.
    """

    gateway: str
    statement_key: PublicKey
    receipt_key: PublicKey
    checkpoint_key: NoteKey
    note: bytes

    @property
    def origin(self) -> str:
        """The log's name, first line of its checkpoints."""
        return self.checkpoint_key.name

    @property
    def checkpoint(self) -> Checkpoint:
        """The pinned checkpoint."""
        return open_checkpoint(self.note, self.checkpoint_key)

    def to_json(self) -> str:
        """The trust file's text."""
        return _Document(
            v=1,
            gateway=self.gateway,
            origin=self.origin,
            statement_key=self.statement_key.pem(),
            receipt_key=self.receipt_key.pem(),
            checkpoint_key=self.checkpoint_key.vkey(),
            checkpoint=self.note.decode(),
        ).model_dump_json(indent=2)

    @classmethod
    def from_json(cls, raw: bytes | str) -> Self:
        """Read a trust file.

        Raises:
            AnchorsError: not such a file, an unusable key, or a checkpoint that the
                file's own key did not sign.
        """
        if len(raw) > MAX_ANCHORS:
            msg = f"trust file of {len(raw)} bytes; {MAX_ANCHORS} allowed"
            raise AnchorsError(msg)
        try:
            document = _Document.model_validate(read_once(raw))
            anchors = cls(
                document.gateway,
                PublicKey.from_pem(document.statement_key),
                PublicKey.from_pem(document.receipt_key),
                NoteKey.parse(document.checkpoint_key),
                document.checkpoint.encode(),
            )
            pinned = anchors.checkpoint
        except ValidationError as error:
            raise AnchorsError(f"not a usable trust file: {_first(error)[:300]}") from error
        except (HashingError, ValueError, RecursionError) as error:
            raise AnchorsError(f"not a usable trust file: {str(error)[:300]}") from error
        if anchors.statement_key.kid == anchors.receipt_key.kid:
            msg = "not a usable trust file: one key for statements and receipts"
            raise AnchorsError(msg)
        if document.v != 1 or anchors.origin != document.origin or pinned.origin != anchors.origin:
            msg = "not a usable trust file: version or origin does not fit"
            raise AnchorsError(msg)
        return anchors


def _first(error: ValidationError) -> str:
    """The first thing wrong, for a person; never what stands in the file, which may be a key."""
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in problem["loc"])
    return f"{place}: {problem['msg']}" if place else problem["msg"]
