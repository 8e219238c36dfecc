"""Tags and notes: once each, whole, and not lost with a pulled camera or a power cut."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.errors import LedgerError
from edge.ledger import Ledger, Tag
from protocols.ids import ClipId, EntryId, SessionId
from protocols.kinds import ClipTagged, Disposition, InventoryFile, SessionNoted
from protocols.records import decode_record
from tests.unit.edge.dockside import DOCK, camera_opened, draft_of, open_ledger

CASE = Tag("云商执〔2026〕17号", "inspection", "王警官")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    opened = open_ledger(path)
    yield opened
    opened.close()


@pytest.fixture
def session(ledger: Ledger) -> SessionId:
    return ledger.open_session(camera_opened())


def seal(ledger: Ledger, session: SessionId, name: str, data: bytes = b"x") -> ClipId:
    return ledger.seal_clip(draft_of(session, data, path=name.encode()))


def tags(ledger: Ledger) -> list[ClipTagged]:
    entries = ledger.entries(0, 0, 10_000, max_entries=10_000, max_bytes=1 << 30)
    bodies = (decode_record(entry.record).body for entry in entries)
    return [body for body in bodies if isinstance(body, ClipTagged)]


def listed(ledger: Ledger, session: SessionId, name: str, data: bytes = b"x") -> None:
    source = draft_of(session, data, path=name.encode()).source
    row = InventoryFile(
        path=name, size=len(data), mtime=source.mtime, disposition=Disposition.INGEST
    )
    ledger.add_inventory(session, [row], last=True)


# --- tags ------------------------------------------------------------------------------


def test_a_tag_is_stated_about_the_clip(ledger: Ledger, session: SessionId) -> None:
    clip = seal(ledger, session, "1.MP4")
    assert ledger.tag_clips([clip], CASE) == 1
    (tag,) = tags(ledger)
    assert (tag.clip, tag.case_no, tag.category, tag.officer) == (
        *(str(clip), "云商执〔2026〕17号", "inspection", "王警官"),
    )
    assert ledger.check().entries == 3


def test_the_same_tag_again_adds_nothing(path: Path, ledger: Ledger, session: SessionId) -> None:
    clips = [seal(ledger, session, f"{n}.MP4") for n in range(3)]
    assert ledger.tag_clips([*clips, *clips], CASE) == 3
    assert ledger.tag_session(session, CASE) == 0
    again = open_ledger(path)
    assert again.tag_session(session, CASE) == 0
    assert again.tag_session(session, Tag(category="inspection")) == 0
    again.close()
    assert len(tags(ledger)) == 3


def test_another_case_and_then_the_first_again_are_both_stated(
    ledger: Ledger, session: SessionId
) -> None:
    clip = seal(ledger, session, "1.MP4")
    for case_no in ("A", "B", "A"):
        assert ledger.tag_clips([clip], Tag(case_no)) == 1
    assert [tag.case_no for tag in tags(ledger)] == ["A", "B", "A"]


def test_one_unknown_clip_keeps_all_from_being_tagged(ledger: Ledger, session: SessionId) -> None:
    clip = seal(ledger, session, "1.MP4")
    for stranger in (EntryId(DOCK, 0, 0), EntryId(DOCK, 0, 99), EntryId(DOCK, 2**70, 1)):
        with pytest.raises(LedgerError):
            ledger.tag_clips([clip, stranger], CASE)
    assert tags(ledger) == []


def test_a_session_that_is_none_is_refused(ledger: Ledger, session: SessionId) -> None:
    clip = seal(ledger, session, "1.MP4")
    for stranger in (clip, EntryId(DOCK, 0, 99)):
        with pytest.raises(LedgerError, match="no session of this dock"):
            ledger.tag_session(stranger, CASE)
        with pytest.raises(LedgerError, match="no session of this dock"):
            ledger.note_session(stranger, "battery", None, None)


def test_a_tag_of_a_session_holds_for_what_is_sealed_later(
    path: Path, ledger: Ledger, session: SessionId
) -> None:
    first = seal(ledger, session, "1.MP4")
    assert ledger.tag_session(session, CASE) == 1
    second = seal(ledger, session, "2.MP4")
    # A restart between: what was said is in the ledger's database.
    again = open_ledger(path)
    third = seal(again, session, "3.MP4")
    again.close()
    assert [tag.clip for tag in tags(ledger)] == [str(first), str(second), str(third)]
    ledger.check()


def test_tags_of_two_officers_keep_their_names(ledger: Ledger, session: SessionId) -> None:
    ledger.tag_session(session, Tag("A", officer="王"))
    ledger.tag_session(session, Tag("B", officer="王"))
    ledger.tag_session(session, Tag(category="hearing", officer="李"))
    seal(ledger, session, "1.MP4")
    said = [(tag.case_no, tag.category, tag.officer) for tag in tags(ledger)]
    assert said == [("B", None, "王"), (None, "hearing", "李")]


def test_a_tag_of_another_session_holds_for_nothing(ledger: Ledger, session: SessionId) -> None:
    ledger.tag_session(session, CASE)
    other = ledger.open_session(camera_opened("label:OTHER"))
    seal(ledger, other, "1.MP4")
    assert tags(ledger) == []


@pytest.mark.parametrize("reason", ["power", "removed"])
def test_what_a_cut_session_had_listed_is_tagged_when_it_is_sealed_at_last(
    ledger: Ledger, session: SessionId, reason: str
) -> None:
    for name in ("1.MP4", "2.MP4", "3.MP4"):
        listed(ledger, session, name)
    seal(ledger, session, "1.MP4")
    ledger.tag_session(session, CASE)
    ledger.close_session(session, "power" if reason == "power" else "removed")
    later = ledger.open_session(camera_opened())
    second = seal(ledger, later, "2.MP4")
    # The same name with other bytes is the next shift's, and nobody said anything of it.
    seal(ledger, later, "3.MP4", b"another")
    seal(ledger, later, "4.MP4")
    assert [tag.clip for tag in tags(ledger)][1:] == [str(second)]


def test_a_finished_session_leaves_no_tag_behind(ledger: Ledger, session: SessionId) -> None:
    listed(ledger, session, "1.MP4")
    ledger.tag_session(session, CASE)
    clip = seal(ledger, session, "1.MP4")
    ledger.close_session(session, "daily")
    ledger.close_session(session, "released")
    assert ledger.recall("tag-of-session", str(session)) is None
    assert ledger.recall("tag-of-left", "label:CAM01") is None
    # A closed session can be tagged still, for what it brought.
    assert ledger.tag_session(session, Tag("B")) == 1
    assert ledger.recall("tag-of-session", str(session)) is None
    assert [tag.clip for tag in tags(ledger)] == [str(clip)] * 2


def test_sealing_the_same_file_again_tags_it_once(ledger: Ledger, session: SessionId) -> None:
    ledger.tag_session(session, CASE)
    draft = draft_of(session, b"x")
    assert ledger.seal_clip(draft) == ledger.seal_clip(draft)
    assert len(tags(ledger)) == 1


# --- notes -----------------------------------------------------------------------------


def test_a_note_is_stated_about_the_session_once(ledger: Ledger, session: SessionId) -> None:
    entry = ledger.note_session(session, "battery", "没电了", "王警官")
    assert ledger.note_session(session, "battery", "没电了", "王警官") == entry
    other = ledger.note_session(session, "battery", None, "王警官")
    assert (entry.seq, other.seq) == (1, 2)
    (raw,) = ledger.entries(0, 1, 1)
    body = decode_record(raw.record).body
    assert isinstance(body, SessionNoted)
    assert (body.session, body.reason, body.text) == (str(session), "battery", "没电了")


def test_a_session_may_be_noted_after_it_closed(ledger: Ledger, session: SessionId) -> None:
    ledger.close_session(session, "released")
    assert ledger.note_session(session, "no-act", None, None).seq == 2
    ledger.check()
