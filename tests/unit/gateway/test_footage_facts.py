"""What the page of a clip says of clocks and marks."""

from __future__ import annotations

import pytest

from gateway.evidence.models import Clip
from gateway.web.footage import Mark, _rate, marks, span_text, stood


@pytest.mark.parametrize(
    ("ms", "zh", "en"),
    [
        (0, "0秒", "0 s"),
        (1, "1秒", "1 s"),
        (304_000, "5分 4秒", "5 min 4 s"),
        (86_400_000 * 3 + 3_600_000, "3天 1小时", "3 d 1 h"),
    ],
)
def test_lengths_of_time_are_said_as_people_say_them(ms: int, zh: str, en: str) -> None:
    assert (span_text(ms, "zh"), span_text(ms, "en")) == (zh, en)


@pytest.mark.parametrize(
    ("clock", "name"),
    [
        ({}, "times-unmeasured"),
        ({"offset_ms": 5000}, "times-fast"),
        ({"offset_ms": -5000, "offset_error_ms": 40}, "times-slow"),
        ({"offset_ms": 999, "offset_error_ms": 40}, "times-exact"),
        ({"offset_ms": "5"}, "times-unmeasured"),
    ],
)
def test_a_clock_that_nobody_measured_is_not_called_right(clock: object, name: str) -> None:
    assert stood(Clip(camera_clock=clock), "en").name == name


@pytest.mark.parametrize(
    ("text", "rate"),
    [("25", 25.0), ("30000/1001", 30000 / 1001), ("0/0", None), ("x", None), ("nan", None)],
)
def test_only_a_rate_that_cameras_have_counts(text: str, rate: float | None) -> None:
    assert _rate(text) == rate


def test_marks_are_what_camera_dock_and_probe_said() -> None:
    row = Clip(
        marked=True,
        tagged_case="17",
        tagged_category=None,
        media={"warnings": ["it ends early"]},
        camera_clock={"doubts": ["clock-unset: 1970"]},
    )
    assert [each.name for each in marks(row)] == [
        *("mark.important", "mark.tag", "mark.warning", "mark.doubt")
    ]
    assert marks(row)[1] == Mark("mark.tag", "17")
