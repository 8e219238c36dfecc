"""How long clips are kept: the longest of all that keeps them; what is not known, for ever."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.retention.deciding import CaseKnown, HoldKnown, Known, decide
from gateway.retention.months import add_months, day_over, over_after
from gateway.retention.pack import RulePack

SHANGHAI = ZoneInfo("Asia/Shanghai")
SINCE = datetime(2026, 1, 31, 12, tzinfo=UTC)
CLOSED = datetime(2026, 3, 1, tzinfo=UTC)


def pack(**more: object) -> RulePack:
    return RulePack.model_validate(
        {
            "format": 1,
            "jurisdiction": "市",
            "title": "清单",
            "version": 1,
            "issued": date(2026, 1, 1),
            "floor_months": 6,
            "item": [
                item("scene", 12, tag=["scene"]),
                item("seizure", "same-as-case", tag=["seizure"]),
                item("obstruction", "permanent", tag=["obstruction"]),
                item("marked", 24, marked=True),
                item("long-marked", 36, tag=["scene"], marked=True),
                item("penalty", 18, case_category=["处罚"]),
            ],
            "case": [{"category": "检查", "keep": 60}, {"category": "处罚", "keep": "permanent"}],
        }
        | more
    )


def item(name: str, keep: object, **when: object) -> dict[str, object]:
    what = {"category": "类", "matter": name, "method": "key"}
    return {"id": name, "keep": keep, "when": when, **what}


def case(category: str | None, closed: datetime | None = None, number: str = "1") -> CaseKnown:
    return CaseKnown(number, category, closed)


def months(count: int, since: datetime = SINCE) -> datetime:
    return over_after(since, count, SHANGHAI)


def expires(known: Known, rules: RulePack | None = None) -> datetime | None:
    return decide(known, rules or pack()).expires


# --- months ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "count", "then"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2028, 2, 29), 48, date(2032, 2, 29)),
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2026, 12, 15), 1, date(2027, 1, 15)),
        (date(2026, 11, 30), 13, date(2027, 12, 30)),
        (date(2099, 12, 31), 2, date(2100, 2, 28)),
    ],
)
def test_a_month_ends_on_the_same_day_or_on_the_last(day: date, count: int, then: date) -> None:
    assert add_months(day, count) == then


def test_months_only_ever_go_on_and_never_beyond_one_more() -> None:
    for start, count in itertools.product(range(400), range(1, 25)):
        day = date(2027, 6, 1) + timedelta(days=start)
        then = add_months(day, count)
        assert (then.year * 12 + then.month) - (day.year * 12 + day.month) == count
        assert then.day <= day.day


def test_the_calendar_has_an_end_and_what_is_beyond_it_never_comes() -> None:
    with pytest.raises(OverflowError):
        add_months(date(9999, 1, 1), 12)
    decision = decide(Known(datetime(9990, 1, 1, tzinfo=UTC), tags=frozenset({"scene"})), pack())
    assert decision.expires is not None
    late = decide(Known(datetime(9999, 9, 1, tzinfo=UTC), tags=frozenset({"scene"})), pack())
    assert late.expires is None


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "UTC", "America/Los_Angeles"])
def test_the_day_that_is_told_is_the_last_in_the_rules_zone(zone: str) -> None:
    rules = pack().model_copy(update={"zone": zone})
    decision = decide(Known(SINCE, tags=frozenset({"scene"})), rules)
    last = max(re.findall(r"to the end of (\S+)", " ".join(each.en for each in decision.reasons)))
    assert str(decision.last_day) == last


def test_the_last_day_counts_whole_in_its_zone() -> None:
    # 31 January 23:30 in Shanghai is a day earlier in UTC.
    since = datetime(2026, 1, 31, 15, 30, tzinfo=UTC)
    assert over_after(since, 1, SHANGHAI) == datetime(2026, 2, 28, 16, tzinfo=UTC)
    later = datetime(2026, 1, 31, 16, 30, tzinfo=UTC)
    assert over_after(later, 1, SHANGHAI) == datetime(2026, 3, 1, 16, tzinfo=UTC)


def test_a_midnight_that_comes_twice_is_the_second_and_one_that_never_comes_is_its_moment() -> None:
    # Havana puts clocks back at 01:00, Beirut forward at 00:00.
    havana, beirut = ZoneInfo("America/Havana"), ZoneInfo("Asia/Beirut")
    assert day_over(date(2025, 11, 1), havana) == datetime(2025, 11, 2, 5, tzinfo=UTC)
    assert day_over(date(2025, 3, 29), beirut) == datetime(2025, 3, 29, 22, tzinfo=UTC)


# --- deciding ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "codes"),
    [
        (Known(SINCE), ["unclassified"]),
        (Known(SINCE, marked=True), ["marked-unclassified"]),
        (Known(SINCE, tags=frozenset({"no-such"})), ["unclassified"]),
        (Known(None, tags=frozenset({"scene"})), ["not-stored"]),
        (Known(SINCE, tags=frozenset({"obstruction"})), ["rule:obstruction"]),
        (Known(SINCE, tags=frozenset({"seizure"})), ["rule:seizure"]),
        (Known(SINCE, cases=(case("检查"),)), ["case:1"]),
        (Known(SINCE, cases=(case("处罚", CLOSED),)), ["case:1"]),
        (Known(SINCE, cases=(case(None, CLOSED),)), ["case:1"]),
        (Known(SINCE, tags=frozenset({"scene"}), holds=(HoldKnown("h", "法院", None),)), ["hold"]),
    ],
)
def test_what_is_not_known_or_for_ever_never_ends(known: Known, codes: list[str]) -> None:
    decision = decide(known, pack())
    assert decision.expires is None
    assert [each.code for each in decision.reasons if each.until is None] == codes
    assert not decision.is_over(datetime.max.replace(tzinfo=UTC))
    assert all(each.zh and each.en for each in decision.reasons)


@pytest.mark.parametrize(
    ("known", "then"),
    [
        (Known(SINCE, tags=frozenset({"scene"})), months(12)),
        (Known(SINCE, marked=True, tags=frozenset({"scene"})), months(36)),
        (Known(SINCE, cases=(case("检查", CLOSED),)), months(60, CLOSED)),
        (
            Known(SINCE, tags=frozenset({"seizure"}), cases=(case("检查", CLOSED),)),
            months(60, CLOSED),
        ),
        (
            Known(SINCE, tags=frozenset({"scene"}), exported=SINCE + timedelta(days=900)),
            SINCE + timedelta(days=930),
        ),
    ],
)
def test_the_longest_counts(known: Known, then: datetime) -> None:
    decision = decide(known, pack())
    assert decision.expires == then
    assert decision.is_over(then)
    assert not decision.is_over(then - timedelta(microseconds=1))
    assert decision.keeping(then) == ()


def test_a_shorter_category_given_later_ends_nothing_early() -> None:
    short = pack(item=[item("scene", 12, tag=["scene"]), item("brief", 1, tag=["brief"])])
    assert expires(Known(SINCE, tags=frozenset({"brief"})), short) == months(6)
    assert expires(Known(SINCE, tags=frozenset({"brief", "scene"})), short) == months(12)


def test_without_rules_nothing_ends() -> None:
    decision = decide(Known(SINCE, tags=frozenset({"scene"})), None)
    assert decision.expires is None
    assert [each.code for each in decision.reasons] == ["no-rules"]


def test_whatever_is_added_never_shortens() -> None:
    """Every combination of what can be known: one thing more keeps at least as long."""
    tags = ("scene", "seizure", "obstruction", "no-such")
    cases = (case("检查", CLOSED, "a"), case("检查", None, "b"), case("处罚", CLOSED, "c"))
    hold = HoldKnown("h", "法院", "1")
    far = datetime.max.replace(tzinfo=UTC)
    every = []
    for bits in itertools.product((False, True), repeat=9):
        known = Known(
            SINCE,
            marked=bits[0],
            tags=frozenset(itertools.compress(tags, bits[1:5])),
            cases=tuple(itertools.compress(cases, bits[5:8])),
            holds=(hold,) * bits[8],
        )
        every.append((bits, expires(known) or far, known))
    ends = {bits: end for bits, end, _ in every}
    for bits, end, known in every:
        classified = bool(known.cases) or not known.tags.isdisjoint(tags[:3])
        assert classified or end == far
        assert end >= months(6)
        for place, has in enumerate(bits):
            # To classify what nobody had classified is the one thing that may end it at all.
            if not has and classified:
                more = (*bits[:place], True, *bits[place + 1 :])
                # A case lets "as its case" end by its file; that alone was for ever without one.
                if known.tags >= {"seizure"} and not known.cases and place in {5, 6, 7}:
                    continue
                assert ends[more] >= end, (bits, place)
