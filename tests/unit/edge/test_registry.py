"""The operator's list of cameras: who is taken, who is refused, what a broken list does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.errors import ConfigError
from edge.registry import Registry, Unknown

LIST = """
[[camera]]
serial = "A1"
unit = "3rd squad"
officer = "016042"

[[camera]]
serial = "A2"
volume = "6F2A-11C0"
state = "lost"
note = "stolen in May"

[[camera]]
volume = "OLD"
state = "retired"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    at = tmp_path / "cameras.toml"
    at.write_text(LIST)
    return at


def write(path: Path, text: str) -> None:
    path.write_text(text)
    # Two changes within one tick of a coarse clock.
    os.utime(path, ns=(0, path.stat().st_mtime_ns + len(text)))


def test_without_a_list_every_camera_is_taken_and_nothing_is_said() -> None:
    standing = Registry().standing("A1", "V")
    assert (standing.registered, standing.refused, standing.alarm) == (None, "", None)
    assert Registry().refresh() is None


def test_a_listed_camera_says_whose_it_is(path: Path) -> None:
    standing = Registry(path).standing("A1", "V")
    assert (standing.registered, standing.unit, standing.officer) == (
        "in-use",
        "3rd squad",
        "016042",
    )
    assert (standing.refused, standing.alarm) == ("", None)


@pytest.mark.parametrize(
    ("serial", "volume"), [("A2", "V"), (None, "6F2A-11C0"), ("A1", "6F2A-11C0")]
)
def test_a_lost_camera_is_refused_by_whichever_name_it_has(
    path: Path, serial: str | None, volume: str
) -> None:
    standing = Registry(path).standing(serial, volume)
    assert standing.registered == "lost"
    assert "reported lost (stolen in May)" in standing.refused
    assert standing.alarm is not None
    code, text = standing.alarm
    assert code == "camera-lost"
    assert "Nothing on it was copied or erased" in text


def test_a_retired_camera_is_taken_with_an_alarm(path: Path) -> None:
    standing = Registry(path).standing(None, "OLD")
    assert (standing.registered, standing.refused) == ("retired", "")
    assert standing.alarm is not None
    assert standing.alarm[0] == "camera-retired"


@pytest.mark.parametrize(
    ("unknown", "refused", "alarm"),
    [("accept", False, False), ("alarm", False, True), ("refuse", True, True)],
)
def test_an_unknown_camera_is_treated_as_the_operator_says(
    path: Path, unknown: Unknown, *, refused: bool, alarm: bool
) -> None:
    standing = Registry(path, unknown).standing("B9", "X")
    assert standing.registered == "unknown"
    assert (bool(standing.refused), standing.alarm is not None) == (refused, alarm)


def test_no_serial_is_not_the_serial_of_those_that_have_none(path: Path) -> None:
    assert Registry(path).standing(None, "V").registered == "unknown"


def test_a_list_is_read_again_when_it_changed(path: Path) -> None:
    registry = Registry(path)
    write(path, LIST.replace('state = "lost"', 'state = "in-use"'))
    assert registry.standing("A2", "V").refused
    assert registry.refresh() is None
    assert registry.standing("A2", "V").registered == "in-use"


@pytest.mark.parametrize("text", ["[[camera]]", "[[camera", '[[camera]]\nserial = "A1"\nx = 1', ""])
def test_a_broken_list_leaves_the_last_good_one_in_force(path: Path, text: str) -> None:
    registry = Registry(path)
    if text:
        write(path, text)
    else:
        path.unlink()
    problem = registry.refresh()
    assert problem is not None
    assert "stays in force" in problem
    assert registry.standing("A2", "V").registered == "lost"
    assert registry.refresh() is not None
    write(path, LIST)
    assert registry.refresh() is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[camera]]\nunit = 'x'", "serial or a volume"),
        ("[[camera]]\nserial = 'A'\n[[camera]]\nserial = 'A'", "2 cameras have the serial A"),
        ("[[camera]]\nserial = 'A'\nstat = 'lost'", "stat"),
        ("[[camera]]\nserial = 'A'\nstate = 'gone'", "state"),
        ("camera = 7", "camera"),
        ("\xff", "TOML"),
        ("#" * (5 << 20), "more than"),
    ],
)
def test_a_list_that_says_something_wrong_is_refused_with_the_reason(
    tmp_path: Path, text: str, says: str
) -> None:
    path = tmp_path / "cameras.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=says):
        Registry(path)


def test_a_list_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        Registry(tmp_path / "none.toml")
