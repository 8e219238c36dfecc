"""``gate/{dock}/cases`` (SPEC 5): which cases an officer can name at a dock, and in which words.

A help for choosing and nobody's signed word: what an officer chose is in the dock's ledger,
and what follows from it is decided at the gateway. It carries no more about people than a
choice needs: never the parties of a case, never who opened it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Self

from pydantic import Field

from protocols.messages import MAX_JSON, JsonMessage, validated
from protocols.plain import PlainText

MAX_CASES = 1000
MAX_CHOICES = 64
TITLE_LENGTH = 80

Position = Annotated[int, Field(strict=True, ge=0, lt=2**63)]
Code = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Label = Annotated[PlainText, Field(max_length=60)]
Line = Annotated[PlainText, Field(max_length=200)]


class Choice(JsonMessage):
    """Something to choose: the code goes on record, the words are for the screen."""

    code: Code
    zh: Label
    en: Label


class OpenCase(JsonMessage):
    """One case as a dock shows it.

    Attributes:
        case: the opaque name that statements use.
        officers: names or numbers as the case system gave them, to put an officer's own first.
    """

    case: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    case_no: Line
    title: Annotated[PlainText, Field(max_length=TITLE_LENGTH)] | None = None
    category: Line | None = None
    unit: Line | None = None
    officers: Annotated[tuple[Label, ...], Field(max_length=16)] = ()


class Cases(JsonMessage):
    """The newest open cases, most recent first, and what else can be chosen.

    Attributes:
        revision: grows with every case that is opened; the same from every worker.
        time: when it was put together, by the gateway's clock.
        more: how many open cases had no room.
    """

    revision: Position
    time: Annotated[PlainText, Field(max_length=40)]
    cases: Annotated[tuple[OpenCase, ...], Field(max_length=MAX_CASES)]
    more: Position = 0
    categories: Annotated[tuple[Choice, ...], Field(max_length=MAX_CHOICES)] = ()
    reasons: Annotated[tuple[Choice, ...], Field(max_length=MAX_CHOICES)] = ()

    @classmethod
    def decode(cls, raw: bytes) -> Self:
        """Read a payload; raises MessageError."""
        return validated(cls, cls.read_json(raw))

    def fitted(self) -> Self:
        """The same with as many of its cases, the first ones, as one message holds."""
        room = MAX_JSON - len(self.model_copy(update={"cases": (), "more": 2**63 - 1}).encode())
        kept = _that_fit(self.cases[:MAX_CASES], room)
        more = self.more + len(self.cases) - len(kept)
        return self.model_copy(update={"cases": kept, "more": more})


def _that_fit(cases: Iterable[OpenCase], room: int) -> tuple[OpenCase, ...]:
    kept: list[OpenCase] = []
    for case in cases:
        room -= len(case.encode()) + 1
        if room < 0:
            break
        kept.append(case)
    return tuple(kept)


def _choices(*rows: tuple[str, str, str]) -> Sequence[Choice]:
    return tuple(Choice(code=code, zh=zh, en=en) for code, zh, en in rows)


# What 《行政执法全过程记录》 rules name as acts to be recorded; a gateway may state its own.
CATEGORIES: Sequence[Choice] = _choices(
    ("inspection", "现场检查", "on-site inspection"),
    ("random-check", "随机抽查", "random check"),
    ("investigation", "调查取证", "investigation"),
    ("preservation", "证据保全", "preservation of evidence"),
    ("hearing", "听证", "hearing"),
    ("coercion", "行政强制", "coercive measure"),
    ("seizure", "查封扣押", "sealing or seizure"),
    ("demolition", "强制拆除", "forced demolition"),
    ("service", "文书送达", "service of documents"),
    ("other", "其他", "other"),
)

REASONS: Sequence[Choice] = _choices(
    ("no-act", "本班次未开展执法活动", "no enforcement on this shift"),
    ("device-fault", "设备故障", "the camera failed"),
    ("battery", "电量耗尽", "the battery was empty"),
    ("card-full", "存储空间已满", "the card was full"),
    ("emergency", "情况紧急未能开启", "no time to switch it on"),
    ("not-to-record", "依法不宜录音录像", "recording was not permitted"),
    ("other-camera", "由其他记录仪记录", "recorded by another camera"),
    ("other", "其他（请说明）", "other, as written"),
)
OTHER = "other"
