"""Files that no clip names go only when their bytes are proven elsewhere, and never on a word."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge import orphans
from edge.clearing import Clearing
from edge.errors import SpoolDamaged
from edge.ledger import ClipState, Ledger
from edge.orphans import Orphans
from edge.signals import Signals
from edge.spool import Spool
from edge.startup import recover
from protocols.ids import ClipId
from protocols.kinds import AlarmCleared, AlarmRaised, Body
from protocols.records import decode_record
from tests.simulators.log import SimulatedLog
from tests.unit.edge.bayside import Bayside, said, until
from tests.unit.edge.dockside import camera_opened, draft_of, open_ledger, release

DATA = b"recording" * 1000


class Left:
    """A dock whose power went between publishing a recording and sealing it."""

    def __init__(self, home: Path) -> None:
        self.ledger: Ledger = open_ledger(home / "ledger.db")
        self.spool = Spool(home / "spool", 0)
        self.signals = Signals()
        self.log = SimulatedLog()
        self.session = self.ledger.open_session(camera_opened())
        self.name = f"{self.put(DATA)}.orphan"
        recover(self.ledger, self.spool, "1.0")
        self.orphans = Orphans(self.ledger, self.spool, self.signals)

    def put(self, data: bytes) -> str:
        file = self.spool.begin(len(data))
        file.write(data)
        file.publish()
        return file.name

    def seal(self, data: bytes = DATA) -> ClipId:
        session = self.ledger.open_session(camera_opened())
        return self.ledger.seal_clip(draft_of(session, data, path=b"A.MP4", name=self.put(data)))

    def alarms(self) -> list[str]:
        return [alarm.code for alarm in self.ledger.alarms()]

    def bodies(self, kind: type[Body]) -> list[Body]:
        head = self.ledger.head()
        assert head is not None
        entries = self.ledger.entries(0, 0, head.seq, max_entries=999, max_bytes=10**9)
        found = (decode_record(entry.record).body for entry in entries)
        return [body for body in found if isinstance(body, kind)]


@pytest.fixture
def left(tmp_path: Path) -> Iterator[Left]:
    made = Left(tmp_path)
    yield made
    made.ledger.close()


def test_one_that_is_no_clip_stays_with_its_alarm(left: Left) -> None:
    left.seal(b"another recording")
    assert left.orphans.resolve() == []
    assert left.spool.orphans() == [left.name]
    assert left.alarms() == [orphans.CODE]
    (told,) = left.orphans.listed()
    assert (told["name"], told["size"], told["clips"]) == (left.name, len(DATA), [])


def test_one_whose_recording_was_sealed_again_goes_on_record(left: Left) -> None:
    clip = left.seal()
    (told,) = left.orphans.listed()
    assert told["clips"] == [{"clip": str(clip), "state": "sealed"}]
    assert left.orphans.resolve() == [left.name]
    assert (left.spool.orphans(), left.alarms()) == ([], [])
    cleared = left.bodies(AlarmCleared)[-1]
    assert isinstance(cleared, AlarmCleared)
    assert f"{left.name} is {clip}" in (cleared.reason or "")
    assert len(left.spool.names()) == 1
    recover(left.ledger, left.spool, "1.0")
    assert left.alarms() == []


def test_one_whose_clip_is_damaged_in_the_spool_stays(left: Left) -> None:
    clip = left.seal()
    row = left.ledger.clip(clip.epoch, clip.seq)
    assert row is not None
    assert row.spool_name is not None
    left.spool.path(row.spool_name).write_bytes(b"R" + DATA[1:])
    assert left.orphans.resolve() == []
    left.ledger.mark_lost(clip, "damaged")
    assert left.orphans.resolve() == []
    assert left.spool.orphans() == [left.name]


def test_one_whose_clip_is_released_goes_although_the_spool_has_no_other(left: Left) -> None:
    clip = left.seal()
    left.ledger.record_release(clip, *release(left.ledger, left.log, clip))
    name = left.ledger.spool_dropped(clip)
    assert name is not None
    left.spool.remove(name)
    left.ledger.spool_gone(name)
    assert left.orphans.resolve() == [left.name]


def test_a_cut_between_saying_and_dropping_ends_the_same(
    left: Left, monkeypatch: pytest.MonkeyPatch
) -> None:
    left.seal()

    def cut(_: Spool, name: str) -> None:
        raise SpoolDamaged(name)

    monkeypatch.setattr(Spool, "drop_orphan", cut)
    with pytest.raises(SpoolDamaged):
        left.orphans.resolve()
    assert left.spool.orphans() == [left.name]
    monkeypatch.undo()
    recover(left.ledger, left.spool, "1.0")
    assert Orphans(left.ledger, left.spool, left.signals).resolve() == [left.name]
    assert left.alarms() == []


async def test_who_saw_to_them_hears_no_more_of_those_and_they_stay(left: Left) -> None:
    clearing = Clearing(left.ledger, left.spool, left.signals)
    question = {"cmd": "clear-alarm", "code": orphans.CODE, "by": "Li", "reason": "of an old test"}
    assert (await clearing.answer(question))["cleared"]
    recover(left.ledger, left.spool, "1.0")
    assert left.alarms() == []
    assert left.spool.orphans() == [left.name]
    left.put(b"another")
    recover(left.ledger, left.spool, "1.0")
    assert left.alarms() == [orphans.CODE]
    left.seal()
    assert left.orphans.resolve() == [left.name]
    assert len(left.bodies(AlarmRaised)) == 3


@pytest.mark.parametrize("name", ["../x.orphan", "spool-id", "a.orphan", ".orphan"])
def test_nothing_else_is_dropped_by_this_way(left: Left, name: str) -> None:
    with pytest.raises(SpoolDamaged):
        left.spool.drop_orphan(name)


async def test_a_dock_resolves_it_once_the_camera_is_docked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.orphans._PAUSE_S", 0.01)
    bay = Bayside(tmp_path)
    recover(bay.ledger, bay.spool, "1.0")
    (bay.folder / "a.mp4").write_bytes(DATA)
    file = bay.spool.begin(len(DATA))
    file.write(DATA)
    file.publish()
    recover(bay.ledger, bay.spool, "1.0")
    assert [alarm.code for alarm in bay.ledger.alarms()] == [orphans.CODE]
    async with bay.docked() as docking:
        await until(lambda: said(docking) == "copied")
        await Orphans(bay.ledger, bay.spool, bay.signals).run()
    assert bay.ledger.alarms() == []
    assert [row.state for row in bay.ledger.spooled()] == [ClipState.SEALED]
    bay.close()


def test_one_that_cannot_be_read_keeps_no_other(left: Left) -> None:
    left.seal()
    bad, pipe, link = (f"{number:032x}.orphan" for number in range(3))
    (left.spool.root / bad).mkdir()
    os.mkfifo(left.spool.root / pipe)
    (left.spool.root / link).symlink_to("/dev/zero")
    told = {each["name"]: each for each in left.orphans.listed()}
    assert told[left.name]["clips"] != []
    assert told[bad]["sha256"] is None
    assert "Is a directory" in told[bad]["problem"]
    assert left.orphans.resolve() == [left.name]
    assert left.spool.orphans() == [bad, pipe, link]
    assert left.alarms() == [orphans.CODE]
