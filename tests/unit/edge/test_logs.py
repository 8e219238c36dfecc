"""Log lines are named events with fields, for people or for collectors."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest
import structlog

from edge import logs


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_json_lines_carry_event_level_time_and_fields(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(json=True)
    structlog.get_logger().info("clip.sealed", clip="dock7.0.1", bytes=7)
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["level"], line["clip"]) == ("clip.sealed", "info", "dock7.0.1")
    assert "timestamp" in line


@pytest.mark.parametrize("as_json", [True, False])
def test_failures_are_told_with_their_cause(
    capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    logs.configure(json=as_json)
    try:
        os.close(-1)
    except OSError:
        structlog.get_logger().exception("spool.failed")
    assert "Bad file descriptor" in capsys.readouterr().err


def test_quieter_levels_say_less(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(level="warning")
    structlog.get_logger().info("clip.sealed")
    assert capsys.readouterr().err == ""


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown log level"):
        logs.configure(level="loud")
