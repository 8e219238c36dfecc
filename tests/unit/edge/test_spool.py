"""The spool holds whole files under random names and never eats the reserve."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from edge import durable
from edge.errors import SpoolDamaged, SpoolFull
from edge.spool import Spool


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", 0)


def put(spool: Spool, data: bytes) -> str:
    file = spool.begin(len(data))
    file.write(data)
    file.sync()
    file.read_back()
    file.publish()
    return file.name


def test_a_published_file_reads_back_in_parts(spool: Spool) -> None:
    data = os.urandom(3_000_000)
    name = put(spool, data)
    assert spool.names() == {name}
    assert spool.read(name, 0, 100) == data[:100]
    assert spool.read(name, 2_999_990, 100) == data[-10:]
    assert spool.read(name, 3_000_000, 100) == b""


def test_a_large_file_written_in_odd_pieces_is_whole(spool: Spool) -> None:
    data = os.urandom(20_000_001)
    file = spool.begin(len(data))
    for start in range(0, len(data), 777_777):
        file.write(data[start : start + 777_777])
    file.sync()
    file.read_back()
    file.discard()


def test_nothing_is_visible_before_it_is_published(spool: Spool) -> None:
    file = spool.begin(10)
    file.write(b"0123456789")
    assert spool.names() == set()
    file.discard()
    assert list(spool.path("0" * 32).parent.iterdir()) == []


def test_discarding_twice_or_after_publishing_is_harmless(spool: Spool) -> None:
    file = spool.begin(1)
    file.write(b"x")
    file.discard()
    file.discard()
    name = put(spool, b"kept")
    assert spool.read(name, 0, 9) == b"kept"
    kept = spool.begin(1)
    kept.write(b"x")
    kept.publish()
    kept.discard()
    assert kept.name in spool.names()


def test_the_reserve_is_never_given_away(tmp_path: Path) -> None:
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    with pytest.raises(SpoolFull, match="reserve"):
        Spool(tmp_path / "spool", free).begin(1 << 40)


def test_room_promised_to_one_recording_is_not_promised_to_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path / "spool", 100)
    monkeypatch.setattr(spool, "free_bytes", lambda: 1000)
    first = spool.begin(600)
    with pytest.raises(SpoolFull):
        spool.begin(600)
    first.write(b"x" * 600)
    second = spool.begin(600)
    second.discard()
    first.discard()
    spool.begin(900).discard()


def test_a_full_disk_while_writing_says_full(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    file = spool.begin(10)

    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(durable, "write_all", no_room)
    with pytest.raises(SpoolFull, match="No space left"):
        file.write(b"x")
    file.discard()


def test_bytes_changed_behind_our_back_show_in_the_read_back(spool: Spool) -> None:
    file = spool.begin(5)
    file.write(b"12345")
    (temp,) = spool.path("0" * 32).parent.glob("*.part")
    temp.write_bytes(b"12x45")
    with pytest.raises(SpoolDamaged, match="other bytes"):
        file.read_back()
    temp.write_bytes(b"123")
    with pytest.raises(SpoolDamaged, match="wrote 5 bytes, read 3"):
        file.read_back()
    file.discard()


def test_starting_up_drops_halves_and_orphans_and_nothing_else(spool: Spool) -> None:
    kept, orphan = put(spool, b"kept"), put(spool, b"orphan")
    half = spool.begin(4)
    half.write(b"half")
    root = spool.path(kept).parent
    (root / "notes.txt").write_text("an operator's")
    dropped = spool.clean({kept})
    assert sorted(dropped) == sorted([orphan, f"{half.name}.part"])
    assert {entry.name for entry in root.iterdir()} == {kept, "notes.txt"}
    assert spool.clean({kept}) == []
    half.discard()


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "0" * 31, "0" * 33, "0" * 32 + "\n"])
def test_names_from_elsewhere_never_become_paths(spool: Spool, name: str) -> None:
    with pytest.raises(SpoolDamaged, match="not the name"):
        spool.path(name)


def test_a_missing_file_is_said_to_be_missing(spool: Spool) -> None:
    spool.remove("0" * 32)
    with pytest.raises(SpoolDamaged, match="No such file"):
        spool.read("0" * 32, 0, 1)


def test_spool_files_are_for_their_owner_alone(spool: Spool) -> None:
    name = put(spool, b"x")
    assert spool.path(name).stat().st_mode & 0o077 == 0
    assert spool.path(name).parent.stat().st_mode & 0o077 == 0
