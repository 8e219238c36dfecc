"""Looking for cases: which filters there are, as one query that every engine answers by indexes.

Words are looked for by pieces of two characters, because Chinese has no spaces between words
and a database's own word search differs on every engine.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, union
from sqlalchemy.orm import aliased

from gateway.cases.details import GRAM, CaseGram, CaseNumber, CaseOfficerRow, CaseStageRow
from gateway.cases.models import Case, CaseState

_LAST: Final = "\U0010ffff"
_MOST_GRAMS: Final = 12
_SEPARATOR: Final = "/"
_WORDED = aliased(Case)


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases a list shows; None means any.

    Attributes:
        text: begins one of the case's numbers, or stands in its title or cause.
        number: begins one of its numbers. cause: stands in its title or cause.
        unit: of this unit or one below it. officer: name or certificate number.
        stage: name of a stage. filed_from, filed_to: days, both included.
        state: None means those that answer for themselves, sealed ones too.
        within: how far the asker's reach goes.
        before: log position of the last case of the page before this one.
    """

    text: str | None = None
    number: str | None = None
    cause: str | None = None
    unit: str | None = None
    category: str | None = None
    officer: str | None = None
    stage: str | None = None
    filed_from: date | None = None
    filed_to: date | None = None
    state: CaseState | None = None
    within: ColumnElement[bool] | None = None
    before: int | None = None


def folded(*texts: str | None) -> str:
    """Text in the one form in which it is looked for."""
    whole = "\n".join(" ".join(text.split()) for text in texts if text)
    return unicodedata.normalize("NFKC", whole).casefold()


def grams(text: str) -> set[str]:
    """The pieces of a folded text; its last character is one by itself."""
    return {text[at : at + GRAM] for at in range(len(text))}


def query(wanted: CaseFilter, limit: int) -> Select[Case]:
    """The newest cases that fit, from the newest back."""
    found = select(Case).order_by(Case.opened_index.desc()).limit(limit)
    return found.where(*_conditions(wanted))


def _conditions(wanted: CaseFilter) -> Iterator[ColumnElement[bool]]:
    yield from _of_state(wanted.state)
    if wanted.before is not None:
        yield Case.opened_index < wanted.before
    if wanted.within is not None:
        yield wanted.within
    if wanted.text is not None:
        # Each half by its own index: either way of an OR would be looked up for every case.
        worded = select(_WORDED.token).where(_worded(wanted.text, _WORDED))
        yield Case.token.in_(union(*_numbered(wanted.text), worded))
    if wanted.number is not None:
        yield Case.token.in_(union(*_numbered(wanted.number)))
    if wanted.cause is not None:
        yield _worded(wanted.cause, Case)
    if wanted.category is not None:
        yield Case.category == wanted.category
    if wanted.filed_from is not None:
        yield Case.filed >= wanted.filed_from
    if wanted.filed_to is not None:
        yield Case.filed <= wanted.filed_to
    yield from _of_people(wanted)


def _of_state(state: CaseState | None) -> Iterator[ColumnElement[bool]]:
    yield Case.survivor.is_not(None) if state is CaseState.MERGED else Case.survivor.is_(None)
    if state is CaseState.OPEN:
        yield Case.sealed_index.is_(None)
    if state is CaseState.SEALED:
        yield Case.sealed_index.is_not(None)


def _of_people(wanted: CaseFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.unit is not None:
        below = wanted.unit + _SEPARATOR
        yield or_(Case.unit == wanted.unit, func.substr(Case.unit, 1, len(below)) == below)
    if wanted.officer is not None:
        # Each half by an index of its own.
        by_name = select(CaseOfficerRow.case).where(CaseOfficerRow.name == wanted.officer)
        by_number = select(CaseOfficerRow.case).where(CaseOfficerRow.number == wanted.officer)
        yield Case.token.in_(by_name.union(by_number))
    if wanted.stage is not None:
        yield Case.token.in_(select(CaseStageRow.case).where(CaseStageRow.name == wanted.stage))


def _numbered(start: str) -> Iterator[Select[str]]:
    # A merged case is found by its own number, and its survivor is, too.
    column = CaseNumber.ordered
    for found in (CaseNumber.origin, CaseNumber.case):
        yield select(found).where(column >= start, column < start + _LAST)


def _worded(text: str, of: type[Case]) -> ColumnElement[bool]:
    sought = folded(text)
    if len(sought) == 1:
        start = select(CaseGram.case).where(CaseGram.gram >= sought, CaseGram.gram < sought + _LAST)
        return of.token.in_(start)
    pieces = sorted({sought[at : at + GRAM] for at in range(len(sought) - 1)})[:_MOST_GRAMS]
    there = (exists().where(CaseGram.gram == each, CaseGram.case == of.token) for each in pieces)
    # Pieces in another order would do for them, not for who asks.
    return and_(of.sought.contains(sought, autoescape=True), *there)
