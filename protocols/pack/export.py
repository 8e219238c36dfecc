"""``export.json``: the act of handing a pack out, as it stands in the log."""

from __future__ import annotations

import json
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from hashing.verdict import Finding, Outcome
from protocols.errors import ProtocolError
from protocols.json_once import read_once
from protocols.kinds import ClipExported, Count, EntryName, Word, Words
from protocols.trail import TrailReport

MAX_EXPORT = 16 << 20


class ExportError(ProtocolError):
    """The file cannot be read."""


class Export(BaseModel):
    """Who handed what to whom, and why.

    Attributes:
        number: of the export, counted by its gateway from 1.
        about: urn of the case or clip.
        indices: positions of its ``clip.exported`` statements.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: Count
    about: Word
    reason: Words
    recipient: Word
    by: Word
    clips: tuple[EntryName, ...]
    indices: Annotated[tuple[Count, ...], Field(max_length=100_000)]
    at: Word

    @classmethod
    def from_json(cls, raw: bytes) -> Self:
        """Read it.

        Raises:
            ExportError: too large, or not such a document.
        """
        if len(raw) > MAX_EXPORT:
            raise ExportError(f"{len(raw)} bytes; {MAX_EXPORT} allowed")
        try:
            return cls.model_validate(read_once(raw))
        except (ValueError, RecursionError) as error:
            raise ExportError("not the description of an export") from error

    def to_json(self) -> bytes:
        """The file's bytes."""
        document = self.model_dump(mode="json")
        return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def check_export(export: Export, report: TrailReport, gateway: str) -> list[Finding]:
    """Step 10: handing each clip out was stated in the log, in the words of ``export.json``."""
    found = []
    acts = {
        body.clip: (event.index, event.record.at.utc, body)
        for event in report.events
        if event.record is not None
        and isinstance(body := event.body, ClipExported)
        and event.statement.issuer == gateway
        and body.export == export.number
    }
    for content in report.contents:
        name = str(content.clip)
        _, _, body = acts.get(name, (0, "", None))
        if body is None:
            reason = f"nothing in the log says that export {export.number} handed it out"
            found.append(Finding(10, Outcome.INCOMPLETE, name, reason))
        elif (body.about, body.reason, body.recipient, body.by) != (
            export.about,
            export.reason,
            export.recipient,
            export.by,
        ):
            reason = f"export {export.number} is described otherwise than in the log"
            found.append(Finding(10, Outcome.ALTERED, name, reason))
        else:
            reason = f"handed out as export {export.number}, to {body.recipient}: {body.reason}"
            found.append(Finding(10, Outcome.INTACT, name, reason))
    told = sorted((index, clip) for clip, (index, _, _) in acts.items())
    first = min((at for _, at, _ in acts.values()), default=export.at)
    if acts and (export.indices, export.clips, export.at) != (
        tuple(index for index, _ in told),
        tuple(clip for _, clip in told),
        first,
    ):
        reason = f"names other entries, clips or another time than the log has of {export.number}"
        found.append(Finding(10, Outcome.ALTERED, "export.json", reason))
    return found
