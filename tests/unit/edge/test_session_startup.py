"""What a start finds after a power cut, and that repeating it changes nothing more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.errors import LedgerDamaged
from edge.inventory import Found, inventory_row
from edge.ledger import Ledger
from edge.ledger_queries import LedgerQueries
from edge.spool import Spool
from edge.startup import recover, unsealed
from protocols.ids import ClipId, SessionId
from protocols.kinds import ClipLost, Disposition, DockBooted, SessionClosed
from protocols.records import decode_record
from tests.simulators.log import SimulatedLog
from tests.unit.edge.dockside import camera_opened, draft_of, open_ledger, release


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


def test_files_no_clip_names_are_dropped_and_said(cut: Cut) -> None:
    kept = cut.add(b"kept")
    half, whole = cut.spool.begin(10), cut.spool.begin(10)
    half.write(b"half")
    whole.write(b"whole")
    whole.publish()
    found = recover(cut.ledger, cut.spool, "1.0")
    assert len(found.dropped) == 2
    assert cut.at(kept).exists()
    assert len(list(cut.at(kept).parent.iterdir())) == 1
    booted = [body for _, body in records(cut.ledger) if isinstance(body, DockBooted)]
    assert "2 unsealed files dropped from the spool" in booted[0].recovered


def test_a_session_left_open_is_closed_as_power_with_what_it_did_not_seal(cut: Cut) -> None:
    rows = [
        inventory_row(Found(path, Disposition.INGEST, 4, 1), disposition)
        for path, disposition in (
            (b"sealed", Disposition.INGEST),
            (b"waiting", Disposition.INGEST),
            (b"growing", Disposition.GROWING),
            (b"link", Disposition.REFUSED),
        )
    ]
    cut.ledger.add_inventory(cut.session, rows, last=True)
    cut.add(b"sealed")
    recover(cut.ledger, cut.spool, "1.0")
    (closed,) = [body for _, body in records(cut.ledger) if isinstance(body, SessionClosed)]
    assert (closed.reason, closed.sealed, closed.released) == ("power", 1, 0)
    assert [left.path for left in closed.leftovers] == ["waiting", "growing"]
    assert {left.outcome for left in closed.leftovers} == {"incomplete"}


def test_starting_again_finds_nothing_more(cut: Cut) -> None:
    cut.at(cut.add(b"gone")).unlink()
    recover(cut.ledger, cut.spool, "1.0")
    before = cut.kinds()
    again = recover(cut.ledger, cut.spool, "1.0")
    assert (again.lost, again.dropped, again.closed) == ((), (), ())
    assert cut.kinds() == [*before, "dock.booted"]


def test_a_released_clip_without_its_bytes_is_no_loss(cut: Cut) -> None:
    clip = cut.add(b"released")
    proved, raw = release(cut.ledger, SimulatedLog(), clip)
    cut.ledger.record_release(clip, proved, raw)
    cut.at(clip).unlink()
    assert recover(cut.ledger, cut.spool, "1.0").lost == ()
    assert cut.ledger.spooled() == []


def test_only_this_sessions_recordings_count_as_left_over(cut: Cut) -> None:
    other = cut.ledger.open_session(camera_opened("label:OTHER"))
    rows = [inventory_row(Found(b"a", Disposition.INGEST, 4, 1), Disposition.INGEST)]
    cut.ledger.add_inventory(other, rows, last=True)
    assert unsealed(cut.ledger, cut.session) == []
    assert [left.path for left in unsealed(cut.ledger, other)] == ["a"]


def test_a_ledger_that_does_not_hold_stops_the_start(cut: Cut) -> None:
    cut.add(b"a")
    cut.ledger._connection.execute("UPDATE entries SET hash = zeroblob(32) WHERE seq = 1")
    before = len(cut.spool.names())
    with pytest.raises(LedgerDamaged, match=r"dock7\.0\.1"):
        recover(cut.ledger, cut.spool, "1.0")
    assert len(cut.spool.names()) == before
