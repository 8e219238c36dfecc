"""Whole packs as ZIP files: from the command, and streamed by the API."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import zipfile
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import repeat
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from typing_extensions import Buffer

from gateway.errors import SetupError
from gateway.evidence.service import object_key
from gateway.export import zipping
from gateway.export.command import Manner, export_pack
from gateway.export.fetching import NotAsSealedError
from gateway.export.streaming import AT_ONCE
from gateway.export.zipping import PackZip
from gateway.services import Services
from gateway.trail.client import ApiClient
from hashing.digest import ContentDigest, Digester, digest_bytes
from hashing.verdict import Outcome, Verdict
from protocols.ids import ClipId
from protocols.pack import layout
from protocols.pack.keys import GATEWAY_KEYS
from protocols.progress import Quiet
from protocols.trail import ExpectedContent
from tests.simulators.packs import CASE_NO, FIRST, WANTED, filled
from tests.simulators.seeded import SyncBridge, api_of, gateway_on
from verifier.outside import Asked
from verifier.pack import Checked, verify_pack
from verifier.sources import opened

KEY = "0123456789abcdef"
ASKED = {"case_no": CASE_NO, "reason": "hearing", "recipient": "court", "by": "Li", "key": KEY}


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with gateway_on(tmp_path / "gateway") as running:
        yield running


@pytest.fixture
async def clips(services: Services) -> list[ClipId]:
    return (await filled(services))[0]


def verified(services: Services, pack: Path) -> Checked:
    with opened(pack) as source:
        return verify_pack(source, services.log.anchors(), Quiet(), Asked())


async def exported(services: Services, out: Path) -> Verdict:
    bridge = SyncBridge(services)

    def run() -> Verdict:
        with ApiClient("http://127.0.0.1:8080", transport=bridge) as client:
            return export_pack(client, WANTED, out, lambda _: None, Manner(as_zip=True))

    return await asyncio.to_thread(run)


async def test_the_command_and_the_api_make_a_zip_that_is_as_good_as_a_folder(
    services: Services, clips: list[ClipId], tmp_path: Path
) -> None:
    out = tmp_path / "pack.zip"
    assert (await exported(services, out)).outcome is Outcome.INTACT
    assert verified(services, out).verdict.outcome is Outcome.INTACT
    with zipfile.ZipFile(out) as made:
        assert made.testzip() is None
        assert {name.partition("/")[0] for name in made.namelist()} == {"export-1"}
        # A reader that goes from front to back finds sizes where it wants them.
        assert not any(info.flag_bits & 0x8 for info in made.infolist())
    with pytest.raises(SetupError, match="is there already"):
        await exported(services, out)
    async with api_of(services) as api:
        numbers = [(await api.post("/api/v1/exports", json=ASKED)).json() for _ in range(2)]
        assert numbers[0] == numbers[1]
        assert numbers[0]["number"] == 2, "one export, however often it was asked for"
        other = await api.post("/api/v1/exports", json=ASKED | {"recipient": "press"})
        assert (other.status_code, "with this key" in other.text) == (409, True)
        answer = await api.get("/api/v1/exports/2/pack.zip")
        assert answer.headers["content-type"] == "application/zip"
        assert (await api.get("/api/v1/exports/3/pack.zip")).status_code == 404
        (tmp_path / "streamed.zip").write_bytes(answer.content)
        checked = verified(services, tmp_path / "streamed.zip")
        assert checked.verdict.outcome is Outcome.INTACT, checked.verdict.problems
        assert checked.export is not None
        assert checked.export.number == 2
        services.streams._running = AT_ONCE
        assert (await api.get("/api/v1/exports/2/pack.zip")).status_code == 409
        services.streams._running = 0
        # What is not as sealed ends the answer before anything could be taken for a ZIP.
        await services.store.put_bytes(object_key(clips[0]), FIRST[:-1] + b"x")
        answer = await api.get("/api/v1/exports/2/pack.zip")
        assert 0 < len(answer.content) < len(FIRST) + 10_000
        assert not zipfile.is_zipfile(BytesIO(answer.content))
    shutil.rmtree(tmp_path / ".pack.zip.partial", ignore_errors=True)
    with pytest.raises(NotAsSealedError):
        await exported(services, tmp_path / "other.zip")
    assert not (tmp_path / "other.zip").exists()
    assert not zipfile.is_zipfile(tmp_path / ".other.zip.partial/pack")


@dataclass
class Given:
    """Pieces as they come."""

    at_once = 1

    pieces: Iterable[bytes]

    def read(self, _: ExpectedContent, start: int) -> Iterator[bytes]:
        assert start == 0
        return iter(self.pieces)

    def leaves(self, _: ExpectedContent) -> None:
        """No list."""


class Unhashed(Digester):
    """Counts, and says what was expected."""

    def __init__(self, listed: tuple[bytes, ...] | None = None) -> None:
        super().__init__(listed)
        self._seen = 0

    def update(self, data: bytes) -> None:
        self._seen += len(data)

    def finish(self) -> ContentDigest:
        return ContentDigest(self._seen, bytes(32), (), bytes(32))


class Holed(io.RawIOBase):
    """A file in which pieces of nothing become holes."""

    def __init__(self, file: io.FileIO) -> None:
        self._file = file

    def write(self, data: Buffer) -> int:
        if memoryview(data).nbytes < 1 << 20:
            return self._file.write(data)
        self._file.seek(memoryview(data).nbytes, os.SEEK_CUR)
        return memoryview(data).nbytes

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)


def whole(data: bytes) -> ExpectedContent:
    digest = digest_bytes(data)
    return ExpectedContent(ClipId.parse("dock7.0.3"), digest.size, digest.sha256, digest.root)


def test_large_members_are_zip64_and_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipping, "_LARGE", 100)
    data = b"x" * 1000
    with (tmp_path / "a.zip").open("w+b") as file:
        pack = PackZip(file, "export-1")
        path = f"{layout.ORIGINALS}dock7.0.3/a.mp4"
        pack.original(path, whole(data), Given([data]), lambda _: None)
        pack.finish({})
    with zipfile.ZipFile(tmp_path / "a.zip") as made:
        assert made.read(f"export-1/{path}") == data
    with opened(tmp_path / "a.zip") as source:
        assert source.read(path, 2000) == data
        assert not source.refused


def test_a_member_of_more_than_4_gib_is_written_and_found(tmp_path: Path) -> None:
    """Real ZIP64, 4 GiB and a little of nothing, in a file with holes; hashed in other tests.

    What comes after it lies beyond 4 GiB, and so does the directory: both are found.
    """
    piece, count = bytes(1 << 20), 4100
    size = count << 20
    expected = ExpectedContent(ClipId.parse("dock7.0.3"), size, bytes(32), bytes(32))
    path = f"{layout.ORIGINALS}dock7.0.3/a.mp4"
    with (tmp_path / "a.zip").open("w+b", buffering=0) as file, pytest.MonkeyPatch.context() as way:
        way.setattr(zipping, "Digester", Unhashed)
        pack = PackZip(cast("BinaryIO", Holed(file)), "export-1")
        pack.original(path, expected, Given(repeat(piece, count)), lambda _: None)
        pack.put("data/after", b"after")
        pack.finish({})
    with opened(tmp_path / "a.zip") as source:
        assert source.sizes[path] == size
        assert source.read("data/after", 10) == b"after"
        with source.open(path) as member:
            assert member.read(5) == bytes(5)
    assert (tmp_path / "a.zip").stat().st_blocks * 512 < 1 << 20


def test_the_gateways_keys_have_names_that_are_theirs() -> None:
    assert {layout.key(use) for use in GATEWAY_KEYS} == {
        "data/keys/gateway-statement.pem",
        "data/keys/gateway-receipt.pem",
        "data/keys/log-checkpoint.pem",
    }


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_names_that_differ_in_case_only_are_refused(tmp_path: Path, kind: str) -> None:
    """Unpacked on Windows or exFAT one of both would be gone, and nobody could say which."""
    names = ["data/A.txt", "data/a.txt", "data/b.txt"]
    if kind == "zip":
        with zipfile.ZipFile(tmp_path / "p.zip", "w") as made:
            for name in names:
                made.writestr(name, name)
    else:
        (tmp_path / "p.zip/data").mkdir(parents=True)
        for name in names:
            (tmp_path / "p.zip" / name).write_text(name)
    with opened(tmp_path / "p.zip") as source:
        assert set(source.sizes) == {"data/A.txt", "data/b.txt"}
        assert "differs from data/A.txt in case only" in source.refused["data/a.txt"]
