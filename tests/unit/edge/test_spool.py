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


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was synced from here on, by the name it bore at that moment."""
    names: list[str] = []
    real = os.fsync

    def fsync(fd: int) -> None:
        names.append(Path(f"/proc/self/fd/{fd}").readlink().name)
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    return names


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


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, SpoolFull),
        (errno.EDQUOT, SpoolDamaged),
        (errno.EFBIG, SpoolDamaged),
        (errno.EIO, SpoolDamaged),
    ],
)
def test_only_a_full_disk_while_writing_is_worth_waiting_for(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[Exception]
) -> None:
    file = spool.begin(10)

    def refuses(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(durable, "write_all", refuses)
    with pytest.raises(kind, match=os.strerror(number)):
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


def test_starting_up_drops_halves_sets_orphans_aside_and_touches_nothing_else(
    spool: Spool,
) -> None:
    kept, orphan = put(spool, b"kept"), put(spool, b"orphan")
    half = spool.begin(4)
    half.write(b"half")
    (spool.root / "notes.txt").write_text("an operator's")
    (spool.root / "notes.part").write_text("an operator's")
    found = []
    for _ in range(2):
        found.append((spool.drop_halves(), spool.set_orphans_aside({kept})))
        assert spool.orphans() == [f"{orphan}.orphan"]
        assert {entry.name for entry in spool.root.iterdir()} == {
            kept,
            f"{orphan}.orphan",
            "notes.txt",
            "notes.part",
        }
    assert found[1] == ([], [])
    assert (spool.root / f"{orphan}.orphan").read_bytes() == b"orphan"
    half.discard()


def test_a_spool_keeps_the_name_it_is_given(spool: Spool) -> None:
    assert spool.identity() is None
    spool.set_identity("ab" * 16)
    assert Spool(spool.root, 0).identity() == "ab" * 16
    assert (spool.names(), spool.drop_halves(), spool.orphans()) == (set(), [], [])
    (spool.root / "spool-id").write_bytes(b"\xff" * 200)
    assert spool.identity() not in {None, "ab" * 16}


def test_what_is_published_was_synced_before_and_its_name_after(
    spool: Spool, synced: list[str]
) -> None:
    file = spool.begin(4)
    file.write(b"data")
    file.sync()
    assert synced == [f"{file.name}.part"]
    file.publish()
    assert synced[1:] == [f"{file.name}.part", "spool"]
    synced.clear()
    spool.set_orphans_aside(set())
    assert synced == [file.name, "spool"]


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
