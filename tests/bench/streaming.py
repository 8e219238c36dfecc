"""A clip's content out of the real gateway, beside nginx with the very same file.

One reader at a time takes the whole file and throws it away, everybody in turn, from the page
cache: what is compared is the way from there to a socket. Then many players watch at once, each
as fast as footage is played, and the gateway's memory is looked at.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import socket
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from gateway.access.host import token_for
from gateway.evidence.service import object_key
from tests.bench.appliance import Row
from tests.bench.handing import fill
from tests.bench.rivals import level
from tests.demo.programs import Program, free_port
from tests.demo.station import Station

MIB = 1 << 20
RATIO = 0.7
PLAYERS = 20
# Of each player: 16 Mbit/s, four times what a camera records.
RATE = 2 * MIB
PLAYED_S = 40
# What every player needs once is taken by then.
SETTLED_S = 10
FLAT = 8 * MIB
_UP_S = 60

_NGINX = """daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/log;
{user}
events {{ worker_connections 64; }}
http {{ access_log off; sendfile on; tcp_nopush on;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{port}; root {root}; }} }}
"""


@dataclass(frozen=True)
class Place:
    """Where a file is to be had, and from which program."""

    port: int
    path: str
    pid: int
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Streaming:
    """Both measurements; ``rows`` grows with each.

    Attributes:
        folder: scratch space. mib: size of the file. repeat: rounds.
    """

    folder: Path
    mib: int
    repeat: int
    note: Callable[[str], None]
    rows: list[Row] = field(default_factory=list)

    def run(self) -> list[Row]:
        """Speed, then memory."""
        root = self.folder / "streaming"
        with Station(root) as station:
            data = station.root / "gateway" / "data"
            data.mkdir(parents=True)
            (clip,) = asyncio.run(fill(data, [self.mib * MIB]))
            station.start_gateway()
            file = station.store / object_key(clip)
            shown = {"authorization": f"Bearer {token_for(station.api)}"}
            path = f"/api/v1/clips/{clip}/content"
            ours = Place(station.api_port, path, station.gateway.pid, shown)
            with _nginx(root / "nginx", file) as nginx, _alone(root, file) as alone:
                self._speed({"gateway": ours, "nginx": nginx, "uvicorn": alone}, file)
            self._memory(ours)
        return self.rows

    def _speed(self, places: Mapping[str, Place], file: Path) -> None:
        level([file])
        seconds: dict[str, list[float]] = {name: [] for name in places}
        busy: dict[str, list[float]] = {name: [] for name in places}
        names = list(places)
        for number in range(self.repeat):
            for name in names[number % len(names) :] + names[: number % len(names)]:
                before, began = _busy(places[name].pid), time.perf_counter()
                got = _taken(places[name])
                seconds[name].append(time.perf_counter() - began)
                busy[name].append(_busy(places[name].pid) - before)
                assert got == self.mib * MIB, name
            told = ", ".join(f"{name} {self._rate(each[-1])}" for name, each in seconds.items())
            self.note(f"streaming, round {number + 1}: {told} MB/s")
        middle = {name: statistics.median(each) for name, each in seconds.items()}
        work = {name: statistics.median(each) for name, each in busy.items()}
        ratio = middle["nginx"] / middle["gateway"]
        rates = {name: self._rate(each) for name, each in middle.items()}
        why = (
            f"uvicorn and Starlette alone {middle['nginx'] / middle['uvicorn']:.2f} "
            f"({rates['uvicorn']} MB/s); processor time a GiB: "
            + ", ".join(f"{name} {each * 1024 / self.mib:.2f} s" for name, each in work.items())
        )
        found = f"{ratio:.2f} ({rates['gateway']} against {rates['nginx']} MB/s)"
        what = f"content of {self.mib} MiB, one reader, median of {self.repeat}"
        self.rows.append(Row(what, f"≥ {RATIO} of nginx", found, ratio >= RATIO, why))

    def _rate(self, seconds: float) -> str:
        return f"{self.mib * MIB / seconds / 1e6:.0f}"

    def _memory(self, place: Place) -> None:
        process, over = psutil.Process(place.pid), threading.Event()
        before = process.memory_info().rss
        players = [
            threading.Thread(target=_play, args=(place, over, number), daemon=True)
            for number in range(PLAYERS)
        ]
        for player in players:
            player.start()
        early = _most(process, SETTLED_S)
        late = _most(process, PLAYED_S - SETTLED_S)
        over.set()
        for player in players:
            player.join()
        grown = max(0, late - early)
        found = f"{grown / MIB:.1f} MiB more after {SETTLED_S} s than before"
        why = f"{before // MIB} MiB before, at most {early // MIB} then {late // MIB} MiB"
        what = f"memory with {PLAYERS} players at {RATE // MIB} MiB/s, {PLAYED_S} s"
        target = f"flat: < {FLAT // MIB} MiB"
        self.rows.append(Row(what, target, found, grown < FLAT, why))


def _taken(place: Place) -> int:
    """Bytes of the whole file, read and thrown away."""
    connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=600)
    with contextlib.closing(connection):
        connection.request("GET", place.path, headers=dict(place.headers))
        answer = connection.getresponse()
        assert answer.status in {200, 206}, answer.read()
        buffer, got = bytearray(MIB), 0
        while count := answer.readinto(buffer):
            got += count
        return got


def _play(place: Place, over: threading.Event, number: int) -> None:
    """Watch from some place on, at the speed of footage, again and again."""
    headers = {**place.headers, "range": f"bytes={number * MIB}-"}
    while not over.is_set():
        connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=600)
        with contextlib.closing(connection):
            connection.request("GET", place.path, headers=headers)
            answer = connection.getresponse()
            assert answer.status == 206, answer.read()
            buffer = bytearray(RATE // 4)
            while answer.readinto(buffer) and not over.wait(0.25):
                pass


def _most(process: psutil.Process, seconds: float) -> int:
    """Most resident memory for so long."""
    most, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        most = max(most, process.memory_info().rss)
        time.sleep(0.1)
    return most


def _busy(pid: int) -> float:
    """Seconds of processor time of a program and its helpers."""
    process = psutil.Process(pid)
    return sum(
        each.cpu_times().user + each.cpu_times().system
        for each in (process, *process.children(recursive=True))
    )


@contextlib.contextmanager
def _nginx(folder: Path, file: Path) -> Iterator[Place]:
    folder.mkdir(parents=True)
    port, config = free_port(), folder / "nginx.conf"
    # Else its worker is nobody, who may not read what only the gateway's user may.
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(_NGINX.format(folder=folder, root=file.parent, port=port, user=user))
    with _running(Program("nginx", ["nginx", "-c", config], folder / "said"), port) as pid:
        yield Place(port, f"/{file.name}", pid)


@contextlib.contextmanager
def _alone(folder: Path, file: Path) -> Iterator[Place]:
    port = free_port()
    words: list[str | Path] = [sys.executable, "-m", "tests.bench.serving", file, str(port)]
    with _running(Program("uvicorn", words, folder / "uvicorn.log"), port) as pid:
        yield Place(port, "/", pid)


@contextlib.contextmanager
def _running(program: Program, port: int) -> Iterator[int]:
    program.start()
    try:
        program.wait_until(lambda: _listens(port), f"a socket at {port}", _UP_S)
        yield program.pid
    finally:
        program.stop()


def _listens(port: int) -> bool | None:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return None
