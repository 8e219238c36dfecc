"""What the program tells the operator, and how it reads its clock."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC
from pathlib import Path

from gateway.clock import GatewayClock
from protocols.clock import ClockReading, ClockSource

ROOT = Path(__file__).parents[3]
SPEAK = """
import logging, structlog
from gateway.logs import configure
configure(json={json})
structlog.get_logger("gateway").info("clip.stored", clip="dock7.0.12", name="执法")
structlog.get_logger("gateway").debug("not.shown")
logging.getLogger("some.library").warning("library says %s", "this")
logging.getLogger("amqtt.broker").info("every packet")
logging.getLogger("amqtt.broker").warning("3 messages not broadcasted")
"""


def spoken(*, as_json: bool) -> list[str]:
    code = SPEAK.replace("{json}", str(as_json))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        encoding="utf-8",
        cwd=ROOT,
        check=True,
    )
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_every_event_is_one_json_line_with_its_fields() -> None:
    lines = [json.loads(line) for line in spoken(as_json=True)]
    assert [line["event"] for line in lines] == ["clip.stored", "library says this"]
    assert (lines[0]["clip"], lines[0]["name"], lines[0]["level"]) == ("dock7.0.12", "执法", "info")
    assert all(line["timestamp"].endswith("Z") for line in lines)


def test_people_get_text() -> None:
    lines = spoken(as_json=False)
    assert len(lines) == 2
    assert "clip.stored" in lines[0]
    assert "clip=dock7.0.12" in lines[0]


def test_a_reading_says_how_good_it_is() -> None:
    clock = GatewayClock()
    first, second = clock.read(), clock.read()
    assert ClockReading.model_validate_json(first.model_dump_json()) == first
    assert (first.source is ClockSource.NTP) == (first.error_ms is not None)
    assert second.monotonic_ns > first.monotonic_ns
    assert second.boot == first.boot != "unknown"


def test_a_statement_is_dated_only_by_a_synchronised_clock() -> None:
    clock = GatewayClock()
    synchronised = clock.read().source is ClockSource.NTP
    assert (clock.synchronised_s() is not None) == synchronised
    assert abs(clock.now().timestamp() - clock.epoch_s()) < 5
    assert clock.now().tzinfo is UTC
