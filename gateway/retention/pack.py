"""A rule pack: a jurisdiction's 《音像记录事项清单》 as one TOML file, with how long to keep what.

Whatever stands in it was decided by an authority; here is only checked that it says one thing and
not two. Unknown names are refused: a misspelt condition would keep, or let go, something else.
"""

from __future__ import annotations

import tomllib
from datetime import date
from typing import Annotated, Literal, Self, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from gateway.errors import InvalidError
from gateway.shapes import Line, Prose

MAX_PACK = 128 * 1024
MAX_ITEMS = 500
_MAX_MONTHS = 1200
_T = TypeVar("_T")


class PackError(InvalidError):
    """Not a rule pack, or one that contradicts itself."""


Months = Annotated[int, Field(strict=True, ge=1, le=_MAX_MONTHS)]
Keep = Months | Literal["permanent", "same-as-case"]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        msg = f"no time zone is called {name[:40]!r}"
        raise ValueError(msg) from error
    return name


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


_Names = Annotated[tuple[Line, ...], Field(min_length=1, max_length=64)]


class When(_Part):
    """To which clips an item applies: all that is said has to hold.

    Attributes:
        tag: codes of categories that officers chose at docks, or that were put right later.
        case_category: of a case that the clip is linked to.
        marked: as important, on the camera or here.
    """

    tag: _Names | None = None
    case_category: _Names | None = None
    marked: Literal[True] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.tag is None and self.case_category is None and self.marked is None:
            msg = "an item for everything would let go what nobody has classified"
            raise ValueError(msg)
        return self

    @property
    def classifies(self) -> bool:
        """Whether somebody has said what a clip shows; a mark alone does not."""
        return self.tag is not None or self.case_category is not None


class Item(_Part):
    """One row of the list. Only ``when`` and ``keep`` decide; the rest is for people.

    Attributes:
        id: short name, under which decisions speak of it.
        category, matter, stage, place: 执法类别, 执法事项, 记录环节, 记录场所.
        method: 文字 (``text``), 关键环节音像 (``key``), 全程音像 (``full``).
        equipment, start, points, end, recorder: 记录设备, 开始条件, 记录内容要点, 结束条件, 记录人.
        keep: 保存期限: calendar months, ``permanent`` or ``same-as-case``. basis: 依据.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    category: Line
    matter: Line
    stage: Line | None = None
    place: Line | None = None
    method: Literal["text", "key", "full"]
    equipment: Line | None = None
    start: Prose | None = None
    points: Annotated[tuple[Line, ...], Field(max_length=32)] = ()
    end: Prose | None = None
    recorder: Line | None = None
    basis: Prose | None = None
    when: When
    keep: Keep


class CaseFile(_Part):
    """How long the file of a closed case is kept; counted from when it was closed.

    Attributes:
        category: of the case; none for every case of another category.
    """

    category: Line | None = None
    keep: Months | Literal["permanent"]
    basis: Prose | None = None


class RulePack(_Part):
    """The whole file.

    Attributes:
        jurisdiction: whose rules these are. version: only ever rises.
        zone: whose days are counted. floor_months: shorter than this nothing is kept.
        export_days: for so long a clip that was handed out is kept, so that it can be had again.
    """

    format: Literal[1]
    jurisdiction: Line
    title: Line
    version: Annotated[int, Field(strict=True, ge=1, le=10**9)]
    issued: date
    basis: Prose | None = None
    zone: Annotated[str, AfterValidator(_zone)] = "Asia/Shanghai"
    floor_months: Annotated[int, Field(strict=True, ge=6, le=_MAX_MONTHS)]
    export_days: Annotated[int, Field(strict=True, ge=0, le=3650)] = 30
    item: Annotated[tuple[Item, ...], Field(max_length=MAX_ITEMS)] = ()
    case: Annotated[tuple[CaseFile, ...], Field(max_length=MAX_ITEMS)] = ()

    @field_validator("item")
    @classmethod
    def _named_once(cls, items: tuple[Item, ...]) -> tuple[Item, ...]:
        return _each_once(items, [item.id for item in items])

    @field_validator("case")
    @classmethod
    def _one_for_each(cls, cases: tuple[CaseFile, ...]) -> tuple[CaseFile, ...]:
        return _each_once(cases, [case.category or "" for case in cases])

    @property
    def days(self) -> ZoneInfo:
        """The zone whose days are counted."""
        return ZoneInfo(self.zone)

    def file_of(self, category: str | None) -> CaseFile | None:
        """How long the file of a case of this category is kept; None when nothing says so."""
        named = next((each for each in self.case if each.category == category), None)
        return named or next((each for each in self.case if each.category is None), None)


def read_pack(raw: bytes) -> RulePack:
    """Read a file.

    Raises:
        PackError: too large, not TOML, or not such a pack; the words name the place.
    """
    if len(raw) > MAX_PACK:
        raise PackError(f"{len(raw)} bytes; a rule pack has {MAX_PACK} at most")
    try:
        return RulePack.model_validate(tomllib.loads(raw.decode()))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:120]
        words = first["msg"].removeprefix("Value error, ")
        raise PackError(f"rule pack: {where or 'as a whole'}: {words[:200]}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PackError(f"rule pack: not TOML in UTF-8: {str(error)[:200]}") from error


def _each_once(rows: tuple[_T, ...], names: list[str]) -> tuple[_T, ...]:
    for name in names:
        if names.count(name) > 1:
            msg = f"{name or 'every other category'!r} stands in it twice"
            raise ValueError(msg)
    return rows
