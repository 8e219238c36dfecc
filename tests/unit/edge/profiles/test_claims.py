"""Dates stay as names have them, with doubts beside; gaps are found in any numbering."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.profiles.claims import start_claim, text_of
from edge.profiles.numbering import MAX_TOLD, Gaps, gaps
from edge.profiles.profile import NameFacts
from edge.profiles.schema import PiecesTable, Role
from edge.profiles.series import Series, series

TODAY = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("found", "text", "doubt"),
    [
        ({"date": b"20260619", "time": b"100324"}, "2026-06-19T10:03:24", ""),
        ({"date": b"2026-06-19"}, "2026-06-19", ""),
        ({"date": b"2026_0619", "time": b"10.03.24"}, "2026-06-19T10:03:24", ""),
        ({"year": b"2026", "month": b"JUN", "day": b"19"}, "2026-06-19", ""),
        ({"date": b"20261341", "time": b"256199"}, "2026-13-41T25:61:99", "in no calendar"),
        ({"date": b"00000000", "time": b"000000"}, "0000-00-00T00:00:00", "in no calendar"),
        ({"date": b"20260229", "time": b"000000"}, "2026-02-29T00:00:00", "in no calendar"),
        ({"date": b"20260619", "time": b"246060"}, "2026-06-19T24:60:60", "no time of day"),
        ({"date": b"19700101", "time": b"000012"}, "1970-01-01T00:00:12", "1970, as clocks"),
        ({"date": b"19800101", "time": b"000000"}, "1980-01-01T00:00:00", "1980-01-01, the first"),
        ({"date": b"19991231", "time": b"235959"}, "1999-12-31T23:59:59", "before there were"),
        ({"date": b"20360207", "time": b"062816"}, "2036-02-07T06:28:16", "network time"),
        ({"date": b"20380119", "time": b"031407"}, "2038-01-19T03:14:07", "Unix time"),
        ({"date": b"20261122", "time": b"000000"}, "2026-11-22T00:00:00", ""),
        ({"date": b"20261123", "time": b"000000"}, "2026-11-23T00:00:00", "lies ahead"),
        ({"epoch": b"1767225600"}, "2026-01-01T00:00:00.000Z", ""),
        ({"epoch_ms": b"1767225600123"}, "2026-01-01T00:00:00.123Z", ""),
        ({"epoch": b"0"}, "1970-01-01T00:00:00.000Z", "1970"),
        ({"epoch": b"9999999999999999"}, "@9999999999999999", "in no calendar"),
    ],
)
def test_a_start_is_said_as_the_name_has_it(found: dict[str, bytes], text: str, doubt: str) -> None:
    claim = start_claim(found, TODAY)
    assert claim is not None
    assert claim.text == text
    assert doubt in claim.doubt
    assert bool(claim.doubt) == bool(doubt)


def test_without_a_clock_nothing_lies_ahead_but_known_ends_of_counting_are_named() -> None:
    assert start_claim({"date": b"20900101"}, None) is not None
    claims = [start_claim({"date": day}, None) for day in (b"20900101", b"20360601")]
    assert [claim and bool(claim.doubt) for claim in claims] == [False, True]
    late = start_claim({"date": b"20360601"}, date(2037, 1, 1))
    assert late is not None
    assert late.doubt == ""


@pytest.mark.parametrize("found", [{}, {"time": b"101112"}, {"date": b"1"}, {"epoch": b"1" * 17}])
def test_no_date_is_no_claim(found: dict[str, bytes]) -> None:
    assert start_claim(found) is None


@given(st.dictionaries(st.sampled_from(["date", "time", "year", "epoch", "month"]), st.binary()))
def test_no_groups_make_it_fail(found: dict[str, bytes]) -> None:
    start_claim(found, TODAY)


@given(st.binary(max_size=400))
def test_text_for_people_is_printable_and_short(raw: bytes) -> None:
    text, _ = text_of(raw)
    assert text.isprintable()
    assert len(text) <= 200


@pytest.mark.parametrize(
    ("numbers", "highest", "expected"),
    [
        ([1, 2, 3], None, Gaps(1, 3)),
        ([7], 9999, Gaps(7, 7)),
        ([1, 5], None, Gaps(1, 5, ((2, 4),), 3)),
        ([3, 1, 6], 9999, Gaps(1, 6, ((2, 2), (4, 5)), 3)),
        ([9998, 9999, 1, 2], 9999, Gaps(9998, 2)),
        ([9997, 9999, 2], 9999, Gaps(9997, 2, ((9998, 9998), (1, 1)), 2)),
        ([9998, 2], 9999, Gaps(9998, 2, ((9999, 9999), (1, 1)), 2)),
        ([1, 2, 6000], 9999, Gaps(1, 6000, ((3, 5999),), 5997)),
        ([9998, 2], None, Gaps(2, 9998, ((3, 9997),), 9995)),
        ([9998, 20_000, 2], 9999, Gaps(2, 20_000, ((3, 9997), (9999, 19_999)), 19_996)),
        ([0, 2], 9999, Gaps(0, 2, ((1, 1),), 1)),
    ],
)
def test_gaps_are_found(numbers: list[int], highest: int | None, expected: Gaps) -> None:
    assert gaps([(number, number) for number in numbers], highest=highest) == expected


def test_a_number_of_two_recordings_is_reused_and_one_of_two_views_is_not() -> None:
    found = gaps([(1, "10:00"), (1, "10:00"), (1, None), (2, "10:05"), (2, "11:00"), (3, None)])
    assert found == Gaps(1, 3, reused=(2,), reused_total=1)


def test_no_numbers_have_no_gaps_and_many_are_told_in_short() -> None:
    assert gaps([]) is None
    found = gaps([(2 * number, 0) for number in range(5000)] + [(n, n) for n in range(0, 9000, 2)])
    assert found is not None
    assert (len(found.missing), found.missing_total) == (MAX_TOLD, 4999)
    assert (len(found.reused), found.reused_total) == (MAX_TOLD, 4499)


@given(st.sets(st.integers(1, 99), min_size=1))
def test_present_and_missing_numbers_make_a_whole_run(numbers: set[int]) -> None:
    found = gaps([(number, number) for number in numbers], highest=99)
    assert found is not None
    length = found.last - found.first + 1 + (99 if found.wrapped else 0)
    assert len(numbers) + found.missing_total == length


def piece(name: str, **facts: object) -> tuple[bytes, NameFacts]:
    return name.encode(), NameFacts(Role.RECORDING, series=b"s", **facts)  # type: ignore[arg-type]


def start(text: str) -> object:
    return start_claim({"date": text[:8].encode(), "time": text[8:].encode()})


def test_chapters_are_ordered_by_number_and_missing_ones_named() -> None:
    how = PiecesTable(by=("number",), how="counted")
    files = [piece("c", order=4), piece("a", order=1), piece("b", order=2)]
    assert series(files, how) == [Series((b"a", b"b", b"c"), (3,))]
    assert series([piece("a", order=1)], how) == []
    assert series([piece("b", order=2)], how) == [Series((b"b",), (1,))]
    assert series(files, None) == []


def test_continuations_follow_what_they_continue() -> None:
    how = PiecesTable(by=("folder",), how="continued")
    files = [
        piece("c", started=start("20240105110000")),
        piece("b", started=start("20240105102000"), continues=True),
        piece("a", started=start("20240105101000")),
        piece("d", started=start("20240105111000"), continues=True),
    ]
    assert series(files, how) == [Series((b"a", b"b")), Series((b"c", b"d"))]


def test_segments_further_apart_than_allowed_are_not_put_together() -> None:
    how = PiecesTable(by=("folder",), how="together", within_s=15)
    files = [
        piece("a", started=start("20240105101000")),
        piece("b", started=start("20240105101010")),
        piece("c", started=start("20240105111010")),
        piece("d", started=start("20249905111010")),
    ]
    assert series(files, how) == [Series((b"a", b"b"))]
    every = series(files, how.model_copy(update={"within_s": None}))
    assert every == [Series((b"a", b"b", b"c", b"d"))]
