"""A gateway's folder whose log has a million entries, made in minutes.

Journal, tiles, rows and nodes are made by the gateway's own code, batch by batch, with honest
leaves and roots; the next start signs the checkpoint over them. Two things are not as in life:
nothing is synced, and the signatures of these entries are random bytes, since making a million
good ones is no part of what is measured and no proof looks at them.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from gateway.log.commit import _entry_rows, _subject_rows
from gateway.log.journal import MAX_BATCH, Batch, NewEntry, encode_batch
from gateway.log.tiles import Edge, Growth
from hashing import cbor, cose
from hashing.ledger import NO_PREV
from hashing.statement import CHAIN, CONTENT_TYPE_STATEMENT, RECORD_TYPE
from protocols.ids import dock_id, dock_urn
from tests.simulators.dock import SimulatedDock
from tests.simulators.seeded import enrol, gateway_on

_ISSUER = dock_urn(dock_id("dock7"))
_RECORD = b"{}"


def make(folder: Path, size: int) -> None:
    """Fill a data folder with a log of so many entries; a gateway can be started on it."""
    asyncio.run(_found(folder))
    objects = folder / "store" / "objects"
    with sqlite3.connect(folder / "gateway.db") as connection:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1500000"):
            connection.execute(f"PRAGMA {pragma}")
        edge = _edge(connection)
        while edge.size < size:
            count = min(MAX_BATCH, size - edge.size)
            batch = Batch(edge.size, datetime.now(UTC), tuple(_entries(edge.size, count)))  # noqa: TID251  # a batch has a time
            growth = edge.grown([entry.statement for entry in batch.entries])
            _insert(connection, batch, growth)
            _write(objects, batch, growth)
            edge = growth.edge


async def _found(folder: Path) -> None:
    async with gateway_on(folder) as services:
        await enrol(services, SimulatedDock())


def _edge(connection: sqlite3.Connection) -> Edge:
    rows = connection.execute('SELECT statement FROM log_entry ORDER BY "index"')
    return Edge().grown([row[0] for row in rows]).edge


def _entries(first: int, count: int) -> Iterator[NewEntry]:
    payload = hashlib.sha256(_RECORD).digest()
    for seq in range(first, first + count):
        protected = cbor.dumps(
            {
                cose.ALG: -7,
                cose.TYP: CONTENT_TYPE_STATEMENT,
                cose.KID: bytes(32),
                cose.PAYLOAD_HASH_ALG: cose.SHA_256,
                cose.PREIMAGE_TYPE: RECORD_TYPE,
                cose.CLAIMS: {cose.ISS: _ISSUER, cose.SUB: _ISSUER},
                CHAIN: [0, seq, NO_PREV],
            }
        )
        statement = cose.encode_sign1(protected, {}, payload, os.urandom(64))
        yield NewEntry(
            statement, _RECORD, "bench", _ISSUER, _ISSUER, dock="dock7", epoch=0, seq=seq
        )


def _insert(connection: sqlite3.Connection, batch: Batch, growth: Growth) -> None:
    entries = [
        {**row, "admitted_at": batch.at.replace(tzinfo=None).isoformat(" ")}
        for row in _entry_rows(batch, growth.leaves)
    ]
    _rows(connection, "log_entry", entries)
    _rows(connection, "log_entry_subject", _subject_rows(batch))
    nodes = [{"level": v, "index": i, "hash": h} for v, i, h in growth.nodes]
    _rows(connection, "log_node", nodes)


def _rows(connection: sqlite3.Connection, table: str, rows: Sequence[dict[str, object]]) -> None:
    names = list(rows[0])
    columns, places = ", ".join(f'"{name}"' for name in names), ", ".join("?" * len(names))
    connection.executemany(
        f"INSERT INTO {table} ({columns}) VALUES ({places})",  # noqa: S608  # names of ours
        [tuple(row[name] for name in names) for row in rows],
    )


def _write(objects: Path, batch: Batch, growth: Growth) -> None:
    for key, data in [(batch.key, encode_batch(batch)), *growth.tiles.items()]:
        path = objects / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    for key in growth.stale:
        (objects / key).unlink(missing_ok=True)
