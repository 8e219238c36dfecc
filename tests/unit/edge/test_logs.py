"""Log lines are named events with fields, for people or for collectors."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

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


def journal_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, as_json: bool) -> list[str]:
    with (tmp_path / "stream").open("w+") as stream:
        there = os.fstat(stream.fileno())
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setenv("JOURNAL_STREAM", f"{there.st_dev}:{there.st_ino}")
        logs.configure(json=as_json, level="debug")
        log = structlog.get_logger()
        log.debug("a")
        log.info("clip.sealed", clip="dock7.0.1")
        log.warning("b")
        try:
            os.close(-1)
        except OSError:
            log.exception("spool.failed")
    return (tmp_path / "stream").read_text().splitlines()


@pytest.mark.parametrize("as_json", [True, False])
def test_every_line_for_the_journal_begins_with_its_priority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, as_json: bool
) -> None:
    lines = journal_lines(tmp_path, monkeypatch, as_json=as_json)
    assert [line[:3] for line in lines[:3]] == ["<7>", "<6>", "<4>"]
    assert "dock7.0.1" in lines[1]
    # The traceback is as much an error as the line that announces it.
    assert {line[:3] for line in lines[3:]} == {"<3>"}
    assert "Bad file descriptor" in "".join(lines[3:])


def test_another_stream_than_the_journal_gets_no_priorities(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "1:1")
    logs.configure()
    structlog.get_logger().info("clip.sealed")
    assert not capsys.readouterr().err.startswith("<")
