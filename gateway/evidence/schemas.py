"""Shapes of the API for clips. Names of claims say whose claim they are."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field

from gateway.evidence.models import Clip, ClipState
from gateway.shapes import DockText, EntryText, HexDigest, Line, PageAsked, Told


class ClipsAsked(PageAsked):
    """Which clips to list."""

    dock: DockText | None = None
    state: ClipState | None = None
    case_no: Line | None = Field(None, description="only clips linked to this case now")
    session: EntryText | None = None
    sha256: HexDigest | None = None


class ClipTold(Told):
    """A clip: digests and places are signed; what camera and dock claimed is named so."""

    clip: str
    dock: str
    session: str
    state: ClipState
    size: int
    sha256: str
    root: str = Field(description="RFC 9162 root over leaves of 1 MiB")
    leaves: int
    received_bytes: int
    name: str = Field(description="on the card; control characters are shown escaped")
    path: str
    volume: str
    camera: str | None = Field(description="what the camera said it is")
    officer: str | None = Field(description="as claimed at docking")
    unit: str | None
    marked: bool
    started_claim: str | None = Field(description="start by the camera's clock")
    camera_clock: dict[str, Any]
    sealed_at: str = Field(description="UTC by the dock's clock; see sealed_clock")
    sealed_clock: dict[str, Any]
    media: dict[str, Any]
    tagged_case: str | None = Field(description="case number typed at the dock")
    tagged_category: str | None
    entry_index: int = Field(description="log position of clip.sealed")
    stored_index: int | None = Field(description="log position of clip.stored")
    erased_index: int | None = Field(description="log position of clip.erased")
    note: str | None

    @classmethod
    def of(cls, row: Clip) -> Self:
        """From a row."""
        columns = {name: getattr(row, name, None) for name in cls.model_fields}
        return cls.model_validate(
            columns | {"clip": str(row.id), "sha256": row.sha256.hex(), "root": row.root.hex()}
        )


class ClipLinkTold(Told):
    """A tie of this clip to a case, withdrawn ones included."""

    case_no: str
    link: str
    how: str
    by: str
    why: str
    link_index: int
    unlink_index: int | None


class ClipDetail(ClipTold):
    """A clip with its links."""

    links: list[ClipLinkTold]


class ClipPage(Told):
    """One page of clips, newest first."""

    clips: list[ClipTold]
    next: int | None = Field(description="cursor of the next page, none on the last")


Base64 = Annotated[str, Field(json_schema_extra={"contentEncoding": "base64"})]


class Proven(Told):
    """One logged statement with everything that proves it."""

    index: int
    record: Base64
    statement: Base64 = Field(description="COSE_Sign1 as first made")
    receipt: Base64 = Field(description="RFC 9942, for the checkpoint")
    transparent: Base64 = Field(description="the statement with the receipt in it")
    path: list[Base64] = Field(description="inclusion path to the checkpoint's root")


class ClipProof(Told):
    """The dock's seal, and the gateway's word that it stored the clip."""

    clip: str
    checkpoint: str = Field(description="C2SP signed note")
    sealed: Proven
    stored: Proven | None
