"""The local object store: whole objects or none, and what the disk really holds."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.errors import InvalidError, ObjectMissingError, StoreError, StoreFullError
from gateway.storage.local import LocalStore
from hashing.digest import digest_bytes

MIB = 1 << 20


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def staged(store: LocalStore, data: bytes, name: str = "clip") -> Path:
    path = store.staging.path(name)
    path.write_bytes(data)
    return path


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@contextmanager
def disk_full_after(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_bytes_come_back_as_they_were_put(store: LocalStore) -> None:
    await store.put_bytes("log/journal/0", b"batch")
    assert await store.get_bytes("log/journal/0") == b"batch"
    assert await store.size("log/journal/0") == 5


async def test_a_staged_file_becomes_an_object_and_leaves_staging(store: LocalStore) -> None:
    path = staged(store, b"footage")
    await store.put_file("clips/dock7/0/12", path)
    assert await store.get_bytes("clips/dock7/0/12") == b"footage"
    assert not path.exists()


async def test_a_stored_clip_can_not_be_opened_for_writing_by_mode(store: LocalStore) -> None:
    await store.put_file("clips/dock7/0/12", staged(store, b"footage"))
    assert store.path("clips/dock7/0/12").stat().st_mode & 0o777 == 0o400


async def test_putting_the_same_clip_twice_ends_the_same(store: LocalStore) -> None:
    for _ in range(2):
        await store.put_file("clips/dock7/0/12", staged(store, b"footage"))
    assert await store.get_bytes("clips/dock7/0/12") == b"footage"


async def test_putting_bytes_again_replaces_them_whole(store: LocalStore) -> None:
    await store.put_bytes("log/checkpoint", b"first, and longer")
    await store.put_bytes("log/checkpoint", b"second")
    assert await store.get_bytes("log/checkpoint") == b"second"


async def test_what_is_not_there_is_said_so(store: LocalStore) -> None:
    assert not await store.exists("clips/dock7/0/12")
    for attempt in (store.get_bytes, store.size, store.digest_uncached):
        with pytest.raises(ObjectMissingError, match="clips/dock7/0/12"):
            await attempt("clips/dock7/0/12")
    with pytest.raises(ObjectMissingError):
        async for _ in store.open_range("clips/dock7/0/12", 0, 1):
            pass


async def test_a_staged_file_that_is_not_there_leaves_the_object_alone(store: LocalStore) -> None:
    await store.put_bytes("clips/dock7/0/12", b"footage")
    with pytest.raises(StoreError):
        await store.put_file("clips/dock7/0/12", store.staging.path("absent"))
    assert await store.get_bytes("clips/dock7/0/12") == b"footage"


@pytest.mark.parametrize(
    "key",
    ["", "/", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "A", "a b", "a\0b", "a/.b", "é",
     "clips/dock7/0/12\n", "x" * 200, "/".join("abcdefghijkl")],
)  # fmt: skip
async def test_keys_that_could_leave_the_store_are_refused(store: LocalStore, key: str) -> None:
    with pytest.raises(InvalidError, match="no object key"):
        await store.put_bytes(key, b"x")


@pytest.mark.parametrize("name", ["", "a/b", "..", ".x", "A", "x\n"])
def test_names_that_could_leave_staging_are_refused(store: LocalStore, name: str) -> None:
    with pytest.raises(InvalidError, match="staging"):
        store.staging.path(name)


async def test_a_link_in_place_of_a_staged_file_is_refused(
    store: LocalStore, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    link = store.staging.path("clip")
    link.symlink_to(tmp_path / "secret")
    with pytest.raises(StoreError):
        await store.put_file("clips/dock7/0/12", link)


async def test_keys_are_listed_in_order_and_only_below_their_folder(store: LocalStore) -> None:
    for key in ("log/journal/2", "log/journal/1", "log/tile/0/000.p/3", "clips/a/0/0"):
        await store.put_bytes(key, b"x")
    assert [key async for key in store.iterate("log")] == [
        "log/journal/1",
        "log/journal/2",
        "log/tile/0/000.p/3",
    ]
    assert [key async for key in store.iterate("absent")] == []


async def test_a_range_comes_in_chunks_and_no_more_than_asked(store: LocalStore) -> None:
    data = os.urandom(3 * MIB + 17)
    await store.put_bytes("clips/dock7/0/12", data)
    chunks = [chunk async for chunk in store.open_range("clips/dock7/0/12", 5, 2 * MIB + 1)]
    assert b"".join(chunks) == data[5 : 5 + 2 * MIB + 1]
    assert max(map(len, chunks)) <= MIB
    beyond = [chunk async for chunk in store.open_range("clips/dock7/0/12", len(data) - 3, 100)]
    assert b"".join(beyond) == data[-3:]


async def test_a_reader_that_stops_early_closes_the_object(store: LocalStore) -> None:
    await store.put_bytes("clips/dock7/0/12", bytes(3 * MIB))
    before = open_files()
    reader = store.open_range("clips/dock7/0/12", 0, 3 * MIB)
    async for _ in reader:
        break
    await reader.aclose()  # type: ignore[attr-defined]  # it is a generator, as every caller closes
    assert open_files() == before


@pytest.mark.parametrize(
    "size", [0, 1, 4095, 4096, 4097, MIB, 4 * MIB - 1, 4 * MIB, 4 * MIB + 1, 9 * MIB + 5]
)
async def test_the_digest_past_the_cache_is_the_digest(store: LocalStore, size: int) -> None:
    data = os.urandom(size)
    await store.put_file("clips/dock7/0/12", staged(store, data))
    found, expected = await store.digest_uncached("clips/dock7/0/12"), digest_bytes(data)
    assert (found.size, found.sha256, found.root, found.leaves) == (
        size,
        expected.sha256,
        expected.root,
        expected.leaves,
    )
    assert found.method in {"o_direct", "fadvise"}


async def test_where_direct_reading_is_refused_the_digest_says_so(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def refusing(path: str, flags: int, *rest: int) -> int:
        if flags & os.O_DIRECT:
            raise OSError(errno.EINVAL, "as FUSE and some network file systems do")
        return real(path, flags, *rest)

    data = os.urandom(2 * MIB + 3)
    await store.put_bytes("clips/dock7/0/12", data)
    monkeypatch.setattr(os, "open", refusing)
    found = await store.digest_uncached("clips/dock7/0/12")
    assert (found.sha256, found.method) == (digest_bytes(data).sha256, "fadvise")


async def test_a_byte_that_turned_on_the_disk_changes_the_digest(store: LocalStore) -> None:
    data = os.urandom(2 * MIB)
    await store.put_bytes("clips/dock7/0/12", data)
    with store.path("clips/dock7/0/12").open("r+b") as file:
        file.seek(MIB)
        file.write(bytes([data[MIB] ^ 1]))
    found = await store.digest_uncached("clips/dock7/0/12")
    assert found.sha256 != digest_bytes(data).sha256
    assert found.leaves[0] == digest_bytes(data).leaves[0]


async def test_a_read_back_that_is_given_up_ends_its_thread(store: LocalStore) -> None:
    store.path("clips/dock7/0/12").parent.mkdir(parents=True)
    with store.path("clips/dock7/0/12").open("wb") as file:
        file.truncate(8 << 30)
    reading = asyncio.ensure_future(store.digest_uncached("clips/dock7/0/12"))
    await asyncio.sleep(0.05)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    # Both threads of the pool are free again long before 8 GiB are read.
    async with asyncio.timeout(20):
        await store.put_bytes("clips/dock7/0/13", b"x")
        await asyncio.gather(*(store.digest_uncached("clips/dock7/0/13") for _ in range(2)))


async def test_a_full_disk_is_told_apart_and_leaves_no_object(store: LocalStore) -> None:
    await store.put_bytes("log/checkpoint", b"old")
    with disk_full_after(1000), pytest.raises(StoreFullError):
        await store.put_bytes("log/checkpoint", bytes(5000))
    assert await store.get_bytes("log/checkpoint") == b"old"
    assert list(store.staging.path("x").parent.iterdir()) == []


async def test_what_a_power_cut_left_half_written_is_swept_away(store: LocalStore) -> None:
    store.staging.path("put-0123456789abcdef").write_bytes(b"half")
    clip = staged(store, b"a clip in the making is its receiver's", "clip-dock7.0.12")
    assert await store.staging.sweep() == 1
    assert await store.staging.sweep() == 0
    assert clip.exists()


# --- what survives a power cut ---------------------------------------------------------


class Calls:
    """What is asked of the operating system about files, in order, by name below a folder."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, below: Path) -> None:
        self.made: list[tuple[str, str]] = []
        self._below = below
        real_fsync, real_rename, real_mkdir = os.fsync, os.rename, os.mkdir

        def fsync(descriptor: int) -> None:
            real_fsync(descriptor)
            self._note("sync", Path(f"/proc/self/fd/{descriptor}").readlink())

        def rename(source: Path, target: Path) -> None:
            real_rename(source, target)
            self._note("rename to", target)

        def mkdir(path: Path, mode: int = 0o777) -> None:
            real_mkdir(path, mode)
            self._note("make", path)

        monkeypatch.setattr(os, "fsync", fsync)
        monkeypatch.setattr(os, "rename", rename)
        monkeypatch.setattr(os, "mkdir", mkdir)

    def _note(self, what: str, path: Path) -> None:
        name = str(Path(path).relative_to(self._below))
        self.made.append((what, "put-*" if "/put-" in name else name))

    def take(self) -> list[tuple[str, str]]:
        """What was asked since the last time."""
        made, self.made = self.made, []
        return made


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Calls:
    return Calls(monkeypatch, tmp_path)


async def test_bytes_are_synced_then_named_then_their_name_is_synced(
    store: LocalStore, calls: Calls
) -> None:
    await store.put_bytes("log/checkpoint", b"first")
    calls.take()
    await store.put_bytes("log/checkpoint", b"second")
    assert calls.take() == [
        ("sync", "put-*"),
        ("rename to", "store/objects/log/checkpoint"),
        ("sync", "store/objects/log"),
    ]


async def test_a_clip_is_synced_then_named_then_both_folders_are_synced(
    store: LocalStore, calls: Calls
) -> None:
    await store.put_bytes("clips/dock7/0/11", b"x")
    path = staged(store, b"footage")
    calls.take()
    await store.put_file("clips/dock7/0/12", path)
    assert calls.take() == [
        ("sync", "store/staging/clip"),
        ("rename to", "store/objects/clips/dock7/0/12"),
        ("sync", "store/objects/clips/dock7/0"),
        ("sync", "store/staging"),
    ]


async def test_every_new_folder_is_synced_into_its_parent_before_it_is_used(
    store: LocalStore, calls: Calls
) -> None:
    await store.put_bytes("log/journal/0", b"x")
    made = calls.take()
    for folder, parent in (
        ("store", "."),
        ("store/objects", "store"),
        ("store/objects/log", "store/objects"),
        ("store/objects/log/journal", "store/objects/log"),
    ):
        place = made.index(("make", folder))
        assert made[place + 1] == ("sync", parent)
    assert made[-2:] == [
        ("rename to", "store/objects/log/journal/0"),
        ("sync", "store/objects/log/journal"),
    ]


async def test_a_folder_that_somebody_else_made_is_synced_into_its_parent_once(
    store: LocalStore, tmp_path: Path, calls: Calls
) -> None:
    (tmp_path / "store/objects/clips/dock7/0").mkdir(parents=True)
    calls.take()
    await store.put_bytes("clips/dock7/0/12", b"x")
    synced = [name for what, name in calls.take() if what == "sync"]
    assert {".", "store", "store/objects", "store/objects/clips", "store/objects/clips/dock7"} <= {
        *synced
    }
    await store.put_bytes("clips/dock7/0/13", b"x")
    assert [name for _, name in calls.take()][-1:] == ["store/objects/clips/dock7/0"]


async def test_an_object_that_a_killed_program_renamed_is_read_back_only_once_its_name_is_synced(
    store: LocalStore, tmp_path: Path, calls: Calls
) -> None:
    left = tmp_path / "store/objects/clips/dock7/0/12"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"footage")
    calls.take()
    await store.sha256_uncached("clips/dock7/0/12")
    assert calls.take() == [
        ("sync", "."),
        ("sync", "store"),
        ("sync", "store/objects"),
        ("sync", "store/objects/clips"),
        ("sync", "store/objects/clips/dock7"),
        ("sync", "store/objects/clips/dock7/0"),
    ]
    await store.sha256_uncached("clips/dock7/0/12")
    assert calls.take() == [("sync", "store/objects/clips/dock7/0")]


async def test_settling_what_is_not_there_makes_nothing(store: LocalStore, calls: Calls) -> None:
    await store.settle("log/journal")
    assert calls.take() == []


async def test_deleting_twice_is_harmless(store: LocalStore) -> None:
    await store.put_bytes("log/tile/0/000.p/1", b"x")
    await store.delete("log/tile/0/000.p/1")
    await store.delete("log/tile/0/000.p/1")
    assert not await store.exists("log/tile/0/000.p/1")


def test_only_one_holds_the_lock_until_it_is_given_back(tmp_path: Path) -> None:
    first, second = LocalStore(tmp_path), LocalStore(tmp_path)
    held = first.staging.lock("log")
    assert held is not None
    assert second.staging.lock("log") is None
    held.close()
    taken = second.staging.lock("log")
    assert taken is not None
    taken.close()
