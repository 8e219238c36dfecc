"""Shapes of the API for derived copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, RootModel

from gateway.previews.models import Preview
from gateway.previews.playback import Playback, Source
from gateway.previews.wanted import Kind, State, why
from gateway.shapes import Asked, PlainLine, PlainProse, Told
from protocols.ids import ClipId


class Words(Told):
    """The same in both languages."""

    zh: str
    en: str


class CopyTold(Told):
    """One derived copy: how far it is, or why there is none. It is never evidence."""

    state: State
    code: str | None = Field(None, description="why there is none, or none yet")
    why: Words | None = None
    size: int | None = None
    sha256: str | None = Field(None, description="of the copy")
    source_sha256: str | None = Field(None, description="of the original it was made from")
    tool: str | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    facts: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def of(cls, row: Preview) -> Self:
        """From a row."""
        reason = None if row.code is None else why(row.code)
        is_made = row.state == State.MADE
        return cls(
            state=State(row.state),
            code=row.code,
            why=None if reason is None else Words(zh=reason.zh, en=reason.en),
            size=row.size if is_made else None,
            sha256=row.sha256.hex() if is_made and row.sha256 else None,
            source_sha256=None if row.source_sha256 is None else row.source_sha256.hex(),
            tool=row.tool,
            parameters=row.parameters,
            facts=row.facts if is_made else {},
        )


class CopiesTold(RootModel[dict[str, CopyTold]]):
    """The copies of one clip, by kind. A class, so that this answer can be given once more."""

    model_config = ConfigDict(frozen=True)


def copies_told(rows: Mapping[Kind, Preview]) -> dict[str, CopyTold]:
    """The copies of one clip, by kind."""
    return {kind.value: CopyTold.of(rows[kind]) for kind in Kind if kind in rows}


class KeyAsked(Asked):
    """The key of an encrypted clip. It is kept, and never told."""

    key: Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{32}$", description="32 hex digits")]
    reason: PlainProse
    by: PlainLine | None = Field(None, description="for whom; none: you")


class KeyTold(Told):
    """That a key was supplied, as the log has it."""

    clip: str
    scheme: str
    by: str
    reason: str
    index: int = Field(description="position of clip.key.supplied in the log")


class StripTold(Told):
    """The pictures of a contact strip: row by row, from the left, each `tile_width` wide."""

    clip: str
    source_sha256: str | None
    width: int
    height: int
    columns: int
    tile_width: int
    tile_height: int
    times_ms: list[int | None] = Field(
        description="from the beginning, by the recording's own count; none where it has none"
    )


class PlaybackTold(Told):
    """What a browser shall play, and why."""

    source: Source
    url: str | None
    mime: str | None
    why: Words
    waits: bool = Field(description="a preview is being made: ask again")
    chapters: list[str] = Field(
        description="clips within reach that somebody grouped as chapters of one recording with "
        "this one, in order and with it; empty when nobody did"
    )
    previews: dict[str, CopyTold]

    @classmethod
    def of(
        cls,
        clip: str,
        told: Playback,
        rows: Mapping[Kind, Preview],
        chapters: Sequence[ClipId] = (),
    ) -> Self:
        """From what was decided."""
        last = {Source.ORIGINAL: "content", Source.PREVIEW: "preview", Source.NONE: None}
        address = last[told.source]
        return cls(
            source=told.source,
            url=None if address is None else f"/api/v1/clips/{clip}/{address}",
            mime=told.mime,
            why=Words(zh=told.zh, en=told.en),
            waits=told.waits,
            chapters=[str(each) for each in chapters],
            previews=copies_told(rows),
        )
