"""Nothing leaves a card without a release, and nothing that differs leaves it at all."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge import erase as erase_module
from edge.cameras.base import Card
from edge.clock import DockClock
from edge.durable import UncachedReader
from edge.erase import ALARM, EraseOutcome, Eraser
from edge.errors import CameraGone, Unreadable
from edge.hallmark import Hallmark, Holder
from edge.ledger import ClipState, Ledger
from protocols.ids import ClipId, SessionId
from protocols.kinds import ClipErased, EraseIntended
from protocols.records import decode_record
from tests.simulators.log import SimulatedLog
from tests.unit.edge.dockside import (
    VOLUME,
    FolderCard,
    camera_opened,
    draft_of,
    open_ledger,
    release,
)

PATH = b"DCIM/1.MP4"
DATA = os.urandom(2_500_000)


class Bench:
    """A card with one recording, sealed by a dock."""

    def __init__(self, root: Path) -> None:
        self.path = root / "ledger.db"
        self.ledger: Ledger = open_ledger(self.path)
        self.log = SimulatedLog()
        self.card = FolderCard(root / "card")
        self.holder = Holder(fixed=True)
        self.file = self.card.put(PATH, DATA)
        self.session: SessionId = self.ledger.open_session(camera_opened())
        self.clip: ClipId = self.ledger.seal_clip(draft_of(self.session, DATA, path=PATH))

    def release(self) -> None:
        self.ledger.record_release(self.clip, *release(self.ledger, self.log, self.clip))

    def erase(self, session: SessionId | None = None) -> EraseOutcome:
        eraser = Eraser(self.ledger, DockClock())
        return eraser.erase(self.clip, session or self.session, self.card, self.holder)

    def kinds(self) -> list[str]:
        return [decode_record(e.record).kind for e in self.ledger.entries(0, 2, 99)]

    def state(self) -> ClipState:
        row = self.ledger.clip(self.clip.epoch, self.clip.seq)
        assert row is not None
        return row.state


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.ledger.close()


def test_a_released_recording_that_is_equal_is_erased_and_said_to_be(bench: Bench) -> None:
    bench.release()
    assert bench.erase() is EraseOutcome.ERASED
    assert not bench.file.exists()
    assert bench.state() is ClipState.ERASED
    intended, erased = (decode_record(e.record).body for e in bench.ledger.entries(0, 2, 9))
    assert isinstance(intended, EraseIntended)
    assert isinstance(erased, ClipErased)
    row = bench.ledger.clip(0, bench.clip.seq)
    assert row is not None
    assert erased.reread_sha256 == row.sha256.hex()
    assert intended.release_index == row.release_index


def test_nothing_is_erased_without_a_release(bench: Bench) -> None:
    assert bench.erase() is EraseOutcome.NOT_RELEASED
    assert bench.file.read_bytes() == DATA
    assert bench.kinds() == []


def test_a_row_alone_does_not_let_anything_be_erased(bench: Bench) -> None:
    other = bench.ledger.seal_clip(draft_of(bench.session, b"other", path=b"2.MP4"))
    proof, message = release(bench.ledger, bench.log, other)
    bench.ledger.record_release(other, proof, message)
    with bench.ledger._writing() as database:
        database.execute(
            "UPDATE clips SET state = 'released', release_index = 7, release = ? WHERE seq = ?",
            (message, bench.clip.seq),
        )
    assert bench.erase() is EraseOutcome.NOT_RELEASED
    assert bench.file.exists()


@pytest.mark.parametrize("change", ["flip", "grow", "shrink"])
def test_a_recording_that_differs_is_kept_and_alarms(bench: Bench, change: str) -> None:
    bench.release()
    changed = {
        "flip": DATA[:1_000_000] + bytes([DATA[1_000_000] ^ 1]) + DATA[1_000_001:],
        "grow": DATA + b"x",
        "shrink": DATA[:-1],
    }[change]
    bench.file.write_bytes(changed)
    assert bench.erase() is EraseOutcome.DIFFERS
    assert bench.erase() is EraseOutcome.DIFFERS
    assert bench.file.read_bytes() == changed
    assert bench.state() is ClipState.RELEASED
    (alarm,) = bench.ledger.alarms()
    assert (alarm.code, alarm.about) == (ALARM, str(bench.clip))
    assert bench.kinds() == ["erase.intended", "alarm.raised"]


def test_a_file_that_takes_the_name_after_the_comparison_is_kept(bench: Bench) -> None:
    bench.release()

    def swap() -> None:
        bench.file.rename(bench.file.with_name("kept.MP4"))
        bench.file.write_bytes(b"newer footage")

    bench.card.on_unlink = swap
    assert bench.erase() is EraseOutcome.STIRRED
    assert bench.file.read_bytes() == b"newer footage"
    assert "clip.erased" not in bench.kinds()


def test_a_recording_somebody_else_removed_is_not_claimed_as_erased(bench: Bench) -> None:
    bench.release()
    bench.card.on_unlink = bench.file.unlink
    assert bench.erase() is EraseOutcome.GONE
    assert bench.erase() is EraseOutcome.GONE
    assert bench.kinds() == ["erase.intended"]


def test_a_link_in_its_place_is_not_followed(bench: Bench, tmp_path: Path) -> None:
    bench.release()
    victim = tmp_path / "victim"
    victim.write_bytes(DATA)
    bench.file.unlink()
    bench.file.symlink_to(victim)
    assert bench.erase() is EraseOutcome.STIRRED
    assert victim.read_bytes() == DATA
    assert bench.file.is_symlink()


def test_a_read_only_card_keeps_its_recording(bench: Bench) -> None:
    bench.release()

    def refuse() -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    bench.card.on_unlink = refuse
    assert bench.erase() is EraseOutcome.READ_ONLY

    def refuse_sorted() -> None:
        try:
            refuse()
        except OSError as error:
            raise Unreadable("read-only") from error

    bench.card.on_unlink = refuse_sorted
    assert bench.erase() is EraseOutcome.READ_ONLY
    assert bench.file.exists()
    assert bench.state() is ClipState.RELEASED


def test_a_camera_pulled_while_erasing_is_said_to_be_gone(bench: Bench) -> None:
    bench.release()

    def pulled() -> None:
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))

    bench.card.on_unlink = pulled
    with pytest.raises(CameraGone):
        bench.erase()
    bench.card.on_unlink = lambda: None
    assert bench.erase() is EraseOutcome.ERASED
    assert bench.kinds() == ["erase.intended", "clip.erased"]


def test_erasing_again_is_harmless_even_when_the_name_is_used_again(bench: Bench) -> None:
    bench.release()
    assert bench.erase() is EraseOutcome.ERASED
    bench.card.put(PATH, b"the next shift")
    assert bench.erase() is EraseOutcome.ERASED
    assert bench.file.read_bytes() == b"the next shift"


class PowerCut(BaseException):
    """Stands for the power going at a named point."""


@pytest.mark.parametrize("point", ["erase.intended", "erase.compared", "erase.unlinked"])
def test_power_cut_at_any_point_ends_the_same(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    bench.release()

    def cut(passed: str) -> None:
        if passed == point:
            raise PowerCut

    monkeypatch.setattr(erase_module, "reach", cut)
    monkeypatch.setattr("edge.ledger.reach", cut)
    with pytest.raises(PowerCut):
        bench.erase()
    monkeypatch.undo()
    bench.ledger.close()
    bench.ledger = open_ledger(bench.path)
    assert [row.clip for row in bench.ledger.unfinished_erasures(VOLUME)] == [bench.clip]
    next_docking = bench.ledger.open_session(camera_opened())
    assert bench.erase(next_docking) is EraseOutcome.ERASED
    assert not bench.file.exists()
    assert bench.kinds().count("clip.erased") == 1
    bench.ledger.check()


@pytest.mark.parametrize("when", ["at the comparison", "at the unlink"])
def test_what_is_written_between_the_comparison_and_the_unlink_is_kept(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    bench.release()

    def append() -> None:
        if bench.file.stat().st_size == len(DATA):
            with bench.file.open("ab") as file:
                file.write(b"new footage")

    def passed(point: str) -> None:
        if point == "erase.compared":
            append()

    if when == "at the comparison":
        monkeypatch.setattr("edge.ledger.reach", passed)
    else:
        bench.card.on_unlink = append
    assert bench.erase() is EraseOutcome.STIRRED
    assert bench.ledger.alarms() == []
    assert bench.erase() is EraseOutcome.DIFFERS
    assert bench.file.read_bytes() == DATA + b"new footage"
    assert [alarm.code for alarm in bench.ledger.alarms()] == [ALARM]


def test_a_file_written_to_while_it_is_read_is_kept_although_the_bytes_read_are_equal(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.release()
    real = UncachedReader.sha256

    def touched(reader: UncachedReader) -> tuple[bytes, int]:
        digest = real(reader)
        before = bench.file.stat()
        with bench.file.open("r+b") as file:
            file.write(b"X")
        while bench.file.stat().st_ctime_ns == before.st_ctime_ns:
            os.utime(bench.file, ns=(before.st_atime_ns, before.st_mtime_ns))
        os.utime(bench.file, ns=(before.st_atime_ns, before.st_mtime_ns))
        return digest

    monkeypatch.setattr(UncachedReader, "sha256", touched)
    assert bench.erase() is EraseOutcome.STIRRED
    assert bench.file.read_bytes() == b"X" + DATA[1:]
    monkeypatch.setattr(UncachedReader, "sha256", real)
    assert bench.erase() is EraseOutcome.DIFFERS
    (alarm,) = bench.ledger.alarms()
    assert "is not what was sealed" in alarm.text


def test_the_comparison_reads_the_card_and_not_memory(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.release()
    flags: list[int] = []
    dropped: list[int] = []
    real_open, real_advise = bench.card.open, os.posix_fadvise
    watched: list[int] = []

    def opened(path: bytes) -> int:
        descriptor = real_open(path)
        # A duplicate shares the flags, and outlives the reading.
        watched.append(os.dup(descriptor))
        return descriptor

    def advise(fd: int, start: int, length: int, advice: int) -> None:
        if advice == os.POSIX_FADV_DONTNEED:
            dropped.append(length)
        real_advise(fd, start, length, advice)

    monkeypatch.setattr(bench.card, "open", opened)
    monkeypatch.setattr(os, "posix_fadvise", advise)
    assert bench.erase() is EraseOutcome.ERASED
    for descriptor in watched:
        flags.append(fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_DIRECT)
        os.close(descriptor)
    assert flags == [os.O_DIRECT] or dropped == [0]


@pytest.mark.parametrize("number", [errno.EROFS, errno.EIO])
def test_a_card_that_does_not_confirm_the_unlink_is_not_called_read_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    bench = Bench(tmp_path)
    bench.release()
    card = Card(bench.card.root)

    def failing(_: int) -> None:
        raise OSError(number, os.strerror(number))

    eraser = Eraser(bench.ledger, DockClock())
    monkeypatch.setattr("edge.cameras.base._sync_directory", failing)
    assert eraser.erase(bench.clip, bench.session, card, bench.holder) is EraseOutcome.UNSYNCED
    monkeypatch.undo()
    assert not bench.file.exists()
    assert bench.state() is ClipState.RELEASED
    # The note stands, so that the next docking can say what happened.
    assert eraser.end(bench.clip, bench.session, card, bench.holder) is EraseOutcome.ERASED
    assert bench.kinds() == ["erase.intended", "clip.erased"]
    bench.ledger.close()


def cut_after_unlinking(bench: Bench) -> None:
    bench.release()

    def cut() -> None:
        raise PowerCut

    bench.card.after_unlink = cut
    with pytest.raises(PowerCut):
        bench.erase()
    bench.card.after_unlink = lambda: None
    assert not bench.file.exists()


def test_a_card_that_only_calls_itself_the_same_is_no_proof_of_an_erasure(
    bench: Bench, tmp_path: Path
) -> None:
    cut_after_unlinking(bench)
    first, bench.card = bench.card, FolderCard(tmp_path / "another")
    (bench.card.root / "DCIM").mkdir(parents=True)
    eraser = Eraser(bench.ledger, DockClock())
    assert eraser.end(bench.clip, bench.session, bench.card, bench.holder) is EraseOutcome.GONE
    assert bench.erase() is EraseOutcome.GONE
    assert bench.kinds() == ["erase.intended"]
    assert eraser.end(bench.clip, bench.session, first, bench.holder) is EraseOutcome.ERASED
    assert bench.kinds() == ["erase.intended", "clip.erased"]


def test_ending_an_erasure_unlinks_nothing(bench: Bench) -> None:
    bench.release()
    bench.ledger.intend_erase(bench.clip, bench.session)
    eraser = Eraser(bench.ledger, DockClock())
    assert (
        eraser.end(bench.clip, bench.session, bench.card, bench.holder) is EraseOutcome.UNREADABLE
    )
    assert bench.file.read_bytes() == DATA
    assert bench.kinds() == ["erase.intended"]


CAMERA = Holder("Maker_BWC_36NCC009910", "36NCC009910")


@pytest.fixture
def fat(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A card whose file system numbers every root and every folder alike, as FAT's are."""
    monkeypatch.setattr(FolderCard, "place", lambda *_: "1:1:32000000000")
    bench.card.put(b"DCIM/2.MP4", b"another")
    bench.holder = CAMERA
    cut_after_unlinking(bench)
    return bench


def end_on_a_clone(bench: Bench, holder: Holder, beside: tuple[str, ...]) -> EraseOutcome:
    """Dock a card of the same numbers and volume, from which the recording is gone."""
    clone = FolderCard(bench.path.parent / "clone")
    for name in beside:
        clone.put(b"DCIM/" + name.encode(), b"another")
    (clone.root / "DCIM").mkdir(parents=True, exist_ok=True)
    return Eraser(bench.ledger, DockClock()).end(bench.clip, bench.session, clone, holder)


@pytest.mark.parametrize(
    ("holder", "beside"),
    [
        (Holder("Maker_BWC_36NCC009911", "36NCC009910"), ("2.MP4",)),
        (Holder("Maker_BWC_36NCC009910", "36NCC009911"), ("2.MP4",)),
        (CAMERA, ("2.MP4", "3.MP4")),
        (CAMERA, ()),
        (Holder(), ("2.MP4",)),
        (Holder(fixed=True), ("2.MP4",)),
    ],
    ids=["disk", "serial", "more beside", "nothing beside", "nothing said", "a folder"],
)
def test_a_clone_of_a_card_is_not_said_to_be_erased(
    fat: Bench, holder: Holder, beside: tuple[str, ...]
) -> None:
    assert end_on_a_clone(fat, holder, beside) is EraseOutcome.GONE
    assert fat.kinds() == ["erase.intended"]
    assert fat.state() is ClipState.RELEASED
    # The card itself, once it is back, is told from them.
    assert fat.erase() is EraseOutcome.ERASED
    assert fat.kinds() == ["erase.intended", "clip.erased"]


@pytest.mark.parametrize("serial", [None, "36NCC009910"])
def test_a_card_whose_last_name_told_the_camera_is_known_by_its_disk(
    fat: Bench, serial: str | None
) -> None:
    fat.holder = Holder(CAMERA.disk, serial)
    assert fat.erase() is EraseOutcome.ERASED


@pytest.mark.parametrize("note", ["1:1:32000000000", "", "[1]", '{"holder": 7}', '{"holder": {}}'])
def test_a_note_of_an_earlier_program_proves_nothing(fat: Bench, note: str) -> None:
    row = fat.ledger.clip(0, fat.clip.seq)
    assert row is not None
    fat.ledger.note_compared(fat.clip, row.sha256, note)
    assert fat.erase() is EraseOutcome.GONE
    assert fat.kinds() == ["erase.intended"]


def test_one_number_and_an_empty_folder_prove_no_card() -> None:
    noted = Hallmark(Holder("Generic_Reader_000000000001"), "1:1:32000", "")
    assert not noted.proves(noted)
    assert Hallmark(CAMERA, "1:1:32000", "").proves(Hallmark(CAMERA, "1:1:32000", ""))
    assert Hallmark.read(noted.text()) == noted
