"""What is copied before a card has come to rest, and why none of it is sealed half written."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from edge.early import NEAR_NS, steady
from edge.errors import LedgerError
from edge.ingest import Copied, Ingest, Proved, Recording
from edge.inventory import Found
from edge.ledger import Ledger
from edge.probe import Prober, ProbeResult
from edge.spool import Spool
from protocols.kinds import ClipSealed, Disposition, Media, SessionClosed
from tests.unit.edge.bayside import Bayside, until

HOUR_NS = 3600 * 10**9
NOW_NS = 1_800_000_000 * 10**9


def file(name: str, ago_ns: int, **more: object) -> Found:
    found: dict[str, object] = {"size": 1, "mtime_ns": NOW_NS - ago_ns} | more
    return Found(name.encode(), Disposition.INGEST, **found)  # type: ignore[arg-type]  # test values pass through


def chosen(*found: Found) -> list[str]:
    return [each.path.decode() for each in steady(found, NOW_NS)]


def test_the_newest_of_a_card_and_what_was_written_just_before_it_wait() -> None:
    newest = file("newest", HOUR_NS)
    beside = file("beside", HOUR_NS + NEAR_NS - 1)
    assert chosen(newest, beside, file("older", HOUR_NS + NEAR_NS)) == ["older"]


def test_what_changed_just_now_by_the_docks_clock_waits() -> None:
    times = {"ctime_ns": NOW_NS - NEAR_NS + 1}
    assert chosen(file("a", 9 * HOUR_NS, **times), file("b", HOUR_NS)) == []
    ahead = file("ahead", -8 * HOUR_NS)
    assert chosen(ahead, file("now", -1), file("old", HOUR_NS), file("x", HOUR_NS * 2)) == ["x"]


def test_a_time_far_ahead_does_not_hide_which_is_the_newest() -> None:
    assert chosen(file("2107", -(10**18)), file("newest", HOUR_NS), file("a", 2 * HOUR_NS)) == ["a"]


def test_a_damaged_time_hides_no_newest_of_a_clock_that_is_ahead() -> None:
    newest, older = file("newest", -8 * HOUR_NS), file("a", -7 * HOUR_NS)
    assert chosen(file("2107", -(10**18)), newest, older, file("b", HOUR_NS * 2)) == ["a"]


def test_the_camera_s_own_files_tell_its_clock_and_are_not_copied() -> None:
    index = Found(b"index.db", Disposition.IGNORED, 1, NOW_NS - HOUR_NS)
    assert chosen(index, file("a", HOUR_NS), file("b", 2 * HOUR_NS)) == ["b"]


def test_marked_recordings_are_first_then_the_oldest_and_nothing_is_copied_of_empty_ones() -> None:
    card = [file(str(hours), hours * HOUR_NS) for hours in range(1, 5)]
    marked = file("marked", 2 * HOUR_NS, marked=True)
    empty = file("empty", 9 * HOUR_NS, size=0)
    assert chosen(*card, marked, empty) == ["marked", "4", "3", "2"]


# --- with a real card, spool and ledger ------------------------------------------------


@pytest.fixture
def near(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files made a moment ago by a test are not near any more."""
    monkeypatch.setattr("edge.early.NEAR_NS", 1)


@pytest.fixture
def slow(tmp_path: Path, near: None) -> Iterator[Bayside]:  # noqa: ARG001  # patches
    """A bay where files come to rest after a while."""
    bay = Bayside(tmp_path, settle_s=0.6)
    yield bay
    bay.close()


def fill(bay: Bayside, **files: bytes) -> None:
    for number, (name, content) in enumerate(files.items()):
        path = bay.folder / f"{name}.mp4"
        path.write_bytes(content)
        os.utime(path, (1_700_000_000 + number * 60,) * 2)


def parts(bay: Bayside) -> list[Path]:
    return list((bay.home / "spool").glob("*.part"))


def sealed(bay: Bayside) -> list[tuple[str, str]]:
    return sorted((b.source.name, b.content.sha256) for b in bay.bodies(ClipSealed))


def on_card(bay: Bayside) -> list[tuple[str, str]]:
    return sorted(
        (each.name, hashlib.sha256(each.read_bytes()).hexdigest()) for each in bay.folder.iterdir()
    )


class Counted:
    """Counts which recordings were copied, and how often."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths: list[str] = []
        copy = Ingest.copy

        def counted(ingest: Ingest, task: Recording, progress: Callable[[int], None]) -> object:
            self.paths.append(task.path.decode())
            return copy(ingest, task, progress)

        monkeypatch.setattr(Ingest, "copy", counted)


async def test_it_begins_at_once_and_each_recording_is_read_once(
    slow: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(slow, a=b"a" * 3_000_000, b=b"b" * 100, newest=b"n" * 100)
    counted = Counted(monkeypatch)
    async with slow.docked() as docking:
        await until(lambda: len(parts(slow)) == 2)
        assert slow.kinds() == []
        await until(lambda: docking.roster.all_read)
        slow.release_all()
        await until(lambda: slow.bodies(SessionClosed))
    assert counted.paths == ["a.mp4", "b.mp4", "newest.mp4"]
    assert sealed(slow) == on_card(slow)
    assert parts(slow) == []


async def test_what_is_held_is_read_back_before_its_card_rests_and_sealed_only_after(
    slow: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(slow, a=b"a" * 300_000, b=b"b", newest=b"n")
    real = Ingest.prove
    proved: list[tuple[int, int]] = []

    def watched(ingest: Ingest, copied: Copied) -> Proved:
        done = real(ingest, copied)
        proved.append((copied.content.size, len(slow.kinds())))
        return done

    monkeypatch.setattr(Ingest, "prove", watched)
    # Starting the helper takes as long as the card rests here.
    monkeypatch.setattr(Prober, "probe", lambda *_: ProbeResult(Media()))
    async with slow.docked():
        await until(lambda: len(proved) == 2)
        assert slow.kinds() == []
        await until(lambda: len(sealed(slow)) == 3)
    # Each once, and those that were held before anything was on record.
    assert proved[:2] == [(300_000, 0), (1, 0)]
    assert len(proved) == 3
    assert sealed(slow) == on_card(slow)


async def test_what_the_disk_did_not_keep_early_is_copied_anew(
    slow: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(slow, a=b"a" * 300_000, b=b"b", newest=b"n")
    counted = Counted(monkeypatch)
    real = Ingest.prove
    damaged: list[Copied] = []

    def rotten(ingest: Ingest, copied: Copied) -> Proved:
        if not damaged:
            damaged.append(copied)
            (part,) = [each for each in parts(slow) if each.stat().st_size == 300_000]
            with part.open("r+b") as disk:
                disk.write(b"rot")
        return real(ingest, copied)

    monkeypatch.setattr(Ingest, "prove", rotten)
    async with slow.docked():
        await until(lambda: len(sealed(slow)) == 3)
    assert sealed(slow) == on_card(slow)
    assert counted.paths.count("a.mp4") == 2
    assert parts(slow) == []


def append(path: Path) -> None:
    with path.open("ab") as camera:
        camera.write(b"more")


def rewrite(path: Path) -> None:
    """In place, as a camera does that writes a header at the end."""
    with path.open("r+b") as camera:
        camera.write(b"header")


def rewrite_and_date_back(path: Path) -> None:
    before = path.stat()
    rewrite(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace(path: Path) -> None:
    """By another file of the same name, size and time."""
    before = path.stat()
    other = path.with_suffix(".tmp")
    other.write_bytes(b"z" * before.st_size)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.rename(path)


def cut(path: Path) -> None:
    os.truncate(path, 10)


@pytest.mark.parametrize("write", [append, rewrite, rewrite_and_date_back, replace, cut])
async def test_what_is_written_to_after_it_was_copied_is_sealed_as_it_came_to_rest(
    slow: Bayside, write: Callable[[Path], None]
) -> None:
    fill(slow, a=b"a" * 200_000, b=b"b" * 100, newest=b"n")
    async with slow.docked() as docking:
        await until(lambda: len(parts(slow)) == 2)
        write(slow.folder / "a.mp4")
        await until(lambda: docking.roster.all_read and docking.roster.looked)
        await until(lambda: len(sealed(slow)) == 3)
        assert sealed(slow) == on_card(slow)
    assert parts(slow) == []


async def test_a_camera_that_appends_after_pauses_is_sealed_once_it_rests(slow: Bayside) -> None:
    fill(slow, a=b"a" * 200_000, newest=b"n")
    async with slow.docked() as docking:
        await until(lambda: parts(slow))
        for _ in range(4):
            append(slow.folder / "a.mp4")
            size = (slow.folder / "a.mp4").stat().st_size
            await until(lambda: any(item.size == size for item in docking.roster))  # noqa: B023  # awaited here
            assert not slow.bodies(ClipSealed)
        await until(lambda: len(sealed(slow)) == 2)
        assert sealed(slow) == on_card(slow)


async def test_a_camera_that_leaves_before_it_rests_leaves_no_half_file(slow: Bayside) -> None:
    fill(slow, a=b"a" * 200_000, newest=b"n")
    async with slow.docked():
        await until(lambda: parts(slow))
    # What is just being read back goes when that is done, which keeps nobody's bay.
    await until(lambda: parts(slow) == [])
    (closed,) = slow.bodies(SessionClosed)
    assert [(left.path, left.outcome) for left in closed.leftovers] == [
        ("a.mp4", "growing"),
        ("newest.mp4", "growing"),
    ]


async def test_what_goes_from_the_card_after_it_was_copied_is_not_sealed(slow: Bayside) -> None:
    fill(slow, a=b"a" * 200_000, newest=b"n")
    async with slow.docked() as docking:
        await until(lambda: parts(slow))
        (slow.folder / "a.mp4").unlink()
        await until(lambda: slow.bodies(ClipSealed) and docking.roster.all_read)
        await until(lambda: parts(slow) == [])
    assert [name for name, _ in sealed(slow)] == ["newest.mp4"]


async def test_what_was_copied_and_is_not_wanted_takes_no_room_once_the_docking_is_done(
    slow: Bayside,
) -> None:
    fill(slow, a=b"a" * 200_000, b=b"b" * 100, newest=b"n")
    async with slow.docked():
        await until(lambda: len(parts(slow)) == 2)
        for each in list(slow.folder.iterdir()):
            each.unlink()
        await until(lambda: slow.bodies(SessionClosed))
        await until(lambda: parts(slow) == [], timeout_s=5)


async def test_clips_of_before_are_not_copied_early(
    slow: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(slow, a=b"a" * 200_000, newest=b"n")
    async with slow.docked():
        await until(lambda: len(slow.bodies(ClipSealed)) == 2)
    counted = Counted(monkeypatch)
    fill(slow, b=b"b")
    os.utime(slow.folder / "b.mp4", (1_600_000_000,) * 2)
    async with slow.docked():
        await until(lambda: len(slow.bodies(ClipSealed)) == 3)
    assert counted.paths == ["b.mp4"]


async def test_a_ledger_that_cannot_be_asked_costs_only_the_early_start(
    slow: Bayside, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(slow, a=b"a" * 200_000, newest=b"n")
    known, asked = Ledger.known_clip, []

    def refuses(self: Ledger, *key: object) -> object:
        asked.append(key)
        if len(asked) == 1:
            msg = "the disk refuses"
            raise LedgerError(msg)
        return known(self, *key)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(Ledger, "known_clip", refuses)
    async with slow.docked():
        await until(lambda: len(sealed(slow)) == 2)
        assert sealed(slow) == on_card(slow)


# --- with little room ---------------------------------------------------------------------

MIB = 1 << 20


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A spool's disk of 10 MiB."""
    monkeypatch.setattr(Spool, "free_bytes", lambda spool: 10 * MIB - spool.held_bytes())


def newest_marked(bay: Bayside, size: int) -> None:
    """A recording that is not copied early, and that comes first once the card has come to rest."""
    marked = bay.folder / "DCIM" / "Media" / "Video" / "DSJ_1_000000_20260619_100324_IMP.mp4"
    marked.parent.mkdir(parents=True)
    marked.write_bytes(b"m" * size)


async def test_copies_held_early_yield_to_a_recording_that_is_due(
    slow: Bayside,
    small: None,  # noqa: ARG001  # patches
) -> None:
    fill(slow, a=b"a" * 4 * MIB, b=b"b" * 4 * MIB)
    newest_marked(slow, 9 * MIB)
    async with slow.docked(profile="generic") as docking:
        await until(lambda: len(parts(slow)) == 2)
        with structlog.testing.capture_logs() as logs:
            await until(lambda: len(slow.bodies(ClipSealed)) == 1)
        dropped = [each for each in logs if each["event"] == "spool.early-copies-dropped"]
        assert [each["copies"] for each in dropped] == [2]
        assert slow.bodies(ClipSealed)[0].source.marked
        async with asyncio.TaskGroup() as group:
            tending = group.create_task(slow.tools.room.run())
            slow.release_all()
            await until(lambda: docking.roster.all_read)
            tending.cancel()
    assert len(slow.bodies(ClipSealed)) == 3
    assert parts(slow) == []


async def test_copies_held_for_one_card_yield_to_another_card(
    slow: Bayside,
    small: None,  # noqa: ARG001  # patches
) -> None:
    fill(slow, a=b"a" * 4 * MIB, b=b"b" * 4 * MIB, newest=b"n")
    async with slow.docked():
        await until(lambda: len(parts(slow)) == 2)
        assert await asyncio.wait_for(slow.tools.room.make(9 * MIB, lambda: False), 10)
        assert parts(slow) == []
        await until(lambda: len(slow.bodies(ClipSealed)) == 3)
