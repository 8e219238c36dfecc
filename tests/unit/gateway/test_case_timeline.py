"""A case on a line of time: stages with gaps, when clips likely ran, and what nobody can place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.cases.coverage import Stage, StageCoverage, cover
from gateway.cases.footage import Footage
from gateway.web.timeline import MOST, drawn

ZONE = ZoneInfo("Asia/Shanghai")


def at(hour: float) -> datetime:
    return datetime(2026, 6, 19, tzinfo=UTC) + timedelta(hours=hour)


def clip(
    seq: int, start: float | None = None, hours: float = 1, basis: str = "measured"
) -> Footage:
    likely = None if start is None else (at(start), at(start + hours))
    possible = (None, at(20)) if start is None else (at(start - 1), at(start + hours + 1))
    return Footage(f"dock7.0.{seq}", possible, likely, None, basis)


def stage(name: str, start: float, end: float | None, *footage: Footage) -> StageCoverage:
    stages = [Stage(name, at(start), None if end is None else at(end))]
    (found,) = cover(stages, footage, at(12), timedelta(seconds=10))
    return found


def percent(text: str) -> float:
    return float(text.removesuffix("%"))


def test_stages_their_gaps_and_clips_lie_on_one_scale() -> None:
    clips = clip(2, 1, 1), clip(3)
    made = drawn([stage("检查", 0, 4, *clips)], [("REC2", clips[0]), ("REC3", clips[1])], ZONE)
    assert made is not None
    said, shown = made.rows
    assert (said.label, said.clip, said.when) == ("检查", None, "2026-06-19 08:00 – 12:00")
    # The clip of unknown time may fill the gaps, so none is sure.
    assert [(each.kind, each.left, each.width) for each in said.pieces] == [
        ("stage", "0.00%", "100.00%"),
        ("perhaps", "0.00%", "25.00%"),
        ("perhaps", "50.00%", "50.00%"),
    ]
    assert (shown.label, shown.clip) == ("REC2", "dock7.0.2")
    assert [(each.kind, each.left, each.width) for each in shown.pieces] == [
        ("possible", "0.00%", "75.00%"),
        ("likely", "25.00%", "25.00%"),
    ]
    assert made.unplaced == ("REC3",)
    assert [text for _, text in made.ticks] == [*("2026-06-19 08:00", "09:20", "10:40", "12:00")]


def test_a_stage_that_goes_on_is_drawn_to_the_edge_and_a_claim_is_called_one() -> None:
    made = drawn([stage("送达", 1, None)], [("REC2", clip(2, 3, basis="claimed"))], ZONE)
    assert made is not None
    said, shown = made.rows
    assert said.when.endswith("– …")
    assert all(percent(each.left) + percent(each.width) <= 100 for each in said.pieces)
    assert [each.kind for each in shown.pieces] == ["possible", "claimed"]


def test_another_day_is_named_where_it_begins() -> None:
    made = drawn([stage("检查", 0, 24)], [], ZONE)
    assert made is not None
    assert [text for _, text in made.ticks] == [
        *("2026-06-19 08:00", "16:00", "2026-06-20 00:00", "08:00")
    ]


def test_nothing_is_drawn_of_nothing_and_not_everything_of_much() -> None:
    assert drawn([], [("REC", clip(1))], ZONE) is None
    made = drawn([], [(f"REC{n}", clip(n, 3)) for n in range(MOST + 5)], ZONE)
    assert made is not None
    assert (len(made.rows), made.left) == (MOST, 5)
    assert made.rows[0].pieces[1].width == "100.00%"
