"""What every kind of store keeps to: a folder, and a bucket of a real service."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.errors import (
    InvalidError,
    ObjectMissingError,
    SetupError,
    StoreAwayError,
    StoreError,
    StoreFullError,
)
from gateway.storage import opening, urls
from gateway.storage.cloud import CloudStore
from gateway.storage.local import LocalStore
from gateway.storage.opening import open_store
from gateway.storage.store import Store
from hashing.digest import digest_bytes
from tests.simulators.bucket import Buckets, buckets, opened

MIB = 1 << 20
CLIP = "clips/dock7/0/12"


@dataclass(frozen=True)
class Kept:
    store: Store
    where: str
    buckets: Buckets | None

    def path(self, key: str) -> Path:
        if self.buckets is None:
            assert isinstance(self.store, LocalStore)
            return self.store.path(key)
        return self.buckets.path_of(self.where, key)

    def again(self, staging: Path) -> Store:
        return opened(self.where, staging)


@pytest.fixture(params=["folder", "bucket"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    if request.param == "folder":
        where = str(tmp_path / "store")
        return Kept(opened(where, tmp_path / "staging"), where, None)
    served = request.getfixturevalue("service")
    where = served.new_url()
    return Kept(opened(where, tmp_path / "staging"), where, served)


@pytest.fixture
def store(kept: Kept) -> Store:
    return kept.store


def staged(store: Store, data: bytes, name: str = "clip") -> Path:
    path = store.staging.path(name)
    path.write_bytes(data)
    return path


async def whole(store: Store, key: str, start: int = 0, length: int = 1 << 40) -> bytes:
    return b"".join([chunk async for chunk in store.open_range(key, start, length)])


async def test_small_objects_come_back_and_are_replaced_whole(kept: Kept, tmp_path: Path) -> None:
    store = kept.store
    await store.put_bytes("log/checkpoint", b"first, and longer")
    await store.put_bytes("log/checkpoint", b"second")
    assert await store.get_bytes("log/checkpoint") == b"second"
    assert await store.size("log/checkpoint") == 6
    other = kept.again(tmp_path / "elsewhere")
    assert await other.get_bytes("log/checkpoint") == b"second", "whoever opens it next"


async def test_a_file_of_many_parts_becomes_an_object_and_leaves_staging(store: Store) -> None:
    data = os.urandom(19 * MIB + 5)
    path = staged(store, data)
    await store.put_file(CLIP, path)
    assert not path.exists()
    found = await store.sha256_uncached(CLIP)
    sealed = digest_bytes(data)
    assert (found.size, found.sha256) == (sealed.size, sealed.sha256)
    stored = await store.digest_uncached(CLIP)
    assert (stored.size, stored.root, stored.leaves) == (sealed.size, sealed.root, sealed.leaves)
    assert await whole(store, CLIP, 8 * MIB - 3, 3 * MIB) == data[8 * MIB - 3 : 11 * MIB - 3]
    assert b"".join(store.read_range(CLIP, 19 * MIB, MIB)) == data[19 * MIB :]
    async with store.as_file(CLIP) as here:
        assert here.read_bytes() == data


async def test_chunks_are_never_larger_than_a_mebibyte(store: Store) -> None:
    await store.put_bytes(CLIP, bytes(2 * MIB + 1))
    sizes = [len(chunk) async for chunk in store.open_range(CLIP, 0, 3 * MIB)]
    assert sum(sizes) == 2 * MIB + 1
    assert max(sizes) <= MIB
    assert max(map(len, store.read_range(CLIP, 0, 3 * MIB))) <= MIB


async def test_of_nothing_nothing_comes(store: Store) -> None:
    await store.put_file(CLIP, staged(store, b""))
    assert await store.size(CLIP) == 0
    assert await whole(store, CLIP) == b""
    assert list(store.read_range(CLIP, 0, 5)) == []
    assert (await store.sha256_uncached(CLIP)).sha256 == digest_bytes(b"").sha256
    assert await whole(store, CLIP, 7, 5) == b""


async def test_a_staging_folder_without_room_is_no_service_that_is_away(
    service: Buckets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(service.new_url(), tmp_path / "staging")
    await store.put_bytes(CLIP, b"footage")
    full = Path("/dev/full").open
    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", lambda *_: full("wb", buffering=0))
        with pytest.raises(StoreFullError):
            async with store.as_file(CLIP):
                pass
    async with store.as_file(CLIP) as here:
        assert here.read_bytes() == b"footage"


async def test_what_is_not_there_is_said_so(store: Store) -> None:
    assert not await store.exists(CLIP)
    assert await store.sizes([CLIP, CLIP]) == [None, None]
    for attempt in (store.get_bytes, store.size, store.digest_uncached, store.sha256_uncached):
        with pytest.raises(ObjectMissingError, match=CLIP):
            await attempt(CLIP)
    with pytest.raises(ObjectMissingError):
        await whole(store, CLIP)
    with pytest.raises(ObjectMissingError):
        next(iter(store.read_range(CLIP, 0, 1)))
    with pytest.raises(ObjectMissingError):
        await store.heads([CLIP], 3)
    async with store.as_file(CLIP) as here:
        assert not here.exists()
    await store.delete(CLIP)
    await store.remove(CLIP)
    await store.remove_below("clips")
    await store.settle("clips")
    assert await store.set_aside(CLIP) is None


async def test_a_staged_file_that_is_not_there_leaves_the_object_alone(store: Store) -> None:
    await store.put_bytes(CLIP, b"footage")
    with pytest.raises(StoreError):
        await store.put_file(CLIP, store.staging.path("absent"))
    assert await store.get_bytes(CLIP) == b"footage"


async def test_a_link_in_place_of_a_staged_file_is_refused(store: Store, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    link = store.staging.path("clip")
    link.symlink_to(tmp_path / "secret")
    with pytest.raises(StoreError):
        await store.put_file(CLIP, link)
    assert not await store.exists(CLIP)


@pytest.mark.parametrize("key", ["", "/", "../x", "a/../../x", "a//b", "a/", "A", "a/.b", "é"])
async def test_keys_that_could_leave_the_store_are_refused(store: Store, key: str) -> None:
    with pytest.raises(InvalidError, match="no object key"):
        await store.put_bytes(key, b"x")
    with pytest.raises(InvalidError, match="no object key"):
        await whole(store, key)


async def test_keys_are_listed_in_order_and_only_below_their_folder(store: Store) -> None:
    for key in ("log/journal/10", "log/journal/2", "log/journal-2/1", "log/tiles/0/x", "other/1"):
        await store.put_bytes(key, b"x")
    assert [key async for key in store.iterate("log/journal")] == [
        "log/journal/10",
        "log/journal/2",
    ]
    assert [key async for key in store.iterate("nothing")] == []


async def test_heads_and_sizes_keep_the_order_asked_for(store: Store) -> None:
    keys = [f"log/journal/{number}" for number in range(12)]
    for number, key in enumerate(keys):
        await store.put_bytes(key, b"%02d" % number * (number + 1))
    assert await store.heads(keys[::-1], 2) == [b"%02d" % number for number in range(12)][::-1]
    assert await store.sizes([*keys[:2], "log/none"]) == [2, 4, None]


async def test_what_is_removed_is_gone_and_nothing_else(store: Store) -> None:
    for key in ("previews/a/1", "previews/a/2", "previews/ab/1"):
        await store.put_bytes(key, b"x")
    await store.remove_below("previews/a")
    await store.remove("previews/a/1")
    assert [key async for key in store.iterate("previews")] == ["previews/ab/1"]


async def test_what_is_set_aside_is_kept_and_stays(store: Store) -> None:
    await store.put_bytes(CLIP, b"damaged")
    aside = await store.set_aside(CLIP)
    assert aside is not None
    assert aside.startswith(f"damaged/{CLIP}/")
    await store.put_file(CLIP, staged(store, b"whole"))
    assert await store.get_bytes(aside) == b"damaged"
    assert await store.set_aside(CLIP) != aside
    assert await store.get_bytes(CLIP) == b"whole"


async def test_a_byte_that_turned_behind_its_back_changes_the_digest(kept: Kept) -> None:
    data = bytes(3 * MIB)
    await kept.store.put_file(CLIP, staged(kept.store, data))
    path = kept.path(CLIP)
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(2 * MIB)
        file.write(b"\1")
    assert (await kept.store.sha256_uncached(CLIP)).sha256 != digest_bytes(data).sha256
    # Not its size, which a service may remember.
    assert (await kept.store.digest_uncached(CLIP)).leaves[2] != digest_bytes(data).leaves[2]


async def test_half_made_files_of_a_killed_program_are_swept(store: Store) -> None:
    for name in ("put-1", "fetched-1", "derived-1", "repair-1", "dock7.0.1.part"):
        staged(store, b"x", name)
    assert await store.staging.sweep() == 4
    assert [path.name for path in store.staging.folder.iterdir()] == ["dock7.0.1.part"]


# --- a service that does not answer, or will not ------------------------------------------------


async def test_a_service_that_is_away_is_a_store_error_and_comes_back(tmp_path: Path) -> None:
    with buckets(tmp_path / "s3") as served:
        where = served.new_url()
        store = opened(where, tmp_path / "staging")
        path = staged(store, b"footage")
        served.stop()
        with pytest.raises(StoreAwayError):
            await store.put_file(CLIP, path)
        with pytest.raises(StoreAwayError):
            await store.sha256_uncached(CLIP)
        assert path.read_bytes() == b"footage", "nothing is lost"
        served.start()
        await store.put_file(CLIP, path)
        assert await store.get_bytes(CLIP) == b"footage"


async def test_wrong_credentials_are_said_so_without_the_secret(
    service: Buckets, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.touch(0o600)
    wrong.write_text('access_key_id = "evidock"\nsecret_access_key = "hidden"\n', encoding="utf-8")
    where = service.new_url().replace(str(service.credentials), str(wrong))
    with pytest.raises(StoreError) as raised:
        await opened(where, tmp_path / "staging").put_bytes("log/checkpoint", b"x")
    assert "hidden" not in str(raised.value)


async def test_a_bucket_that_is_not_there_is_said_so(service: Buckets, tmp_path: Path) -> None:
    where = service.new_url()
    with pytest.raises(StoreError):
        await opened(
            where.replace("s3://evidence", "s3://nobodys"), tmp_path / "staging"
        ).put_bytes("log/checkpoint", b"x")


@asynccontextmanager
async def slow(gaps: Sequence[float]) -> AsyncIterator[str]:
    """A service that sends each object byte by byte, and waits so long before each."""
    over = asyncio.Event()
    about = f'Content-Length: {len(gaps)}\r\nETag: "a"\r\n'
    about += "Last-Modified: Sun, 04 Jan 2026 10:00:00 GMT\r\n"
    answered: list[asyncio.Task[None]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\n{about}\r\n".encode())
        for gap in gaps:
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), gap)
            writer.write(b"x")
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    def heard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answered.append(asyncio.ensure_future(answer(reader, writer)))

    async with await asyncio.start_server(heard, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        over.set()
        await asyncio.gather(*answered)


async def test_a_slow_service_is_waited_for_as_long_as_it_goes_on(
    service: Buckets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = f"s3://evidence?credentials={service.credentials}&endpoint="
    monkeypatch.setattr(opening, "_PATIENCE", timedelta(seconds=0.4))
    async with slow([0.1] * 6) as endpoint:
        store = opened(at + endpoint, tmp_path / "staging")
        assert (await store.sha256_uncached(CLIP)).size == 6
    async with slow([0.0, 5.0]) as endpoint:
        store = opened(at + endpoint, tmp_path / "staging")
        with pytest.raises(StoreAwayError):
            await asyncio.wait_for(store.sha256_uncached(CLIP), 4)


async def test_no_request_is_cut_off_at_the_library_s_own_half_minute(
    service: Buckets, tmp_path: Path
) -> None:
    """A clip of 4 GB takes longer to read back, and a person on a slow line to play."""
    store = opened(service.new_url(), tmp_path / "staging")
    assert isinstance(store, CloudStore)
    reading, sending = store._bucket.client_options, store._sending.client_options
    assert reading is not None
    assert sending is not None
    assert (reading["timeout"], reading["read_timeout"]) == ("1day", "20s")
    # Until a part was sent whole nothing is answered.
    assert (sending["timeout"], sending.get("read_timeout")) == ("5m", None)


class Objects:
    """A service that knows conditions, or says of them what some do; it can be told to wait."""

    def __init__(self, *, unconditional: str | None = None) -> None:
        self.found: dict[str, bytes] = {}
        self.wait = asyncio.Event()
        self.wait.set()
        self.asked = 0
        self._unconditional = unconditional
        self._answered: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        def heard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._answered.append(asyncio.ensure_future(self._answer(reader, writer)))

        async with await asyncio.start_server(heard, "127.0.0.1", 0) as server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            self.wait.set()
            await asyncio.gather(*self._answered)

    async def late(self) -> None:
        """Let what waits be done."""
        self.wait.set()
        await asyncio.gather(*self._answered)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        key = head.split()[1]
        length = head.partition("content-length: ")[2].partition("\r\n")[0]
        body = await reader.readexactly(int(length or 0))
        self.asked += 1
        await self.wait.wait()
        status, said = "200 OK", self.found.get(key, b"")
        if head.startswith("put"):
            conditional, said = "if-none-match: *" in head, b""
            if conditional and self._unconditional is not None:
                status = self._unconditional
            elif conditional and key in self.found:
                status = "412 Precondition Failed"
            else:
                self.found[key] = body
        about = 'ETag: "a"\r\nLast-Modified: Sun, 04 Jan 2026 10:00:00 GMT\r\nConnection: close'
        writer.write(f"HTTP/1.1 {status}\r\n{about}\r\nContent-Length: {len(said)}".encode())
        writer.write(b"\r\n\r\n" + said)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def test_a_write_that_was_given_up_replaces_nothing_when_it_arrives_late(
    service: Buckets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the journal would hold other entries than those that were signed since."""
    monkeypatch.setattr(opening, "_PATIENCE", timedelta(seconds=0.3))
    objects, key = Objects(), "log/journal/7"
    async with objects.served() as endpoint:
        at = f"s3://evidence?credentials={service.credentials}&endpoint={endpoint}"
        store = opened(at, tmp_path / "staging")
        objects.wait.clear()
        with pytest.raises(StoreAwayError):
            await store.put_new(key, b"given up")
        waiting, objects.wait = objects.wait, asyncio.Event()
        objects.wait.set()
        await store.put_new(key, b"signed")
        waiting.set()
        await objects.late()
        assert await store.get_bytes(key) == b"signed"
        await store.put_new(key, b"signed")
        with pytest.raises(StoreError, match="other bytes"):
            await store.put_new(key, b"something else")


@pytest.mark.parametrize("answer", ["501 Not Implemented", "400 Bad Request"])
async def test_a_service_without_conditions_is_asked_for_them_once(
    service: Buckets, tmp_path: Path, answer: str
) -> None:
    objects = Objects(unconditional=answer)
    async with objects.served() as endpoint:
        at = f"s3://evidence?credentials={service.credentials}&endpoint={endpoint}"
        store = opened(at, tmp_path / "staging")
        await store.put_new("log/journal/1", b"first")
        asked = objects.asked
        await store.put_new("log/journal/2", b"second")
        assert objects.asked == asked + 1
        assert sorted(objects.found.values()) == [b"first", b"second"]


# --- addresses ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("/srv/store", urls.Folder(Path("/srv/store"))),
        ("file:///srv/store", urls.Folder(Path("/srv/store"))),
        ("s3://bucket", urls.Bucket("bucket")),
        ("s3://bucket/a/b/", urls.Bucket("bucket", "a/b")),
        (
            "s3://b?endpoint=https://h:9000&region=cn-1&credentials=/c&ca=/d",
            urls.Bucket("b", "", "https://h:9000", "cn-1", Path("/c"), Path("/d")),
        ),
        ("s3://b?endpoint=http://127.0.0.1:9", urls.Bucket("b", "", "http://127.0.0.1:9")),
    ],
)
def test_an_address_is_read(text: str, where: urls.Folder | urls.Bucket) -> None:
    assert urls.parse(text) == where


@pytest.mark.parametrize(
    "text",
    ["", "file:///x?y=1", "file://host/x", "ftp://x", "s3://", "s3://key:secret@bucket",
     "s3://b?secret_access_key=x", "s3://b?endpoint=http://far:9000", "s3://b?endpoint=far",
     "s3://b?endpoint=https://a:b@far", "s3://b:9000", "s3://b?region"],
)  # fmt: skip
def test_what_is_no_address_or_unsafe_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        urls.parse(text)


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        ('access_key_id = "a"\nsecret_access_key = "b"\n', 0o644, "others"),
        ('access_key_id = "a"\n', 0o600, "secret_access_key"),
        ("\xff", 0o600, "TOML"),
        (None, 0o600, "No such file"),
    ],
)
def test_unfit_credentials_are_refused_by_name(
    text: str | None, mode: int, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "credentials.toml"
    if text is not None:
        path.write_bytes(text.encode("latin-1"))
        path.chmod(mode)
    with pytest.raises(SetupError, match=said):
        open_store(urls.Bucket("b", credentials=path), tmp_path)
    with pytest.raises(SetupError, match="No such file"):
        open_store(urls.Bucket("b", ca=tmp_path / "none.pem"), tmp_path)
