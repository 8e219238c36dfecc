"""A gateway's database with a million plausible clips: rows only, no log or footage behind them.

What lists and case pages read is there (clips, to whom they count, cases, links), in its
proportions: a tree of 20 units, 2,000 officers, 3,000 cameras, 500 docks and 50,000 cases by
default, two years long. The same seed gives the same rows. Log positions begin far above those
of the log that the gateway really has; trails and proofs of these clips do not exist.

    python -m tests.bench.seed --clips 1000000 --url postgresql+psycopg://…
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import random
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy import Table, create_engine, make_url

from gateway.cases.counting import reckon
from gateway.cases.details import CaseGram, CaseNumber
from gateway.cases.models import Case, CaseLink
from gateway.cases.searching import folded, grams
from gateway.db import Base, Database
from gateway.evidence.models import Clip, CountsTo
from gateway.evidence.times import times_of

FIRST = 10**9
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
SPAN = timedelta(days=730)
CITY = "市局"
BRANCHES = [f"{CITY}/{name}分局" for name in ("城东", "城西", "城南", "城北")]
SQUADS = [f"{BRANCHES[number % 4]}/{number // 4 + 1}中队" for number in range(15)]
CATEGORIES = ("evidence", "traffic", "public-order", "patrol", "training", "other")
OFFICERS, CAMERAS, DOCKS, CASES = 2000, 3000, 500, 50_000
CAUSES = ("醉驾", "盗窃", "殴打他人", "交通肇事", "寻衅滋事", "赌博", "诈骗", "阻碍执行职务")
_OF_A_SESSION = 8
_Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything; ``clips`` rules, the others are those of an agency of 2,000."""

    clips: int
    officers: int = OFFICERS
    cameras: int = CAMERAS
    docks: int = DOCKS
    cases: int = CASES
    seed: int = 7


def case_no(number: int) -> str:
    """The number of a case."""
    return f"云公执〔2025〕{number}号"


def token(number: int) -> str:
    """The opaque name of a case."""
    return hashlib.sha256(f"case {number}".encode()).hexdigest()[:32]


def unit_of_case(number: int) -> str:
    """The unit of a case."""
    return SQUADS[number % len(SQUADS)]


def title(number: int) -> str:
    """What a case is called; a handful share one."""
    return f"{CAUSES[number % len(CAUSES)]}案 {number // 10}"


def numbers(cases: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The number under which each case is found."""
    for case in cases:
        no, token, index = case["case_no"], case["token"], case["opened_index"]
        given = {"case": token, "origin": token, "since_index": index}
        yield {"case_no": no, "ordered": no} | given


def pieces(cases: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The pieces of words by which each case is found."""
    for case in cases:
        for gram in grams(case["sought"]):
            yield {"gram": gram, "case": case["token"]}


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


class Rows:
    """Rows of every table, clip by clip."""

    def __init__(self, size: Size) -> None:
        self._size = size
        self._random = random.Random(size.seed)  # noqa: S311  # made-up footage
        self._case: int | None = None
        self._officer = self._camera = self._dock = 0

    def clips(self) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any] | None]]:
        """Each clip, to whom it counts, and its link if it has one."""
        for number in range(self._size.clips):
            if number % _OF_A_SESSION == 0:
                self._docking(number)
            clip = self._clip(number)
            case = None if self._case is None else unit_of_case(self._case)
            whose = reckon((clip["unit"],), (clip["officer"],), () if case is None else (case,))
            counted = [
                {"kind": kind, "name": name, "entry_index": clip["entry_index"], "own": own}
                for (kind, name), own in whose.items()
            ]
            yield clip, counted, self._link(number, clip)

    def cases(self) -> Iterator[dict[str, Any]]:
        """Every case."""
        for number in range(self._size.cases):
            at = FIRST + 4 * self._size.clips + number
            yield {
                "token": token(number),
                "case_no": case_no(number),
                "title": title(number),
                "sought": folded(title(number)),
                "category": CATEGORIES[number % 6],
                "unit": unit_of_case(number),
                "opened_by": "platform",
                "opened_index": at,
                "changed_index": at,
                "created_at": BEGIN + SPAN * (number / self._size.cases),
            }

    def _docking(self, number: int) -> None:
        draw, size = self._random, self._size
        self._officer = draw.randrange(size.officers)
        self._camera = self._officer * size.cameras // size.officers + draw.randrange(2)
        squad = self._officer % len(SQUADS)
        self._dock = draw.randrange(max(1, size.docks // len(SQUADS))) * len(SQUADS) + squad
        self._case = None
        if draw.random() < 0.3:
            # Cases of the weeks around, mostly of the same squad.
            about = int(number / size.clips * size.cases) + draw.randrange(-200, 200)
            about = min(max(about, 0), size.cases - 1)
            own = about - about % len(SQUADS) + squad
            self._case = own if draw.random() < 0.9 and own < size.cases else about

    def _clip(self, number: int) -> dict[str, Any]:
        draw, size = self._random, self._size
        sealed = BEGIN + SPAN * (number / size.clips)
        started = sealed - timedelta(seconds=draw.randrange(600, 36_000))
        lasted = draw.randrange(30_000, 1_800_000)
        stored = draw.random() < 0.99
        there = sealed + timedelta(hours=draw.choice((0, 0, 0, 1, 2, 5, 30)))
        digest = hashlib.sha256(f"{size.seed} {number}".encode()).digest()
        local = started + timedelta(hours=8)
        name = f"DSJ_{self._camera:08}_{self._officer:06}_{local:%Y%m%d_%H%M%S}.mp4"
        clock = {
            "started": f"{local:%Y-%m-%dT%H:%M:%S}",
            "offset_ms": 1000,
            "offset_error_ms": 100,
            "method": "control line",
            "interval": {
                "earliest": _text(started - timedelta(seconds=20)),
                "latest": _text(min(sealed, started + timedelta(milliseconds=lasted + 20_000))),
                "basis": "camera's clock off by 1000 ±100 ms at docking; start in its name",
            },
            "doubts": [],
        }
        times = times_of(clock, lasted, _text(sealed))
        ended = times.ended_latest
        category = draw.choice(CATEGORIES) if draw.random() < 0.3 else None
        return {
            "dock": f"dock-{self._dock}",
            "epoch": 0,
            "seq": number,
            "entry_index": FIRST + 2 * number,
            "statement_hash": digest,
            "size": lasted * 500,
            "sha256": digest,
            "root": digest,
            "leaves": lasted * 500 // 2**20 + 1,
            "session": f"dock-{self._dock}.0.{number - number % _OF_A_SESSION}",
            "name": name,
            "name_start": name[:64],
            "path": f"DCIM/{name}",
            "camera": f"T{self._camera:08}",
            "volume": f"uuid:{self._camera:08X}",
            "officer": f"{self._officer:06}",
            "unit": SQUADS[self._officer % len(SQUADS)],
            "started_claim": clock["started"],
            "camera_clock": clock,
            "started_earliest": times.started_earliest,
            "started_latest": times.started_latest,
            "ended_latest": ended,
            "sealed_at": _text(sealed),
            "sealed_time": sealed,
            "sealed_clock": {"utc": _text(sealed), "source": "ntp", "boot": "b", "monotonic_ns": 1},
            "marked": draw.random() < 0.05,
            "media": {"container": "mov,mp4", "duration_ms": lasted, "streams": []},
            "state": "stored" if stored else draw.choice(("sealed", "receiving", "lost")),
            "received_bytes": lasted * 500 if stored else 0,
            "object_key": f"clips/dock-{self._dock}/0/{number}" if stored else None,
            "stored_index": FIRST + 2 * number + 1 if stored else None,
            "stored_time": there if stored else None,
            "delay_ms": None
            if not stored or ended is None
            else (there - ended) // timedelta(milliseconds=1),
            "linked": self._case is not None,
            "tagged_category": category,
            "tagged_case": case_no(self._case)
            if self._case is not None and draw.random() < 0.3
            else None,
        }

    def _link(self, number: int, clip: dict[str, Any]) -> dict[str, Any] | None:
        if self._case is None:
            return None
        return {
            "id": hashlib.sha256(f"link {number}".encode()).hexdigest()[:32],
            "case": token(self._case),
            "filed_under": token(self._case),
            **{name: clip[name] for name in ("dock", "epoch", "seq")},
            "how": "case-system",
            "who": "platform",
            "why": "same incident",
            "link_index": FIRST + 2 * self._size.clips + number,
        }


class Writer:
    """Puts rows into one database as fast as it takes them."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self._is_sqlite = parsed.get_backend_name() == "sqlite"
        self._plain = parsed.set(drivername="sqlite" if self._is_sqlite else "postgresql+psycopg")
        if self._is_sqlite:
            self._lite = sqlite3.connect(parsed.database or "")
            for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000"):
                self._lite.execute(f"PRAGMA {pragma}")
        else:
            query = {name: str(value) for name, value in parsed.query.items()}
            where = {"host": parsed.host, "port": parsed.port, "user": parsed.username}
            known = {name: str(value) for name, value in where.items() if value is not None}
            given = {"dbname": parsed.database or "", "password": parsed.password or ""}
            words = " ".join(
                f"{name}={value}" for name, value in (given | known | query).items() if value
            )
            self._server = psycopg.connect(words, autocommit=True)

    @contextlib.contextmanager
    def without_indexes(self, tables: Iterable[Table]) -> Iterator[None]:
        """Make the indexes once, after the rows; statistics too."""
        engine = create_engine(self._plain)
        indexes = [index for table in tables for index in table.indexes]
        try:
            for index in indexes:
                index.drop(engine, checkfirst=True)
            yield
            if self._is_sqlite:
                self._lite.commit()
            for index in indexes:
                index.create(engine)
        finally:
            engine.dispose()
        if self._is_sqlite:
            self._lite.execute("ANALYZE")
            self._lite.execute("PRAGMA journal_mode = WAL")
            self._lite.close()
        else:
            self._server.execute("VACUUM ANALYZE")
            self._server.close()

    def put(self, table: Table, rows: Sequence[dict[str, Any]]) -> None:
        """Add rows of one table, all with the same columns."""
        if not rows:
            return
        names = list(rows[0])
        columns = ", ".join(f'"{name}"' for name in names)
        values = [tuple(self._value(row[name]) for name in names) for row in rows]
        if self._is_sqlite:
            places = ", ".join("?" * len(names))
            query = f'INSERT INTO "{table.name}" ({columns}) VALUES ({places})'  # noqa: S608  # names of ours
            self._lite.executemany(query, values)
            return
        with self._server.cursor() as cursor:
            query = f'COPY "{table.name}" ({columns}) FROM STDIN'
            with cursor.copy(query.encode()) as copy:
                for row in values:
                    copy.write_row(row)

    def _value(self, value: object) -> object:
        if isinstance(value, dict):
            return json.dumps(value)
        if self._is_sqlite and isinstance(value, datetime):
            return value.replace(tzinfo=None).isoformat(" ", timespec="microseconds")
        return value


def seed(url: str, size: Size) -> float:
    """Fill a database whose tables are there; returns the seconds it took."""
    before, rows, writer = time.monotonic(), Rows(size), Writer(url)
    made = (Clip, CountsTo, Case, CaseLink, CaseNumber, CaseGram)
    tables = [Base.metadata.tables[each.__tablename__] for each in made]
    clip, counts, case, link, number, gram = tables
    with writer.without_indexes(tables):
        cases = list(rows.cases())
        writer.put(case, cases)
        writer.put(number, list(numbers(cases)))
        writer.put(gram, list(pieces(cases)))
        for some in _batches(rows.clips(), 20_000):
            writer.put(clip, [each for each, _, _ in some])
            writer.put(counts, [each for _, counted, _ in some for each in counted])
            writer.put(link, [each for _, _, each in some if each is not None])
    return time.monotonic() - before


def _batches(rows: Iterable[Any], length: int) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for row in rows:
        batch.append(row)
        if len(batch) == length:
            yield batch
            batch = []
    yield batch


async def migrate(url: str) -> None:
    """Make the tables."""
    database = Database(url)
    try:
        await database.upgrade()
    finally:
        await database.close()


def main() -> None:
    """Fill the database that is named."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clips", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--url", required=True, help="the gateway's [database] url")
    asked = parser.parse_args()
    asyncio.run(migrate(asked.url))
    took = seed(asked.url, Size(asked.clips, seed=asked.seed))
    print(f"{asked.clips} clips in {took:.0f} s")


if __name__ == "__main__":
    main()
