"""Rows that belong to certain clips, however many: one condition, one text of SQL, one value.

The names go in as one JSON text. A list of triples would be another statement for every number
of clips, which every cache misses, and SQLite reads the whole table for one. Each part is cast,
because only then SQLite sees that all three fit the key.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    SQLColumnExpression,
    Text,
    bindparam,
    cast,
    column,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from protocols.ids import ClipId


class _Elements(FunctionElement[str]):
    """The elements of a JSON array, a row for each: PostgreSQL's name for it, or SQLite's."""

    inherit_cache = True
    name = "json_array_elements"


@compiles(_Elements, "sqlite")
def _on_sqlite(element: _Elements, compiler: SQLCompiler, **options: object) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(_Elements, "postgresql")
def _on_postgresql(element: _Elements, compiler: SQLCompiler, **options: object) -> str:
    return f"json_array_elements(CAST({compiler.process(element.clauses, **options)} AS JSON))"


def among(
    dock: SQLColumnExpression[str],
    epoch: SQLColumnExpression[int],
    seq: SQLColumnExpression[int],
    clips: Iterable[ClipId],
) -> ColumnElement[bool]:
    """Condition on rows that name a clip in these columns: it is one of these clips."""
    names = json.dumps([[clip.dock, clip.epoch, clip.seq] for clip in clips])
    each = _Elements(bindparam(None, names, Text, unique=True)).table_valued(
        column("value", Text), name="named"
    )
    kinds: tuple[type[Text | BigInteger], ...] = (Text, BigInteger, BigInteger)
    parts = [
        cast(each.c.value.op("->>")(literal_column(str(place), Integer)), kind)
        for place, kind in enumerate(kinds)
    ]
    return tuple_(dock, epoch, seq).in_(select(*parts))
