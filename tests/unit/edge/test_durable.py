"""Files appear whole or not at all, and are read back from the device."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from edge.durable import (
    CHUNK,
    UncachedReader,
    make_dir,
    publish,
    read_uncached,
    write_atomic,
)

SIZES = [0, 1, 4095, 4096, 4097, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5]


@pytest.mark.parametrize("size", SIZES)
def test_reading_past_the_cache_gives_every_byte(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "f").write_bytes(data)
    assert b"".join(read_uncached(tmp_path / "f")) == data


@pytest.mark.parametrize("size", SIZES)
def test_digest_past_the_cache_is_that_of_the_bytes(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "f").write_bytes(data)
    fd = os.open(tmp_path / "f", os.O_RDONLY)
    with UncachedReader(fd) as reader:
        assert reader.sha256() == (hashlib.sha256(data).digest(), size)
    os.close(fd)


def test_chunks_handed_out_stay_as_they_were(tmp_path: Path) -> None:
    data = os.urandom(3 * CHUNK)
    (tmp_path / "f").write_bytes(data)
    chunks = list(read_uncached(tmp_path / "f"))
    assert [len(chunk) for chunk in chunks] == [CHUNK] * 3
    assert b"".join(chunks) == data


def test_memory_file_systems_are_read_without_direct_access() -> None:
    fd = os.memfd_create("clip")
    os.write(fd, b"footage" * 1000)
    with UncachedReader(fd) as reader:
        digest, size = reader.sha256()
        assert reader.method in {"fadvise", "o_direct"}
    os.close(fd)
    assert (digest, size) == (hashlib.sha256(b"footage" * 1000).digest(), 7000)


def test_reading_says_what_it_rests_on(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    fd = os.open(tmp_path / "f", os.O_RDONLY)
    with UncachedReader(fd) as reader:
        method = reader.method
    os.close(fd)
    assert method in {"o_direct", "fadvise"}


def test_publishing_moves_the_whole_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"clip")
    (tmp_path / "sub").mkdir()
    publish(tmp_path / "a", tmp_path / "sub" / "b")
    assert (tmp_path / "sub" / "b").read_bytes() == b"clip"
    assert not (tmp_path / "a").exists()


def test_publishing_again_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"clip")
    publish(tmp_path / "a", tmp_path / "b")
    publish(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"clip"


def test_publishing_what_never_was_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        publish(tmp_path / "a", tmp_path / "b")


def test_atomic_write_replaces_and_sets_the_mode(tmp_path: Path) -> None:
    target = tmp_path / "f"
    write_atomic(target, b"old")
    write_atomic(target, b"new", mode=0o640)
    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert [entry.name for entry in tmp_path.iterdir()] == ["f"]


def test_failed_atomic_write_leaves_the_old_file_and_no_rubbish(tmp_path: Path) -> None:
    write_atomic(tmp_path / "f", b"old")
    program = (
        "import resource, sys; from pathlib import Path; from edge.durable import write_atomic\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n"
        "try: write_atomic(Path(sys.argv[1]), b'x' * 1000)\n"
        "except OSError: sys.exit(7)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "f")], check=False)
    assert done.returncode == 7
    assert (tmp_path / "f").read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["f"]


def test_missing_folders_are_made_for_their_owner_alone(tmp_path: Path) -> None:
    make_dir(tmp_path / "a" / "b")
    make_dir(tmp_path / "a" / "b")
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"exists|directory"):
        make_dir(tmp_path / "file")


def test_a_short_answer_of_the_device_is_no_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = os.urandom(3 * CHUNK + 77)
    (tmp_path / "f").write_bytes(data)
    fd = os.open(tmp_path / "f", os.O_RDONLY)
    real = os.preadv

    def shortly(fd: int, buffers: list[memoryview], offset: int) -> int:
        wanted = 512 if offset % CHUNK == 0 and len(buffers[0]) > 512 else len(buffers[0])
        return real(fd, [buffers[0][:wanted]], offset)

    with UncachedReader(fd) as reader:
        monkeypatch.setattr(os, "preadv", shortly)
        assert reader.sha256() == (hashlib.sha256(data).digest(), len(data))
    os.close(fd)
