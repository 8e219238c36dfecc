"""A camera's numbers over several dockings: what is missing is named once, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.profiles import library
from edge.profiles.continuing import MAX_GAPS, Numbered, Run, Went, go_on, numbered
from edge.profiles.schema import NumberingTable

LINE = NumberingTable(scope="card")
RING = NumberingTable(scope="card", highest=9999)


def files(
    *numbers: int, fresh: bool = True, scope: bytes = b"", folder: str = "DCIM/100MEDIA"
) -> list[Numbered]:
    return [Numbered(f"{folder}/{n}.mp4".encode(), scope, n, fresh) for n in numbers]


def told(went: Went) -> list[tuple[int, int, int]]:
    return [(gap.after, gap.before, gap.missing) for gap in went.gaps]


def docked(table: NumberingTable, *dockings: Iterable[Numbered]) -> Went:
    went = Went()
    for found in dockings:
        went = go_on(went.runs, list(found), table)
    return went


def test_a_first_card_has_the_gaps_between_its_own_numbers_and_none_before_them() -> None:
    assert told(docked(RING, files(12, 18, 19, 21))) == [(12, 18, 5), (19, 21, 1)]


def test_numbers_go_on_from_the_docking_before_although_the_card_was_emptied() -> None:
    assert told(docked(RING, files(1, 2, 3), files(4, 5))) == []
    assert told(docked(RING, files(1, 2, 3), files(6, 7))) == [(3, 6, 2)]


def test_what_the_dock_took_and_erased_is_no_gap() -> None:
    kept = files(2, 6, fresh=False)
    assert told(docked(RING, files(1, 2, 3, 4, 5, 6), [*kept, *files(7)])) == []


def test_a_gap_is_named_once_in_the_docking_that_first_saw_it() -> None:
    assert told(docked(RING, files(1, 5), [*files(5, fresh=False), *files(6)])) == []


def test_nothing_new_says_nothing() -> None:
    assert told(docked(RING, files(1, 5), files(1, 5, fresh=False))) == []
    assert told(docked(RING, files(1, 5), [])) == []


def test_numbers_that_begin_again_after_the_highest_are_one_run() -> None:
    went = docked(RING, files(9996, 9997), files(9999, 1, 3))
    assert told(went) == [(9997, 9999, 1), (1, 3, 1)]
    assert not went.anew
    (run,) = went.runs
    assert run.last == 3


def test_a_second_round_is_not_hidden_by_the_first() -> None:
    rounds = [files(*range(start, start + 1000)) for start in range(1, 9000, 1000)]
    went = docked(RING, *rounds, files(*range(9001, 10000)), files(1, 2), files(5))
    assert told(went) == [(2, 5, 2)]


def test_a_wrap_on_a_first_card_is_told_from_a_gap() -> None:
    assert told(docked(RING, files(9998, 9999, 1, 2))) == []
    assert told(docked(RING, files(9998, 2))) == [(9998, 2, 2)]


@pytest.mark.parametrize("table", [LINE, RING])
def test_a_counter_that_was_reset_is_said_and_makes_no_gap(table: NumberingTable) -> None:
    left = files(5999, 6000, fresh=False)
    went = docked(table, files(*range(5900, 6001)), [*left, *files(1, 2, 4)])
    assert told(went) == [(2, 4, 1)]
    assert went.anew == "number 1 is new although 6000 was reached"
    again = go_on(went.runs, [*left, *files(1, 2, 4, fresh=False), *files(5, 7)], table)
    assert told(again) == [(5, 7, 1)]
    assert not again.anew


def test_a_number_used_twice_means_that_numbering_began_anew() -> None:
    assert docked(RING, files(1, 2, 3), files(2)).anew == "number 2 is new although 3 was reached"


def test_a_late_file_that_fills_a_gap_is_no_new_beginning() -> None:
    went = docked(RING, files(1, 2, 5), files(4))
    assert not went.anew
    assert told(went) == [(2, 4, 1)]


def test_pieces_of_the_newest_recording_share_its_number() -> None:
    went = docked(RING, files(7), files(7))
    assert (told(went), went.anew) == ([], "")


def test_runs_of_several_folders_days_or_users_are_apart() -> None:
    went = docked(
        LINE,
        [*files(1, 2, scope=b"a"), *files(7, scope=b"b")],
        [*files(4, scope=b"a", folder="a"), *files(8, scope=b"b")],
    )
    assert [(gap.path, gap.after, gap.before) for gap in went.gaps] == [("a", 2, 4)]


def test_cameras_that_do_not_count_have_no_gaps() -> None:
    assert go_on((Run(last=3),), [], None) == Went(runs=(Run(last=3),))


def test_a_number_beyond_the_highest_says_that_there_is_no_ring() -> None:
    assert told(docked(RING, files(9998, 9999, 10001))) == [(9999, 10001, 1)]


def test_gaps_that_fit_no_record_are_summed_up() -> None:
    went = docked(LINE, files(*range(0, 2 * (MAX_GAPS + 50), 2)))
    assert len(went.gaps) == MAX_GAPS
    assert sum(gap.missing for gap in went.gaps) == MAX_GAPS + 49
    assert went.gaps[-1].before == 2 * (MAX_GAPS + 49)
    long = docked(LINE, files(*range(0, 400, 2), folder="d" * 4000))
    assert sum(gap.missing for gap in long.gaps) == 199
    assert sum(len(gap.model_dump_json()) for gap in long.gaps) < 40_000


def test_a_gap_is_named_by_its_folder_even_if_that_is_the_root_or_no_text() -> None:
    root = [Numbered(b"1.mp4", b"", 1, fresh=True), Numbered(b"3.mp4", b"", 3, fresh=True)]
    assert [gap.path for gap in go_on((), root, LINE).gaps] == ["."]
    raw = [Numbered(b"\xff/%d.mp4" % n, b"", n, fresh=True) for n in (1, 3)]
    assert [gap.path_bytes() for gap in go_on((), raw, LINE).gaps] == [b"\xff"]


def test_chapters_and_views_share_their_number() -> None:
    gopro = library.shipped()["gopro"]
    names = [
        b"DCIM/100GOPRO/" + name for name in (b"GX010007.MP4", b"GX020007.MP4", b"GX010009.MP4")
    ]
    found = numbered((name, gopro.read_name(name), True) for name in names)
    assert told(go_on((), found, gopro.numbering)) == [(7, 9, 1)]


@given(st.lists(st.sets(st.integers(1, 60), max_size=8), max_size=6))
def test_whatever_a_camera_counts_no_gap_holds_a_number_that_was_seen_since_it_began(
    dockings: list[set[int]],
) -> None:
    runs: tuple[Run, ...] = ()
    seen: set[int] = set()
    for numbers in dockings:
        went = go_on(runs, files(*sorted(numbers)), LINE)
        seen = set(numbers) if went.anew else seen | numbers
        runs = went.runs
        for gap in went.gaps:
            inside = set(range(gap.after + 1, gap.before))
            assert gap.before in numbers
            assert gap.missing == len(inside)
            assert not inside & seen
