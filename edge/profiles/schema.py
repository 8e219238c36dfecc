"""What a profile file may say; anything else is refused by name.

docs/profiles.md explains it to whoever writes one. Patterns are those of ``patterns``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, model_validator

from edge.profiles.patterns import PatternError, compiled

MAX_RULES = 40
MEDIA = (
    *("mp4", "mov", "avi", "mkv", "ts", "mts", "m2ts", "3gp", "h264", "h265", "webm"),
    *("jpg", "jpeg", "png", "dng", "wav", "mp3", "m4a", "aac", "amr"),
)
GROUPS = frozenset(
    {
        *("date", "year", "month", "day", "time", "hour", "minute", "second"),
        *("epoch", "epoch_ms", "device", "user", "unit", "mark", "enc"),
        *("number", "chapter", "continues"),
    }
)


class Role(StrEnum):
    """What a file on a card is, by its name.

    RECORDING is footage; SIDECAR belongs to a recording or to the whole card; IGNORED stays
    on the card, listed with a reason; REFUSED is no name that anything on a card can have;
    UNKNOWN is for whoever cannot tell, and is taken like a recording.
    """

    RECORDING = "recording"
    SIDECAR = "sidecar"
    IGNORED = "ignored"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Reads(StrEnum):
    """Small files that cameras and other docks keep on a card."""

    OFFICER_LINE = "officer-line"
    BINDING = "binding"
    HASH_CHAIN = "hash-chain"
    INCIDENT = "incident"


def _pattern(text: str) -> str:
    try:
        unknown = compiled(text).names - GROUPS
    except PatternError as error:
        raise ValueError(f"{text!r}: {error}") from error
    if unknown:
        msg = f"{text!r}: no group is called {min(unknown)}; there are {', '.join(sorted(GROUPS))}"
        raise ValueError(msg)
    return text


def _group(name: str) -> str:
    if name not in GROUPS | {"folder"}:
        msg = f"no group is called {name}; there are folder, {', '.join(sorted(GROUPS))}"
        raise ValueError(msg)
    return name


PatternText = Annotated[str, AfterValidator(_pattern)]
GroupName = Annotated[str, AfterValidator(_group)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,38}$")]
Text = Annotated[str, Field(min_length=1, max_length=300)]
Extension = Annotated[str, Field(pattern=r"^[a-z0-9]{1,10}$")]
Short = Annotated[str, Field(min_length=1, max_length=40)]
Patterns = Annotated[tuple[PatternText, ...], Field(max_length=MAX_RULES)]


class Table(BaseModel):
    """One table of a profile file."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CardTable(Table):
    """What speaks for this kind of camera when a card is looked at."""

    labels: Patterns = Field(default=(), description="patterns of the volume's label")
    folders: Patterns = Field(default=(), description="patterns of folders, whole paths")
    root_files: Patterns = Field(default=(), description="patterns of files in the root")
    at_most: Annotated[int, Field(strict=True, ge=0, le=115)] = Field(
        default=115, description="points it may get; small for what fits many cameras"
    )


class FileTable(Table):
    """A rule for files; the first that fits decides."""

    folder: PatternText | None = Field(default=None, description="pattern of the whole folder")
    in_root: StrictBool = Field(default=False, description="only in the card's root")
    pattern: PatternText | None = Field(default=None, description="of the name before its last dot")
    extensions: Annotated[tuple[Extension, ...], Field(max_length=MAX_RULES)] | None = Field(
        default=None, description="in small letters; default: those of media, or any if not footage"
    )
    role: Literal[Role.RECORDING, Role.SIDECAR, Role.IGNORED] = Field(
        default=Role.RECORDING, description="what such a file is"
    )
    reason: Text | None = Field(default=None, description="why it is no recording")
    key: Annotated[tuple[GroupName, ...], Field(max_length=8)] = Field(
        default=(),
        description="groups that tie sidecars to their recording; default: the name",
    )
    whole_card: StrictBool = Field(default=False, description="a sidecar of no one recording")
    reads: Reads | None = Field(default=None, description="a small file whose content is read")

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.role is Role.IGNORED and self.reason is None:
            msg = "whatever is ignored needs a reason"
            raise ValueError(msg)
        if self.folder is None and self.pattern is None and self.extensions is None:
            msg = "a rule needs a folder, a pattern or extensions"
            raise ValueError(msg)
        return self


class MarkTable(Table):
    """How the camera keeps what the officer marked as important."""

    folders: Patterns = Field(default=(), description="patterns of a single folder's name")
    values: Annotated[tuple[Short, ...], Field(max_length=MAX_RULES)] = Field(
        default=(), description="what the group mark holds then"
    )
    written: Literal["suffix", "letter"] = Field(
        default="suffix", description="whether the name carries it as a suffix or as a letter"
    )
    read_only: StrictBool = Field(
        default=False, description="whether the read-only attribute of FAT marks a recording"
    )


class ClaimsTable(Table):
    """How to take what a name says about people."""

    unassigned: Annotated[tuple[Short, ...], Field(max_length=MAX_RULES)] = Field(
        default=(), description="users that stand for nobody"
    )


class NumberingTable(Table):
    """How the camera counts, if its names count."""

    scope: Literal["card", "folder", "day", "user"] = Field(description="what it counts within")
    lowest: Annotated[int, Field(strict=True, ge=0, le=10**9)] = Field(
        default=1, description="first number"
    )
    highest: Annotated[int, Field(strict=True, ge=1, le=10**9)] | None = Field(
        default=None, description="last number before it begins again"
    )

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.highest is not None and self.highest <= self.lowest:
            msg = "highest is not above lowest"
            raise ValueError(msg)
        return self


class PiecesTable(Table):
    """How recordings are told to be pieces of a longer one."""

    by: Annotated[tuple[GroupName, ...], Field(min_length=1, max_length=8)] = Field(
        description="groups, or folder, that are alike in all pieces"
    )
    how: Literal["counted", "continued", "together"] = Field(
        description="the group chapter counts them; the group continues is on all but the first; "
        "or they simply follow each other"
    )
    within_s: Annotated[int, Field(strict=True, ge=1, le=86_400)] | None = Field(
        default=None, description="longest time in seconds from one piece's start to the next's"
    )


class ProfileFile(Table):
    """Everything in the file."""

    name: Name = Field(description="1 to 39 of a-z, 0-9 and -")
    title: Text = Field(description="which cameras this is for")
    source: Text = Field(description="where its facts come from")
    tried: StrictBool = Field(
        default=False, description="whether it was tried on a real camera's card"
    )
    card: CardTable = CardTable()
    file: Annotated[tuple[FileTable, ...], Field(max_length=MAX_RULES)] = Field(
        default=(), description="rules; the first that fits decides"
    )
    mark: MarkTable = MarkTable()
    claims: ClaimsTable = ClaimsTable()
    numbering: NumberingTable | None = None
    pieces: PiecesTable | None = None
