"""``originals.json``: which file of a pack is which clip, and how the camera called it.

A guide for people and other programs. A verifier believes the sealed records and compares.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from protocols.errors import ProtocolError
from protocols.ids import ClipId
from protocols.json_once import read_once
from protocols.kinds import ClipSealed, Count, EntryName, Hash
from protocols.pack import layout

MAX_LIST = 64 << 20
Path = Annotated[str, Field(max_length=layout.MAX_PATH_LENGTH)]


class OriginalsError(ProtocolError):
    """The list cannot be read."""


class Original(BaseModel):
    """One clip of the pack.

    Attributes:
        clip: its name.
        file, leaves: where its bytes and its leaf list lie; None when the bytes are not here.
        missing: why they are not here; None when they are.
        name: the file's name on the card. path, path_b64: where it was, one of the two.
        size, sha256: as sealed. duration_ms: as the container said, if it did.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    clip: EntryName
    file: Path | None = None
    leaves: Path | None = None
    missing: str | None = None
    name: str
    path: str | None = None
    path_b64: str | None = None
    size: Count
    sha256: Hash
    duration_ms: Count | None = None

    @classmethod
    def of(cls, clip: ClipId, body: ClipSealed, missing: str | None = None) -> Self:
        """From what was sealed."""
        return cls(
            clip=str(clip),
            file=None if missing else layout.original(clip, body.source.name),
            leaves=None if missing else layout.leaf_list(clip),
            missing=missing,
            name=body.source.name,
            path=body.source.path,
            path_b64=body.source.path_b64,
            size=body.content.size,
            sha256=body.content.sha256,
            duration_ms=body.media.duration_ms,
        )


class Originals(BaseModel):
    """Every clip of the pack."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    v: Literal[1] = 1
    originals: tuple[Original, ...]

    def to_json(self) -> bytes:
        """The file's bytes."""
        rows = [each.model_dump(mode="json", exclude_none=True) for each in self.originals]
        document = {"v": self.v, "originals": rows}
        return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()

    @classmethod
    def from_json(cls, raw: bytes) -> Self:
        """Read it.

        Raises:
            OriginalsError: too large, or not such a list.
        """
        if len(raw) > MAX_LIST:
            raise OriginalsError(f"list of {len(raw)} bytes; {MAX_LIST} allowed")
        try:
            return cls.model_validate(read_once(raw))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])[:120]
            raise OriginalsError(f"not a list of originals: {where}: {first['msg']}") from error
        except (ValueError, RecursionError) as error:
            raise OriginalsError(f"not a list of originals: {str(error)[:200]}") from error
