"""Trust's targets: how fast packs are handed out and checked, and how fast a long log proves.

Each figure stands beside an ordinary tool's, or a ceiling, of the same minute on the same machine.
"""

from __future__ import annotations

import asyncio
import os
import random
import resource
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from gateway.log.proofs import SignsOnce
from hashing import cose
from hashing.keys import Es256Signer
from hashing.ledger import NO_PREV, DockLink
from hashing.merkle import Frontier, inclusion_proof, leaf_hash, leaf_reader
from hashing.receipt import decode_receipt, sign_receipt, verify_receipt
from hashing.statement import decode_statement, sign_statement, verify_record, verify_statement
from tests.bench import longlog
from tests.bench.appliance import Row
from tests.bench.handing import CASE_NO, fill
from tests.bench.memory import Peak
from tests.bench.rivals import hash_only, level, stopwatch
from tests.demo.programs import must, script
from tests.demo.station import Station
from tests.simulators.asking import AsHost
from tests.simulators.seeded import gateway_on

MIB = 1 << 20
ENTRIES = 1_000_000
SMALL = 2 * MIB
RATES = 4000
ASKED = 2000
LONGEST_S = 7200


@dataclass
class Trust:
    """All measurements; ``rows`` grows with each.

    Attributes:
        folder: scratch space. mib: of originals. repeat: rounds of each comparison.
        entries: of the long log.
    """

    folder: Path
    mib: int
    repeat: int
    note: Callable[[str], None]
    entries: int = ENTRIES
    rows: list[Row] = field(default_factory=list)

    def run(self, only: Sequence[str] = ()) -> list[Row]:
        """Everything, one after the other; or only what is named."""
        for measure in (self.statements, self.packs, self.proofs):
            if only and measure.__name__ not in only:
                continue
            known, began = len(self.rows), time.monotonic()
            measure()
            for row in self.rows[known:]:
                self.note(row.line())
            self.note(f"{measure.__name__} took {time.monotonic() - began:.0f} s")
        return self.rows

    # --- one statement with its receipt ----------------------------------------------

    def statements(self) -> None:
        """Statement, record, receipt: decoded, hashed, verified, in one thread.

        As packs have them, all at one checkpoint; and each as if from a checkpoint of its own.
        """
        self._statements(1, "receipts of one checkpoint, as in packs")
        self._statements(2, "each receipt signed by itself")

    def _statements(self, signatures: int, how: str) -> None:
        rates = [_verified_per_second(signatures) for _ in range(self.repeat)]
        busy, wall, bare = (statistics.median(each) for each in zip(*rates, strict=True))
        self.rows.append(
            Row(
                f"statement, record and receipt verified, {how}",
                "≥ 5,000 per second and core",
                f"{busy:,.0f} per second of processor time",
                busy >= 5000,
                f"{wall:,.0f} by the clock; {busy / bare:.2f} of its {signatures} bare ES256 "
                f"verifications and nothing else, {bare:,.0f}",
            )
        )

    # --- packs -----------------------------------------------------------------------

    def packs(self) -> None:
        """Handed out against `cp` + `sync`; checked against `sha256sum`; half is one file."""
        root = self.folder / "trust"
        sizes = [self.mib // 2 * MIB] + [SMALL] * (self.mib // 2 * MIB // SMALL)
        with self._station(root) as station:
            asyncio.run(fill(station.root / "gateway" / "data", sizes))
            station.start_gateway()
            self._hand_out(station)
            self._check(station.root / "pack")

    def _hand_out(self, station: Station) -> None:
        objects = sorted(path for path in station.store.glob("clips/*/*/*") if path.is_file())
        copied, summed, exported, hashed, memory = [], [], [], [], 0
        pack = station.root / "pack"
        for _ in range(self.repeat):
            shutil.rmtree(pack, ignore_errors=True)
            level(objects)
            copied.append(copy_seconds(station.store / "clips", station.root / "copy"))
            summed.append(timed("sha256sum", *objects)[0])
            hashed.append(hash_only(objects, 1))
            level(objects)
            words = ("--case", CASE_NO, "--reason", "r", "--recipient", "c", "--by", "b")
            command = (script("evidock-gateway"), "export", *words, "--out", str(pack))
            with stopwatch() as seconds, Peak(station.gateway.pid) as peak:
                must(*command, "--api", station.api, "--store", str(station.store.parent))
            exported.append(seconds[0])
            memory = max(memory, peak.own)
        ratio = statistics.median(copied) / statistics.median(exported)
        careful = (statistics.median(copied) + statistics.median(summed)) / statistics.median(
            exported
        )
        ceiling = statistics.median(hashed) / statistics.median(exported)
        self.rows.append(
            Row(
                f"export of {self.mib} MiB with `--store`",
                "≥ 0.7 of `cp` + `sync`",
                f"{ratio:.2f} ({_rate(self.mib, exported)} against {_rate(self.mib, copied)} MB/s)",
                ratio >= 0.7,
                f"{careful:.2f} of `cp` + `sync` + `sha256sum`; {ceiling:.2f} of SHA-256 once "
                f"on all cores, {_rate(self.mib, hashed)} MB/s, which it needs; "
                f"gateway at most {memory // MIB} MiB",
            )
        )

    def _check(self, pack: Path) -> None:
        archive = pack.with_name("pack.zip")
        must("sh", "-c", 'cd "$1" && zip -q -0 -r "$2" .', "zip", pack, archive)
        files = sorted(path for path in pack.rglob("*") if path.is_file())
        level([*files, archive])
        turns: dict[str, tuple[str | Path, ...]] = {
            "sha256sum": ("sha256sum", *files),
            "folder": (script("evidock-verify"), pack),
            "zip": (script("evidock-verify"), archive),
        }
        seconds: dict[str, list[float]] = {name: [] for name in turns}
        busy: dict[str, list[float]] = {name: [] for name in turns}
        memory = dict.fromkeys(turns, 0)
        for _ in range(self.repeat):
            for name, words in turns.items():
                before = _children_busy()
                took, resident = timed(*words)
                busy[name].append(_children_busy() - before)
                seconds[name].append(took)
                memory[name] = max(memory[name], resident)
        for name in ("folder", "zip"):
            ratio = statistics.median(seconds["sha256sum"]) / statistics.median(seconds[name])
            rates = f"{_rate(self.mib, seconds[name])} against"
            rates += f" {_rate(self.mib, seconds['sha256sum'])} MB/s"
            self.rows.append(
                Row(
                    f"`evidock-verify` of {self.mib} MiB, {name}",
                    "≥ 0.8 of `sha256sum`",
                    f"{ratio:.2f} ({rates})",
                    ratio >= 0.8,
                    f"{len(files)} files, each hashed whole, originals leaf by leaf as well; "
                    f"{statistics.median(busy[name]):.1f} s of processor time, sha256sum "
                    f"{statistics.median(busy['sha256sum']):.1f}; at most {memory[name]} MiB",
                )
            )

    # --- a long log ------------------------------------------------------------------

    def proofs(self) -> None:
        """Proofs from a long log, in the process and over HTTP; its start and its memory."""
        with self._station(self.folder / "long") as station:
            data = station.root / "gateway" / "data"
            began = time.monotonic()
            longlog.make(data, self.entries)
            self.note(f"a log of {self.entries:,} entries made in {time.monotonic() - began:.0f} s")
            asyncio.run(self._in_process(data))
            began = time.monotonic()
            station.start_gateway()
            start = time.monotonic() - began
            with Peak(station.gateway.pid) as peak:
                self._over_http(station.api, station.gateway.pid)
            found = f"{start:.1f} s, then at most {peak.own // MIB} MiB"
            name = f"gateway on a log of {self.entries:,}: start to an answer, memory"
            self.rows.append(Row(name, "", found, None))

    async def _in_process(self, data: Path) -> None:
        picked = random.Random(1)  # noqa: S311  # the same in each run
        async with gateway_on(data) as services:
            log = services.log
            size = log.checkpoint().size
            for what, limit in (("inclusion", 5), ("consistency", 10)):
                waits = []
                busy = time.process_time()
                for _ in range(ASKED):
                    index = picked.randrange(1, size)
                    began = time.perf_counter()
                    if what == "inclusion":
                        await log.inclusion(index, size)
                    else:
                        await log.consistency(index, size)
                    waits.append(time.perf_counter() - began)
                busy = (time.process_time() - busy) / ASKED
                self._proof(what, "in the process", limit, waits, size, f"{_ms(busy)} of processor")

    def _over_http(self, api: str, gateway: int) -> None:
        """Beside a route that proves nothing, which is what asking costs on this machine."""
        picked = random.Random(2)  # noqa: S311  # as above
        with httpx.Client(
            base_url=f"{api}/api/v1/log", timeout=60, trust_env=False, auth=AsHost()
        ) as client:
            size = self.entries
            nothing, idle = _served(lambda: client.get("/checkpoint"), gateway)
            for what, limit in (("inclusion", 5), ("consistency", 10)):
                name = "index" if what == "inclusion" else "from"
                waits, busy = _served(
                    lambda what=what, name=name: client.get(  # type: ignore[misc]  # a loop's values
                        f"/proofs/{what}", params={name: picked.randrange(1, size)}
                    ),
                    gateway,
                )
                note = f"{_ms(busy)} of the gateway's processor time; a route that proves nothing: "
                note += f"p99 {_p99(nothing):.2f} ms, median {_median(nothing)}, {_ms(idle)}"
                self._proof(what, "over HTTP", limit, waits, size, note)

    def _proof(
        self, what: str, how: str, limit: int, waits: list[float], size: int, note: str
    ) -> None:
        found = f"p99 {_p99(waits):.2f} ms, median {_median(waits)}"
        name = f"{what} proof in a log of {size:,}, {how}"
        self.rows.append(Row(name, f"p99 < {limit} ms", found, _p99(waits) < limit, note))

    @contextmanager
    def _station(self, root: Path) -> Iterator[Station]:
        station = Station(root)
        (root / "gateway" / "data").mkdir(parents=True, exist_ok=True)
        try:
            yield station
        finally:
            station.close()
            shutil.rmtree(root)


def _verified_per_second(signatures: int) -> tuple[float, float, float]:
    """By processor time, by the clock, and so many signatures alone by processor time."""
    signer, log = Es256Signer.generate(), Es256Signer.generate()
    record = b'{"v":1}' * 60
    made = [
        sign_statement(
            signer,
            record=record,
            issuer="urn:evidock:dock:dock7",
            subject=f"urn:evidock:clip:dock7:0:{seq}",
            chain=DockLink(0, seq, NO_PREV),
        )
        for seq in range(RATES)
    ]
    leaves = [leaf_hash(statement) for statement in made]
    frontier, read = Frontier(), leaf_reader(leaves)
    for leaf in leaves:
        frontier.append(leaf)
    root = frontier.root()
    once = SignsOnce(log, (RATES, root), 1_772_000_000)
    receipts = [
        sign_receipt(
            once if signatures == 1 else log,
            size=RATES,
            index=index,
            path=inclusion_proof(read, index, RATES),
            root=root,
            issuer="urn:evidock:gateway:gateway",
            subject="evidock/gateway/0" if signatures == 1 else f"urn:evidock:clip:dock7:0:{index}",
            issued_at=once.issued_at,
        )
        for index in range(RATES)
    ]
    wall, busy = time.perf_counter(), time.thread_time()
    for raw, receipt in zip(made, receipts, strict=True):
        statement = decode_statement(raw)
        verify_record(statement, record)
        verify_statement(statement, signer.public)
        assert verify_receipt(decode_receipt(receipt), statement.leaf, log.public) == root
    wall, busy = time.perf_counter() - wall, time.thread_time() - busy
    first = decode_statement(made[0])
    message = cose.signed_bytes(first.protected, first.record_digest)
    bare = time.thread_time()
    for _ in range(signatures * RATES):
        signer.public.verify(first.algorithm, message, first.signature)
    return RATES / busy, RATES / wall, RATES / (time.thread_time() - bare)


def _served(ask: Callable[[], httpx.Response], gateway: int) -> tuple[list[float], float]:
    """How long each answer took, and the gateway's processor time for one, both in seconds."""
    waits, busy = [], _busy(gateway)
    for _ in range(ASKED):
        began = time.perf_counter()
        ask().raise_for_status()
        waits.append(time.perf_counter() - began)
    return waits, (_busy(gateway) - busy) / ASKED


def _children_busy() -> float:
    """Seconds of processor time of all programs that ran and ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _busy(process: int) -> float:
    """Seconds of processor time of a process."""
    used = psutil.Process(process).cpu_times()
    return float(used.user + used.system)


def _median(waits: list[float]) -> str:
    return _ms(statistics.median(waits))


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"


def _p99(waits: list[float]) -> float:
    return sorted(waits)[int(len(waits) * 0.99)] * 1000


def copy_seconds(source: Path, target: Path) -> float:
    """Seconds of `cp` and `sync`; the copy is gone after that."""
    with stopwatch() as seconds:
        must("sh", "-c", 'cp -r "$1" "$2" && sync', "cp", source, target)
    shutil.rmtree(target)
    return seconds[0]


def timed(*words: str | Path) -> tuple[float, int]:
    """Seconds, and the most memory it had, in MiB; Linux counts what this process had before it."""
    with stopwatch() as seconds, subprocess.Popen(words, stdout=subprocess.DEVNULL) as program:
        _, status, used = os.wait4(program.pid, 0)
        program.returncode = os.waitstatus_to_exitcode(status)
    assert program.returncode == 0, words[0]
    return seconds[0], used.ru_maxrss // 1024


def _rate(mib: int, seconds: list[float]) -> str:
    return f"{mib * MIB / statistics.median(seconds) / 1e6:.0f}"
