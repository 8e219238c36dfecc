"""Lines on the mount helper's socket: one JSON object each way, small, never endless.

Asked: ``{"verb": "writable", "mount": PATH}``, ``needed`` (still), ``readonly``, ``leave``
likewise, and
``{"verb": "watch"}``. Answered: ``{"ok": true}`` or ``{"ok": false, "code": ...,
"reason": ...}``; after ``watch`` a ``Told`` at once and at each change.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from edge.codes import Unlike, Unmounted

LINE: Final = 256 * 1024

_MOST: Final = 500
# Ports and names come from devices: what is longer is cut, and never a reason to fall silent.
_Text = Annotated[str, AfterValidator(lambda text: text[:_MOST])]


class Verb(StrEnum):
    """What may be asked."""

    WRITABLE = "writable"
    NEEDED = "needed"
    READONLY = "readonly"
    LEAVE = "leave"
    WATCH = "watch"


class Line(BaseModel):
    """Any line on the socket."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Question(Line):
    """One line of the daemon's."""

    verb: Verb
    mount: Annotated[str, Field(max_length=4096)] = ""


class Reply(Line):
    """One line of the helper's."""

    ok: bool
    code: _Text = ""
    reason: _Text = ""


class Unplaced(Line):
    """A volume that is there and not mounted."""

    device: _Text
    port: _Text
    bay: _Text = ""
    reason: _Text
    code: _Text = Unmounted.FAILED
    """of ``edge.codes.Unmounted``; a newer helper's may be none of them"""


class Refused(Line):
    """A USB device in a bay that may not be what it claims to be."""

    bay: _Text
    port: _Text
    device: _Text
    """vendor and product, ``046d:c31c``"""
    classes: tuple[_Text, ...]
    reason: _Text
    code: _Text = Unlike.NO_DISK
    """of ``edge.codes.Unlike``; a newer helper's may be none of them"""


class Told(Line):
    """Everything the helper would have people know, whole each time."""

    mounted: tuple[str, ...] = ()
    unplaced: tuple[Unplaced, ...] = ()
    refused: tuple[Refused, ...] = ()


def encode(line: Line) -> bytes:
    """A line to send."""
    return json.dumps(line.model_dump(mode="json")).encode() + b"\n"


def telling(told: Told) -> bytes:
    """A line that the dock's side takes, whatever hangs on the ports.

    A device of hundreds of partitions must not hide the refusal of another: of the longest
    list the second half goes, until the line fits.
    """
    line = encode(told)
    while len(line) > LINE // 2:
        longest = max(("mounted", "unplaced", "refused"), key=lambda name: len(getattr(told, name)))
        kept = getattr(told, longest)
        told = told.model_copy(update={longest: kept[: len(kept) // 2]})
        line = encode(told)
    return line


def question(line: bytes) -> Question | str:
    """What was asked, or why that is no question."""
    try:
        return Question.model_validate_json(line)
    except ValidationError as error:
        return f"not a question: {error.errors()[0]['msg']}"[:500]


def reply(line: bytes) -> Reply:
    """An answer.

    Raises:
        ValueError: it is none.
    """
    return Reply.model_validate_json(line)


def told(line: bytes) -> Told:
    """What the helper tells.

    Raises:
        ValueError: it is nothing of the kind.
    """
    return Told.model_validate_json(line)
