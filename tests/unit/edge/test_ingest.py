"""A recording becomes a clip whole, or stays on the card and nothing was said."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from edge.clock import DockClock
from edge.durable import CHUNK
from edge.errors import (
    CameraGone,
    Changed,
    LedgerError,
    SpoolDamaged,
    SpoolFull,
    Unreadable,
    Vanished,
)
from edge.ingest import Copied, Ingest, IngestTask
from edge.ledger import Ledger
from edge.probe import Prober, ProbeResult
from edge.spool import Spool, SpoolFile
from hashing.digest import digest_bytes
from protocols.ids import SessionId
from protocols.kinds import CameraClock, ClipSealed, Media
from protocols.records import decode_record
from tests.unit.edge.dockside import FolderCard, camera_opened, open_ledger


class QuickProber(Prober):
    """Answers at once; the real one has its own tests."""

    started: str | None = None

    def probe(self, fd: int, size: int) -> ProbeResult:
        """Says what it was told to, after a look at the file."""
        assert stat.S_ISREG(os.fstat(fd).st_mode)
        assert os.fstat(fd).st_size == size
        return ProbeResult(Media(container="test"), self.started, "test clock")


class Dock:
    """A spool, a ledger and an ingest on a temporary folder."""

    def __init__(self, root: Path) -> None:
        self.card = FolderCard(root / "card")
        self.ledger = open_ledger(root / "ledger.db")
        self.spool = Spool(root / "spool", 0)
        self.prober = QuickProber()
        self.ingest = Ingest(self.spool, self.ledger, self.prober, DockClock())
        self.session: SessionId = self.ledger.open_session(camera_opened())
        self.progress: list[int] = []

    def take(self, path: bytes) -> None:
        """Ingest one recording of the card."""
        self.ingest.take(self.card.task(path, self.session), self.progress.append)

    def nothing_happened(self) -> bool:
        """Whether spool and ledger are as before any recording."""
        head = self.ledger.head()
        left = (*self.spool.names(), *self.spool.drop_halves())
        return head is not None and head.seq == 0 and not left


@pytest.fixture
def dock(tmp_path: Path) -> Iterator[Dock]:
    made = Dock(tmp_path)
    yield made
    made.ledger.close()


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 20_000_001])
def test_a_clip_is_sealed_with_exactly_the_recordings_bytes(dock: Dock, size: int) -> None:
    data = os.urandom(size)
    dock.card.put(b"DCIM/1.MP4", data)
    clip = dock.ingest.take(dock.card.task(b"DCIM/1.MP4", dock.session), dock.progress.append)
    row = dock.ledger.clip(clip.epoch, clip.seq)
    content = digest_bytes(data)
    assert row is not None
    assert row.spool_name is not None
    assert (row.sha256, row.root, row.size) == (content.sha256, content.root, size)
    assert hashlib.sha256(dock.spool.path(row.spool_name).read_bytes()).digest() == row.sha256
    assert dock.spool.names() == {row.spool_name}
    assert dock.progress == sorted(dock.progress)
    assert dock.progress[-1:] == ([size] if size else [])


def test_the_card_is_never_written_to(dock: Dock) -> None:
    path = dock.card.put(b"1.MP4", b"footage")
    path.chmod(0o444)
    before = path.stat()
    dock.take(b"1.MP4")
    after = path.stat()
    assert (before.st_mtime_ns, before.st_ctime_ns) == (after.st_mtime_ns, after.st_ctime_ns)


def test_the_record_says_where_it_came_from_and_what_the_probe_saw(dock: Dock) -> None:
    dock.card.put(b"DCIM/1.MP4", b"footage")
    dock.prober.started = "2026-02-25T06:13:20.000Z"
    dock.take(b"DCIM/1.MP4")
    body = decode_record(dock.ledger.entries(0, 1, 1)[0].record).body
    assert isinstance(body, ClipSealed)
    assert body.source.path == "DCIM/1.MP4"
    assert body.media.container == "test"
    assert body.camera_clock.started == "2026-02-25T06:13:20.000Z"
    assert body.camera_clock.method == "mtime; test clock"


def test_what_the_session_knows_of_the_cameras_clock_is_not_overwritten(dock: Dock) -> None:
    dock.card.put(b"1.MP4", b"footage")
    dock.prober.started = "2026-02-25T06:13:20.000Z"
    task = dock.card.task(b"1.MP4", dock.session)
    task = replace(task, camera_clock=CameraClock(started="name says so", method="name"))
    dock.ingest.take(task, dock.progress.append)
    body = decode_record(dock.ledger.entries(0, 1, 1)[0].record).body
    assert isinstance(body, ClipSealed)
    assert (body.camera_clock.started, body.camera_clock.method) == ("name says so", "name")


def test_two_stages_overlap_and_end_the_same(dock: Dock) -> None:
    files = {b"%d.MP4" % n: os.urandom(3_000_000 + n) for n in range(4)}
    for path, data in files.items():
        dock.card.put(path, data)
    with ThreadPoolExecutor(1) as second:
        tasks = [dock.card.task(path, dock.session) for path in files]
        finishing = [
            second.submit(dock.ingest.finish, dock.ingest.copy(task, dock.progress.append), task)
            for task in tasks
        ]
        clips = [each.result() for each in finishing]
    rows = [dock.ledger.clip(clip.epoch, clip.seq) for clip in clips]
    assert [row.sha256 for row in rows if row] == [
        hashlib.sha256(data).digest() for data in files.values()
    ]


# --- the card misbehaves -------------------------------------------------------------


def failing(error: int) -> int:
    raise OSError(error, os.strerror(error))


@pytest.mark.parametrize(
    ("number", "alive", "raised"),
    [
        (errno.EIO, True, Unreadable),
        (errno.EIO, False, CameraGone),
        (errno.ENODEV, True, CameraGone),
        (errno.ENOTCONN, True, CameraGone),
        (errno.ENXIO, True, CameraGone),
        (errno.ESTALE, True, Unreadable),
        (errno.ESTALE, False, CameraGone),
        (errno.EACCES, True, Unreadable),
        (errno.ENOENT, True, Vanished),
        (errno.ENOENT, False, CameraGone),
        (errno.ELOOP, True, Changed),
    ],
)
def test_errors_of_the_card_are_sorted(
    dock: Dock, number: int, *, alive: bool, raised: type[Exception]
) -> None:
    dock.card.put(b"1.MP4", b"footage")
    task = dock.card.task(b"1.MP4", dock.session)
    task = replace(task, open=lambda: failing(number), alive=lambda: alive)
    with pytest.raises(raised, match=r"1\.MP4"):
        dock.ingest.take(task, dock.progress.append)
    assert dock.nothing_happened()


@pytest.mark.parametrize("alive", [True, False])
def test_a_read_error_in_the_middle_drops_the_half_file(
    dock: Dock, monkeypatch: pytest.MonkeyPatch, *, alive: bool
) -> None:
    dock.card.put(b"1.MP4", os.urandom(5 * CHUNK))
    dock.card.answers = alive
    read, calls = os.read, iter(range(100))

    def third_fails(fd: int, length: int) -> bytes:
        if length == CHUNK and next(calls) == 2:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return read(fd, length)

    monkeypatch.setattr(os, "read", third_fails)
    with pytest.raises(Unreadable if alive else CameraGone, match="at byte 2097152"):
        dock.take(b"1.MP4")
    monkeypatch.undo()
    assert dock.nothing_happened()


def test_a_pulled_card_whose_files_cannot_even_be_closed_is_gone(
    dock: Dock, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock.card.put(b"1.MP4", os.urandom(3 * CHUNK))
    task = dock.card.task(b"1.MP4", dock.session)
    opened: list[int] = []
    close, read = os.close, os.read

    def open_it() -> int:
        opened.append(task.open())
        return opened[0]

    def disconnected(fd: int) -> None:
        close(fd)
        if fd in opened:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))

    def second_fails(fd: int, length: int) -> bytes:
        if fd in opened and os.lseek(fd, 0, os.SEEK_CUR) > 0:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        return read(fd, length)

    monkeypatch.setattr(os, "close", disconnected)
    monkeypatch.setattr(os, "read", second_fails)
    with pytest.raises(CameraGone):
        dock.ingest.take(replace(task, open=open_it), dock.progress.append)
    monkeypatch.undo()
    assert dock.nothing_happened()


def test_a_recording_that_grew_since_it_was_seen_is_left_for_later(dock: Dock) -> None:
    path = dock.card.put(b"1.MP4", b"footage")
    task = dock.card.task(b"1.MP4", dock.session)
    path.write_bytes(b"footage and more")
    with pytest.raises(Changed, match="16 bytes"):
        dock.ingest.take(task, dock.progress.append)
    assert dock.nothing_happened()


@pytest.mark.parametrize("change", ["grow", "touch", "shrink", "rewrite"])
def test_a_recording_that_changes_while_it_is_read_is_not_sealed(dock: Dock, change: str) -> None:
    path = dock.card.put(b"1.MP4", os.urandom(4 * CHUNK))
    task = dock.card.task(b"1.MP4", dock.session)

    def meddle(done: int) -> None:
        if done != CHUNK:
            return
        match change:
            case "grow":
                with path.open("ab") as file:
                    file.write(b"x")
            case "touch":
                os.utime(path, ns=(1, 1))
            case "rewrite":
                # The bytes to come, under the old time; only the time of status tells.
                before = path.stat()
                with path.open("r+b") as file:
                    file.seek(3 * CHUNK)
                    file.write(b"another")
                while path.stat().st_ctime_ns == before.st_ctime_ns:
                    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
                os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
            case _:
                os.truncate(path, CHUNK)

    with pytest.raises((Changed, Unreadable)):
        dock.ingest.take(task, meddle)
    assert dock.nothing_happened()


def test_a_file_swapped_under_the_same_name_is_noticed(dock: Dock) -> None:
    path = dock.card.put(b"1.MP4", b"footage")
    task = dock.card.task(b"1.MP4", dock.session)
    other = dock.card.put(b"2.MP4", b"forgery")
    os.utime(other, ns=(task.mtime_ns, task.mtime_ns))
    other.rename(path)
    with pytest.raises(Changed, match="another file"):
        dock.ingest.take(task, dock.progress.append)
    assert dock.nothing_happened()


def test_a_fifo_or_link_in_a_recordings_place_is_refused_without_waiting(dock: Dock) -> None:
    path = dock.card.put(b"1.MP4", b"footage")
    task = dock.card.task(b"1.MP4", dock.session)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(Changed, match="not a regular file"):
        dock.ingest.take(task, dock.progress.append)
    path.unlink()
    path.symlink_to("/etc/passwd")
    with pytest.raises(Changed, match="symbolic link"):
        dock.ingest.take(task, dock.progress.append)
    assert dock.nothing_happened()


# --- the dock misbehaves -------------------------------------------------------------


def test_no_room_leaves_the_recording_on_the_card(tmp_path: Path) -> None:
    dock = Dock(tmp_path)
    dock.card.put(b"1.MP4", b"footage")
    full = Ingest(Spool(tmp_path / "full", 1 << 60), dock.ledger, dock.prober, DockClock())
    with pytest.raises(SpoolFull):
        full.take(dock.card.task(b"1.MP4", dock.session), dock.progress.append)
    assert dock.nothing_happened()
    dock.ledger.close()


def test_a_disk_that_forgets_is_given_one_more_chance(
    dock: Dock, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock.card.put(b"1.MP4", b"footage")
    real, troubles = SpoolFile.read_back, iter([SpoolDamaged("other bytes")])

    def forgets_once(file: SpoolFile) -> None:
        for trouble in troubles:
            raise trouble
        real(file)

    monkeypatch.setattr(SpoolFile, "read_back", forgets_once)
    dock.take(b"1.MP4")
    assert len(dock.spool.names()) == 1
    assert dock.ledger.check().clips == 1


def test_a_disk_that_forgets_twice_seals_nothing(
    dock: Dock, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock.card.put(b"1.MP4", b"footage")

    def forgets(_: SpoolFile) -> None:
        raise SpoolDamaged("other bytes")

    monkeypatch.setattr(SpoolFile, "read_back", forgets)
    with pytest.raises(SpoolDamaged, match="other bytes"):
        dock.take(b"1.MP4")
    assert dock.nothing_happened()


def test_a_ledger_that_refuses_keeps_no_spool_file(
    dock: Dock, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock.card.put(b"1.MP4", b"footage")

    def refuses(*_: object) -> None:
        raise LedgerError("disk I/O error")

    monkeypatch.setattr(Ledger, "seal_clip", refuses)
    with pytest.raises(LedgerError):
        dock.take(b"1.MP4")
    assert dock.nothing_happened()


def test_a_seal_that_was_committed_in_spite_of_its_error_keeps_the_file(
    dock: Dock, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock.card.put(b"1.MP4", b"footage")
    real = Ledger.seal_clip

    def commits_and_fails(*arguments: object) -> None:
        real(*arguments)  # type: ignore[arg-type]  # passed on as it came
        raise LedgerError("disk I/O error")

    monkeypatch.setattr(Ledger, "seal_clip", commits_and_fails)
    with pytest.raises(LedgerError):
        dock.take(b"1.MP4")
    assert dock.spool.names() == dock.ledger.spool_names() != set()


# --- several with one commit ------------------------------------------------------------


def pairs(dock: Dock, **recordings: bytes) -> list[tuple[Copied, IngestTask]]:
    copied = []
    for name, data in recordings.items():
        path = f"{name}.MP4".encode()
        dock.card.put(path, data)
        task = dock.card.task(path, dock.session)
        copied.append((dock.ingest.copy(task, dock.progress.append), task))
    return copied


def test_several_are_sealed_with_one_commit_in_their_order(
    dock: Dock, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[str] = []
    copied = pairs(dock, b=b"bb", a=b"a" * 10, c=b"")
    dock.ledger._connection.set_trace_callback(commits.append)
    proved = [(dock.ingest.prove(copied[0][0]), copied[0][1]), *copied[1:]]
    monkeypatch.setattr(Ledger, "seal_clip", None)
    clips = dock.ingest.finish_all(proved)
    assert [str(clip) for clip in clips] == ["dock7.0.1", "dock7.0.2", "dock7.0.3"]
    assert commits.count("COMMIT") == 1
    assert dock.spool.names() == dock.ledger.spool_names()
    rows = dock.ledger.spooled()
    assert [row.sha256 for row in rows] == [
        hashlib.sha256(x).digest() for x in (b"bb", b"a" * 10, b"")
    ]
    assert dock.ledger.check().clips == 3


def test_one_that_cannot_be_sealed_keeps_no_other_from_it(dock: Dock) -> None:
    first, (copied, task), last = pairs(dock, a=b"a", b=b"b", c=b"c")
    # A time that no database holds.
    poisoned = replace(task, mtime_ns=2**63)
    ended = dock.ingest.finish_all([first, (copied, poisoned), last])
    assert isinstance(ended[1], LedgerError)
    assert [row.path for row in dock.ledger.spooled()] == [b"a.MP4", b"c.MP4"]
    assert dock.spool.names() == dock.ledger.spool_names()
    assert dock.spool.drop_halves() == []
    assert dock.ledger.check().clips == 2


def test_one_that_the_disk_did_not_keep_is_copied_anew_and_the_others_go_on(
    dock: Dock, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = pairs(dock, a=b"a", b=b"b")
    real, asked = SpoolFile.read_back, []

    def forgets(file: SpoolFile) -> None:
        asked.append(file.name)
        if file.name == asked[0]:
            raise SpoolDamaged("other bytes")
        real(file)

    monkeypatch.setattr(SpoolFile, "read_back", forgets)
    dock.ingest.finish_all(copied)
    assert len(set(asked)) == 3
    assert [row.path for row in dock.ledger.spooled()] == [b"a.MP4", b"b.MP4"]
    assert asked[0] not in dock.spool.names()
    assert dock.spool.drop_halves() == []


def test_a_ledger_that_refuses_several_keeps_no_spool_file(
    dock: Dock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object) -> None:
        raise LedgerError("disk I/O error")

    monkeypatch.setattr(Ledger, "seal_clips", refuses)
    ended = dock.ingest.finish_all(pairs(dock, a=b"a", b=b"b"))
    assert [type(each) for each in ended] == [LedgerError, LedgerError]
    assert dock.nothing_happened()


def test_failures_leave_no_thread_and_no_descriptor_behind(dock: Dock) -> None:
    dock.card.put(b"1.MP4", os.urandom(4 * CHUNK))
    dock.card.put(b"2.MP4", b"x")

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    def open_now() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before, threads = open_now(), threading.active_count()
    for _ in range(5):
        with pytest.raises(KeyboardInterrupt):
            dock.ingest.take(dock.card.task(b"1.MP4", dock.session), stop)
    assert (open_now(), threading.active_count()) == (before, threads)
    assert dock.nothing_happened()
