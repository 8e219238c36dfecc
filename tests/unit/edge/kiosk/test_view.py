"""What the screen makes of the daemon's words; above all when it says that a camera may go."""

from __future__ import annotations

import ast
import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import words
from edge.kiosk import alarms, amounts, phrases, reasons, view
from tests.simulators.told_daemon import MESSAGES, bay_of, slip_answer, status_of

CLOCK = {"utc": "2026-11-22T03:48:05.123Z", "source": "ntp", "error_ms": 12}


@given(
    phase=st.sampled_from(["safe", "empty", "low", "copied", "attention", "new"]),
    tone=st.sampled_from([None, "ready", "busy", "waiting", "attention", "new"]),
    safe=st.sampled_from([True, False, None, "true", 1, "safe"]),
)
def test_safe_is_what_the_daemon_calls_safe_and_nothing_else(
    phase: str, tone: str | None, safe: object
) -> None:
    message = {"en": "safe; ready", "zh": "可以取走", "safe": safe, "tone": tone}
    status = status_of(bay_of("1", "safe", phase=phase, message=message))
    (tile,) = view.screen(status, 0.0)["tiles"]
    assert (tile["kind"] == "safe") is (safe is True)
    assert (tile["word"] == phrases.TAKE) is (safe is True)


@pytest.mark.parametrize("phase", MESSAGES)
def test_every_state_has_its_look_and_words(phase: str) -> None:
    (tile,) = view.screen(status_of(bay_of("1", phase)), 0.5)["tiles"]
    message = MESSAGES[phase]
    assert tile["said"] == (message.zh, message.en)
    assert tile["state"] == phrases.STATES[message.code]
    assert tile["kind"] in {"safe", "copied", "busy", "looking", "full", "attention"}


def test_every_state_of_the_words_has_a_short_name() -> None:
    tree = ast.parse(inspect.getsource(words))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    made = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "Message"]
    codes = {c.args[0].value for c in made if isinstance(c.args[0], ast.Constant)}
    codes |= {
        keyword.value.value
        for call in calls
        for keyword in call.keywords
        if keyword.arg == "code" and isinstance(keyword.value, ast.Constant)
    }
    assert {"copied", "safe", "attention", "low"} <= codes
    assert codes <= set(phrases.STATES)


def test_a_state_of_a_newer_daemon_is_shown_by_its_own_words() -> None:
    message = {"en": "rewinding", "zh": "倒带", "safe": False}
    tile = view.screen(status_of(bay_of("1", "safe", phase="rewind", message=message)), 0)["tiles"][
        0
    ]
    assert (tile["kind"], tile["word"]) == ("busy", phrases.LEAVE)
    assert tile["state"] == ("倒带", "rewinding")


def test_bays_stand_in_the_docks_order_and_the_empty_ones_are_there() -> None:
    bays = [bay_of("10", "copying"), bay_of("9", "safe"), bay_of("2", "copied")]
    shown = view.screen(status_of(*bays, known_bays=["1", "2", "3"]), 0.0)["tiles"]
    assert [(tile["bay"], tile["kind"]) for tile in shown] == [
        ("1", "free"),
        ("2", "copied"),
        ("3", "free"),
        ("9", "safe"),
        ("10", "busy"),
    ]


def test_a_closed_docking_can_still_be_tagged_while_its_camera_stands_there() -> None:
    recent = [
        {"session": "dock7.0.9", "bay": "1", "volume": "label:CAM01"},
        {"session": "dock7.0.5", "bay": "1", "volume": "label:CAM01"},
        {"session": "dock7.0.4", "bay": "2", "volume": "label:OTHER"},
    ]
    bays = [bay_of("1", "safe", session=None), bay_of("2", "safe", session=None)]
    one, two = view.screen(status_of(*bays, recent=recent), 0.0)["tiles"]
    assert one["session"] == "dock7.0.9"
    # Somebody else's camera stood there last.
    assert two["session"] is None


def test_minutes_are_told_while_copying_and_stored_clips_while_waiting() -> None:
    copying, copied = view.screen(status_of(bay_of("1", "copying"), bay_of("2", "copied")), 0.0)[
        "tiles"
    ]
    assert copying["left"] == ("约7分钟", "~7 min")
    assert copying["amount"] == "8.3 GB / 21.4 GB"
    assert copied["left"] == ("已入库 5/14", "stored 5 of 14")


@pytest.mark.parametrize(
    ("uplink", "clips", "en", "good"),
    [
        ({"connected": True, "gateway_silent_s": 2.0}, 0, "All stored", True),
        ({"connected": True, "gateway_silent_s": 500.0}, 0, "All stored", True),
        ({"connected": True, "gateway_silent_s": 2.0}, 3, "3 clips, 5.0 GB waiting", True),
        ({"connected": True, "gateway_silent_s": 500.0}, 3, "last heard", False),
        ({"connected": False, "gateway_silent_s": 60.0}, 3, "nothing is lost", False),
        ({"connected": False, "gateway_silent_s": None}, 3, "gateway not reached since", False),
        ({"connected": False, "gateway_silent_s": 60.0}, 0, "not reachable", False),
        ({"connected": True, "understood": False, "gateway_silent_s": 1}, 3, "version", False),
    ],
)
def test_the_queue_says_what_waits_and_whether_the_gateway_is_there(
    uplink: dict[str, object], clips: int, en: str, *, good: bool
) -> None:
    status = status_of(
        uplink={"understood": True, **uplink}, queue={"clips": clips, "bytes": 5_000_000_000}
    )
    shown = view.screen(status, 0.0)
    assert en in shown["queue"][1]
    assert shown["queue_good"] is good


def test_an_alarm_is_told_in_plain_words_and_a_new_one_is_not_hidden() -> None:
    alarm = {"code": "clip-lost", "text": "t", "about": None, "raised": CLOCK["utc"]}
    assert view.screen(status_of(alarms=[alarm]), 0)["alarm"][1].startswith(
        "A clip that was copied"
    )
    unknown = view.screen(status_of(alarms=[{**alarm, "code": "new"}]), 0)
    assert (unknown["alarms"], unknown["alarm"]) == (1, alarms.UNKNOWN)
    assert alarms.plain("gateway-receipt") is not None


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1500, "2 kB"),
        (999_999, "1.0 MB"),
        (21_400_000_000, "21.4 GB"),
        (128 * 10**9, "128 GB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert amounts.size(count) == text


@given(st.integers(min_value=0), st.floats(min_value=0, allow_nan=False))
def test_times_that_nobody_can_tell_are_not_told(remaining: int, rate: float) -> None:
    told = amounts.time_left(remaining % 10**15, rate)
    assert told is None or "min" in told[1]


def test_a_clock_says_how_far_it_can_be_believed() -> None:
    assert amounts.trust(CLOCK)[1] == "clock synchronised, error ≤ 12 ms"
    assert "not synchronised" in amounts.trust({"source": "rtc"})[1]
    assert "may be wrong" in amounts.trust({})[1]
    assert amounts.moment("@99999999999") == "@99999999999"
    assert amounts.lasted(7300) == ("2小时", "2 h")


def test_no_letter_turns_the_direction_of_what_follows() -> None:
    assert amounts.tame("evil\u202e4pm.exe") == "evil\ufffd4pm.exe"
    assert amounts.tame("云商执〔2026〕17号") == "云商执〔2026〕17号"


UNREAD = {"device": "sdb1", "port": "1-1.2", "bay": "2", "reason": "x", "code": "no-file-system"}
MTP = {"bay": "3", "code": "mtp", "reason": "it shows itself as MTP"}


def test_a_bay_with_something_that_is_not_read_is_never_shown_as_free() -> None:
    status = status_of(
        bay_of("1", "safe"), known_bays=["1", "2", "3"], unplaced=[UNREAD], usb_refused=[MTP]
    )
    one, two, three = view.screen(status, 0.0)["tiles"]
    assert one["kind"] == "safe"
    assert (two["state"], three["state"]) == (phrases.NOT_READ, phrases.NOT_A_DISK)
    for tile, word in ((two, "file system"), (three, "MTP")):
        assert (tile["kind"], tile["word"]) == ("attention", phrases.CALL)
        assert word in tile["said"][1]
        assert "nothing was copied" in tile["said"][1]


def test_a_disk_in_a_socket_that_is_no_bay_is_counted_with_the_alarms() -> None:
    status = status_of(known_bays=["1"], unplaced=[{**UNREAD, "bay": "", "code": "no-bay"}])
    shown = view.screen(status, 0.0)
    assert [tile["kind"] for tile in shown["tiles"]] == ["free"]
    assert shown["alarms"] == 1
    assert "no bay" in shown["alarm"][1]


def test_what_was_not_taken_and_why_stands_on_a_dockings_page() -> None:
    problem = {"name": "a.mp4", "outcome": "unreadable", "reason": "EIO"}
    slip = {**slip_answer("dock7.0.1"), "leftovers": [problem], "leftovers_total": 40}
    assert view.trouble(None, slip)["total"] == 40
    now = {"problems": [problem], "problems_total": 2, "not_erased": "x", "not_erased_code": "new"}
    bay = bay_of("1", "attention", **now, barred="camera-lost")
    told = view.trouble(status_of(bay), slip)
    assert (told["total"], told["why"]) == (2, reasons.BARRED["camera-lost"])
    assert told["stays"] == reasons.STAYS["refused"]
    assert told["problems"] == [{"name": "a.mp4", "what": reasons.OUTCOMES["unreadable"]}]
    # Closed, and the camera is still there: what the docking left is on record.
    recent = {"session": "dock7.0.1", "bay": "1", "volume": bay["volume"]}
    closed = view.trouble(status_of({**bay, "session": None}, recent=[recent]), slip)
    assert (closed["total"], closed["stays"]) == (40, reasons.STAYS["refused"])
    assert view.trouble(status_of({**bay, "session": "dock7.0.9"}), slip)["stays"] is None
