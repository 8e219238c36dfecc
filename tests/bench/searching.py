"""Lists, filters, search and a case's page over a million clips, through the real gateway.

The gateway is a process of its own; who asks is a case system whose unit is in the middle of
the tree, and a custodian of the whole city. Every filter is asked with values drawn anew each
time, one request after the other, so a figure is what one person waits. A target is held against
the best round's p95: on a machine that others use, the others are most of a worse one. The
gateway's own processor time stands beside it.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx
import psutil

from gateway.access.gate import COOKIE
from gateway.access.policy import Role
from gateway.accounts.clients import NewClient
from gateway.accounts.service import NewAccount
from tests.bench.appliance import Row
from tests.bench.seed import (
    BEGIN,
    BRANCHES,
    CAMERAS,
    CASES,
    CATEGORIES,
    CAUSES,
    CITY,
    DOCKS,
    OFFICERS,
    SPAN,
    SQUADS,
    Size,
    case_no,
    migrate,
    seed,
    title,
    token,
    unit_of_case,
)
from tests.demo.programs import Program, free_port, script
from tests.simulators import seeded
from tests.simulators.postgres import postgres
from tests.simulators.seeded import gateway_on

LIST_MS, PAGE_MS = 50, 300
ROUNDS = 100
# Of a server for this alone, on a machine of a few GB; all else as it comes.
SETTINGS = (
    "shared_buffers=1GB",
    "maintenance_work_mem=512MB",
    "max_wal_size=4GB",
    "random_page_cost=1.1",
)
_START_S = 120
Query = Mapping[str, str]


@dataclass
class Searching:
    """Both engines, one after the other; ``rows`` grows with each.

    Attributes:
        folder: scratch space. clips: how many there are. repeat: rounds.
        engines: which, ``postgresql`` being the one with targets.
    """

    folder: Path
    clips: int
    repeat: int
    note: Callable[[str], None]
    engines: tuple[str, ...] = ("postgresql", "sqlite")
    rows: list[Row] = field(default_factory=list)
    _pid: int = 0

    def run(self) -> list[Row]:
        """One after the other."""
        for engine in self.engines:
            with self._database(engine) as url:
                asyncio.run(migrate(url))
                took = seed(url, Size(self.clips))
                self.note(f"{engine}: {self.clips} clips in {took:.0f} s")
                self.on(engine, url)
        return self.rows

    def on(self, engine: str, url: str) -> None:
        """All measurements over one database that is filled."""
        folder = self.folder / f"gateway-{engine}"
        key, cookie = asyncio.run(_known(folder, url))
        with _gateway(folder, url) as (address, pid):
            self._pid = pid
            asked = {"case system of a branch": {"authorization": f"Bearer {key}"}}
            asked["custodian of the city"] = {"cookie": f"{COOKIE}={cookie}"}
            for who, headers in asked.items():
                with httpx.Client(base_url=address, headers=headers, timeout=60) as client:
                    self._asked(engine, who, client)

    @contextlib.contextmanager
    def _database(self, engine: str) -> Iterator[str]:
        if engine == "sqlite":
            yield f"sqlite+aiosqlite:///{self.folder}/searched.db"
            return
        with postgres(SETTINGS) as server:
            yield server.url(server.make())

    def _asked(self, engine: str, who: str, client: httpx.Client) -> None:
        has_target = engine == "postgresql"
        most = LIST_MS if has_target else None
        for path, kinds in (("clips", shapes(self.clips)), ("cases", CASE_SHAPES)):
            for name, make in kinds.items():
                draw = random.Random(name)  # noqa: S311  # the same every time
                asked = [(f"/api/v1/{path}", make(draw)) for _ in range(ROUNDS)]
                self._row(f"{engine}, {who}: {path}, {name}", client, asked, most)
        if "custodian" in who:
            most = PAGE_MS if has_target else None
            draw = random.Random(1)  # noqa: S311  # the same every time
            asked = [(f"/cases/{token(draw.randrange(CASES))}", {}) for _ in range(ROUNDS)]
            self._row(f"{engine}: page of a case, first byte", client, asked, most)
            asked = [("/clips", {})] * ROUNDS
            self._row(f"{engine}: page of clips, first byte", client, asked, None)

    def _row(
        self,
        what: str,
        client: httpx.Client,
        asked: Sequence[tuple[str, Query]],
        target: int | None,
    ) -> None:
        before = _busy(self._pid)
        times = [
            sorted(_ms(client, path, query) for path, query in asked) for _ in range(self.repeat)
        ]
        busy = (_busy(self._pid) - before) / len(asked) / self.repeat * 1000
        p95s = [each[int(len(each) * 0.95) - 1] for each in times]
        p50 = min(statistics.median(each) for each in times)
        found = f"p50 {p50:.1f}, p95 {min(p95s):.1f} ms; {busy:.1f} ms of processor time"
        others = ", ".join(f"{each:.1f}" for each in p95s)
        why = f"best of {self.repeat} rounds; p95 of each: {others}"
        self.note(f"{what}: {found}; {why}")
        aim = "" if target is None else f"p95 < {target} ms"
        reached = None if target is None else min(p95s) < target
        self.rows.append(Row(what, aim, found, reached, why))


def shapes(clips: int) -> dict[str, Callable[[random.Random], Query]]:
    """Every kind of list with values drawn at random."""

    def officer(draw: random.Random) -> str:
        # Of the squads of the first branch: what a case system of a branch may find.
        return f"{draw.randrange(OFFICERS // 60) * 60 + draw.choice((0, 4, 8, 12)):06}"

    def span(draw: random.Random, length: timedelta) -> Query:
        first = BEGIN + SPAN * draw.random()
        return {"started_from": first.isoformat(), "started_to": (first + length).isoformat()}

    return {
        "newest": lambda _: {},
        "limit 500": lambda _: {"limit": "500"},
        "a page in the middle": lambda draw: {"cursor": str(10**9 + draw.randrange(2 * clips))},
        "order by start": lambda _: {"order": "start"},
        "officer": lambda draw: {"officer": officer(draw)},
        "camera": lambda draw: {"camera": f"T{draw.randrange(CAMERAS):08}"},
        "unit": lambda draw: {"unit": draw.choice(SQUADS)},
        "unit and below": lambda draw: {"unit": draw.choice(BRANCHES)},
        "the whole city": lambda _: {"unit": CITY},
        "dock": lambda draw: {"dock": f"dock-{draw.randrange(DOCKS - 10)}"},
        "state": lambda draw: {"state": draw.choice(("stored", "lost", "receiving", "refused"))},
        "marked": lambda _: {"marked": "true"},
        "category": lambda draw: {"tagged_category": draw.choice(CATEGORIES)},
        "case number typed": lambda draw: {"tagged_case": case_no(draw.randrange(CASES))},
        "case": lambda draw: {"case_no": case_no(_own_case(draw))},
        "in no case": lambda _: {"linked": "false"},
        "late": lambda _: {"late": "true"},
        "not late": lambda _: {"late": "false"},
        "start, an hour": lambda draw: span(draw, timedelta(hours=1)),
        "start, a month": lambda draw: span(draw, timedelta(days=30)),
        "start, a month, by the log": lambda draw: {
            **span(draw, timedelta(days=30)),
            "order": "log",
        },
        "name": lambda draw: {"name": f"DSJ_{draw.randrange(CAMERAS):08}"},
        "name, a wide beginning": lambda _: {"name": "DSJ_0"},
        "officer and month": lambda draw: {
            "officer": officer(draw),
            **span(draw, timedelta(days=30)),
        },
        "unit, mark, category and year": lambda draw: {
            "unit": draw.choice(SQUADS),
            "marked": "true",
            "tagged_category": draw.choice(CATEGORIES),
            **span(draw, timedelta(days=365)),
        },
        "dock, in no case, late": lambda draw: {
            "dock": f"dock-{draw.randrange(DOCKS - 10)}",
            "linked": "false",
            "late": "true",
        },
        "nothing fits": lambda draw: {
            "officer": officer(draw),
            "state": "refused",
            "marked": "true",
        },
    }


CASE_SHAPES: dict[str, Callable[[random.Random], Query]] = {
    "newest": lambda _: {},
    "number": lambda draw: {"number": case_no(draw.randrange(CASES))[:-1]},
    "words": lambda draw: {"text": title(draw.randrange(CASES))},
    "cause": lambda draw: {"cause": draw.choice(CAUSES)},
    "unit": lambda draw: {"unit": draw.choice(SQUADS)},
    "category": lambda draw: {"category": draw.choice(CATEGORIES)},
}


def _own_case(draw: random.Random) -> int:
    """A case of the first branch."""
    return next(
        number
        for number in iter(lambda: draw.randrange(CASES), -1)
        if unit_of_case(number).startswith(BRANCHES[0])
    )


def _busy(process: int) -> float:
    """Seconds of processor time of a process."""
    used = psutil.Process(process).cpu_times()
    return float(used.user + used.system)


def _ms(client: httpx.Client, path: str, query: Query) -> float:
    """To the first byte of an answer, which is read to its end."""
    before = time.perf_counter()
    with client.stream("GET", path, params=dict(query)) as answer:
        took = (time.perf_counter() - before) * 1000
        answer.read()
    answer.raise_for_status()
    return took


async def _known(folder: Path, url: str) -> tuple[str, str]:
    """A case system's key and a custodian's session."""
    seeded.database_url = url
    try:
        async with gateway_on(folder) as services:
            expires = services.clock.now() + timedelta(days=1)
            client = NewClient(f"bench-{secrets.token_hex(4)}", BRANCHES[0], expires, "bench")
            _, key = await services.clients.add(client, "bench")
            new = NewAccount(
                f"bench{secrets.token_hex(4)}",
                "Bench",
                None,
                frozenset({Role.CUSTODIAN}),
                None,
                why="bench",
            )
            account = await services.accounts.set(new, "bench")
            return key, await services.sessions.begin(account.token)
    finally:
        seeded.database_url = None


@contextlib.contextmanager
def _gateway(folder: Path, url: str) -> Iterator[tuple[str, int]]:
    """A running gateway's address and process."""
    port, config = free_port(), folder / "gateway.toml"
    address = f"http://127.0.0.1:{port}"
    config.write_text(
        f'[gateway]\ndata_dir = "{folder}"\n[database]\nurl = "{url}"\n'
        f"[api]\nport = {port}\n[broker]\nport = {free_port()}\n"
    )
    program = Program(
        "gateway", [script("evidock-gateway"), "serve", "--config", config], folder / "log"
    )
    program.start()
    try:
        program.wait_until(lambda: _answers(address), "an answer to /healthz", _START_S)
        yield address, program.pid
    finally:
        program.stop()


def _answers(address: str) -> bool | None:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{address}/healthz").is_success or None
    return None
