"""Shapes of exports over HTTP."""

from __future__ import annotations

import base64
from typing import Annotated, Self

from pydantic import Field, model_validator

from gateway.export.service import Dossier
from gateway.shapes import Asked, EntryText, PlainLine, PlainProse, Told
from protocols.pack.export import Export
from protocols.pack.proofs import EarlierCheckpoints
from protocols.trail import TrailDocument


class ExportAsked(Asked):
    """What is handed out: a case by its number, or one clip; why, to whom, by whom."""

    case_no: PlainLine | None = None
    clip: EntryText | None = None
    reason: PlainProse
    recipient: PlainLine
    by: PlainLine

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.case_no is None) == (self.clip is None):
            msg = "exactly one of case_no and clip"
            raise ValueError(msg)
        return self


class ExportTold(Told):
    """An export as the log has it; `number` counts this gateway's exports from 1."""

    number: int
    about: str
    reason: str
    recipient: str
    by: str
    clips: list[str]
    indices: Annotated[list[int], Field(description="positions of its statements in the log")]
    at: str

    @classmethod
    def of(cls, export: Export) -> ExportTold:
        """From the act."""
        return cls.model_validate(export.model_dump(mode="json"))


class DossierTold(Told):
    """Everything of a pack but the originals, for one checkpoint; receipts are base64."""

    export: ExportTold
    trail: TrailDocument
    receipts: list[str]
    earlier: EarlierCheckpoints
    trust: str
    missing: dict[str, str]

    @classmethod
    def of(cls, dossier: Dossier, trust: str) -> DossierTold:
        """From what the service put together."""
        return cls(
            export=ExportTold.of(dossier.export),
            trail=dossier.trail,
            receipts=[base64.b64encode(receipt).decode() for receipt in dossier.receipts],
            earlier=dossier.earlier,
            trust=trust,
            missing=dossier.missing,
        )
