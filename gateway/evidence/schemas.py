"""Shapes of the API for clips. Names of claims say whose claim they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Any, Final, Self

from pydantic import AwareDatetime, Field

from gateway.corrections.models import ClipCorrection
from gateway.corrections.schemas import Corrected
from gateway.corrections.service import Field as CorrectedField
from gateway.evidence.finding import Order
from gateway.evidence.models import NAME_START, Clip, ClipState
from gateway.marks.models import ClipMark
from gateway.marks.schemas import Standing
from gateway.shapes import Asked, DockText, EntryText, HexDigest, Line, PageAsked, Told

Moment = Annotated[AwareDatetime, Field(examples=["2026-06-19T10:00:00+08:00"])]
"""A moment with its zone: a time without one would be anybody's."""


# A name as rows have it: control characters are escaped in them.
_PRINTED: Final = r"^[^\u0000-\u001f\u007f-\u009f]+$"
_NONE: Final[Mapping[str, ClipCorrection]] = MappingProxyType({})


class ClipSearch(Asked):
    """Which clips to list; what is left out asks for nothing, all that is given must be true."""

    dock: DockText | None = None
    state: ClipState | None = None
    case_no: Line | None = Field(None, description="only clips linked to this case now")
    session: EntryText | None = None
    sha256: HexDigest | None = None
    officer: Line | None = Field(None, description="as claimed at docking, exactly")
    camera: Line | None = Field(None, description="what the camera said it is, exactly")
    unit: Line | None = Field(None, description="as claimed at docking; with all units below it")
    tagged_case: Line | None = Field(None, description="case number typed at the dock, exactly")
    tagged_category: Line | None = None
    name: Annotated[str, Field(min_length=1, max_length=NAME_START, pattern=_PRINTED)] | None = (
        Field(None, description="how the file's name begins; capitals count")
    )
    marked: bool | None = Field(None, description="by the officer, on the camera")
    linked: bool | None = Field(None, description="whether any case has it now")
    late: bool | None = Field(
        None,
        description="stored more than 24 h after the recording had surely ended, "
        "or not stored by now although that is longer ago",
    )
    started_from: Moment | None = Field(
        None, description="may have begun then or later, by its bounds"
    )
    started_to: Moment | None = Field(None, description="may have begun before")
    start_known: bool | None = Field(None, description="whether anything bounds when it began")
    sealed_from: Moment | None = Field(None, description="by the dock's clock")
    sealed_to: Moment | None = None
    stored_from: Moment | None = Field(None, description="by the gateway's clock")
    stored_to: Moment | None = None
    order: Order | None = Field(
        None,
        description="newest first by this; default: the time for which a range is given, "
        "else the log. A clip without such a time is not in such a list.",
    )


class ClipsAsked(PageAsked, ClipSearch):
    """Which page of which clips."""


class ImportedTold(Told):
    """Who brought a file to the dock, why, and where it is from."""

    by: str
    why: str
    origin: str


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
    started_earliest: datetime | None = Field(
        description="the recording began no earlier: by measurement, claim or what counts instead"
    )
    started_latest: datetime | None = Field(description="it began no later")
    ended_latest: datetime | None = Field(description="it had ended by then")
    sealed_at: str = Field(description="UTC by the dock's clock; see sealed_clock")
    sealed_clock: dict[str, Any]
    media: dict[str, Any]
    tagged_case: str | None = Field(description="case number typed at the dock")
    tagged_category: str | None
    entry_index: int = Field(description="log position of clip.sealed")
    stored_index: int | None = Field(description="log position of clip.stored")
    stored_time: datetime | None = Field(description="when that was logged, by the gateway's clock")
    delay_ms: int | None = Field(description="from ended_latest to stored_time")
    linked: bool = Field(description="whether any case has it now")
    erased_index: int | None = Field(description="log position of clip.erased")
    disposed_index: int | None = Field(description="log position of clip.disposed")
    note: str | None
    corrected: dict[CorrectedField, Corrected] = Field(
        description="what counts instead of a claim above, by its field; see /corrections"
    )
    marks: list[Standing] = Field(description="that stand now; see /marks")
    concealed: bool = Field(
        description="it has a class of secrecy that is not for you: particulars are left out"
    )
    imported: ImportedTold | None = Field(description="brought to the dock by hand, off no camera")

    previews: dict[str, str] = Field(
        default_factory=dict,
        description="how far its derived copies are: thumbnail, contact-strip, preview",
    )

    @classmethod
    def of(
        cls,
        row: Clip,
        corrected: Mapping[str, ClipCorrection] = _NONE,
        previews: Mapping[str, str] | None = None,
        standing: Sequence[ClipMark] = (),
    ) -> Self:
        """From a row, what counts, how far its derived copies are, the marks that stand."""
        columns = {name: getattr(row, name, None) for name in cls.model_fields}
        told = {name: Corrected.of(each) for name, each in corrected.items()}
        same = {"clip": str(row.id), "sha256": row.sha256.hex(), "root": row.root.hex()}
        marks = [Standing.model_validate(each) for each in standing]
        said = {"corrected": told, "marks": marks, "previews": previews or {}}
        return cls.model_validate(columns | same | said)


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
