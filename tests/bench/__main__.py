"""`make bench`: speed and memory of the real programs beside ordinary tools, in one run.

Every contender reads the same random files from the same page-cache state, takes its turn
in each round, and is given by the median of the rounds. Ratios only ever compare figures of
the same run on the same machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from tests.bench.appliance import Appliance
from tests.bench.appliance import Row as Target
from tests.bench.bare import measure
from tests.bench.broker import Mosquitto
from tests.bench.ours import MIB, Run, end_to_end, ingest
from tests.bench.rivals import (
    copy_and_check,
    copy_and_sync,
    hash_only,
    level,
    make_sources,
    restic_backup,
)
from tests.bench.scale import EXPORT_ENTRIES, EXPORT_MIB, Scale
from tests.bench.searching import Searching
from tests.bench.streaming import Streaming
from tests.bench.trust import ENTRIES, Trust
from tests.demo.programs import must
from tests.demo.station import fresh

FILES = 8
PARTS = (256 * 1024, 1024 * 1024)
BIG_MIB = 4096
# Parts that have rows of their own, and no place in the first table.
ROWS_ONLY = ("appliance", "trust", "scale", "search", "gateway")
Row = tuple[str, str, str, str]


@dataclass
class Bench:
    """One whole run.

    Attributes:
        folder: scratch space on the disk to be measured.
        mib: size of all files together.
        repeat: rounds; everybody has one turn in each.
    """

    folder: Path
    mib: int
    repeat: int

    def __post_init__(self) -> None:
        self._seconds: dict[str, list[float]] = defaultdict(list)
        self._runs: dict[str, list[Run]] = defaultdict(list)

    def disk(self, sources: list[Path]) -> None:
        """(a) Card to sealed, against copying by hand."""
        target = self.folder / "target"
        self._rounds(
            sources,
            {
                "cp": partial(copy_and_sync, sources, target),
                "check": partial(copy_and_check, sources, target),
                "sha 2": partial(hash_only, sources, 2),
                "ingest": lambda: self._keep("ingest", ingest(sources, target)),
            },
        )

    def network(self, sources: list[Path], port: int) -> None:
        """(b) Card to verified release, against restic and a bare MQTT pair."""
        target = self.folder / "target"
        turns: dict[str, Callable[[], float]] = {"restic": partial(restic_backup, sources, target)}
        turns["sha 4"] = partial(hash_only, sources, 4)
        for part in PARTS:
            turns[f"bare {part}"] = partial(self._bare, port, part)
            turns[f"e2e {part}"] = partial(self._end_to_end, sources, port, part)
        self._rounds(sources, turns)

    def _bare(self, port: int, part: int) -> float:
        return measure(port, part, self._bytes).seconds

    def _end_to_end(self, sources: list[Path], port: int, part: int) -> float:
        target = self.folder / "target"
        run = end_to_end(sources, target, port=port, part_size=part)
        return self._keep(f"e2e {part}", run)

    def one_big_file(self, port: int) -> None:
        """(c) Memory with a single file of 4 GiB."""
        folder = self.folder / "big"
        sources = make_sources(folder, 1, BIG_MIB * MIB)
        level(sources)
        _note(f"one file of {BIG_MIB} MiB, end to end")
        run = end_to_end(sources, self.folder / "target", port=port, part_size=PARTS[0])
        self._keep("big", run)
        shutil.rmtree(folder)

    def _rounds(self, sources: list[Path], turns: dict[str, Callable[[], float]]) -> None:
        for number in range(self.repeat):
            # Everybody is first once, so nobody always follows the same neighbour.
            names = list(turns)
            for name in names[number % len(names) :] + names[: number % len(names)]:
                level(sources)
                seconds = turns[name]()
                self._seconds[name].append(seconds)
                rate = self._bytes / seconds / 1e6
                turn = f"round {number + 1}/{self.repeat}  {name:<13}"
                _note(f"{turn} {seconds:7.2f} s {rate:7.0f} MB/s")

    def _keep(self, name: str, run: Run) -> float:
        self._runs[name].append(run)
        return run.seconds

    @property
    def _bytes(self) -> int:
        return self.mib * MIB

    # --- the table ----------------------------------------------------------------

    def report(self) -> str:
        """Markdown: figures, ratios, memory."""
        rows: list[Row] = []
        if "ingest" in self._seconds:
            rows += [
                self._row("`cp` + `sync`", "cp"),
                self._row("`cp` + `sync` + `sha256sum` + `sha256sum -c`", "check"),
                self._row("SHA-256 twice, all cores, nothing else", "sha 2"),
                self._row(
                    "**dock: card → sealed**",
                    "ingest",
                    **{"cp": "`cp`+`sync`", "check": "by hand", "sha 2": "SHA-256 twice"},
                ),
            ]
        if "restic" in self._seconds:
            rows.append(self._row("`restic backup`, fresh local repository", "restic"))
            rows.append(self._row("SHA-256 four times, all cores, nothing else", "sha 4"))
            for part in PARTS:
                kib = part // 1024
                rows.append(self._row(f"bare aiomqtt pair, {kib} KiB, QoS 0", f"bare {part}"))
                title = f"**card → release verified, parts of {kib} KiB**"
                against = {
                    "restic": "restic",
                    f"bare {part}": "bare pair",
                    "sha 4": "SHA-256 four times",
                }
                rows.append(self._row(title, f"e2e {part}", **against))
        lines = ["| what | seconds | MB/s | speed relative to |", "|---|---:|---:|---|"]
        lines += [f"| {' | '.join(row)} |" for row in rows]
        return "\n".join([*lines, "", *self._memory()])

    def _row(self, title: str, name: str, **against: str) -> Row:
        seconds = statistics.median(self._seconds[name])
        ratios = [
            f"{statistics.median(self._seconds[other]) / seconds:.2f} × {told}"
            for other, told in against.items()
        ]
        rate = self._bytes / seconds / 1e6
        return title, f"{seconds:.2f}", f"{rate:.0f}", ", ".join(ratios)

    def _memory(self) -> list[str]:
        titles = {"ingest": f"{FILES} files, {self.mib} MiB, dock alone"}
        titles |= {
            f"e2e {p}": f"{FILES} files, {self.mib} MiB, parts of {p // 1024} KiB" for p in PARTS
        }
        titles["big"] = f"one file of {BIG_MIB} MiB, parts of {PARTS[0] // 1024} KiB"
        lines = [
            "| peak resident memory, MiB | dock | its probe helpers | gateway |",
            "|---|---:|---:|---:|",
        ]
        for name, title in titles.items():
            if runs := self._runs.get(name):
                peaks = [
                    max(values) // MIB
                    for values in zip(*((r.dock, r.helpers, r.gateway) for r in runs), strict=True)
                ]
                dock, helpers, gateway = (str(peak) if peak else "–" for peak in peaks)
                lines.append(f"| {title} | {dock} | {helpers} | {gateway} |")
        return lines


def machine(folder: Path) -> str:
    """The machine in a line; a figure without it says nothing."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith(("model name", "Model"))
    ]
    memory = psutil.virtual_memory().total / 2**30
    disk = must("findmnt", "-no", "FSTYPE", "-T", folder).strip()
    return (
        f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores, "
        f"{memory:.0f} GiB, {disk}, Linux {platform.release()}, Python {platform.python_version()}"
    )


def _note(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--mib", type=int, default=2048, help="size of all files together")
    parser.add_argument("--repeat", type=int, default=3, help="rounds; medians are printed")
    parser.add_argument("--folder", type=Path, default=Path("build/bench"), help="scratch space")
    parser.add_argument("--only", choices=["disk", "network", "big", *ROWS_ONLY], action="append")
    parser.add_argument("--scale-mib", type=int, default=EXPORT_MIB, help="of the large pack")
    parser.add_argument(
        "--scale-entries", type=int, default=EXPORT_ENTRIES, help="of the long pack, under 99,900"
    )
    parser.add_argument("--clips", type=int, default=100_000, help="that are searched")
    parser.add_argument("--entries", type=int, default=ENTRIES, help="of the log with proofs")
    return parser


def _parts(mib: int) -> list[str]:
    """What runs when nothing is named."""
    parts = ["disk", "network", "appliance", "trust"]
    return [*parts, "big"] if mib >= BIG_MIB // 2 else parts


def _print_tables(bench: Bench, targets: list[Target], *, whole: bool) -> None:
    if whole:
        print(
            f"{bench.mib} MiB in {FILES} files, median of {bench.repeat}, "
            "sources in the page cache for everybody\n"
        )
        print(bench.report())
    if targets:
        print("\n| what | target | found | | |\n|---|---|---|---|---|")
        print("\n".join(row.line() for row in targets))


def _targets(
    parts: Sequence[str], asked: argparse.Namespace, folder: Path, port: int
) -> Iterator[Target]:
    """The rows of every part that has its own; ``port`` is a broker's."""
    mib, repeat, clips = asked.mib, asked.repeat, asked.clips
    if "appliance" in parts:
        yield from Appliance(folder, min(mib, 256), port, _note).run()
    if "trust" in parts:
        yield from Trust(folder, mib, repeat, _note, asked.entries).run()
    if "scale" in parts:
        yield from Scale(folder, asked.scale_mib, asked.scale_entries, _note).run()
    if "search" in parts:
        yield from Searching(folder, clips, repeat, _note).run()
    if "gateway" in parts:
        yield from Searching(folder, clips, repeat, _note, ("postgresql",)).run()
        yield from Streaming(folder, min(mib, 1024), repeat, _note).run()


def main() -> None:
    """Run what was asked for and print the table."""
    asked = _parser().parse_args()
    parts = asked.only or _parts(asked.mib)
    folder = fresh(asked.folder.absolute())
    targets: list[Target] = []
    try:
        bench = Bench(folder, asked.mib // FILES * FILES, asked.repeat)
        sources: list[Path] = []
        if {"disk", "network"} & set(parts):
            sources = make_sources(folder / "card", FILES, asked.mib // FILES * MIB)
        if "disk" in parts:
            bench.disk(sources)
        with Mosquitto(folder) as broker:
            if "network" in parts:
                bench.network(sources, broker.port)
            targets += _targets(parts, asked, folder, broker.port)
            if sources:
                shutil.rmtree(folder / "card")
            if "big" in parts:
                bench.one_big_file(broker.port)
        print(f"\nMachine: {machine(folder)}")
        _print_tables(bench, targets, whole=bool(set(parts) - set(ROWS_ONLY)))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
