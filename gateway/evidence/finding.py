"""Which clips a list shows, as one query that costs what its page costs.

Every order is that of an index whose first part is what is asked for, so that a page is a walk
of as many steps as it has rows. Three things would force the database to look through
everything instead, and are written in other words: a unit *and all below it* (a row for each
unit above: ``CountsTo``), *this or that reach* (two walks, joined), and times, which lie close
to where a list by time begins. A short time in the log's order is gathered by its own index and
put in order first: a walk from the newest clip would go past everything recorded since.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    SQLColumnExpression,
    and_,
    false,
    or_,
    select,
    tuple_,
    union,
)
from sqlalchemy.orm import aliased

from gateway.evidence.models import OFFICER, UNIT, Clip, ClipState, CountsTo
from gateway.evidence.times import WIDEST
from protocols.ids import DockId

_LAST = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)
# What is recorded in so long is put in order sooner than a log is walked.
_SHORT = timedelta(days=62)
# Once: what a new alias costs is more than all else of a query.
_REACHED, _RECORDED, _OF_UNIT, _OF_OFFICER = (aliased(CountsTo) for _ in range(4))


class Order(StrEnum):
    """What "newest first" goes by; clips that have no such time are not in its list."""

    LOG = "log"
    """when ``clip.sealed`` was logged"""
    START = "start"
    """when the recording began, at the earliest"""
    SEALED = "sealed"
    STORED = "stored"


_TIMES: dict[Order, SQLColumnExpression[datetime | None]] = {
    Order.START: Clip.started_earliest,
    Order.SEALED: Clip.sealed_time,
    Order.STORED: Clip.stored_time,
}


def time_of(order: Order) -> SQLColumnExpression[datetime | None]:
    """The time that a list goes by; the log's order has none."""
    return _TIMES[order]


@dataclass(frozen=True, slots=True)
class ClipReach:
    """How far somebody's list goes: to what counts to a unit, to what an officer recorded."""

    unit: str | None = None
    officer: str | None = None


@dataclass(frozen=True, slots=True)
class Between:
    """From a moment on and before another; an open end is None."""

    first: datetime | None = None
    end: datetime | None = None

    def holds(self, column: SQLColumnExpression[datetime | None]) -> Iterator[ColumnElement[bool]]:
        """Conditions on a time."""
        if self.first is not None:
            yield column >= self.first
        if self.end is not None:
            yield column < self.end


@dataclass(frozen=True, slots=True)
class Late:
    """Which clips count as late: stored so long after the recording, or not stored by now.

    Attributes:
        after: the longest that is not late.
        now: by the gateway's clock.
        is_late: whether the late ones are asked for, or the others.
    """

    after: timedelta
    now: datetime
    is_late: bool

    @property
    def holds(self) -> ColumnElement[bool]:
        """Condition on clips; of a clip that never told a time nobody can say that it is late."""
        most = self.after // timedelta(milliseconds=1)
        late = or_(
            Clip.delay_ms > most,
            and_(Clip.stored_index.is_(None), Clip.ended_latest < self.now - self.after),
        )
        if self.is_late:
            return late
        return or_(
            Clip.delay_ms <= most,
            and_(Clip.stored_index.is_(None), Clip.ended_latest >= self.now - self.after),
            Clip.ended_latest.is_(None),
        )


@dataclass(frozen=True, slots=True)
class ClipFilter:
    """Which clips a list shows; None means any.

    Attributes:
        officer: by the claim or what counts instead: neither name hides a clip. So the unit,
            of which all below are meant too.
        name: how the file's name begins.
        linked: a select of (dock, epoch, seq), from the cases' service.
        in_cases: whether any case has it now.
        started: a recording may have begun then. sealed, stored: it was, by the dock's and by
            the gateway's clock.
        knows_start: whether anything bounds when it began.
        within: how far the asker's reach goes; None is everything.
        also: a further condition, from the marks' service.
        order: what "newest" goes by.
        before: log position of the last clip of the page before this one.
    """

    dock: DockId | None = None
    state: ClipState | None = None
    session: str | None = None
    officer: str | None = None
    camera: str | None = None
    unit: str | None = None
    tagged_case: str | None = None
    tagged_category: str | None = None
    marked: bool | None = None
    sha256: bytes | None = None
    name: str | None = None
    linked: Select[str, int, int] | None = None
    in_cases: bool | None = None
    started: Between = Between()
    sealed: Between = Between()
    stored: Between = Between()
    knows_start: bool | None = None
    late: Late | None = None
    within: ClipReach | None = None
    also: ColumnElement[bool] | None = None
    order: Order = Order.LOG
    before: int | None = None


def clips_query(wanted: ClipFilter, after: datetime | None, limit: int) -> Select[Clip]:
    """Select one page of clips.

    Args:
        wanted: which.
        after: the time by which the clip at ``wanted.before`` is ordered.
        limit: rows of the page.
    """
    walks = [_walk(wanted, after, reach).limit(limit) for reach in _reaches(wanted.within)]
    if not walks:
        return select(Clip).where(false())
    if len(walks) == 1:
        return walks[0]
    # One walk each, and both together no longer than a page: OR would look through everything.
    pages = (walk.with_only_columns(Clip.entry_index).subquery() for walk in walks)
    query = select(Clip).where(Clip.entry_index.in_(union(*(select(page) for page in pages))))
    return query.order_by(*_order(wanted.order)).limit(limit)


def place_query(wanted: ClipFilter) -> Select[datetime | None]:
    """Select the time of the clip at ``wanted.before``, if whoever asks may be told of it.

    Of any other clip the answer would tell when it was recorded: by where his own are cut off.
    """
    asked = ClipFilter(within=wanted.within, also=wanted.also)
    walks = [
        _walk(asked, None, reach).with_only_columns(Clip.entry_index).order_by(None)
        for reach in _reaches(wanted.within)
    ]
    mine = or_(false(), *(Clip.entry_index.in_(walk) for walk in walks))
    return select(time_of(wanted.order)).where(Clip.entry_index == wanted.before, mine)


def _reaches(within: ClipReach | None) -> list[ClipReach]:
    if within is None:
        return [ClipReach()]
    parts = [ClipReach(unit=within.unit)] if within.unit is not None else []
    if within.officer is not None:
        parts.append(ClipReach(officer=within.officer))
    return parts


def _walk(wanted: ClipFilter, after: datetime | None, reach: ClipReach) -> Select[Clip]:
    if reach.officer is None and _is_gathered(wanted):
        return _gathered(wanted, reach)
    query = select(Clip).where(*_conditions(wanted)).order_by(*_order(wanted.order))
    if reach.unit is not None:
        query = _of(query, _REACHED, UNIT, reach.unit)
    if wanted.unit is not None:
        query = _of(query, _OF_UNIT, UNIT, wanted.unit).where(_OF_UNIT.own)
    if reach.officer is not None:
        query = _of(query, _RECORDED, OFFICER, reach.officer).where(_RECORDED.own)
    if wanted.officer is not None and wanted.officer != reach.officer:
        query = _of(query, _OF_OFFICER, OFFICER, wanted.officer).where(_OF_OFFICER.own)
    if wanted.linked is not None:
        query = query.where(tuple_(Clip.dock, Clip.epoch, Clip.seq).in_(wanted.linked))
    return query.where(*_before(wanted, after))


def _is_gathered(wanted: ClipFilter) -> bool:
    """Whether a short time is all that narrows a list in the log's order."""
    started = wanted.started
    if wanted.order is not Order.LOG or started.first is None or started.end is None:
        return False
    narrow = (wanted.officer, wanted.session, wanted.camera, wanted.sha256, wanted.name)
    narrower = (wanted.dock, wanted.tagged_case, wanted.linked, *narrow)
    return started.end - started.first <= _SHORT and all(each is None for each in narrower)


def _gathered(wanted: ClipFilter, reach: ClipReach) -> Select[Clip]:
    """Its clips by the index of starts, put in order, and only so many looked up as a page has."""
    # A sum, because the bare column's own index would be walked; OFFSET keeps it a part by itself.
    place = (Clip.entry_index + 0).label("place")
    short = select(place).where(*_began(wanted.started), *_before(wanted, None))
    listed = short.order_by(place.desc()).offset(0).subquery()
    query = select(Clip).join(listed, Clip.entry_index == listed.c.place)
    # Not the time once more: it would look as if few clips were left to join.
    others = replace(wanted, started=Between())
    query = query.where(*_conditions(others)).order_by(listed.c.place.desc())
    for unit, own in ((reach.unit, False), (wanted.unit, True)):
        if unit is not None:
            query = query.where(_counts(listed.c.place, unit, own=own))
    return query


def _counts(place: ColumnElement[int], unit: str, *, own: bool) -> ColumnElement[bool]:
    """Looked up clip by clip: a value cannot be turned into a join of everything a unit has."""
    same = (CountsTo.entry_index == place, CountsTo.kind == UNIT, CountsTo.name == unit)
    found = select(CountsTo.own).where(*same).scalar_subquery()
    return found if own else found.is_not(None)


def _of(query: Select[Clip], counted: type[CountsTo], kind: str, name: str) -> Select[Clip]:
    """A join, which may begin with the name: a condition on each clip could not."""
    same = (counted.entry_index == Clip.entry_index, counted.kind == kind, counted.name == name)
    return query.join(counted, and_(*same))


def _order(order: Order) -> tuple[ColumnElement[Any], ...]:
    newest = Clip.entry_index.desc()
    return (newest,) if order is Order.LOG else (time_of(order).desc(), newest)


def _before(wanted: ClipFilter, after: datetime | None) -> Iterator[ColumnElement[bool]]:
    if wanted.order is Order.LOG:
        if wanted.before is not None:
            yield Clip.entry_index < wanted.before
        return
    column = time_of(wanted.order)
    yield column.is_not(None)
    if wanted.before is not None and after is not None:
        yield column <= after
        yield or_(column < after, Clip.entry_index < wanted.before)


def _conditions(wanted: ClipFilter) -> Iterator[ColumnElement[bool]]:
    same = {
        Clip.dock: wanted.dock,
        Clip.state: None if wanted.state is None else wanted.state.value,
        Clip.session: wanted.session,
        Clip.camera: wanted.camera,
        Clip.tagged_case: wanted.tagged_case,
        Clip.tagged_category: wanted.tagged_category,
        Clip.sha256: wanted.sha256,
    }
    yield from (column == value for column, value in same.items() if value is not None)
    for flag, value in ((Clip.marked, wanted.marked), (Clip.linked, wanted.in_cases)):
        if value is not None:
            yield flag == value
    if wanted.knows_start is not None:
        known = Clip.started_earliest.is_not(None)
        yield known if wanted.knows_start else ~known
    if wanted.name is not None:
        yield from _begins(wanted.name)
    if wanted.late is not None:
        yield wanted.late.holds
    if wanted.also is not None:
        yield wanted.also
    yield from wanted.sealed.holds(Clip.sealed_time)
    yield from wanted.stored.holds(Clip.stored_time)
    yield from _began(wanted.started)


def _began(between: Between) -> Iterator[ColumnElement[bool]]:
    """A recording may have begun then: its bounds overlap what is asked for."""
    if between.first is not None:
        yield Clip.started_latest >= between.first
        # Bounds are no wider apart, so the walk need not go back to the oldest clip.
        yield Clip.started_earliest >= between.first - WIDEST
    if between.end is not None:
        yield Clip.started_earliest < between.end


def _begins(text: str) -> Iterator[ColumnElement[bool]]:
    """Names in the order of code points, from the text itself to the next that is none."""
    yield Clip.name_start >= text
    while text and ord(text[-1]) == _LAST:
        text = text[:-1]
    if text:
        last = ord(text[-1]) + 1
        if last in _SURROGATES:
            last = _SURROGATES.stop
        yield Clip.name_start < text[:-1] + chr(last)
