"""How well a clip fits a case: pure, so every reason is tried by itself and with others."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.cases.footage import Footage
from gateway.proposals.scoring import (
    LEAST,
    MOST,
    CaseFacts,
    ClipFacts,
    TimedStage,
    folded,
    score,
)

NOON = datetime(2026, 2, 25, 12, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def footage(start: float, end: float, basis: str = "measured") -> Footage:
    slack = 0 if basis == "measured" else 14 * 60
    likely = at(start), at(end)
    return Footage("x", (at(start - slack), at(end + slack)), likely, None, basis)


CASE = CaseFacts(
    numbers=frozenset({"014032"}),
    names=frozenset({"王强"}),
    unit="市局/城东",
    stages=(TimedStage("调查取证", (at(0), at(60)), "北京路"),),
    filed=date(2026, 2, 25),
    cameras=frozenset({"T1"}),
    sessions=frozenset({"dock7.0.1"}),
)
BARE = ClipFacts(footage(10, 20))
WHOLE = ClipFacts(
    footage(10, 20),
    officers=frozenset({"014032"}),
    units=frozenset({"市局/城东"}),
    camera="T1",
    session="dock7.0.1",
    place="北京 路",
)


def codes(case: CaseFacts, clip: ClipFacts) -> dict[str, int]:
    return {each.code: each.points for each in score(case, clip, ZONE).reasons}


def test_what_a_reason_names_stands_beside_its_words() -> None:
    """Pages say it in their own language, and lose nothing of it."""
    named = {each.code: each.about for each in score(CASE, WHOLE, ZONE).reasons}
    assert named == {
        "officer-number": "014032",
        "in-stage": "调查取证",
        "same-docking": None,
        "same-unit": None,
        "same-place": "北京路",
    }


def test_everything_together_is_at_most_the_most_and_says_why() -> None:
    found = score(CASE, WHOLE, ZONE)
    assert (found.points, found.is_proposal) == (MOST, True)
    assert [each.code for each in found.reasons] == [
        *("officer-number", "in-stage", "same-docking", "same-unit", "same-place")
    ]
    assert found.words.startswith("1000 of 1000 points: officer 014032 acts in the case; ")


@pytest.mark.parametrize(
    ("clip", "expected"),
    [
        (BARE, {"in-stage": 350}),
        (replace(BARE, footage=footage(10, 20, "claimed")), {"in-stage-claimed": 300}),
        (replace(BARE, footage=footage(-20, -14)), {"in-stage": 350}),
        (replace(BARE, footage=footage(75, 90)), {"in-stage": 350}),
        (replace(BARE, footage=footage(76, 90)), {}),
        (replace(BARE, footage=footage(300, 310, "claimed")), {"maybe-in-stage": 120}),
        (replace(BARE, officers=frozenset({"王强"})), {"officer-name": 300, "in-stage": 350}),
        (replace(BARE, camera="T1"), {"same-camera": 120, "in-stage": 350}),
        (replace(BARE, units=frozenset({"市局"})), {"near-unit": 40, "in-stage": 350}),
        (replace(BARE, units=frozenset({"市局/城东/一队"})), {"near-unit": 40, "in-stage": 350}),
        (replace(BARE, units=frozenset({"市局/城东二"})), {"in-stage": 350}),
    ],
)
def test_each_reason_gives_its_points(clip: ClipFacts, expected: dict[str, int]) -> None:
    assert codes(CASE, clip) == expected


def test_an_officer_alone_is_no_proposal_nor_one_at_another_time() -> None:
    other = replace(WHOLE, footage=footage(600, 610), session=None)
    assert score(CASE, other, ZONE).points == 0
    untimed = replace(CASE, stages=(), filed=None)
    assert score(untimed, replace(WHOLE, session=None), ZONE).points == 0
    # What came off one card belongs together, whatever its clock says.
    assert codes(CASE, replace(WHOLE, footage=footage(600, 610))).keys() >= {"same-docking"}


def test_the_day_a_case_was_filed_counts_in_its_zone_while_it_has_no_stages() -> None:
    filed = replace(CASE, stages=())
    by = replace(BARE, officers=frozenset({"014032"}))
    assert codes(filed, by) == {"officer-number": 400, "filed-day": 100}
    # 16:30 UTC is the day after in Shanghai.
    assert codes(filed, replace(by, footage=footage(270, 280))) == {}


@pytest.mark.parametrize(
    ("first", "last", "points"),
    [
        (None, 70, 120),
        (None, -16, 0),
        (None, 75 + 3 * 24 * 60, 120),
        (None, 80 + 3 * 24 * 60, 0),
        (None, None, 0),
    ],
)
def test_a_clip_of_unknown_time_may_fit_when_it_was_docked_soon_after(
    first: None, last: float | None, points: int
) -> None:
    docked = Footage("x", (first, None if last is None else at(last)), None, None, "docked")
    found = codes(CASE, ClipFacts(docked))
    assert found == ({"maybe-in-stage": points} if points else {})
    assert score(CASE, ClipFacts(docked), ZONE).points < LEAST


def test_names_are_compared_in_one_form() -> None:
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in "014032")
    assert folded(f" {wide} ") == folded("014 032") == "014032"
    assert folded("\uff21b") == "ab"
