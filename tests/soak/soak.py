"""A dock's years in minutes: cameras come, are read, are torn out, and come again.

One real dock and one real gateway live through all of it; eight bays are served by a thread
each. What was ever recorded on any card has to be stored byte for byte, exactly once, at the
end; and the programs have to hold no more of the system than after the first round.
"""

from __future__ import annotations

import hashlib
import os
import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.broker import Mosquitto
from tests.demo.programs import must, run, script
from tests.demo.station import Broker, Station
from tests.faults.oracle import all_released, wait_for
from tests.soak.cards import DiskPlug, ExfatPlug, FolderPlug, FusePlug, Plug
from tests.soak.figures import Held

RESTED = frozenset({"safe", "empty", "attention", "missing"})
BAYS = 8
REST_S = 120
END_S = 300
LARGEST = 120_000
LINKED = 40
CASE_NO = "浸泡〔2026〕1号"


@dataclass
class Bay:
    """One bay, its card, and everything that was ever recorded on it.

    Attributes:
        name: as the dock shows it.
        recorded: digests of all recordings.
        torn: whether the card ever gave other bytes than it holds.
        yanks: how the card was torn out, and how often.
    """

    name: str
    plug: Plug
    rng: random.Random
    recorded: Counter[str] = field(default_factory=Counter)
    torn: bool = False
    cycles: int = 0
    rested: int = 0
    yanks: Counter[str] = field(default_factory=Counter)

    def cycle(self, station: Station) -> None:
        """Record a little, dock, and leave when all is safe, or sooner than that."""
        self.cycles += 1
        for _ in range(self.rng.choice((0, 1, 1, 2))):
            self.record(self.rng.randrange(LARGEST))
        self.plug.dock()
        if self.rng.random() < 0.5:
            self.rest(station)
        else:
            self._tear()
        self.plug.undock()

    def record(self, size: int) -> None:
        """One more recording, with bytes that no other has."""
        content = os.urandom(size + 16)
        name = f"{self.name}_{self.recorded.total():05d}.mp4"
        self.plug.put(name, content)
        self.recorded[hashlib.sha256(content).hexdigest()] += 1

    def rest(self, station: Station) -> None:
        """Wait until the dock says that it is done with the card."""
        wait_for(lambda: self._phase(station) in RESTED, f"{self.name} at rest", REST_S)
        self.rested += 1

    def _tear(self) -> None:
        time.sleep(self.rng.uniform(0, 2.5))
        how = self.rng.choice(self.plug.yanks)
        self.yanks[how] += 1
        self.torn = self.torn or how == "torn"
        self.plug.yank(how, self.rng)

    def _phase(self, station: Station) -> str | None:
        status = station.status_or_none()
        for bay in status["bays"] if status else ():
            if self.name in {bay["bay"], bay["camera"].get("name")}:
                return str(bay["phase"])
        return None


@dataclass
class Soak:
    """The whole run.

    Attributes:
        cycles: dockings, all bays together.
        rounds: so many parts; after each, every bay is empty and what is held is counted.
        held: what dock and gateway held after each round, with every bay empty.
    """

    folder: Path
    cycles: int
    seed: int
    rounds: int = 10
    held: list[tuple[Held, Held]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.media = self.folder / "media"
        self.media.mkdir(parents=True)
        self.bays = [self._bay(number) for number in range(BAYS)]
        self.seconds = 0.0

    def _bay(self, number: int) -> Bay:
        name = f"bay{number}"
        point, home = self.media / name, self.folder / "cards" / name
        home.parent.mkdir(parents=True, exist_ok=True)
        plug: Plug
        if number < 3:
            plug = FolderPlug(home, self.folder / "folders" / name)
        elif number < 5:
            plug = DiskPlug(home.with_suffix(".img"), point)
        elif number < 6:
            plug = ExfatPlug(home.with_suffix(".img"), point)
        else:
            plug = FusePlug(home, point)
        return Bay(name, plug, random.Random(f"{self.seed} {number}"))  # noqa: S311  # no secret

    def run(self) -> None:
        """All cycles, then the last docking of every card, then the reckoning."""
        (self.folder / "folders").mkdir()
        with self._station() as station:
            began = time.monotonic()
            for number in range(self.rounds):
                self._round(station, number)
                self._quiet(station)
            self.seconds = time.monotonic() - began
            self._last(station)
            self._reckon(station)

    @contextmanager
    def _station(self) -> Iterator[Station]:
        folders = tuple(self.folder / "folders" / f"bay{number}" for number in range(3))
        settings: dict[str, dict[str, Any]] = {
            "cameras": {"settle_s": 0.3, "scan_s": 0.2, "mount_root": str(self.media)}
        }
        root = self.folder / "station"
        with (
            Mosquitto(self.folder) as broker,
            Station(
                root, broker=Broker(broker.port), dock_settings=settings, folders=folders
            ) as station,
        ):
            station.start_gateway()
            station.enrol()
            station.start_dock()
            for bay in self.bays:
                bay.plug.dock_pid = station.dock.pid
            try:
                yield station
            finally:
                for bay in self.bays:
                    bay.plug.undock()

    def _round(self, station: Station, number: int) -> None:
        due = self.cycles * (number + 1) // self.rounds - self.cycles * number // self.rounds
        # Each has its turn; of the others the quick kinds have more.
        each = 1 if due >= BAYS else 0
        left, turn = iter(range(due - each * BAYS)), threading.Lock()

        def serve(bay: Bay) -> None:
            if each:
                bay.cycle(station)
            while True:
                with turn:
                    if next(left, None) is None:
                        return
                bay.cycle(station)

        with ThreadPoolExecutor(BAYS) as threads:
            for _ in threads.map(serve, self.bays):
                pass

    def _quiet(self, station: Station) -> None:
        wait_for(lambda: station.status()["bays"] == [], "every bay seen to be empty", REST_S)
        time.sleep(1)
        held = Held.by(station.dock.pid), Held.by(station.gateway.pid)
        self.held.append(held)
        print(f"| {len(self.held)} | {held[0].row()} | {held[1].row()} |", flush=True)

    def _last(self, station: Station) -> None:
        """Every card once more, and nothing goes wrong: what is left on them is due now."""
        for bay in self.bays:
            bay.plug.dock()
        for bay in self.bays:
            bay.rest(station)
            bay.plug.undock()
        wait_for(all_released(station, self.recorded.total()), "every clip released", END_S)

    @property
    def recorded(self) -> Counter[str]:
        """Digests of everything that was ever on a card."""
        return sum((bay.recorded for bay in self.bays), Counter())

    # --- the reckoning --------------------------------------------------------------

    def _reckon(self, station: Station) -> None:
        clips = station.clips()
        stored = [clip for clip in clips if clip["state"] == "stored"]
        digests = Counter(str(clip["sha256"]) for clip in stored)
        missing = self.recorded - digests
        assert not missing, f"recorded and not stored: {missing.total()}"
        twice = {sha: n for sha, n in digests.items() if n > 1 and sha in self.recorded}
        assert not twice, f"sealed more than once: {twice}"
        strange = digests - self.recorded
        assert not strange or any(bay.torn for bay in self.bays), f"nobody recorded {strange}"
        assert len(stored) == len(clips), Counter(clip["state"] for clip in clips)
        for clip in stored:
            content = station.stored_object(clip["clip"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == clip["sha256"]
        self.facts = {"recordings": self.recorded.total(), "torn readings sealed": strange.total()}
        said = station.dock.log.read_text(errors="replace")
        assert "camera.failed" not in said, "serving a camera failed in a way nobody thought of"
        must(script("evidock-edge"), "verify-ledger", "--config", station.dock_config)
        self._sessions(station)
        self._trail(station, [clip["clip"] for clip in stored])
        self._no_leak()

    def _sessions(self, station: Station) -> None:
        """Whatever was opened is closed, and the spool holds nothing but what its clips name."""
        with sqlite3.connect(f"file:{station.database}?mode=ro", uri=True) as db:
            kinds = dict(db.execute("SELECT kind, count(*) FROM entries GROUP BY kind"))
            names = {row[0] for row in db.execute("SELECT spool_name FROM clips") if row[0]}
        assert kinds["session.opened"] == kinds["session.closed"], kinds
        spool = {each.name for each in (station.state / "spool").iterdir()} - {"spool-id"}
        assert spool <= names, f"nobody needs {spool - names}"
        self.facts |= {"sessions": kinds["session.opened"], "entries": sum(kinds.values())}

    def _trail(self, station: Station, clips: list[str]) -> None:
        by = {"by": "soak"}
        station.post("/cases", {"case_no": CASE_NO, "title": "soak", **by})
        step = max(len(clips) // LINKED, 1)
        for clip in clips[::step]:
            link = {"clip": clip, "why": "soak", **by}
            station.post(f"{station.case_path(CASE_NO)}/links", link)
        words = ("--trust", station.trust, "--verify", "--content", "--whole-log")
        done = run(
            *(script("evidock-gateway"), "trail", CASE_NO, "--api", station.api, *words),
            timeout_s=END_S,
        )
        assert done.returncode == 0, done.stdout[-2000:]

    def _no_leak(self) -> None:
        for what, first, last in zip(("dock", "gateway"), self.held[0], self.held[-1], strict=True):
            # Pools of threads grow to what was needed at once; each thread may hold a file.
            assert last.files <= first.files + 8, f"{what} keeps files: {first} {last}"
            assert last.threads <= first.threads + 24, f"{what} keeps threads: {first} {last}"
            assert last.memory <= first.memory + (64 << 20), f"{what} grows: {first} {last}"
            assert last.zombies == 0, f"{what} leaves zombies: {last}"
