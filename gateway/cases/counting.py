"""To whom clips count, and whether a case has them: kept while rows are written.

A clip counts to the officer and unit that its dock signed, to those that a correction names
beside them, to the units of the cases it is linked to, and to all units above these. Lists ask
for that of a million clips at a time, so it is written down (``CountsTo``, ``Clip.linked``)
whenever one of these changes, by whatever feature, within the same transaction: a database that
follows the log's records has it right by itself. Only changes that pass by the session's
objects have to call ``count_anew``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import ColumnElement, delete, event, insert, select, update
from sqlalchemy.engine import Connection, Row
from sqlalchemy.orm import Session, UOWTransaction
from sqlalchemy.orm.attributes import get_history

from gateway.cases.models import Case, CaseLink
from gateway.evidence.models import OFFICER, UNIT, Clip, CountsTo

SEPARATOR = "/"
_PER_QUERY = 400
_Key = tuple[str, int, int]
_CLAIMS = (
    *(Clip.entry_index, Clip.unit, Clip.corrected_unit),
    *(Clip.officer, Clip.corrected_officer, Clip.linked),
)


def units_above(unit: str | None) -> Iterator[str]:
    """A unit and every one that it lies below."""
    if unit:
        yield unit
        yield from (unit[:at] for at, sign in enumerate(unit) if sign == SEPARATOR and at)


def count_anew(connection: Connection, clips: Collection[_Key]) -> None:
    """Write down to whom these clips count; the same again changes nothing.

    Args:
        connection: of the transaction that changed them.
        clips: dock, epoch and number of each.
    """
    for key in sorted(set(clips)):
        row = connection.execute(select(*_CLAIMS).where(*_is(Clip, key))).one_or_none()
        if row is not None:
            _count(connection, key, row)


def _count(connection: Connection, key: _Key, row: Row[*tuple[Any, ...]]) -> None:
    cases = connection.scalars(
        select(Case.unit)
        .join(CaseLink, CaseLink.case == Case.token)
        .where(*_is(CaseLink, key), CaseLink.unlink_index.is_(None))
    ).all()
    wanted = reckon((row.unit, row.corrected_unit), (row.officer, row.corrected_officer), cases)
    mine = CountsTo.entry_index == row.entry_index
    query = select(CountsTo.kind, CountsTo.name, CountsTo.own).where(mine)
    there = {(each.kind, each.name): each.own for each in connection.execute(query)}
    for kind, name in (each for each, own in there.items() if wanted.get(each) != own):
        gone = (mine, CountsTo.kind == kind, CountsTo.name == name)
        connection.execute(delete(CountsTo).where(*gone))
    fresh = [
        {"kind": each[0], "name": each[1], "entry_index": row.entry_index, "own": own}
        for each, own in wanted.items()
        if there.get(each) != own
    ]
    if fresh:
        connection.execute(insert(CountsTo), fresh)
    if row.linked != bool(cases):
        connection.execute(update(Clip).where(*_is(Clip, key)).values(linked=bool(cases)))


def reckon(
    units: Iterable[str | None], officers: Iterable[str | None], cases: Iterable[str | None]
) -> Mapping[tuple[str, str], bool]:
    """To whom a clip counts (kind, name), and whether by more than a case.

    Args:
        units: by its claim and by what counts instead.
        officers: likewise.
        cases: the units of the cases that have it.
    """
    linked = {(UNIT, each): False for case in cases for each in units_above(case)}
    own = {(UNIT, each): True for unit in units for each in units_above(unit)}
    return linked | own | {(OFFICER, each): True for each in officers if each}


def _is(table: type[Clip | CaseLink], key: _Key) -> tuple[ColumnElement[bool], ...]:
    return table.dock == key[0], table.epoch == key[1], table.seq == key[2]


def follow_rows() -> None:
    """From now on count anew whatever any transaction of this process changes."""
    if not event.contains(Session, "after_flush", _follow):
        event.listen(Session, "after_flush", _follow)


def _follow(session: Session, _flush: UOWTransaction) -> None:
    # Not after the commit: what lists show and what the log says change at the same moment.
    changed = [each for each in (*session.new, *session.dirty) if _matters(each)]
    if not changed:
        return
    connection = session.connection()
    keys = {(each.dock, each.epoch, each.seq) for each in changed if not isinstance(each, Case)}
    moved = [each.token for each in changed if isinstance(each, Case)]
    for start in range(0, len(moved), _PER_QUERY):
        some = CaseLink.case.in_(moved[start : start + _PER_QUERY])
        query = select(CaseLink.dock, CaseLink.epoch, CaseLink.seq).where(some)
        keys |= {(row.dock, row.epoch, row.seq) for row in connection.execute(query)}
    count_anew(connection, keys)


def _matters(row: object) -> bool:
    match row:
        case Clip():
            names: tuple[str, ...] = ("unit", "corrected_unit", "officer", "corrected_officer")
        case CaseLink():
            names = ("case", "unlink_index")
        case Case():
            names = ("unit",)
        case _:
            return False
    return any(get_history(row, name).has_changes() for name in names)
