"""What an officer does at the dock's screen: see open cases, tag clips, say why there is no video.

Questions come over the status socket. What is said is written into the ledger as a claim of
whoever said it; nothing here decides what follows, the gateway does. A case number that is in
no list is taken as typed: the case system may learn of the case later, or by another name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from edge.caselist import CaseList
from edge.codes import Declined
from edge.errors import LedgerDamaged, LedgerError, NoSuchChoice, TooFast
from edge.ledger import Ledger, Tag
from edge.pace import Pace
from edge.signals import Signals
from protocols.caselist import CATEGORIES, OTHER, REASONS, Choice, OpenCase
from protocols.errors import IdError
from protocols.ids import EntryId
from protocols.plain import plain, typed

Answer = dict[str, Any]

COMMANDS: Final = ("cases", "tag", "note")
_MOST_CLIPS: Final = 1000
# What people type or a badge says; the rest is made by the screen's program.
_TYPED: Final = frozenset({"officer", "case_no", "category", "reason", "text", "by"})


def _typed(value: object) -> object:
    return typed(value) if isinstance(value, str) else value


def _one_line(value: object) -> object:
    return " ".join(value.split()) if isinstance(value, str) else value


def _entry(text: str) -> str:
    try:
        EntryId.parse(text)
    except IdError as error:
        raise ValueError(str(error)) from error
    return text


_Plain = Annotated[str, BeforeValidator(_typed), Field(min_length=1), AfterValidator(plain)]
Line = Annotated[_Plain, Field(max_length=200)]
Text = Annotated[_Plain, BeforeValidator(_one_line), Field(max_length=2000)]
_Entry = Annotated[str, Field(max_length=60), AfterValidator(_entry)]


class _Question(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    officer: Line | None = None


class _CasesAsked(_Question):
    cmd: Literal["cases"]


class _TagAsked(_Question):
    cmd: Literal["tag"]
    session: _Entry | None = None
    clips: Annotated[tuple[_Entry, ...], Field(min_length=1, max_length=_MOST_CLIPS)] | None = None
    case_no: Line | None = None
    category: Line | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.session is None) == (self.clips is None):
            msg = "name a session or clips, and not both"
            raise ValueError(msg)
        if self.case_no is None and self.category is None:
            msg = "name a case, a category, or both"
            raise ValueError(msg)
        return self


class _NoteAsked(_Question):
    cmd: Literal["note"]
    session: _Entry
    reason: Line
    text: Text | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.reason == OTHER and self.text is None:
            raise PydanticCustomError(Declined.TEXT_NEEDED, "write the reason in a few words")
        return self


class DeskActs:
    """Answers the questions of one dock's screen."""

    def __init__(
        self, ledger: Ledger, cases: CaseList, signals: Signals, pace: Pace | None = None
    ) -> None:
        self._ledger = ledger
        self._pace = pace or Pace()
        self._cases = cases
        self._signals = signals

    async def answer(self, question: Answer) -> Answer:
        """Answer ``cases``, ``tag`` or ``note``; what cannot be done gets an ``error``."""
        try:
            return await self._acted(question)
        except ValidationError as error:
            return problem(error)
        except TooFast as fast:
            return declined(fast.declined, str(fast), wait_s=fast.wait_s)
        except LedgerDamaged:
            raise
        except LedgerError as error:
            return declined(error.declined, str(error))

    async def _acted(self, question: Answer) -> Answer:
        match question.get("cmd"):
            case "cases":
                return self._listed(_CasesAsked.model_validate(question))
            case "tag":
                return {"tagged": await self._tag(_TagAsked.model_validate(question))}
            case "note":
                return {"noted": await self._note(_NoteAsked.model_validate(question))}
            case _:
                known = ", ".join(COMMANDS)
                return declined(Declined.NOT_UNDERSTOOD, f"unknown command; known: {known}")

    def _listed(self, asked: _CasesAsked) -> Answer:
        stale_s = self._cases.stale_s
        return {
            "cases": [_case(case) for case in self._cases.cases(asked.officer)],
            "more": self._cases.more,
            "categories": [choice.model_dump() for choice in self._cases.categories],
            "reasons": [choice.model_dump() for choice in self._cases.reasons],
            "stale_s": None if stale_s is None else int(stale_s),
        }

    async def _tag(self, asked: _TagAsked) -> int:
        self._pace.keep(asked.session or (asked.clips or ("",))[0], len(asked.clips or ()))
        _must_know(asked.category, self._cases.categories, CATEGORIES, "category")
        tag = Tag(asked.case_no, asked.category, asked.officer)
        if asked.session is not None:
            session = EntryId.parse(asked.session)
            tagged = await asyncio.to_thread(self._ledger.tag_session, session, tag)
            self._pace.made(asked.session, tagged)
        else:
            clips = [EntryId.parse(clip) for clip in asked.clips or ()]
            tagged = await asyncio.to_thread(self._ledger.tag_clips, clips, tag)
        self._signals.ledger.ring()
        return tagged

    async def _note(self, asked: _NoteAsked) -> str:
        self._pace.keep(asked.session)
        _must_know(asked.reason, self._cases.reasons, REASONS, "reason")
        session = EntryId.parse(asked.session)
        entry = await asyncio.to_thread(
            self._ledger.note_session, session, asked.reason, asked.text, asked.officer
        )
        self._signals.ledger.ring()
        return str(entry)


def _must_know(
    code: str | None, stated: Sequence[Choice], built_in: Sequence[Choice], what: str
) -> None:
    """Refuse a code that no screen of this dock can have shown.

    Raises:
        LedgerError: it is in no list, of the gateway's or of this program's own.
    """
    codes = [choice.code for choice in (*stated, *built_in)]
    if code is not None and code not in codes:
        known = ", ".join(dict.fromkeys(codes))
        raise NoSuchChoice(f"no {what} has the code {code[:40]!r}; known: {known}")


def _case(case: OpenCase) -> Answer:
    return case.model_dump(include={"case", "case_no", "title", "category", "officers"})


def declined(code: Declined, text: str, **values: int) -> Answer:
    """The answer to what is not done: a sentence, a stable word, and the numbers in it."""
    return {"error": text, "code": code.value, **({"values": values} if values else {})}


def problem(error: ValidationError) -> Answer:
    """The first thing that is wrong with a question, for whoever asked."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])[:80]
    text = first["msg"].removeprefix("Value error, ")[:160]
    text = f"{where}: {text}" if where else text
    most = int(first.get("ctx", {}).get("max_length", 0))
    typed_in = first["loc"][-1] if first["loc"] else ""
    match first["type"]:
        # A text that was cleaned first is measured like a list, and the error says "items".
        case "string_too_long" | "too_long" if typed_in in _TYPED:
            return declined(Declined.TEXT_LONG, f"{where}: at most {most} letters", most=most)
        case Declined.TEXT_NEEDED:
            return declined(Declined.TEXT_NEEDED, text)
        case "too_long":
            return declined(Declined.TOO_MANY_CLIPS, text, most=most)
        case "string_too_short" if typed_in in _TYPED:
            return declined(Declined.TEXT_EMPTY, text)
        case "value_error" if typed_in in _TYPED:
            return declined(Declined.TEXT_UNFIT, text)
        case _:
            return declined(Declined.NOT_UNDERSTOOD, text)
