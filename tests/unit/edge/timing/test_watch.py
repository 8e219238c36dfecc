"""The dock knows who keeps its clock, and does not believe one that went backwards."""

from __future__ import annotations

import contextlib
import json
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.clock import DockClock, Floor
from edge.ledger import Ledger
from edge.timing.discipline import Discipline, DisciplineError, chrony, timesyncd
from edge.timing.watch import BEHIND, MEMORY, ClockWatch, asked
from protocols.clock import ClockSource
from tests.unit.edge.dockside import camera_opened, open_ledger

VECTORS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent / "discipline.json").read_text()
)
PARSERS = {"chrony": chrony, "timesyncd": timesyncd}
HOUR_NS = 3600 * 10**9


class Kernel(DockClock):
    """A clock whose kernel says what a test wants, shifted by some nanoseconds."""

    def __init__(self, *, synchronised: bool, max_error_us: int = 0) -> None:
        super().__init__()
        self.synchronised = synchronised
        self.max_error_us = max_error_us
        self.rtc = True

    def _discipline(self) -> tuple[int, int]:
        return (0 if self.synchronised else 0x40), self.max_error_us


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with contextlib.closing(open_ledger(tmp_path / "ledger.db")) as ledger:
        yield ledger


def silent(_command: Sequence[str]) -> str | None:
    return None


def watching(clock: DockClock, ledger: Ledger, text: str | None = None) -> ClockWatch:
    watch = ClockWatch(clock, ledger, lambda command: text if "tracking" in command else None)
    watch.begin()
    return watch


def alarms(ledger: Ledger) -> list[str]:
    return [alarm.code for alarm in ledger.alarms()]


@pytest.mark.parametrize("program", ["chrony", "timesyncd"])
def test_what_the_programs_print_is_read(program: str) -> None:
    for vector in VECTORS[program]:
        found = PARSERS[program](vector["text"])
        told = (found.server, found.stratum, found.synchronised, found.error_ms)
        wanted = tuple(vector[name] for name in ("server", "stratum", "synchronised", "error_ms"))
        assert told == wanted, vector["text"]


@pytest.mark.parametrize("vector", VECTORS["refused"])
def test_what_they_never_print_is_refused(vector: dict[str, str]) -> None:
    with pytest.raises(DisciplineError):
        PARSERS[vector["program"]](vector["text"])


@given(
    st.text(max_size=400), st.sampled_from(["chrony", "timesyncd"]), st.integers(0, 4), st.data()
)
def test_hostile_output_is_refused_or_harmless(
    noise: str, program: str, which: int, data: st.DataObject
) -> None:
    vectors = VECTORS[program]
    text = vectors[which % len(vectors)]["text"]
    at = data.draw(st.integers(0, len(text)))
    for each in (noise, text[:at] + noise + text[at:], text[:at], noise * 200):
        with contextlib.suppress(DisciplineError):
            found = PARSERS[program](each)
            assert isinstance(found, Discipline)
            assert 0 <= found.error_ms <= 10**9


def test_the_bound_holds_the_way_to_the_true_time_too(ledger: Ledger) -> None:
    clock = Kernel(synchronised=True, max_error_us=2_000)
    watch = watching(clock, ledger, VECTORS["chrony"][2]["text"])
    assert clock.read().error_ms == 45
    state = watch.state()
    assert (state["kept_by"], state["server"], state["stratum"]) == ("chrony", "203.0.113.1", 3)
    assert state["rtc"] is True


def test_nothing_on_the_kernels_word_alone_is_widened(ledger: Ledger) -> None:
    clock = Kernel(synchronised=True, max_error_us=2_000)
    assert watching(clock, ledger).state()["kept_by"] is None
    assert clock.read().error_ms == 2
    watching(clock, ledger, "rubbish")
    assert clock.read().error_ms == 2


def test_a_clock_before_the_newest_record_is_not_believed(ledger: Ledger) -> None:
    ledger.remember(
        MEMORY, "floor", json.dumps({"epoch_ns": time.time_ns() + HOUR_NS, "synchronised": True})
    )
    clock = Kernel(synchronised=True)
    watch = watching(clock, ledger)
    reading = clock.read()
    assert (reading.source, reading.error_ms) == (ClockSource.UNSYNCHRONISED, None)
    watch.watch()
    watch.watch()
    assert alarms(ledger) == [BEHIND]
    assert (
        "is 3599 s behind" in ledger.alarms()[0].text
        or "is 3598 s behind" in ledger.alarms()[0].text
    )
    assert 3590 < watch.state()["behind_s"] <= 3600


def test_an_alarm_ends_when_the_clock_is_right_again(ledger: Ledger) -> None:
    clock = Kernel(synchronised=False)
    watch = watching(clock, ledger)
    clock.floor = Floor(time.time_ns() + HOUR_NS, synchronised=False)
    watch.watch()
    assert alarms(ledger) == [BEHIND]
    # A synchronised clock is believed rather than what an unsynchronised one once said.
    clock.synchronised = True
    assert clock.read().source is ClockSource.NTP
    watch.watch()
    assert alarms(ledger) == []
    assert clock.floor is not None
    assert clock.floor.synchronised


def test_whoever_clears_the_alarm_lets_the_floor_down(ledger: Ledger) -> None:
    clock = Kernel(synchronised=True)
    watch = watching(clock, ledger)
    clock.floor = Floor(time.time_ns() + HOUR_NS, synchronised=True)
    watch.watch()
    ledger.clear_alarm(BEHIND)
    watch.watch()
    assert alarms(ledger) == []
    assert clock.read().source is ClockSource.NTP
    # And it stays so after a start.
    again = Kernel(synchronised=True)
    watching(again, ledger)
    assert again.read().source is ClockSource.NTP


def test_the_newest_record_is_the_floor_after_a_start(ledger: Ledger) -> None:
    ledger.open_session(camera_opened())
    clock = Kernel(synchronised=False)
    watching(clock, ledger)
    assert clock.floor is not None
    assert 0 <= time.time_ns() - clock.floor.epoch_ns < 60 * 10**9
    assert not clock.floor.synchronised


def test_a_floor_that_cannot_be_read_is_none(ledger: Ledger) -> None:
    ledger.remember(MEMORY, "floor", '{"epoch_ns": "soon"}')
    clock = Kernel(synchronised=False)
    watching(clock, ledger)
    assert clock.floor is None
    assert clock.read().source is ClockSource.RTC


def test_a_program_that_is_away_fails_or_hangs_says_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge.timing.watch._ASK_S", 0.2)
    assert asked(["/nowhere/chronyc"]) is None
    assert asked(["/bin/false"]) is None
    assert asked(["/bin/sleep", "9"]) is None
    assert asked(["/bin/echo", "x"]) == "x\n"


def test_of_a_program_without_end_little_is_held_and_its_children_hold_nothing_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge.timing.watch._ASK_S", 0.3)
    began = time.monotonic()
    tracemalloc.start()
    try:
        assert asked(["/bin/sh", "-c", "head -c 50000000 /dev/zero"]) is None
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert asked(["/bin/sh", "-c", "sleep 9 & sleep 9"]) is None
    assert asked(["/bin/sh", "-c", "sleep 9 & echo x"]) == "x\n"
    assert time.monotonic() - began < 5
