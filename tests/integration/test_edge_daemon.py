"""A real dock program with a folder as camera, a real broker and a simulated gateway."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.ledger_check import check_file
from protocols.kinds import ClipSealed, SessionClosed, SessionInventory
from tests.demo.programs import free_port
from tests.simulators.edge_daemon import EdgeDaemon, bay
from tests.simulators.gateway import GrowingLog, SimulatedGateway
from tests.simulators.mosquitto import mosquitto

pytestmark = [pytest.mark.broker, pytest.mark.timeout(180)]


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    with mosquitto(tmp_path) as port:
        yield port


def prepared(tmp_path: Path, port: int, **options: object) -> tuple[EdgeDaemon, SimulatedGateway]:
    log = GrowingLog()
    daemon = EdgeDaemon(tmp_path / "dock", log.anchors, port=port, **options)  # type: ignore[arg-type]  # test options pass through
    return daemon, SimulatedGateway(port, {daemon.dock: daemon.public}, log=log)


async def test_a_folder_of_recordings_is_sealed_stored_released_and_called_safe(
    tmp_path: Path, port: int
) -> None:
    daemon, gateway = prepared(tmp_path, port)
    contents = {f"clip{i}.mp4": os.urandom(300_000 * i) for i in range(8)}
    for name, data in contents.items():
        (daemon.folder / name).write_bytes(data)
    async with gateway.running(), daemon.running():
        await daemon.until(lambda s: bay(s)["phase"] == "safe")
        view = gateway.docks[daemon.dock]
        await gateway.until(lambda: bool(view.bodies("session.closed")))
        got = {clip.body.source.name: clip for clip in view.clips.values()}
        assert {name: gateway.content(c.sealed.clip) for name, c in got.items()} == contents
        closed = view.bodies("session.closed")[0]
        assert isinstance(closed, SessionClosed)
        assert (closed.reason, closed.sealed, closed.released) == ("released", 8, 8)
        assert daemon.end() == 0
        await gateway.until(lambda: view.state == "offline")
    assert daemon.cli("verify-ledger").returncode == 0


def put(folder: Path, files: dict[bytes, bytes]) -> None:
    for path, data in files.items():
        at = Path(os.fsdecode(os.fsencode(folder) + b"/" + path))
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_bytes(data)


async def test_strange_files_are_taken_or_named_and_nothing_is_missing(
    tmp_path: Path, port: int
) -> None:
    daemon, gateway = prepared(tmp_path, port)
    wanted = {
        b"control\x01\n\x1b[31m.mp4": b"a",
        "好".encode() * 83 + b"x.mp4": b"b",
        b"latin\xe9\xff.mp4": b"c",
        b"-rf.mp4": b"d",
        b"dir.mp4/inner.mp4": b"e",
        b"empty.mp4": b"",
        b"a/b/c/d/deep.MOV": b"f" * 3_000_000,
        b'quote"\\.mp4': b"g",
        "\u202egnp.mp4".encode(): b"h",
    }
    put(daemon.folder, wanted)
    secret = tmp_path / "secret"
    secret.write_text("not on the card")
    (daemon.folder / "link.mp4").symlink_to(secret)
    (daemon.folder / "outside").symlink_to(tmp_path)
    os.mkfifo(daemon.folder / "pipe.mp4")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(daemon.folder / "socket.mp4"))
        (daemon.folder / "Thumbs.db").write_text("rubbish")
        async with gateway.running(), daemon.running():
            await daemon.until(lambda s: bay(s)["phase"] == "safe")
            view = gateway.docks[daemon.dock]
            await gateway.until(lambda: bool(view.bodies("session.closed")))
    got = {}
    for clip in view.clips.values():
        got[clip.body.source.path_bytes()] = gateway.content(clip.sealed.clip)
    assert got == wanted
    listed = {}
    for page in view.bodies("session.inventory"):
        assert isinstance(page, SessionInventory)
        listed.update({file.path_bytes(): str(file.disposition) for file in page.files})
    assert {path for path, what in listed.items() if what == "ingest"} == set(wanted)
    refused = {path for path, what in listed.items() if what == "refused"}
    assert refused == {b"link.mp4", b"outside", b"pipe.mp4", b"socket.mp4"}
    assert listed[b"Thumbs.db"] == "ignored"


async def test_a_growing_file_is_taken_only_when_it_stands_still(tmp_path: Path, port: int) -> None:
    daemon, gateway = prepared(tmp_path, port, settle_s=0.5)
    data = os.urandom(1_000_000)
    growing = daemon.folder / "growing.mp4"
    (daemon.folder / "done.mp4").write_bytes(b"done")
    async with gateway.running(), daemon.running():
        view = gateway.docks[daemon.dock]
        with growing.open("wb") as file:
            for start in range(0, len(data), 100_000):
                file.write(data[start : start + 100_000])
                file.flush()
                await asyncio.sleep(0.15)
                assert not any(
                    c.body.source.name == "growing.mp4" for c in view.clips.values()
                ) or start + 100_000 >= len(data)
        await daemon.until(lambda s: bay(s)["phase"] == "safe")
        await gateway.until(lambda: bool(view.bodies("session.closed")))
        (clip,) = (c for c in view.clips.values() if c.body.source.name == "growing.mp4")
        assert gateway.content(clip.sealed.clip) == data


async def test_killed_at_any_moment_it_seals_every_recording_once(
    tmp_path: Path, port: int
) -> None:
    daemon, gateway = prepared(tmp_path, port)
    for i in range(40):
        (daemon.folder / f"{i:03}.mp4").write_bytes(os.urandom(200_000))
    async with gateway.running():
        view = gateway.docks[daemon.dock]
        for delay in (0.6, 0.8, 1.0, 1.3):
            async with daemon.running():
                await asyncio.sleep(delay)
        async with daemon.running():
            await daemon.until(lambda s: bay(s)["phase"] == "safe", 60)
            await gateway.until(lambda: view.last is not None and view.last.hash == _head(daemon))
    names = [clip.body.source.name for clip in view.clips.values()]
    assert sorted(names) == [f"{i:03}.mp4" for i in range(40)]
    check_file(daemon.database, dock=daemon.dock, key=daemon.public)


def _head(daemon: EdgeDaemon) -> bytes:
    answer = daemon.status()
    return b"" if answer is None else bytes.fromhex(answer["head"]["hash"])


async def test_it_keeps_everything_while_the_broker_is_away(tmp_path: Path) -> None:
    port = free_port()
    daemon, gateway = prepared(tmp_path, port)
    (daemon.folder / "clip.mp4").write_bytes(b"x" * 500_000)
    async with daemon.running():
        status = await daemon.until(lambda s: bay(s)["phase"] == "copied")
        assert status["queue"] == {"clips": 1, "bytes": 500_000}
        assert not status["uplink"]["connected"]
        assert not bay(status)["message"]["safe"]
        with mosquitto(tmp_path, port=port):
            async with gateway.running():
                await daemon.until(lambda s: bay(s)["phase"] == "safe")
        # And again: the broker restarts without any memory.
        (daemon.folder / "later.mp4").write_bytes(b"y" * 500_000)
        with mosquitto(tmp_path, port=port):
            async with gateway.running():
                await daemon.until(
                    lambda s: bay(s)["phase"] == "safe" and s["clips"]["released"] == 2
                )


async def test_a_released_recording_is_erased_and_a_changed_one_is_kept(
    tmp_path: Path, port: int
) -> None:
    daemon, gateway = prepared(tmp_path, port, erase=True)
    gateway.releasing = False
    kept, gone = daemon.folder / "kept.mp4", daemon.folder / "gone.mp4"
    kept.write_bytes(b"k" * 100_000)
    gone.write_bytes(b"g" * 100_000)
    async with gateway.running(), daemon.running():
        view = gateway.docks[daemon.dock]
        await daemon.until(lambda s: bay(s)["phase"] == "copied")
        # Same name, size and time, other bytes: only reading can tell.
        before = kept.stat()
        kept.write_bytes(b"K" * 100_000)
        os.utime(kept, ns=(before.st_atime_ns, before.st_mtime_ns))
        gateway.releasing = True
        await daemon.until(lambda s: bay(s)["phase"] == "safe")
        await gateway.until(lambda: bool(view.bodies("session.closed")))
        assert not gone.exists()
        # What differed was taken as a clip of its own before it was erased.
        contents = [gateway.content(clip.sealed.clip) for clip in view.clips.values()]
        assert sorted(contents) == sorted([b"k" * 100_000, b"g" * 100_000, b"K" * 100_000])
        assert not kept.exists()
        kinds = [record.kind for record in view.records]
        assert kinds.count("clip.erased") == 2
        # The change is noticed when the card is looked at, or else when it would be erased.
        assert kinds.count("erase.intended") in {2, 3}
        assert kinds.count("alarm.raised") == kinds.count("alarm.cleared") == 1


async def test_a_release_that_proves_nothing_erases_nothing_and_raises_an_alarm(
    tmp_path: Path, port: int
) -> None:
    daemon, gateway = prepared(tmp_path, port, erase=True)
    other = GrowingLog()
    gateway.log = other
    clip = daemon.folder / "clip.mp4"
    clip.write_bytes(b"x" * 1000)
    async with gateway.running(), daemon.running():
        status = await daemon.until(lambda s: bool(s["alarms"]))
        await asyncio.sleep(1)
        assert clip.read_bytes() == b"x" * 1000
        assert status["clips"]["released"] == 0
        assert status["alarms"][0]["code"] == "gateway-checkpoint-signature"
        assert bay(status)["phase"] != "safe"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("count", [1200, pytest.param(5000, marks=pytest.mark.slow)])
async def test_thousands_of_small_files_all_arrive(tmp_path: Path, port: int, count: int) -> None:
    daemon, gateway = prepared(tmp_path, port)
    digests = set()
    for i in range(count):
        data = i.to_bytes(4, "big") * 50
        (daemon.folder / f"d{i % 50}").mkdir(exist_ok=True)
        (daemon.folder / f"d{i % 50}" / f"{i}.jpg").write_bytes(data)
        digests.add(hashlib.sha256(data).digest())
    async with gateway.running(), daemon.running():
        await daemon.until(lambda s: bay(s)["phase"] == "safe", 800)
        view = gateway.docks[daemon.dock]
        await gateway.until(lambda: bool(view.bodies("session.closed")))
        assert {clip.sealed.sha256 for clip in view.clips.values()} == digests
        sealed = [b for b in view.bodies("clip.sealed") if isinstance(b, ClipSealed)]
        assert len(sealed) == count


async def test_a_broker_that_restarts_again_and_again_loses_nothing(tmp_path: Path) -> None:
    port = free_port()
    daemon, gateway = prepared(tmp_path, port)
    contents = {f"{i}.mp4": os.urandom(5_000_000) for i in range(12)}
    for name, data in contents.items():
        (daemon.folder / name).write_bytes(data)
    async with gateway.running(), daemon.running():
        for _ in range(8):
            with mosquitto(tmp_path, port=port):
                await daemon.until(lambda s: s["uplink"]["connected"])
                await asyncio.sleep(0.3)
        with mosquitto(tmp_path, port=port):
            await daemon.until(lambda s: bay(s)["phase"] == "safe", 60)
            view = gateway.docks[daemon.dock]
            await gateway.until(lambda: bool(view.bodies("session.closed")))
    stored = {c.body.source.name: gateway.content(c.sealed.clip) for c in view.clips.values()}
    assert stored == contents
