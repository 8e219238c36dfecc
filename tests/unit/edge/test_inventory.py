"""What stands on an inventory, and when a file counts as settled."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.cameras.base import Card
from edge.inventory import Found, Settler, inventory_row, is_marked, rubbish, scan
from edge.recordings import PAGE_BYTES, paged
from protocols.kinds import Disposition


def found(path: bytes = b"a", size: int = 1, mtime_ns: int = 1) -> Found:
    return Found(path, Disposition.INGEST, size, mtime_ns)


def test_a_scan_lists_recordings_rubbish_and_refusals_in_order(tmp_path: Path) -> None:
    (tmp_path / "b.mp4").write_bytes(b"xy")
    (tmp_path / "a.mp4").symlink_to("b.mp4")
    (tmp_path / "System Volume Information").mkdir()
    (tmp_path / "System Volume Information" / "x").write_text("x")
    (tmp_path / "._b.mp4").write_text("fork")
    rows = [(each.path, each.disposition.value, each.size) for each in scan(Card(tmp_path))]
    assert rows == [
        (b"._b.mp4", "ignored", None),
        (b"System Volume Information", "ignored", None),
        (b"a.mp4", "refused", None),
        (b"b.mp4", "ingest", 2),
    ]


@pytest.mark.parametrize("name", [b"Thumbs.db", b"DCIM/.DS_Store", b"LOST.DIR", b".Trash-1000"])
def test_rubbish_of_systems_is_known_by_its_name(name: bytes) -> None:
    assert rubbish(name)


@pytest.mark.parametrize("name", [b"a.mp4", b"Thumbs.db.mp4", b"DCIM", b".hidden.mp4", b"\xff"])
def test_everything_else_is_a_recording(name: bytes) -> None:
    assert rubbish(name) is None


def test_marks_are_read_from_names() -> None:
    assert is_marked(b"DCIM/Media/IMP/1.mp4")
    assert is_marked(b"DSJ_36_000000_20260619_100324_SOS_enc.mp4")
    assert not is_marked(b"DCIM/SOSO/IMPORTANT.mp4")


def test_a_file_settles_when_it_stood_still_for_the_time() -> None:
    settler = Settler(2.0)
    assert settler.look(0.0, [found()]) == set()
    assert settler.look(1.9, [found()]) == set()
    assert settler.look(2.0, [found()]) == {b"a"}


def test_any_change_starts_the_time_again() -> None:
    settler = Settler(2.0)
    settler.look(0.0, [found()])
    assert settler.look(2.0, [found(size=2)]) == set()
    assert settler.look(3.9, [found(size=2)]) == set()
    assert settler.look(4.0, [found(size=2)]) == {b"a"}
    assert settler.look(5.0, [found(size=2, mtime_ns=2)]) == set()


def test_a_file_that_was_away_for_one_look_starts_again() -> None:
    settler = Settler(1.0)
    settler.look(0.0, [found()])
    settler.look(1.0, [])
    assert settler.look(2.0, [found()]) == set()


@given(
    st.lists(st.tuples(st.floats(0, 5), st.integers(0, 2)), min_size=1, max_size=30),
    st.floats(0, 3),
)
def test_a_settled_file_was_the_same_in_two_looks_far_enough_apart(
    steps: list[tuple[float, int]], settle_s: float
) -> None:
    settler, now = Settler(settle_s), 0.0
    seen: list[tuple[float, int]] = []
    for pause, size in steps:
        now += pause
        seen.append((now, size))
        settled = settler.look(now, [found(size=size)])
        same = [at for at, each in seen if each == size]
        if settled:
            assert len(same) > 1
            assert now - same[0] >= settle_s
        elif len(seen) > 1 and all(each == size for _, each in seen):
            assert now - seen[0][0] < settle_s


def test_a_name_that_is_no_text_is_listed_without_loss() -> None:
    row = inventory_row(found(b"\xff.mp4"), Disposition.INGEST)
    assert row.path is None
    assert row.path_bytes() == b"\xff.mp4"


@given(st.lists(st.binary(min_size=1, max_size=600), max_size=300))
def test_pages_hold_every_row_in_order_and_fit_a_record(names: list[bytes]) -> None:
    rows = [
        inventory_row(found(name.replace(b"\0", b"x") * 6), Disposition.INGEST) for name in names
    ]
    pages = paged(rows)
    assert [row for page in pages for row in page] == rows
    for page in pages:
        assert sum(len(row.model_dump_json(exclude_none=True)) for row in page) <= PAGE_BYTES


def test_a_page_holds_no_more_than_a_thousand_rows() -> None:
    rows = [inventory_row(found(b"%d" % n), Disposition.INGEST) for n in range(2500)]
    assert [len(page) for page in paged(rows)] == [1000, 1000, 500]
