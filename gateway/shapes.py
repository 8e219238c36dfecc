"""Shapes of text that several features' schemas share.

The limits are those of the records the text ends up in (``protocols.kinds``): what the API
lets through can always be stated. A control character could forge what an operator reads,
and U+0000 fits no record and no PostgreSQL text.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_CONTROL = r"\u0000-\u001f\u007f-\u009f\u2028\u2029"
_LINE = rf"^[^\s{_CONTROL}]([^{_CONTROL}]*[^\s{_CONTROL}])?$"
_PROSE = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f]"
_PROSE += r"[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$"
_ENTRY = r"^[a-z0-9][a-z0-9-]{0,22}\.(0|[1-9][0-9]{0,9})\.(0|[1-9][0-9]{0,14})$"
_DOCK = r"^[a-z0-9][a-z0-9-]{0,22}$"
_HEX = r"^[0-9a-f]{64}$"

MAX_POSITION = 2**63 - 1

Line = Annotated[str, Field(min_length=1, max_length=200, pattern=_LINE)]
"""One line that people read: a name, a case number."""

Prose = Annotated[str, Field(min_length=1, max_length=2000, pattern=_PROSE)]
"""A reason or title; may have several lines."""


def _plain(text: str) -> str:
    for character in text:
        if unicodedata.category(character) == "Cf":
            msg = f"U+{ord(character):04X} shows nothing, or turns the direction of what follows"
            raise ValueError(msg)
    if not unicodedata.is_normalized("NFC", text):
        msg = "not in Unicode normal form C (NFC): the same text could be written in two ways"
        raise ValueError(msg)
    return text


PlainLine = Annotated[Line, AfterValidator(_plain)]
"""A line to state: what reads the same is the same, and nothing in it is invisible."""

PlainProse = Annotated[Prose, AfterValidator(_plain)]
"""A reason or title to state, likewise."""

EntryText = Annotated[str, Field(max_length=60, pattern=_ENTRY, examples=["dock7.0.12"])]
"""A clip or session as ``dock.epoch.seq``."""

DockText = Annotated[str, Field(pattern=_DOCK, examples=["dock7"])]

Acknowledged = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")], ...], Field(max_length=10_000)
]
"""Names of marks that somebody took note of."""

HexDigest = Annotated[str, Field(pattern=_HEX)]

_NO_CONTROLS = "must not begin or end with a space, nor hold control characters"
IN_WORDS = {
    _LINE: _NO_CONTROLS,
    _PROSE: "must not be blank, nor hold control characters other than tabs and line ends",
    _ENTRY: "no clip name, such as dock7.0.4",
    _DOCK: "no dock name: up to 23 small letters a to z, digits and hyphens, such as dock7",
    _HEX: "no SHA-256: 64 digits and small letters a to f",
}
"""What a text that does not fit a pattern should be, for people."""

Position = Annotated[int, Field(ge=0, le=MAX_POSITION)]
FromSize = Annotated[
    Position | None,
    Query(
        alias="from",
        description="Size of a checkpoint you have; the answer proves that the log continues it.",
    ),
]
"""A position in the log."""


class Asked(BaseModel):
    """What a client sends; an unknown field is a mistake and is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Told(BaseModel):
    """What a client gets."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class ToldOnce(Told):
    """What a client gets together with a secret, which is kept nowhere and told here alone."""


class PageAsked(Asked):
    """Which page of a list; lists run from the newest back."""

    cursor: Position | None = Field(
        None, description="`next` of the page before; none for the newest"
    )
    limit: Annotated[int, Field(ge=1, le=500)] = 50


class FieldProblem(Told):
    """One thing wrong with the request."""

    where: str
    what: str


class ProblemDocument(Told):
    """RFC 9457 section 3, with a stable ``code`` and the fields at fault."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldProblem] = Field(default_factory=list)
