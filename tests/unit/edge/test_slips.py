"""Slips from a real ledger, over the real socket, and the command that checks them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from edge import slips
from edge.__main__ import main
from edge.clock import DockClock
from edge.errors import LedgerError
from edge.ledger import Ledger
from protocols.ids import SessionId
from protocols.kinds import ClipTagged, InventoryFile, Leftover, SessionNoted
from protocols.slip import Slip
from tests.simulators.log import SimulatedLog
from tests.unit.edge.dockside import SIGNER, camera_opened, draft_of, open_ledger, release


class Kept:
    """A ledger with one docking: two clips sealed, one released, one known from before."""

    def __init__(self, home: Path) -> None:
        self.database = home / "ledger.db"
        self.public = home / "dock.pub.pem"
        self.public.write_text(SIGNER.public.pem())
        self.ledger: Ledger = open_ledger(self.database)
        self.log = SimulatedLog()
        before = self.ledger.open_session(camera_opened())
        known = self.ledger.seal_clip(draft_of(before, b"old", path=b"old.mp4"))
        self.ledger.close_session(before, "removed")
        self.session: SessionId = self.ledger.open_session(camera_opened())
        listed = [
            InventoryFile.model_validate(
                {"path": "old.mp4", "size": 3, "disposition": "known", "clip": str(known)}
            ),
            InventoryFile.model_validate({"path": "a.mp4", "size": 1, "disposition": "ingest"}),
        ]
        self.ledger.add_inventory(self.session, listed, last=True)
        self.first = self.ledger.seal_clip(draft_of(self.session, b"a", path=b"a\x1b.mp4"))
        self.second = self.ledger.seal_clip(draft_of(self.session, b"bb", path=b"b.mp4"))
        proved, message = release(self.ledger, self.log, self.first)
        self.ledger.record_release(self.first, proved, message)

    def slip(self, name: str | None = None) -> slips.Answer:
        return slips.slip(self.ledger, name or str(self.session), DockClock().read())

    def verify(self, text: str, database: Path | None = None) -> int:
        where = ["--db", str(database or self.database), "--public-key", str(self.public)]
        return main(["verify-slip", text, *where])


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def test_a_slip_names_every_clip_and_what_became_of_it(kept: Kept) -> None:
    slip = kept.slip()
    assert [(c["clip"], c["name"], c["state"]) for c in slip["clips"]] == [
        (str(kept.first), "a\\x1b.mp4", "released"),
        (str(kept.second), "b.mp4", "sealed"),
    ]
    (earlier,) = slip["earlier"]
    assert (earlier["name"], earlier["session"]) == ("old.mp4", "dock7.0.0")
    # Only what a power cut interrupted belongs to this docking as well.
    assert earlier["cut"] is False
    assert slip["closed"] is None
    assert slip["opened"]["source"] in {"ntp", "rtc", "unsynchronised"}
    parsed = Slip.parse(slip["text"])
    assert (parsed.session, parsed.count) == (kept.session, 2)
    assert parsed.head_hash.hex() == slip["head"]["hash"]


def test_a_slip_of_a_closed_docking_says_what_was_not_taken_and_what_was_said(kept: Kept) -> None:
    kept.ledger.append(
        SessionNoted(session=str(kept.session), reason="broken"), kept.session.session_urn
    )
    kept.ledger.append(
        ClipTagged(clip=str(kept.second), case_no="案〔2026〕1号"), kept.second.clip_urn
    )
    left = Leftover.model_validate({"path": "c.mp4", "outcome": "unreadable", "reason": "bad"})
    kept.ledger.close_session(kept.session, "removed", [left])
    slip = kept.slip()
    assert slip["ended"] == "removed"
    assert slip["leftovers"] == [{"name": "c.mp4", "outcome": "unreadable", "reason": "bad"}]
    assert [(note["reason"], note["text"]) for note in slip["notes"]] == [("broken", None)]
    # What a record leaves out is still there to be asked for.
    assert slip["camera"] == {"serial": None, "model": None, "name": None}
    assert [clip["case_no"] for clip in slip["clips"]] == [None, "案〔2026〕1号"]


@pytest.mark.parametrize("name", ["dock7.0.99", "dock8.0.0", "../etc", "dock7.0.1"])
def test_what_is_no_docking_of_this_dock_has_no_slip(kept: Kept, name: str) -> None:
    with pytest.raises(LedgerError):
        kept.slip(name)


def test_recent_dockings_are_listed_newest_first(kept: Kept) -> None:
    newest, before = slips.recent(kept.ledger, 5)
    assert (newest["session"], newest["clips"], newest["released"]) == (str(kept.session), 2, 1)
    assert before["closed"] == "removed"
    assert len(slips.recent(kept.ledger, 1)) == 1


def test_a_slip_fits_its_ledger_also_when_that_has_grown(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    text = kept.slip()["text"]
    kept.ledger.seal_clip(draft_of(kept.session, b"later", path=b"c.mp4"))
    kept.ledger.close_session(kept.session, "released")
    assert kept.verify(text) == 0
    assert "the 2 clips" in capsys.readouterr().out


def test_a_ledger_cut_before_the_slip_is_incomplete(kept: Kept, tmp_path: Path) -> None:
    text = kept.slip()["text"]
    kept.ledger.close()
    copy = tmp_path / "copy.db"
    copy.write_bytes(kept.database.read_bytes())
    with sqlite3.connect(copy) as db:
        db.execute("PRAGMA foreign_keys = OFF")
        for table in ("leaves", "clips", "entries"):
            db.execute(f"DELETE FROM {table} WHERE seq >= ?", (kept.second.seq,))  # noqa: S608  # its own names
    db.close()
    assert kept.verify(text, copy) == 11


def test_another_ledger_with_the_same_numbers_is_altered(kept: Kept, tmp_path: Path) -> None:
    home = tmp_path / "other"
    home.mkdir()
    assert Kept(home).verify(kept.slip()["text"]) == 10


def test_a_slip_of_other_clips_than_the_ledger_has_is_altered(kept: Kept) -> None:
    text = kept.slip()["text"]
    assert kept.verify(text[:-1] + ("0" if text[-1] != "0" else "1")) == 10


def test_a_text_that_is_no_slip_is_wrong_usage(kept: Kept) -> None:
    assert kept.verify("EVIDOCK-SLIP:1:") == 2
    assert kept.verify(kept.slip()["text"].replace("DOCK7", "DOCK8")) in {2, 10, 13}
