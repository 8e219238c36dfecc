"""The dock as an appliance: what people wait for, what it costs at rest, what it writes.

One real daemon on real mounted cards (ext4 on loop devices, mounted read-only), seen from
outside: its status socket, the files of its spool, ``/proc`` and ``/sys/block``. Nothing is
switched off and no time is shortened: ``settle_s`` and ``scan_s`` are the daemon's own.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from edge import keys
from edge.clock import DockClock
from edge.ledger import Ledger
from protocols.ids import dock_id
from protocols.kinds import DockBooted
from tests.bench.hearing import Releases
from tests.bench.memory import Peak
from tests.bench.ours import MIB, strange_gateway
from tests.bench.rivals import copy_and_sync, hash_only
from tests.demo.programs import free_port, must
from tests.demo.station import DOCK, Broker, Station

BAYS = 8
IDLE_S = 30.0
ENTRIES = 10_000
SMALL = (200, 64 * 1024)
PATIENCE_S = 600
_CLONE_NEWNS = 0x00020000


@dataclass(frozen=True)
class Row:
    """One target.

    Attributes:
        what: is measured.
        target: as text.
        found: as text.
        reached: None where there is no target.
        why: what the figure means, or why it is missed.
    """

    what: str
    target: str
    found: str
    reached: bool | None
    why: str = ""

    def line(self) -> str:
        """A row of the table."""
        said = {None: "", True: "reached", False: "**missed**"}[self.reached]
        return f"| {self.what} | {self.target} | {self.found} | {said} | {self.why} |"


class Cards:
    """Eight cards as a reader shows them: disks of their own, each with its recordings."""

    def __init__(self, folder: Path, media: Path) -> None:
        self._folder, self._media = folder, media
        folder.mkdir(parents=True)
        media.mkdir(parents=True, exist_ok=True)
        self._docked: list[Path] = []
        self._made = 0

    def make(self, files: int, size: int) -> Path:
        """An image of a card with so many recordings, an hour apart, the newest an hour ago."""
        self._made += 1
        image = self._folder / f"card{self._made}.img"
        tree = image.with_suffix(".tree")
        tree.mkdir()
        now = int(time.time())  # noqa: TID251  # files of a card have times
        for number in range(files):
            path = tree / f"DSJ_36NCC00991{self._made}_016042_20260619_{10 + number:06d}.mp4"
            path.write_bytes(os.urandom(size))
            os.utime(path, (now - 3600 * (files - number),) * 2)
        blocks = files * (size // 4096 + 4) + 4096
        # A card has no journal to speak of, and inode tables of their own size.
        options = ("-m", "0", "-O", "^has_journal", "-N", str(files + 64))
        must("mkfs.ext4", "-q", "-b", "4096", *options, "-d", tree, image, str(blocks))
        must("rm", "-r", tree)
        return image

    def insert(self, image: Path) -> Path:
        """Mount it read-only in its bay; it has been at rest for long."""
        point = self._media / image.stem
        point.mkdir(exist_ok=True)
        must("mount", "-t", "ext4", "-o", "loop,ro", image, point)
        self._docked.append(point)
        return point

    def remove(self) -> None:
        """Take all of them out."""
        while self._docked:
            must("umount", "-l", self._docked.pop())


@dataclass
class Appliance:
    """All measurements; ``rows`` grows with each."""

    folder: Path
    mib: int
    port: int
    note: Callable[[str], None]
    rows: list[Row] = field(default_factory=list)

    def run(self) -> list[Row]:
        """Everything, one after the other."""
        if os.geteuid() != 0:
            return [
                Row("the dock as an appliance", "", "not measured", None, "mounting needs root")
            ]
        _alone_with_mounts()
        for measure in (
            self.starting,
            self.one_card,
            self.releases,
            self.eight_bays,
            self.writing,
            self.idling,
        ):
            known, began = len(self.rows), time.monotonic()
            measure()
            for row in self.rows[known:]:
                self.note(row.line())
            self.note(f"{measure.__name__} took {time.monotonic() - began:.0f} s")
        return self.rows

    # --- what people wait for -------------------------------------------------------

    def starting(self) -> None:
        """From the program's start to READY, with an empty ledger and a long one."""
        for entries in (0, ENTRIES):
            with self._station(gateway=False, start=False) as (station, _):
                if entries:
                    _fill_ledger(station, entries)
                seconds = _ready_after(station)
                why = f"{_cpu(station.dock.pid):.2f} s of processor time"
            what = f"start to READY, ledger of {entries} entries"
            self._under(what, 3.0, seconds, why)

    def one_card(self) -> None:
        """First byte, last byte, "copied" shown: eight recordings, then a single one."""
        for files in (8, 1):
            with self._station(gateway=False) as (station, cards):
                image = cards.make(files, self.mib * MIB // 8)
                # No camera recorded in the very seconds before it was docked.
                time.sleep(5)
                began = time.monotonic()
                cards.insert(image)
                seen = _Spool(station, files * (self.mib * MIB // 8))
                first, last, shown = seen.follow(began)
            rests = "" if files > 1 else "its newest recording rests 2 s first (decisions/0012)"
            name = f"card of {files} recording{'s' * (files > 1)}"
            self._under(f"{name}: insertion to first byte copied", 1.0, first, rests)
            self._under(f"{name}: last byte copied to `copied` shown", 2.0, shown - last)
            whole = f"{self.mib} MiB; 2 s of it are the newest recording's rest"
            self.rows.append(
                Row(f"{name}: insertion to `copied` shown", "", f"{shown:.2f} s", None, whole)
            )

    def releases(self) -> None:
        """From a release on the wire to the status that shows it, over a real gateway."""
        with self._station(gateway=True) as (station, cards), Releases(self.port, DOCK) as heard:
            image = cards.make(16, MIB)
            cards.insert(image)
            shown = _shown_at(station, 16)
            waits = [seen - came for came, seen in zip(heard.times(16), shown, strict=True)]
        self._under("release arrives to release shown, slowest of 16", 1.0, max(waits))

    # --- what limits it -------------------------------------------------------------

    def eight_bays(self) -> None:
        """All bays at once, beside what card, disk and processor give in the same run."""
        size = self.mib * MIB // 4
        with self._station(gateway=False) as (station, cards):
            images = [cards.make(4, size // 4) for _ in range(BAYS)]
            os.sync()
            before = self._ceilings(cards, images)
            began, cpu = time.monotonic(), _cpu(station.dock.pid)
            with Peak(station.dock.pid) as peak:
                for image in images:
                    cards.insert(image)
                _until(station, lambda s: _all(s, {"copied"}, BAYS))
            seconds = time.monotonic() - began
            busy = (_cpu(station.dock.pid) - cpu) / seconds
            cards.remove()
            _until(station, lambda s: not s["bays"])
            # The machine is others' too: what it gives before and after, on the average.
            after = self._ceilings(cards, images)
        ceilings = {name: 2 / (1 / before[name] + 1 / after[name]) for name in before}
        rate, slowest = BAYS * size / seconds / 1e6, min(ceilings, key=lambda name: ceilings[name])
        share = rate / ceilings[slowest]
        told = ", ".join(f"{name} {each:.0f}" for name, each in ceilings.items())
        why = f"MB/s: {told}; it used {busy:.2f} processors; 2 s of its time were rest"
        found = f"{rate:.0f} MB/s, {share:.2f} of the slowest ({slowest})"
        self.rows.append(
            Row("eight bays at once", "≥ 0.8 of the slowest", found, share >= 0.8, why)
        )
        self._under_mib("resident memory, eight busy bays", 150, peak.own)
        self.rows.append(Row("its probe helper beside it", "", f"{peak.helpers // MIB} MiB", None))

    def _ceilings(self, cards: Cards, images: list[Path]) -> dict[str, float]:
        points = [cards.insert(image) for image in images]
        files = [path for point in points for path in point.glob("*.mp4")]
        total = sum(path.stat().st_size for path in files)
        read = _timed(lambda: must("sh", "-c", 'cat "$@" >/dev/null', "cat", *files))
        write = copy_and_sync(files, self.folder / "ceiling")
        hashing = hash_only(files, 2)
        cards.remove()
        seconds = {"card": read, "disk": write, "SHA-256 twice": hashing}
        return {name: total / each / 1e6 for name, each in seconds.items()}

    def writing(self) -> None:
        """Bytes the dock writes for a byte ingested, to the spool and into its ledger."""
        count, small = SMALL
        for what, files, size in (
            ("large files", 8, self.mib * MIB // 8),
            (f"{count} files of {small // 1024} KiB", count, small),
        ):
            with self._station(gateway=False) as (station, cards):
                image = cards.make(files, size)
                os.sync()
                before = _written(station.dock.pid)
                cards.insert(image)
                _until(station, lambda s: _all(s, {"copied"}, 1))
                os.sync()
                ours = (_written(station.dock.pid) - before) / (files * size)
                ledger = (
                    sum(p.stat().st_size for p in station.state.glob("ledger.db*")) / files / 1024
                )
            why = f"the ledger's files have {ledger:.1f} KiB a recording at the end"
            self._at_most(f"written by the dock, ledger included, {what}", 1.05, ours, why)

    def idling(self) -> None:
        """Processor time with eight empty bays, and with eight cameras that are done."""
        folders = tuple(self.folder / "empty" / f"bay{number}" for number in range(BAYS))
        with self._station(gateway=True, folders=folders) as (station, cards):
            for each in folders:
                each.mkdir(parents=True)
            time.sleep(5)
            self._idle(station, "eight empty folder bays")
            for each in folders:
                each.rmdir()
            for _ in range(BAYS):
                cards.insert(cards.make(20, 4096))
            _until(station, lambda s: _all(s, {"safe"}, BAYS))
            time.sleep(10)
            self._idle(station, "eight docked cameras at rest")

    def _idle(self, station: Station, what: str) -> None:
        before = _cpu(station.dock.pid)
        time.sleep(IDLE_S)
        share = (_cpu(station.dock.pid) - before) / IDLE_S
        self.rows.append(Row(f"idle CPU, {what}", "< 1 %", f"{share:.2%}", share < 0.01))

    # --- pieces ---------------------------------------------------------------------

    @contextmanager
    def _station(
        self,
        *,
        gateway: bool,
        start: bool = True,
        folders: tuple[Path, ...] = (),
    ) -> Iterator[tuple[Station, Cards]]:
        root = self.folder / "appliance"
        cards = Cards(root / "cards", root / "media")
        # The daemon's own defaults, whatever the station would set.
        times = {"settle_s": 2.0, "scan_s": 1.0, "mount_root": str(root / "media")}
        broker = Broker(self.port if gateway else free_port())
        station = Station(
            root, broker=broker, erase=False, dock_settings={"cameras": times}, folders=folders
        )
        with ExitStack() as closing:
            closing.callback(must, "rm", "-r", root)
            closing.callback(cards.remove)
            closing.callback(station.close)
            if gateway:
                station.start_gateway()
                station.enrol()
            else:
                strange_gateway(station)
            if start:
                station.start_dock()
            yield station, cards

    def _under(self, what: str, limit: float, found: float, why: str = "") -> None:
        self.rows.append(Row(what, f"< {limit:g} s", f"{found:.2f} s", found < limit, why))

    def _at_most(self, what: str, limit: float, found: float, why: str) -> None:
        self.rows.append(Row(what, f"≤ {limit:g}", f"{found:.3f}", found <= limit, why))

    def _under_mib(self, what: str, limit: int, found: int) -> None:
        self.rows.append(Row(what, f"< {limit} MiB", f"{found // MIB} MiB", found < limit * MIB))


class _Spool:
    """Follows from outside how much of a card has arrived in the spool."""

    def __init__(self, station: Station, total: int) -> None:
        self._station, self._total = station, total
        self._folder = station.state / "spool"

    def follow(self, began: float) -> tuple[float, float, float]:
        """Seconds after ``began`` of the first byte, the last one, and of "copied" shown."""
        first = _soon(lambda: self._bytes() > 0)
        last = _soon(lambda: self._bytes() >= self._total)
        shown = _soon(lambda: _all(self._station.status(), {"copied"}, 1))
        return first - began, last - began, shown - began

    def _bytes(self) -> int:
        found = 0
        with os.scandir(self._folder) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    found += entry.stat().st_size if entry.name != "spool-id" else 0
        return found


def _alone_with_mounts() -> None:
    """From here on what others of this machine mount neither wakes the dock nor is seen by it."""
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "unshare")
    must("mount", "--make-rprivate", "/")


def _soon(true: Callable[[], bool]) -> float:
    """When it became so, within five milliseconds."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return time.monotonic()


def _until(station: Station, true: Callable[[dict[str, Any]], bool]) -> None:
    station.dock.wait_until(lambda: true(station.status()) or None, "what is measured", PATIENCE_S)


def _all(status: dict[str, Any], phases: set[str], bays: int) -> bool:
    return [bay["phase"] in phases for bay in status["bays"]] == [True] * bays


def _shown_at(station: Station, count: int) -> list[float]:
    """When the status first showed so many clips as released, for each number up to a count."""
    return [
        _soon(lambda n=n: station.status()["clips"].get("released", 0) >= n)  # type: ignore[misc]  # a loop's value
        for n in range(1, count + 1)
    ]


def _timed(call: Callable[[], object]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


def _ready_after(station: Station) -> float:
    """Starts the dock as an init system does, and waits for its word."""
    address = station.root / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(address))
        told.settimeout(PATIENCE_S)
        os.environ["NOTIFY_SOCKET"] = str(address)
        try:
            began = time.monotonic()
            station.start_dock()
            while b"READY=1" not in told.recv(4096):
                pass
        finally:
            del os.environ["NOTIFY_SOCKET"]
    address.unlink()
    return time.monotonic() - began


def _fill_ledger(station: Station, entries: int) -> None:
    """A ledger as years of docking leave it, signed by the dock's own key."""
    station.state.mkdir(parents=True)
    signer = keys.load(station.trust.parent / "statement.pem")
    ledger = Ledger(station.database, dock=dock_id(DOCK), signer=signer, clock=DockClock())
    # Ten thousand waits for the disk are no part of what is measured.
    ledger._connection.execute("PRAGMA synchronous = OFF")
    for _ in range(entries):
        ledger.append(DockBooted(version="bench", ledger_check="0 entries hold"))
    ledger.close()


def _written(pid: int) -> int:
    return int(psutil.Process(pid).io_counters().write_bytes)


def _cpu(pid: int) -> float:
    process = psutil.Process(pid)
    times = [process.cpu_times(), *(each.cpu_times() for each in process.children(recursive=True))]
    return sum(each.user + each.system for each in times)
