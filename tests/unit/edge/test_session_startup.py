"""What a start finds after a power cut, and that repeating it changes nothing more."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.binding import accept_spool
from edge.errors import LedgerDamaged, SpoolForeign
from edge.inventory import Found, inventory_row
from edge.ledger import Ledger
from edge.ledger_queries import LedgerQueries
from edge.spool import Spool
from edge.startup import recover, unsealed
from protocols.ids import ClipId, SessionId
from protocols.kinds import (
    ClipLost,
    ClipSealed,
    Disposition,
    DockBooted,
    InventoryFile,
    SessionClosed,
)
from protocols.records import decode_record
from tests.simulators.log import SimulatedLog
from tests.unit.edge.bayside import Bayside, until
from tests.unit.edge.dockside import (
    MTIME_NS,
    camera_opened,
    draft_of,
    open_ledger,
    release,
    source_of,
)


class PowerCutError(Exception):
    """The power goes."""


class Cut:
    """A dock's disk with one open session."""

    def __init__(self, tmp_path: Path) -> None:
        self.ledger: Ledger = open_ledger(tmp_path / "ledger.db")
        self.spool = Spool(tmp_path / "spool", 0)
        self.session: SessionId = self.ledger.open_session(camera_opened())

    def add(self, path: bytes, data: bytes = b"data") -> ClipId:
        """A clip with its bytes in the spool."""
        file = self.spool.begin(len(data))
        file.write(data)
        file.publish()
        return self.ledger.seal_clip(draft_of(self.session, data, path=path, name=file.name))

    def at(self, clip: ClipId) -> Path:
        """Where a clip's bytes are."""
        row = self.ledger.clip(clip.epoch, clip.seq)
        assert row is not None
        assert row.spool_name is not None
        return self.spool.path(row.spool_name)

    def kinds(self) -> list[str]:
        """The kinds of all entries."""
        return [kind for kind, _ in records(self.ledger)]


def records(ledger: LedgerQueries) -> list[tuple[str, object]]:
    head = ledger.head()
    assert head is not None
    entries = ledger.entries(0, 0, head.seq, max_entries=10_000, max_bytes=10**9)
    decoded = [decode_record(entry.record) for entry in entries]
    return [(record.kind, record.body) for record in decoded]


@pytest.fixture
def cut(tmp_path: Path) -> Iterator[Cut]:
    cut = Cut(tmp_path)
    yield cut
    cut.ledger.close()


def test_the_first_start_says_only_that_the_dock_began(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path / "ledger.db")
    recover(ledger, Spool(tmp_path / "spool", 0), "1.0")
    ((kind, body),) = records(ledger)
    assert kind == "dock.booted"
    assert isinstance(body, DockBooted)
    assert (body.version, body.recovered) == ("1.0", ())
    ledger.close()


def test_a_clip_without_its_bytes_is_lost_with_an_alarm_and_others_stay(cut: Cut) -> None:
    kept, gone, short = cut.add(b"kept"), cut.add(b"gone"), cut.add(b"short")
    cut.at(gone).unlink()
    cut.at(short).write_bytes(b"d")
    found = recover(cut.ledger, cut.spool, "1.0")
    assert {row.clip for row in found.lost} == {gone, short}
    assert {alarm.about for alarm in cut.ledger.alarms()} == {str(gone), str(short)}
    lost = [body for _, body in records(cut.ledger) if isinstance(body, ClipLost)]
    assert {body.clip for body in lost} == {str(gone), str(short)}
    assert [row.clip for row in cut.ledger.spooled()] == [kept]
    assert cut.spool.names() == {cut.at(kept).name}
    # What is left of a damaged file is kept for people.
    assert [each.read_bytes() for each in cut.at(kept).parent.glob("*.damaged")] == [b"d"]


def test_half_files_are_dropped_and_whole_ones_without_a_clip_kept_with_an_alarm(
    cut: Cut,
) -> None:
    kept = cut.add(b"kept")
    half, whole = cut.spool.begin(10), cut.spool.begin(10)
    half.write(b"half")
    whole.write(b"whole")
    whole.publish()
    found = recover(cut.ledger, cut.spool, "1.0")
    assert (found.dropped, found.orphans) == ((f"{half.name}.part",), (whole.name,))
    assert cut.at(kept).exists()
    orphan = cut.spool.root / f"{whole.name}.orphan"
    assert orphan.read_bytes() == b"whole"
    booted = [body for _, body in records(cut.ledger) if isinstance(body, DockBooted)]
    assert "1 half written files dropped from the spool" in booted[0].recovered
    assert f"{whole.name} belongs to no clip: kept as an orphan" in booted[0].recovered
    (alarm,) = cut.ledger.alarms()
    assert (alarm.code, "no clip names 1 of the files" in alarm.text) == ("spool-orphans", True)
    assert str(cut.spool.root) in alarm.text
    before = cut.kinds()
    recover(cut.ledger, cut.spool, "1.0")
    assert cut.kinds() == [*before, "dock.booted"]
    orphan.unlink()
    recover(cut.ledger, cut.spool, "1.0")
    assert cut.ledger.alarms() == []


def test_a_released_clip_cut_while_it_was_dropped_is_no_orphan(cut: Cut) -> None:
    clip = cut.add(b"released")
    proved, raw = release(cut.ledger, SimulatedLog(), clip)
    cut.ledger.record_release(clip, proved, raw)
    at = cut.at(clip)
    cut.ledger.spool_dropped(clip)
    found = recover(cut.ledger, cut.spool, "1.0")
    assert (found.orphans, at.exists(), cut.ledger.alarms()) == ((), False, [])
    assert cut.ledger.spool_leaving() == []


# --- whose spool it is --------------------------------------------------------------


def test_without_the_spools_disk_the_dock_does_not_start_and_nothing_is_lost(cut: Cut) -> None:
    clips = [cut.add(b"%d" % i) for i in range(3)]
    recover(cut.ledger, cut.spool, "1.0")
    before, root = cut.kinds(), cut.spool.root
    disk = root.rename(root.with_name("disk"))
    with pytest.raises(SpoolForeign, match="Mount the spool's disk"):
        recover(cut.ledger, Spool(root, 0), "1.0")
    assert cut.kinds() == before
    root.rmdir()
    disk.rename(root)
    again = recover(cut.ledger, Spool(root, 0), "1.0")
    assert (again.lost, again.orphans, cut.ledger.alarms()) == ((), (), [])
    assert [row.clip for row in cut.ledger.spooled()] == clips


def test_a_new_ledger_beside_a_spool_with_clips_does_not_start(cut: Cut, tmp_path: Path) -> None:
    cut.add(b"1")
    names = cut.spool.names()
    new = open_ledger(tmp_path / "new.db")
    # Also beside a spool that never got a name, as an older program left it.
    for _ in range(2):
        with pytest.raises(SpoolForeign, match="put the right ledger back"):
            recover(new, cut.spool, "1.0")
        assert (new.head(), cut.spool.names()) == (None, names)
        recover(cut.ledger, cut.spool, "1.0")
    new.close()


def test_a_ledger_of_long_ago_costs_no_clip(cut: Cut, tmp_path: Path) -> None:
    recover(cut.ledger, cut.spool, "1.0")
    with sqlite3.connect(tmp_path / "old.db") as copy:
        cut.ledger._connection.backup(copy)
    copy.close()
    contents = {f"{cut.at(cut.add(path, path)).name}.orphan": path for path in (b"1", b"2", b"3")}
    old = open_ledger(tmp_path / "old.db")
    recover(old, cut.spool, "1.0")
    assert {name: (cut.spool.root / name).read_bytes() for name in cut.spool.orphans()} == contents
    assert [alarm.code for alarm in old.alarms()] == ["spool-orphans"]
    old.close()


def test_another_spool_is_refused_while_clips_wait_in_the_right_one(
    cut: Cut, tmp_path: Path
) -> None:
    clip = cut.add(b"1")
    recover(cut.ledger, cut.spool, "1.0")
    other = Spool(tmp_path / "other", 0)
    other.set_identity("0" * 32)
    with pytest.raises(SpoolForeign, match="1 clips should wait in it"):
        recover(cut.ledger, other, "1.0")
    proved, raw = release(cut.ledger, SimulatedLog(), clip)
    cut.ledger.record_release(clip, proved, raw)
    # Nothing waits any more, so an empty spool may take its place under a new name.
    recover(cut.ledger, other, "1.0")
    assert other.identity() not in {"0" * 32, cut.spool.identity()}
    booted = [body for _, body in records(cut.ledger) if isinstance(body, DockBooted)]
    assert booted[-1].recovered == (f"the spool is another one now: {other.identity()}",)


def test_a_spool_with_files_of_another_ledger_is_refused(cut: Cut, tmp_path: Path) -> None:
    recover(cut.ledger, cut.spool, "1.0")
    other = Spool(tmp_path / "other", 0)
    file = other.begin(1)
    file.write(b"x")
    file.publish()
    with pytest.raises(SpoolForeign, match="1 are there that the ledger lacks"):
        recover(cut.ledger, other, "1.0")
    assert other.names() == {file.name}


def test_an_older_programs_spool_gets_its_name_once_unless_its_disk_is_missing(
    cut: Cut, tmp_path: Path
) -> None:
    cut.add(b"1")
    with pytest.raises(SpoolForeign, match="none of the 1 clips"):
        recover(cut.ledger, Spool(tmp_path / "mountpoint", 0), "1.0")
    recover(cut.ledger, cut.spool, "1.0")
    given = cut.spool.identity()
    recover(cut.ledger, cut.spool, "1.0")
    assert given is not None
    assert cut.spool.identity() == given


@pytest.mark.parametrize("step", ["bind_spool", "set_identity", "append"])
def test_a_cut_while_both_are_bound_is_mended_by_the_next_start(
    cut: Cut, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    clip = cut.add(b"1")

    def power_cut(*_: object) -> None:
        raise PowerCutError

    with monkeypatch.context() as patch:
        patch.setattr(cut.spool if step == "set_identity" else cut.ledger, step, power_cut)
        with pytest.raises(PowerCutError):
            recover(cut.ledger, cut.spool, "1.0")
    assert recover(cut.ledger, cut.spool, "1.0").lost == ()
    assert cut.at(clip).exists()
    bound = cut.ledger.spool()
    assert bound is not None
    assert (bound.identity, bound.bond) == (cut.spool.identity(), "bound")


def test_a_person_may_go_on_without_the_spool_which_is_put_on_record(
    cut: Cut, tmp_path: Path
) -> None:
    clip = cut.add(b"1")
    recover(cut.ledger, cut.spool, "1.0")
    other = Spool(tmp_path / "other", 0)
    file = other.begin(1)
    file.write(b"x")
    file.publish()
    said = accept_spool(cut.ledger, other)
    assert "1 clips as lost" in said
    assert "1 files aside" in said
    found = recover(cut.ledger, other, "1.0")
    assert ([row.clip for row in found.lost], found.orphans) == ([clip], (file.name,))
    booted = [body for _, body in records(cut.ledger) if isinstance(body, DockBooted)]
    accepted = f"an operator accepted the spool as it is, under the name {other.identity()}"
    assert booted[-1].recovered[0] == accepted
    recover(cut.ledger, other, "1.0")
    booted = [body for _, body in records(cut.ledger) if isinstance(body, DockBooted)]
    assert booted[-1].recovered == ()
    # The disk that was given up cannot come back unseen.
    assert cut.spool.names()
    with pytest.raises(SpoolForeign):
        recover(cut.ledger, cut.spool, "1.0")


def test_where_there_is_nothing_to_accept_nothing_is_changed(cut: Cut) -> None:
    assert "nothing to accept" in accept_spool(cut.ledger, cut.spool)
    assert (cut.ledger.spool(), cut.spool.identity()) == (None, None)
    cut.add(b"1")
    recover(cut.ledger, cut.spool, "1.0")
    before = cut.ledger.spool(), cut.spool.identity()
    assert "nothing to accept" in accept_spool(cut.ledger, cut.spool)
    assert (cut.ledger.spool(), cut.spool.identity()) == before


def test_starting_again_finds_nothing_more(cut: Cut) -> None:
    recover(cut.ledger, cut.spool, "1.0")
    cut.at(cut.add(b"gone")).unlink()
    recover(cut.ledger, cut.spool, "1.0")
    before = cut.kinds()
    again = recover(cut.ledger, cut.spool, "1.0")
    assert (again.lost, again.dropped, again.orphans, again.closed) == ((), (), (), ())
    assert cut.kinds() == [*before, "dock.booted"]


# --- what a session left ------------------------------------------------------------


def listing(
    path: bytes,
    disposition: Disposition = Disposition.INGEST,
    *,
    size: int = 4,
    clip: ClipId | None = None,
) -> InventoryFile:
    """An inventory row of a recording as ``draft_of`` describes it."""
    known = None if clip is None else str(clip)
    row = inventory_row(Found(path, disposition, size, MTIME_NS), disposition, clip=known)
    return row.model_copy(update={"mtime": source_of(path).mtime})


def test_a_session_left_open_is_closed_as_power_with_what_it_did_not_seal(cut: Cut) -> None:
    rows = [
        listing(b"sealed"),
        listing(b"waiting"),
        listing(b"growing", Disposition.GROWING),
        listing(b"link", Disposition.REFUSED),
    ]
    cut.ledger.add_inventory(cut.session, rows, last=True)
    cut.add(b"sealed")
    recover(cut.ledger, cut.spool, "1.0")
    (closed,) = [body for _, body in records(cut.ledger) if isinstance(body, SessionClosed)]
    assert (closed.reason, closed.sealed, closed.released) == ("power", 1, 0)
    assert [left.path for left in closed.leftovers] == ["waiting", "growing"]
    assert {left.outcome for left in closed.leftovers} == {"incomplete"}


async def test_a_real_docking_leaves_nothing_that_it_sealed(tmp_path: Path) -> None:
    bay = Bayside(tmp_path)
    for name in ("a.mp4", "b.mp4"):
        (bay.folder / name).write_bytes(name.encode())
    async with bay.docked() as docked:
        await until(lambda: len(bay.bodies(ClipSealed)) == 2)
        assert docked.session is not None
        assert unsealed(bay.ledger, docked.session) == []
    bay.close()


def test_what_took_a_sealed_recordings_name_is_left_over(cut: Cut) -> None:
    cut.ledger.add_inventory(cut.session, [listing(b"a"), listing(b"b")], last=True)
    cut.add(b"a")
    # Another file under the first name; and one that was listed before the seal of the other.
    cut.ledger.add_inventory(cut.session, [listing(b"a", size=5), listing(b"b", size=5)], last=True)
    cut.add(b"b")
    assert [left.path for left in unsealed(cut.ledger, cut.session)] == ["a", "b"]
    cut.add(b"a", b"12345")
    assert [left.path for left in unsealed(cut.ledger, cut.session)] == ["b"]


def test_what_only_looks_like_a_clip_is_left_over_unless_it_was_read_again(cut: Cut) -> None:
    clips = [cut.add(path) for path in (b"alike", b"erased", b"differs")]
    recover(cut.ledger, cut.spool, "1.0")
    later = cut.ledger.open_session(camera_opened())
    rows = [
        listing(path, Disposition.KNOWN, clip=clip)
        for path, clip in zip((b"alike", b"erased", b"differs"), clips, strict=True)
    ]
    cut.ledger.add_inventory(later, rows, last=True)
    proved, raw = release(cut.ledger, SimulatedLog(), clips[1])
    cut.ledger.record_release(clips[1], proved, raw)
    cut.ledger.intend_erase(clips[1], later)
    assert len(unsealed(cut.ledger, later)) == 3
    row = cut.ledger.clip(0, clips[1].seq)
    assert row is not None
    cut.ledger.clip_erased(clips[1], later, row.sha256)
    cut.session = later
    cut.add(b"differs", b"DATA")
    fresh = cut.add(b"fresh")
    cut.ledger.add_inventory(later, [listing(b"fresh", Disposition.KNOWN, clip=fresh)], last=True)
    (left,) = unsealed(cut.ledger, later)
    assert (left.path, left.outcome) == ("alike", "incomplete")
    assert left.reason == f"looks like {clips[0]}; not known to be compared"


def test_a_released_clip_without_its_bytes_is_no_loss(cut: Cut) -> None:
    clip = cut.add(b"released")
    proved, raw = release(cut.ledger, SimulatedLog(), clip)
    cut.ledger.record_release(clip, proved, raw)
    cut.at(clip).unlink()
    assert recover(cut.ledger, cut.spool, "1.0").lost == ()
    assert cut.ledger.spooled() == []


def test_only_this_sessions_recordings_count_as_left_over(cut: Cut) -> None:
    other = cut.ledger.open_session(camera_opened("label:OTHER"))
    cut.ledger.add_inventory(other, [listing(b"a")], last=True)
    assert unsealed(cut.ledger, cut.session) == []
    assert [left.path for left in unsealed(cut.ledger, other)] == ["a"]


def test_a_ledger_that_does_not_hold_stops_the_start(cut: Cut) -> None:
    cut.add(b"a")
    cut.ledger._connection.execute("UPDATE entries SET hash = zeroblob(32) WHERE seq = 1")
    before = len(cut.spool.names())
    with pytest.raises(LedgerDamaged, match=r"dock7\.0\.1"):
        recover(cut.ledger, cut.spool, "1.0")
    assert len(cut.spool.names()) == before
