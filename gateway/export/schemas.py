"""Shapes of exports over HTTP."""

from __future__ import annotations

import base64
from typing import Annotated, Self

from pydantic import Field, model_validator

from gateway.export.service import Dossier
from gateway.export.sightings import Witnessing
from gateway.shapes import Acknowledged, Asked, EntryText, PlainLine, PlainProse, Told
from protocols.pack.export import Export
from protocols.pack.proofs import EarlierCheckpoints
from protocols.pack.sightings import MAX_SIGHTINGS, Sighting, ToldSighting
from protocols.trail import TrailDocument


class ExportAsked(Asked):
    """What is handed out: a case by its number, or one clip; why, to whom, by whom.

    With a `key` of one's own, an asking that is repeated is the same export.
    """

    case_no: PlainLine | None = None
    clip: EntryText | None = None
    reason: PlainProse
    recipient: PlainLine
    by: PlainLine | None = None
    acknowledged: Acknowledged = Field(
        default=(), description="marks of the clips that you took note of, by their names"
    )
    key: Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{16,64}$")] | None = None

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


class WitnessingTold(Told):
    """How far an export has been seen by others: `needed` is the size that covers its acts.

    `asked` are the witnesses of the configuration, `cosigned` those of them that cosigned one
    checkpoint of that size; `stamped` is null where no time stamping authority is configured.
    """

    needed: int
    asked: list[str]
    cosigned: list[str]
    stamped: bool | None

    @classmethod
    def of(cls, witnessing: Witnessing) -> WitnessingTold:
        """From the service's word."""
        return cls(
            needed=witnessing.needed,
            asked=list(witnessing.asked),
            cosigned=list(witnessing.cosigned),
            stamped=witnessing.stamped,
        )


Sightings = Annotated[list[ToldSighting], Field(max_length=MAX_SIGHTINGS + 16)]


class DossierTold(Told):
    """Everything of a pack but the originals, for one checkpoint; receipts are base64."""

    export: ExportTold
    trail: TrailDocument
    receipts: list[str]
    earlier: EarlierCheckpoints
    trust: str
    missing: dict[str, str]
    cosigned: Sightings
    stamped: Sightings
    witnessing: WitnessingTold

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
            cosigned=[_told(each) for each in dossier.cosigned],
            stamped=[_told(each) for each in dossier.stamped],
            witnessing=WitnessingTold.of(dossier.witnessing),
        )


def _told(sighting: Sighting) -> ToldSighting:
    response = sighting.response
    return ToldSighting(
        note=sighting.note.decode(),
        path=tuple(base64.b64encode(step).decode() for step in sighting.way),
        response=None if response is None else base64.b64encode(response).decode(),
    )
