"""Which clips a rule proposes as the chapters of one recording."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.recordings.chapters import (
    TOLERANCE_MS,
    Chapter,
    gap_ms,
    numbered,
    proposal_of,
    propose,
)
from protocols.ids import ClipId

NOON = datetime.fromisoformat("2026-02-25T12:00:00")
MINUTE_MS = 60_000


def chapter(
    seq: int,
    name: str,
    start_ms: int | None = 0,
    *,
    ms: int | None = MINUTE_MS,
    session: str = "dock7.0.1",
    camera: str | None = "A1",
) -> Chapter:
    started = None if start_ms is None else NOON + timedelta(milliseconds=start_ms)
    return Chapter(ClipId.parse(f"dock7.0.{seq}"), session, camera, name, started, ms)


def run(*gaps: int, first: int = 1) -> list[Chapter]:
    """Chapters one minute long, with these gaps between them."""
    found, at = [chapter(2, f"REC_{first:04d}.MP4")], 0
    for number, gap in enumerate(gaps, start=1):
        at += MINUTE_MS + gap
        found.append(chapter(2 + number, f"REC_{first + number:04d}.MP4", at))
    return found


def names(found: list[list[Chapter]]) -> list[list[str]]:
    return [[each.name for each in recording] for recording in found]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("REC_0001.MP4", "REC_0002.mp4"),
        ("0009.MOV", "0010.MOV"),
        ("DSJ_20260225120000_0007.MP4", "DSJ_20260225120100_0008.MP4"),
        ("2026-02-25 12-00-00 12.AVI", "2026-02-25 12-01-00 13.AVI"),
        ("GH010123.MP4", "GH020123.MP4"),
        ("gx010123.mp4", "GX020123.MP4"),
        ("现场_099.MP4", "现场_100.MP4"),
        ("A1", "A2"),
    ],
)
def test_names_that_follow_each_other(one: str, other: str) -> None:
    first, second = numbered(one), numbered(other)
    assert first is not None
    assert second is not None
    assert first[0] == second[0]
    assert second[1] == first[1] + 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("REC_0001.MP4", "REC_0002.JPG"),
        ("REC_0001.MP4", "IMP_0002.MP4"),
        ("GH010123.MP4", "GH010124.MP4"),
        ("GH010123.MP4", "GX020123.MP4"),
        ("A_1_x.MP4", "A_2_y.MP4"),
        ("A1b2.MP4", "A2.MP4"),
    ],
)
def test_names_of_different_series(one: str, other: str) -> None:
    first, second = numbered(one), numbered(other)
    assert first is None or second is None or first[0] != second[0] or second[1] != first[1] + 1


@pytest.mark.parametrize(
    "name", ["", ".", "video.MP4", "20260225120000.MP4", "\u0663\u0664.MP4", "x\0.MP4"]
)
def test_names_without_a_number(name: str) -> None:
    assert numbered(name) is None


def test_chapters_that_go_on_are_one_recording_in_order() -> None:
    chapters = run(0, 900, -900, TOLERANCE_MS, -TOLERANCE_MS)
    assert propose(reversed(chapters)) == [chapters]
    assert proposal_of(chapters[3].clip, chapters) == chapters
    assert proposal_of(ClipId.parse("dock7.0.99"), chapters) == []


@pytest.mark.parametrize("gap", [TOLERANCE_MS + 1, -TOLERANCE_MS - 1, 3_600_000, -MINUTE_MS])
def test_a_gap_beyond_the_tolerance_parts_two_recordings(gap: int) -> None:
    one, other = run(0, gap, 0)[:2], run(0, gap, 0)[2:]
    assert propose([*other, *one]) == [one, other]
    assert propose([*one, *other], tolerance_ms=abs(gap)) == [[*one, *other]]


def test_a_missing_number_parts_two_recordings() -> None:
    chapters = run(0, 0, 0, 0)
    del chapters[2]
    assert propose(chapters) == [chapters[:2], chapters[2:]]


def test_one_clip_is_no_recording_of_several() -> None:
    assert propose([]) == []
    assert propose([chapter(2, "REC_0001.MP4")]) == []


@pytest.mark.parametrize(
    "other",
    [
        {"session": "dock7.0.9"},
        {"camera": "B2"},
        {"camera": None},
        {"ms": None},
    ],
)
def test_another_docking_or_camera_or_no_length_is_no_next_chapter(
    other: dict[str, str | None],
) -> None:
    first = chapter(2, "REC_0001.MP4", **other)  # type: ignore[arg-type]
    assert propose([first, chapter(3, "REC_0002.MP4", MINUTE_MS)]) == []


def test_a_camera_that_says_nothing_of_itself_has_no_recordings() -> None:
    both = [chapter(2 + at, f"REC_{at}.MP4", at * MINUTE_MS, camera=None) for at in range(2)]
    assert propose(both) == []


def test_a_start_that_nobody_said_is_no_ground() -> None:
    assert propose([chapter(2, "REC_0001.MP4"), chapter(3, "REC_0002.MP4", None)]) == []


def test_a_number_that_two_clips_have_is_nobodys_next_one() -> None:
    chapters = run(0, 0)
    twin = chapter(9, "REC_0002.MP4", MINUTE_MS)
    assert propose([*chapters, twin]) == []


def test_recordings_of_two_cameras_do_not_mix() -> None:
    one = run(0, 0)
    other = [
        chapter(20 + at, f"REC_{1 + at:04d}.MP4", at * MINUTE_MS, camera="B2") for at in range(3)
    ]
    mixed = [each for pair in zip(other, one, strict=True) for each in pair]
    assert propose(mixed) == [one, other]


def test_a_gap_is_told_only_where_both_clocks_can_be_compared() -> None:
    before, after = run(-250)
    assert gap_ms(before, after) == -250
    zoned = Chapter(
        after.clip, after.session, after.camera, after.name,
        datetime.fromisoformat("2026-02-25T12:01:00+08:00"), MINUTE_MS,
    )  # fmt: skip
    assert gap_ms(before, zoned) is None
    assert gap_ms(chapter(2, "a1", None), after) is None
    assert gap_ms(chapter(2, "a1", ms=None), after) is None
    assert gap_ms(chapter(2, "a1", ms=10**18), after) is None
    assert propose([before, zoned]) == []


chapters_ = st.builds(
    chapter,
    st.integers(0, 40),
    st.builds("{}{}{}".format, st.sampled_from(["R_", "GH01", ""]), st.integers(0, 9),
              st.sampled_from([".MP4", ".JPG", ""])),
    st.one_of(st.none(), st.integers(-10, 10).map(lambda at: at * 1000)),
    ms=st.one_of(st.none(), st.integers(0, 3000)),
    session=st.sampled_from(["dock7.0.1", "dock7.0.2"]),
    camera=st.one_of(st.none(), st.sampled_from(["A", "B"])),
)  # fmt: skip


@given(st.lists(chapters_, max_size=12, unique_by=lambda each: each.clip), st.randoms())
def test_whatever_the_clips_a_proposal_holds_the_rule_and_its_order_does_not_matter(
    clips: list[Chapter], order: object
) -> None:
    found = propose(clips)
    shuffled = clips[:]
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert propose(shuffled) == found
    grouped = [each.clip for recording in found for each in recording]
    assert len(grouped) == len(set(grouped))
    for recording in found:
        assert len(recording) > 1
        for before, after in pairwise(recording):
            gap = gap_ms(before, after)
            assert gap is not None
            assert abs(gap) <= TOLERANCE_MS
            assert (before.session, before.camera) == (after.session, after.camera)
            assert (numbered(after.name) or ("", 0))[1] == (numbered(before.name) or ("", 0))[1] + 1


@given(st.text(max_size=40))
def test_no_name_makes_the_rule_stumble(name: str) -> None:
    propose([chapter(2, name), chapter(3, name, MINUTE_MS)])
