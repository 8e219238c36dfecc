"""Packs as large as they come: many bytes, and many entries; time, and memory of every program.

Each figure stands beside ordinary tools on the same files in the same minute. An export has to
hash what it hands out, so `cp` + `sync` + `sha256sum` stands beside the target's `cp` + `sync`.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.appliance import Row
from tests.bench.handing import CASE_NO, fill
from tests.bench.memory import Peak
from tests.bench.rivals import level
from tests.bench.trust import MIB, copy_seconds, timed
from tests.demo.programs import script
from tests.demo.station import Station

LARGE_MIB = 512
CLIPS = 10
EXPORT_MIB = 1024
EXPORT_ENTRIES = 5000


@dataclass
class Scale:
    """Both measurements; ``rows`` grows with each.

    Attributes:
        folder: scratch space; it takes three times ``mib``.
        mib: of originals, in clips of 512 MiB at most. entries: of the dock, beside ten clips'.
    """

    folder: Path
    mib: int
    entries: int
    note: Callable[[str], None]
    rows: list[Row] = field(default_factory=list)

    def run(self) -> list[Row]:
        """One after the other."""
        whole, rest = divmod(self.mib, LARGE_MIB)
        sizes = [LARGE_MIB * MIB] * whole + [rest * MIB] * bool(rest)
        with self._station("bytes", sizes, 0) as station:
            self._bytes(station)
        with self._station("entries", [MIB] * CLIPS, self.entries) as station:
            what = f"a pack of {self.entries:,} entries and {CLIPS} clips"
            self._exported(station, what)
            self._verified(station, what, None)
        return self.rows

    def _bytes(self, station: Station) -> None:
        clips = station.store / "clips"
        objects = sorted(path for path in clips.rglob("*") if path.is_file())
        what = f"a pack of {self.mib} MiB in {len(objects)} clips"
        level(objects)
        by_cp = copy_seconds(clips, station.root / "copy")
        summed, _ = timed("sha256sum", *objects)
        level(objects)
        took = self._exported(station, what)
        ratio, careful = by_cp / took, (by_cp + summed) / took
        told = f"{careful:.2f} of `cp` + `sync` + `sha256sum`, {by_cp:.1f} + {summed:.1f} s"
        row = Row(f"{what}: export", "≥ 0.7 of `cp` + `sync`", f"{ratio:.2f}", ratio >= 0.7, told)
        self.rows.append(row)
        files = sorted(path for path in (station.root / "pack").rglob("*") if path.is_file())
        level(objects)
        self._verified(station, what, timed("sha256sum", *files)[0])

    def _exported(self, station: Station, what: str) -> float:
        command = (script("evidock-gateway"), "export", "--case", CASE_NO, "--by", "b")
        words = ("--reason", "r", "--recipient", "c", "--out", station.root / "pack")
        place = ("--api", station.api, "--store", station.store.parent)
        with Peak(station.gateway.pid) as peak:
            seconds, memory = timed(*command, *words, *place)
        found = f"{seconds:.1f} s; at most {memory} MiB, the gateway {peak.own // MIB} MiB"
        self._row(Row(f"{what}: export", "", found, None))
        return seconds

    def _verified(self, station: Station, what: str, summed: float | None) -> None:
        seconds, memory = timed(script("evidock-verify"), station.root / "pack")
        found = f"{seconds:.1f} s, at most {memory} MiB"
        if summed is None:
            self._row(Row(f"{what}: `evidock-verify`", "", found, None))
            return
        ratio = summed / seconds
        target = "≥ 0.8 of `sha256sum`"
        self._row(Row(f"{what}: `evidock-verify`", target, f"{ratio:.2f}; {found}", ratio >= 0.8))

    def _row(self, row: Row) -> None:
        self.rows.append(row)
        self.note(row.line())

    @contextmanager
    def _station(self, name: str, sizes: list[int], boots: int) -> Iterator[Station]:
        root = self.folder / "scale" / name
        data = root / "gateway" / "data"
        data.mkdir(parents=True)
        with Station(root) as station:
            asyncio.run(fill(data, sizes, boots))
            station.start_gateway()
            yield station
        shutil.rmtree(root)
