"""A case on a line of time: bounds of clips, stages, and what nothing bounds."""

from __future__ import annotations

from gateway.evidence.models import Clip
from gateway.web.timeline import MOST, WIDTH, drawn, moment, stages_of


def clip(seq: int, **interval: str) -> Clip:
    return Clip(
        dock="dock7",
        epoch=0,
        seq=seq,
        name=f"REC{seq}",
        media={"duration_ms": 60_000},
        camera_clock={"interval": interval} if interval else {},
        corrected_started=None,
    )


def at(hour: int) -> str:
    return f"2026-06-19T{hour:02d}:00:00Z"


def test_stages_and_clips_lie_on_one_scale() -> None:
    said = {"stages": [{"name": "检查", "start": "2026-06-19T08:00:00+08:00", "end": at(4)}]}
    made = drawn(stages_of(said), [clip(2, earliest=at(3), latest=at(8)), clip(3)])
    assert made is not None
    stage, bar = made.bars
    assert (stage.kind, bar.kind, bar.clip) == ("stage", "clip", "dock7.0.2")
    assert stage.x < bar.x < stage.x + stage.width < bar.x + bar.width <= WIDTH
    assert made.unplaced == ["REC3"]


def test_a_stage_that_goes_on_is_drawn_to_the_edge() -> None:
    said = {"stages": [{"name": "送达", "start": at(1)}]}
    made = drawn(stages_of(said), [clip(2, earliest=at(3), latest=at(8))])
    assert made is not None
    stage, bar = made.bars
    assert stage.x + stage.width == bar.x + bar.width
    assert stage.title.endswith("… UTC")


def test_what_was_put_right_counts() -> None:
    row = clip(2, earliest=at(3), latest=at(8))
    row.corrected_started = at(5)
    made = drawn([], [row])
    assert made is not None
    assert "05:00 – 2026-06-19 05:01" in made.bars[0].title


def test_nothing_is_drawn_of_nothing_and_not_everything_of_much() -> None:
    assert drawn([], [clip(1)]) is None
    made = drawn([], [clip(n, earliest=at(3), latest=at(8)) for n in range(MOST + 5)])
    assert made is not None
    assert (len(made.bars), made.left) == (MOST, 5)


def test_only_a_moment_with_a_zone_is_one() -> None:
    assert moment("2026-06-19T08:00:00") is None
    assert moment("nonsense") is None
    assert moment(None) is None
    assert moment("0001-01-01T00:00:00+14:00") is None
