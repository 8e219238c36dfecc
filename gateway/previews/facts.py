"""What is told about a copy, as the limited process gave it: checked before it is kept."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.previews.wanted import Kind

_Dots = Annotated[int, Field(strict=True, ge=2, le=8192)]
_AtMs = Annotated[int, Field(strict=True, ge=0, le=2**53)] | None
_Length = Annotated[int, Field(strict=True, ge=1, le=2**31)]
_How = Literal["copied", "encoded"] | None


PLAYED_AS: Final = frozenset(
    {"video/mp4", "audio/mp4", "audio/mpeg", "audio/wav", "image/jpeg", "image/png"}
)
"""As what browsers may be said to play an original."""


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ThumbnailFacts(_Facts):
    """A picture and, after it in the same object, its glimpse; bytes of each."""

    lengths: tuple[_Length, _Length]
    width: _Dots
    height: _Dots
    at_ms: _AtMs


class StripFacts(_Facts):
    """Pictures in rows; their times from the beginning, by the recording's own count."""

    width: _Dots
    height: _Dots
    columns: Annotated[int, Field(strict=True, ge=1, le=12)]
    tile_width: _Dots
    tile_height: _Dots
    times_ms: Annotated[tuple[_AtMs, ...], Field(min_length=1, max_length=12)]


class PreviewFacts(_Facts):
    """How pictures and sound of a preview came about."""

    video: _How
    sound: _How
    size: tuple[_Dots, _Dots] | None
    rate_known: Annotated[bool, Field(strict=True)]
    duration_ms: _AtMs = None


_OF: dict[Kind, type[_Facts]] = {
    Kind.THUMBNAIL: ThumbnailFacts,
    Kind.CONTACT_STRIP: StripFacts,
    Kind.PREVIEW: PreviewFacts,
}


def checked(kind: Kind, said: object, size: int) -> dict[str, Any] | None:
    """The facts in plain values; None when they fit no form, or not the copy's size."""
    try:
        facts = _OF[kind].model_validate(said)
    except (ValidationError, RecursionError):
        return None
    if isinstance(facts, ThumbnailFacts) and sum(facts.lengths) != size:
        return None
    return facts.model_dump(mode="json")
