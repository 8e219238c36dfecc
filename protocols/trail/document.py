"""The trail document: what is handed over, read strictly."""

from __future__ import annotations

import base64
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from protocols.errors import ProtocolError
from protocols.json_once import read_once

MAX_TRAIL = 256 * 1024 * 1024
MAX_PATH = 64

Position = Annotated[int, Field(strict=True, ge=0, lt=2**53)]
Path = Annotated[tuple[str, ...], Field(max_length=MAX_PATH)]


class TrailError(ProtocolError):
    """The document is not a trail; nothing in it was checked."""


class TrailAbout(BaseModel):
    """What the trail says it is the trail of: a case by its number, or a clip by its id."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    case_no: str | None = None
    case: str | None = None
    clip: str | None = None


class TrailConsistency(BaseModel):
    """RFC 9162 proof that the document's checkpoint continues an earlier one.

    Attributes:
        from_size: size of the earlier checkpoint, which the verifier has.
        path: base64 hashes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    from_size: Position
    path: Path = ()


class TrailEntry(BaseModel):
    """One statement of the log.

    Attributes:
        index: position in the log.
        statement: base64 of the statement bytes.
        record: base64 of the record it signs; None where it was withheld because it
            speaks of somebody else's clip.
        path: base64 hashes, inclusion path to the document's checkpoint.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    index: Position
    statement: str
    record: str | None = None
    path: Path = ()


class TrailDocument(BaseModel):
    """Everything in the log about a case or clip, in log order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    v: Annotated[int, Field(strict=True)] = 1
    about: TrailAbout
    checkpoint: str
    consistency: TrailConsistency | None = None
    entries: tuple[TrailEntry, ...]
    clips: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, raw: bytes | str) -> Self:
        """Read a document.

        Raises:
            TrailError: too large, or not the shape of a trail.
        """
        if len(raw) > MAX_TRAIL:
            msg = f"trail of {len(raw)} bytes; {MAX_TRAIL} allowed"
            raise TrailError(msg)
        try:
            document = cls.model_validate(read_once(raw))
        except (ValidationError, ValueError, RecursionError) as error:
            msg = f"not a trail: {str(error)[:300]}"
            raise TrailError(msg) from error
        if document.v != 1:
            msg = f"trail version {document.v}; known: 1"
            raise TrailError(msg)
        if len(set(document.clips)) != len(document.clips):
            raise TrailError("not a trail: it names a clip twice")
        return document


def unbase64(text: str) -> bytes:
    """Bytes of base64; wrong base64 gives none, which no digest, signature or proof accepts."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        return b""
    # The last bits of base64 may differ and mean nothing: one text for the same bytes is enough.
    return raw if base64.b64encode(raw).decode() == text else b""
