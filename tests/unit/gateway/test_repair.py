"""Damaged objects: where the damage is, made whole from copies, on record; nothing believed."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.__main__ import main
from gateway.errors import SetupError
from gateway.evidence.models import Clip
from gateway.evidence.service import leaf_list_key, mark_missing, object_key
from gateway.repair.replicas import GatewayReplica, Replica, ReplicaError, replica_at
from gateway.repair.sealed import Sealed, sealed_of
from gateway.services import Services
from gateway.storage.local import LocalStore
from gateway.trail.client import ApiClient
from hashing.digest import LEAF_SIZE
from hashing.verdict import Outcome
from protocols.ids import ClipId
from protocols.kinds import ClipRepaired, Media
from protocols.pack import layout
from protocols.records import decode_record
from protocols.trail import verify_trail
from tests.simulators.dock import SimulatedDock, footage
from tests.simulators.packs import WANTED, exported
from tests.simulators.seeded import SyncBridge, admit, enrol, gateway_on, shift_end, store

pytestmark = pytest.mark.folder
DATA = footage(3 * LEAF_SIZE + 1000)
OK, ALTERED, INCOMPLETE, FAILED, USAGE = 0, 10, 11, 1, 2
RECORD = ("--by", "Li", "--reason", "disk 3 failed")


class Kept:
    """A gateway's data, shut: one clip of four leaves and a small one, both in a case."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clip, self.small = ClipId.parse("dock7.0.3"), ClipId.parse("dock7.0.4")

    async def fill(self) -> None:
        dock = SimulatedDock()
        async with gateway_on(self.folder) as services:
            await enrol(services, dock)
            dock.boot()
            session = dock.open_session()
            dock.inventory(session, ["A.MP4", "B.MP4"])
            media = Media(container="mov,mp4", duration_ms=300_000)
            clips = [
                dock.seal(session, DATA, name="A.MP4", media=media),
                dock.seal(session, b"short", name="B.MP4"),
            ]
            dock.close_session(session)
            await admit(services, dock, dock.entries)
            for clip in clips:
                await store(services, dock.clips[clip])
            await services.store.put_bytes(leaf_list_key(clips[0]), dock.clips[clips[0]].leaves)
        assert clips == [self.clip, self.small]

    def object(self, clip: ClipId | None = None) -> Path:
        return self.folder / "store/objects" / object_key(clip or self.clip)

    @property
    def leaf_list(self) -> Path:
        return self.folder / "store/objects" / leaf_list_key(self.clip)

    def flip(self, *places: int) -> None:
        raw = bytearray(self.object().read_bytes())
        for place in places:
            raw[place] ^= 1
        self.write(bytes(raw))

    def write(self, data: bytes) -> None:
        path = self.object()
        path.unlink(missing_ok=True)
        path.write_bytes(data)

    def repair(self, *options: str | Path | ClipId) -> int:
        return main(["repair", "--data-dir", str(self.folder), *map(str, options)])

    def said(self) -> list[ClipRepaired]:
        return [body for body, _ in asyncio.run(self._said())]

    async def _said(self) -> list[tuple[ClipRepaired, int]]:
        async with gateway_on(self.folder) as services:
            rows = await services.log.entries_of(self.clip.clip_urn)
            bodies = [(decode_record(row.record).body, row.index) for row in rows]
            document = await services.trails.of_clip(await clip_row(services, self.clip))
            report = verify_trail(document, services.log.anchors())
            assert report.verdict.outcome is Outcome.INTACT, report.verdict.problems
        return [(body, index) for body, index in bodies if isinstance(body, ClipRepaired)]


async def clip_row(services: Services, clip: ClipId) -> Clip:
    row = await services.evidence.clip(clip)
    assert row is not None
    return row


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    made = Kept(tmp_path_factory.mktemp("filled") / "data")
    asyncio.run(made.fill())
    yield made
    shutil.rmtree(made.folder)


@pytest.fixture
def kept(original: Kept, tmp_path: Path) -> Kept:
    """A copy to damage."""
    shutil.copytree(original.folder, tmp_path / "data")
    return Kept(tmp_path / "data")


@pytest.fixture
def replica(original: Kept) -> Path:
    return original.folder / "store"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- looking ----------------------------------------------------------------------------


def test_a_store_in_order_is_said_to_be(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    assert kept.repair() == OK
    assert "2 clips as sealed, 0 repaired, 0 damaged: intact" in capsys.readouterr().out


def test_damage_is_told_as_leaf_bytes_and_seconds_and_nothing_is_changed(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    kept.flip(2 * LEAF_SIZE + 5)
    before = contents(kept.folder / "store/objects")
    assert kept.repair() == ALTERED
    said = capsys.readouterr().out
    assert "leaf 2: bytes 2097152 to 3145727, about second 200 to 300 of the recording" in said
    assert "1 clips as sealed, 0 repaired, 1 damaged: altered" in said
    assert contents(kept.folder / "store/objects") == before
    assert kept.said() == []


@pytest.mark.parametrize(
    ("damage", "code", "told"),
    [
        (lambda kept: kept.write(DATA[: LEAF_SIZE + 7]), ALTERED, "cut short: 2098145 bytes"),
        (lambda kept: kept.write(DATA + b"more"), ALTERED, "4 bytes were appended"),
        (lambda kept: kept.object().unlink(), INCOMPLETE, "no object is there"),
        (lambda kept: pipe(kept.object()), INCOMPLETE, "not a file"),
        (lambda kept: kept.flip(0, 1, 3 * LEAF_SIZE), ALTERED, "leaf 3: bytes 3145728 to 3146727"),
    ],
)
def test_every_kind_of_damage_is_named_and_mended(
    kept: Kept,
    replica: Path,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[Kept], object],
    code: int,
    told: str,
) -> None:
    damage(kept)
    assert kept.repair("--clip", kept.clip) == code
    assert told in capsys.readouterr().out
    assert kept.repair("--from", replica, *RECORD) == OK
    assert kept.object().read_bytes() == DATA
    assert kept.repair() == OK
    assert len(kept.said()) == 1


# --- repairing --------------------------------------------------------------------------


def test_a_repair_is_on_record_and_the_damaged_object_is_kept(kept: Kept, replica: Path) -> None:
    kept.flip(LEAF_SIZE)
    damaged = kept.object().read_bytes()
    assert kept.repair("--from", replica, *RECORD) == OK
    (body,) = kept.said()
    assert (body.by, body.reason, body.size, body.replaced) == ("Li", "disk 3 failed", len(DATA), 1)
    (run,) = body.leaves
    assert (run.first, run.last, run.source) == (1, 1, f"store {replica}")
    assert body.before.aside == "damaged/clips/dock7/0/3/0"
    aside = kept.folder / "store/objects" / body.before.aside
    assert aside.read_bytes() == damaged
    assert kept.object().stat().st_mode & 0o777 == 0o400
    assert not list((kept.folder / "store/staging").glob("repair-*"))
    assert not list((kept.folder / "store/objects/repairs").rglob("3"))


def test_repairing_twice_changes_nothing_more(kept: Kept, replica: Path) -> None:
    kept.flip(LEAF_SIZE)
    assert kept.repair("--from", replica, *RECORD) == OK
    assert kept.repair("--from", replica, *RECORD) == OK
    assert len(kept.said()) == 1
    kept.flip(LEAF_SIZE)
    assert kept.repair("--from", replica, *RECORD) == OK
    assert [body.before.aside for body in kept.said()] == [
        "damaged/clips/dock7/0/3/0",
        "damaged/clips/dock7/0/3/1",
    ]


def test_a_pack_is_a_replica(kept: Kept, tmp_path: Path) -> None:
    async def hand_out() -> None:
        async with gateway_on(kept.folder) as services:
            wanted = type(WANTED)(None, str(kept.clip), "copy", "archive", "Li")
            await exported(services, tmp_path / "pack", wanted)

    asyncio.run(hand_out())
    kept.leaf_list.unlink()
    kept.flip(LEAF_SIZE)
    assert kept.repair("--from", tmp_path / "pack", *RECORD) == OK
    assert kept.object().read_bytes() == DATA
    # The list that the store had not kept is kept from now on.
    assert len(kept.leaf_list.read_bytes()) == 4 * 32


def test_a_single_file_is_a_replica_of_the_clip_that_is_named(kept: Kept, tmp_path: Path) -> None:
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(DATA + b"appended")
    kept.write(b"")
    assert kept.repair("--from", copy, *RECORD) == USAGE
    assert kept.repair("--clip", kept.clip, "--from", copy, *RECORD) == OK
    assert kept.object().read_bytes() == DATA


def test_another_gateway_is_a_replica(original: Kept, kept: Kept) -> None:
    kept.flip(LEAF_SIZE)

    async def run() -> None:
        async with gateway_on(original.folder) as other, gateway_on(kept.folder) as services:
            bridge = SyncBridge(other)
            with ApiClient("http://127.0.0.1:8080", transport=bridge) as client:
                asked = replica_at("http://127.0.0.1:8080", client)
                row = await clip_row(services, kept.clip)
                damage = await services.repairs.look(row, [asked])
                assert damage is not None
                done = await services.repairs.repair(damage, [asked], by="Li", reason="disk")
        assert [run.source for run in done.body.leaves] == ["gateway http://127.0.0.1:8080"]

    asyncio.run(run())
    assert kept.object().read_bytes() == DATA


def test_without_leaf_hashes_a_whole_copy_tells_where_the_damage_is(
    kept: Kept, replica: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept.leaf_list.unlink()
    kept.flip(LEAF_SIZE)
    assert kept.repair() == ALTERED
    assert "where it differs cannot be said" in capsys.readouterr().out
    copy = tmp_path / "copy"
    shutil.copytree(replica, copy)
    (copy / "objects" / leaf_list_key(kept.clip)).unlink()
    assert kept.repair("--from", copy, *RECORD) == OK
    assert kept.object().read_bytes() == DATA


def test_a_leaf_list_that_was_tampered_with_is_not_believed(kept: Kept, replica: Path) -> None:
    kept.leaf_list.chmod(0o600)
    kept.leaf_list.write_bytes(bytes(4 * 32))
    kept.flip(LEAF_SIZE)
    assert kept.repair("--from", replica, *RECORD) == OK
    assert kept.object().read_bytes() == DATA
    assert kept.leaf_list.read_bytes() != bytes(4 * 32)


def test_a_row_that_was_edited_does_not_say_what_a_clip_must_be(
    kept: Kept, replica: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with sqlite3.connect(kept.folder / "gateway.db") as connection:
        connection.execute("UPDATE clip SET sha256 = zeroblob(32), root = zeroblob(32)")
    assert kept.repair("--from", replica, *RECORD) == OK
    assert "2 clips as sealed, 0 repaired" in capsys.readouterr().out


def test_what_goes_on_record_has_to_be_said(kept: Kept, replica: Path) -> None:
    kept.flip(1)
    assert kept.repair("--from", replica) == USAGE
    assert kept.repair("--from", replica, "--by", "Li", "--reason", " ") == USAGE
    assert kept.repair("--from", kept.folder / "nothing", *RECORD) == USAGE
    assert kept.repair("--clip", "dock7.0.99") == FAILED
    assert kept.repair("--clip", "../../etc") == FAILED
    assert kept.said() == []


def test_a_folder_without_a_gateway_founds_none(tmp_path: Path) -> None:
    assert main(["repair", "--data-dir", str(tmp_path / "empty")]) == USAGE
    assert not (tmp_path / "empty").exists()


def test_it_says_in_json_what_it_did(
    kept: Kept, replica: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept.flip(LEAF_SIZE)
    assert kept.repair("--from", replica, *RECORD, "--json") == OK
    told = json.loads(capsys.readouterr().out)
    (clip,) = told["clips"]
    assert clip["places"] == [
        {"first": 1, "last": 1, "bytes": [1 << 20, 2 << 20]} | clip_when(clip)
    ]
    assert clip["repaired"]["entry"] > 0
    assert told["verdict"]["outcome"] == "intact"


def clip_when(clip: dict[str, Any]) -> dict[str, Any]:
    first, last = clip["places"][0]["seconds"]
    assert 99 < first < 101
    assert 199 < last < 201
    return {"seconds": [first, last]}


# --- hostile replicas -------------------------------------------------------------------


def copied(replica: Path, folder: Path) -> Path:
    shutil.copytree(replica, folder)
    path = folder / "objects" / object_key(ClipId.parse("dock7.0.3"))
    path.chmod(0o600)
    return path


def wrong(path: Path) -> None:
    path.write_bytes(bytes(len(DATA)))


def short(path: Path) -> None:
    path.write_bytes(DATA[:LEAF_SIZE])


def link(path: Path) -> None:
    path.rename(path.with_name("aside"))
    path.symlink_to("aside")


def linked_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("aside"))
    path.parent.symlink_to("aside")


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def gone(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (wrong, "leaf 1: other bytes than were sealed"),
        (short, "leaf 1: 0 bytes where 1048576 are expected: it is cut short"),
        (link, "Too many levels of symbolic links"),
        (linked_folder, "Not a directory"),
        (pipe, "not a file"),
        (gone, "No such file or directory"),
    ],
)
def test_what_a_replica_gives_is_refused_by_name_and_nothing_is_changed(
    kept: Kept,
    replica: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path], None],
    told: str,
) -> None:
    spoil(copied(replica, tmp_path / "hostile"))
    kept.flip(LEAF_SIZE)
    damaged = kept.object().read_bytes()
    assert kept.repair("--from", tmp_path / "hostile", *RECORD) == ALTERED
    said = capsys.readouterr().out
    assert f"store {tmp_path}/hostile" in said
    assert told in said
    assert "leaf 1 is to be had nowhere; nothing was changed" in said
    assert kept.object().read_bytes() == damaged
    assert kept.said() == []


def test_replicas_that_are_damaged_elsewhere_mend_each_other(
    kept: Kept, replica: Path, tmp_path: Path
) -> None:
    for number in (0, 1):
        raw = bytearray(DATA)
        raw[(1 + number) * LEAF_SIZE] ^= 1
        copied(replica, tmp_path / f"r{number}").write_bytes(raw)
    kept.flip(LEAF_SIZE, 2 * LEAF_SIZE)
    assert kept.repair("--from", tmp_path / "r0", *RECORD) == ALTERED
    assert kept.repair("--from", tmp_path / "r0", "--from", tmp_path / "r1", *RECORD) == OK
    (body,) = kept.said()
    assert [(run.first, Path(run.source).name) for run in body.leaves] == [(1, "r1"), (2, "r0")]


def test_a_huge_replica_is_read_no_further_than_the_leaves_that_are_missing(
    kept: Kept, replica: Path, tmp_path: Path
) -> None:
    path = copied(replica, tmp_path / "huge")
    with path.open("r+b") as file:
        file.truncate(1 << 40)
    lists = tmp_path / "huge/objects" / leaf_list_key(kept.clip)
    lists.chmod(0o600)
    with lists.open("r+b") as file:
        file.truncate(1 << 40)
    kept.leaf_list.unlink()
    kept.flip(LEAF_SIZE)
    began = time.monotonic()
    assert kept.repair("--from", tmp_path / "huge", *RECORD) == OK
    assert time.monotonic() - began < 30


SEALED = Sealed(ClipId.parse("dock7.0.3"), "A.MP4", len(DATA), b"", b"", None)


def answering(handler: Callable[[httpx.Request], httpx.Response], longest_s: float = 60) -> Replica:
    client = ApiClient("http://127.0.0.1:8080", transport=httpx.MockTransport(handler))
    return GatewayReplica(client, "http://127.0.0.1:8080", longest_s)


class Endless(httpx.SyncByteStream):
    """Never comes to an end, and is in no hurry."""

    def __iter__(self) -> Iterator[bytes]:
        while True:
            time.sleep(0.01)
            yield b"x"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (httpx.Response(206, stream=httpx.ByteStream(DATA)), "more than the 1048576 bytes"),
        (httpx.Response(206, stream=httpx.ByteStream(b"few")), "3 bytes where 1048576"),
        (httpx.Response(200, stream=httpx.ByteStream(DATA)), "another part of the clip"),
        (httpx.Response(404, json={}), "HTTP status 404"),
        (httpx.Response(206, stream=Endless()), "too slow"),
    ],
)
def test_a_server_is_bounded_in_bytes_and_time(answer: httpx.Response, told: str) -> None:
    with pytest.raises(ReplicaError, match=told):
        answering(lambda _: answer, 0.2).leaf(SEALED, 1)


def test_a_slow_server_is_asked_no_second_time(kept: Kept) -> None:
    asked: list[str] = []

    def slow(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["range"])
        return httpx.Response(206, stream=Endless())

    kept.flip(LEAF_SIZE, 3 * LEAF_SIZE)

    async def run() -> None:
        async with gateway_on(kept.folder) as services:
            replicas = [answering(slow, 0.2)]
            damage = await services.repairs.look(await clip_row(services, kept.clip), replicas)
            assert damage is not None
            with pytest.raises(Exception, match="is to be had nowhere"):
                await services.repairs.repair(damage, replicas, by="Li", reason="disk")

    asyncio.run(run())
    assert asked == ["bytes=1048576-2097151"]


# --- what else ---------------------------------------------------------------------------


def test_leaves_that_the_disk_does_not_give_back_are_damage_like_any_other(
    kept: Kept, replica: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # No disk here can be made to fail; what the system call then does is known.
    preadv, readv, bad = os.preadv, os.readv, kept.object().stat().st_ino

    def failing(descriptor: int, buffers: list[Any], offset: int) -> int:
        if os.fstat(descriptor).st_ino == bad and offset == LEAF_SIZE:
            raise OSError(5, "Input/output error")
        return preadv(descriptor, buffers, offset)

    def failing_whole(descriptor: int, buffers: list[Any]) -> int:
        if os.fstat(descriptor).st_ino == bad:
            raise OSError(5, "Input/output error")
        return readv(descriptor, buffers)

    monkeypatch.setattr(os, "preadv", failing)
    monkeypatch.setattr(os, "readv", failing_whole)
    assert kept.repair("--clip", kept.clip) == ALTERED
    assert "the disk does not give back 1 of its leaves" in capsys.readouterr().out
    assert kept.repair("--from", replica, *RECORD) == OK
    (body,) = kept.said()
    assert (body.before.sha256, body.before.size) == (None, len(DATA))


def test_a_clip_that_is_missing_can_be_read_again_after_its_repair(
    kept: Kept, replica: Path
) -> None:
    kept.object().unlink()

    async def row_state(services: Services) -> str:
        return str((await clip_row(services, kept.clip)).state)

    async def mark() -> None:
        async with gateway_on(kept.folder) as services:
            async with services.database.session() as session:
                await mark_missing(session, kept.clip)
            assert await row_state(services) == "sealed"

    async def look() -> str:
        async with gateway_on(kept.folder) as services:
            return await row_state(services)

    asyncio.run(mark())
    assert kept.repair("--from", replica, *RECORD) == OK
    assert asyncio.run(look()) == "stored"
    # And so it is where the database is made anew from the store.
    for left in kept.folder.glob("gateway.db*"):
        left.unlink()
    assert asyncio.run(look()) == "stored"
    assert len(kept.said()) == 1


def test_what_is_no_replica_is_refused_with_what_may_be_one(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="unpacked evidence pack"):
        replica_at(str(tmp_path))


def test_a_data_folder_and_its_store_are_both_replicas(original: Kept) -> None:
    assert replica_at(str(original.folder)).name == replica_at(str(original.folder / "store")).name


def test_a_repair_while_a_gateway_runs_is_refused(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    held = LocalStore(kept.folder / "store").staging.lock("log")
    assert held is not None
    assert kept.repair() == FAILED
    assert "log-busy" in capsys.readouterr().err
    held.close()


def test_the_sealed_record_comes_from_the_log(original: Kept, tmp_path: Path) -> None:
    async def run() -> Sealed:
        async with gateway_on(tmp_path / "data") as services:
            dock = SimulatedDock()
            await enrol(services, dock)
            (clip,) = await shift_end(services, dock, {"A.MP4": b"x"})
            return await sealed_of(services.log, await clip_row(services, clip))

    sealed = asyncio.run(run())
    assert (sealed.name, sealed.size, sealed.leaves) == ("A.MP4", 1, 1)
    assert layout.original(sealed.clip, sealed.name).endswith("A.MP4")
    assert original.folder.exists()
