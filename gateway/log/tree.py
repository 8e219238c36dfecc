"""Proofs from the nodes in the database.

The proof algorithms of ``hashing.merkle`` read nodes one by one and know no database. So
each runs twice: first over a reader that only notes which nodes it asks for, then over
those, fetched in one query. Complete nodes never change, so they are kept in memory too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import islice
from typing import TypeVar

from gateway.db import Database
from gateway.errors import LogDamagedError
from hashing.merkle import HASH_SIZE, NodeReader

_Node = tuple[int, int]
_KEPT = 1 << 16
_SIZES = (8, 24, 96, 400)
_PER_QUERY = _SIZES[-1]
_NO_HASH = bytes(HASH_SIZE)
T = TypeVar("T")


class StoredTree:
    """Reads the tree's complete nodes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: dict[_Node, bytes] = {}

    def keep(self, nodes: Iterable[tuple[int, int, bytes]]) -> None:
        """Remember nodes that are committed; a fresh entry's receipt then reads nothing."""
        if len(self._kept) > _KEPT:
            # The oldest half: proofs are mostly asked for what is new.
            self._kept = dict(islice(self._kept.items(), len(self._kept) // 2, None))
        self._kept.update(((level, index), node) for level, index, node in nodes)

    async def compute(self, make: Callable[[NodeReader], T]) -> T:
        """Run an algorithm that reads nodes.

        Args:
            make: called twice; its reads must not depend on the hashes it is given.

        Raises:
            LogDamagedError: the database lacks a node that it must have.
            ProofError: what ``make`` raises, for example for sizes out of range.
        """
        wanted: dict[_Node, bytes | None] = {}

        def note(level: int, index: int) -> bytes:
            wanted[level, index] = self._kept.get((level, index))
            return _NO_HASH

        make(note)
        missing = [node for node, known in wanted.items() if known is None]
        found = await self._fetch(missing)
        known = {node: hash_ for node, hash_ in wanted.items() if hash_ is not None} | found

        def read(level: int, index: int) -> bytes:
            try:
                return known[level, index]
            except KeyError as error:
                msg = f"the database lacks node {index} of level {level}"
                raise LogDamagedError(msg) from error

        return make(read)

    async def _fetch(self, nodes: list[_Node]) -> dict[_Node, bytes]:
        found: dict[_Node, bytes] = {}
        if not nodes:
            return found
        for start in range(0, len(nodes), _PER_QUERY):
            count, named = _named(nodes[start : start + _PER_QUERY])
            for level, index, node in await self._database.look_up(_query(count), named):
                found[level, index] = bytes(node)
        self.keep((level, index, node) for (level, index), node in found.items())
        return found


@cache
def _query(count: int) -> str:
    """One look-up by key for each node: SQLite reads the whole table for a list of pairs.

    As text, and of few sizes, because building and compiling such a query takes many times
    as long as it runs.
    """
    places = " OR ".join(f'(level = :l{n} AND "index" = :i{n})' for n in range(count))
    return f'SELECT level, "index", hash FROM log_node WHERE {places}'  # noqa: S608  # numbers of ours


def _named(nodes: Sequence[_Node]) -> tuple[int, dict[str, int]]:
    """How many places the query has, and what stands in them; the last node fills the rest."""
    count = next(size for size in _SIZES if size >= len(nodes))
    named: dict[str, int] = {}
    for n in range(count):
        named[f"l{n}"], named[f"i{n}"] = nodes[min(n, len(nodes) - 1)]
    return count, named
