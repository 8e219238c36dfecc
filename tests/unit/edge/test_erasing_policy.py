"""What the rules let go from a card, and that no clock lets anything go early."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import config
from edge.config import EraseRule, EraseSection
from edge.erasing_policy import Decision, ErasingPolicy, Facts, Leave, Moment, Rule, When
from edge.errors import ConfigError
from edge.ledger import Ledger
from edge.letting_go import LettingGo
from protocols.clock import ClockReading, ClockSource, utc_text
from protocols.ids import ClipId
from tests.simulators.log import SimulatedLog
from tests.unit.edge.dockside import DOCK, ToldClock, camera_opened, draft_of, open_ledger, release

DAY = 86_400 * 10**9
THEN = 1_780_000_000_000_000_000
PLAIN = Facts("dsj", "unit one")
RIGHT = Moment(THEN, 5_000_000)
ADRIFT = Moment(THEN, None)


def days(count: int, **named: object) -> ErasingPolicy:
    rule = EraseRule.model_validate({"when": "released", "after_days": count, **named})
    return ErasingPolicy(enabled=True, rules=(rule.rule,))


def decide(policy: ErasingPolicy, facts: Facts = PLAIN, moment: Moment = RIGHT) -> Leave:
    return policy.decide(facts, THEN, moment).leave


def test_nothing_goes_by_default() -> None:
    for known, moment in product((None, 0, THEN), (RIGHT, ADRIFT)):
        assert EraseSection().policy.decide(PLAIN, known, moment).leave is Leave.NEVER
    assert not EraseSection().policy.erases
    assert not EraseSection(enabled=False, when=When.RELEASED).policy.erases


def test_enabled_alone_lets_everything_go_once_it_is_released_as_it_always_did() -> None:
    policy = EraseSection(enabled=True).policy
    assert policy.erases
    for known, moment, marked in product((None, THEN), (RIGHT, ADRIFT), (True, False)):
        facts = Facts("generic", None, marked=marked)
        assert policy.decide(facts, known, moment).leave is Leave.NOW


def test_with_rules_what_none_of_them_matches_stays() -> None:
    rules = (EraseRule(profile="dsj", when=When.RELEASED),)
    policy = EraseSection(enabled=True, rules=rules).policy
    assert decide(policy) is Leave.NOW
    assert decide(policy, Facts("generic")) is Leave.NEVER
    said = EraseSection(enabled=True, when=When.RELEASED, rules=rules).policy
    assert decide(said, Facts("generic")) is Leave.NOW


@pytest.mark.parametrize(
    ("named", "matches", "does_not"),
    [
        ({"profile": "dsj"}, Facts("dsj", "x", marked=True), Facts("boblov", "x")),
        ({"unit": "支队一"}, Facts("any", "支队一"), Facts("any", "支队二")),
        ({"unit": "支队一"}, Facts("any", "支队一", marked=True), Facts("any", None)),
        ({"marked": True}, Facts("any", None, marked=True), Facts("any", None)),
        ({"marked": False}, Facts("any", None), Facts("any", None, marked=True)),
        (
            {"profile": "dsj", "unit": "a", "marked": True},
            Facts("dsj", "a", marked=True),
            Facts("dsj", "a"),
        ),
    ],
)
def test_a_rule_is_for_what_it_names(
    named: dict[str, object], matches: Facts, does_not: Facts
) -> None:
    assert decide(days(0, **named), matches) is Leave.NOW
    assert decide(days(0, **named), does_not) is Leave.NEVER


def test_the_first_rule_that_matches_counts() -> None:
    longer = Rule(When.RELEASED, 30, marked=True)
    never = Rule(When.NEVER, unit="unit one")
    rest = Rule(When.RELEASED, profile="dsj")
    marked = Facts("dsj", "unit one", marked=True)
    assert decide(ErasingPolicy(enabled=True, rules=(longer, never, rest)), marked) is Leave.WAIT
    assert decide(ErasingPolicy(enabled=True, rules=(never, longer, rest)), marked) is Leave.NEVER
    assert decide(ErasingPolicy(enabled=True, rules=(rest, never, longer)), marked) is Leave.NOW


def decided(now_ns: int, error_ns: int | None, known_ns: int | None = THEN) -> Decision:
    return days(3, profile="dsj").decide(PLAIN, known_ns, Moment(now_ns, error_ns))


def test_days_are_counted_by_a_synchronised_clock_only() -> None:
    assert decided(THEN + 3 * DAY, 0).leave is Leave.NOW
    assert decided(THEN + 3 * DAY - 1, 0).leave is Leave.WAIT
    # Its error may be all on one side.
    assert decided(THEN + 3 * DAY, 1).leave is Leave.WAIT
    assert decided(THEN + 3 * DAY + 1, 1).leave is Leave.NOW
    early = decided(THEN + DAY, 0)
    assert early.not_before_ns == THEN + 3 * DAY
    assert utc_text(THEN + 3 * DAY) in early.reason


def test_a_clock_that_runs_ahead_unsynchronised_lets_nothing_go() -> None:
    ahead = decided(THEN + 4000 * DAY, None)
    assert ahead.leave is Leave.WAIT
    assert "not synchronised" in ahead.reason


def test_a_clock_that_went_back_lets_nothing_go_and_says_so() -> None:
    back = decided(THEN - 400 * DAY, 0)
    assert back.leave is Leave.WAIT
    assert "went back" in back.reason


def test_a_release_that_no_trusted_clock_knew_lets_nothing_go() -> None:
    unknown = decided(THEN + 4000 * DAY, 0, None)
    assert unknown.leave is Leave.WAIT
    assert unknown.not_before_ns is None
    assert "no synchronised clock" in unknown.reason


whens = st.sampled_from(When)
maybe = st.sampled_from([None, "a", "b"])
rules = st.builds(
    lambda when, days, profile, unit, marked: Rule(
        when, days if when is When.RELEASED else 0, profile, unit, marked
    ),
    *(whens, st.integers(0, 3), maybe, maybe, st.sampled_from([None, True, False])),
)
moments = st.builds(
    Moment, st.integers(THEN - 9 * DAY, THEN + 9 * DAY), st.sampled_from([None, 0, 10**9, DAY])
)


@given(
    policy=st.builds(ErasingPolicy, st.booleans(), rules, st.lists(rules, max_size=4)),
    facts=st.builds(Facts, st.sampled_from("ab"), maybe, st.booleans()),
    known_ns=st.one_of(st.none(), st.integers(THEN - 3 * DAY, THEN)),
    moment=moments,
)
def test_whatever_the_rules_nothing_goes_that_they_do_not_let_go(
    policy: ErasingPolicy, facts: Facts, known_ns: int | None, moment: Moment
) -> None:
    decision = policy.decide(facts, known_ns, moment)
    assert decision.reason
    first = [rule for rule in policy.rules if rule.matches(facts)][:1] or [policy.default]
    if decision.leave is Leave.NOW:
        assert policy.enabled
        assert policy.erases
        assert first[0].when is When.RELEASED
        if first[0].after_days:
            assert known_ns is not None
            assert moment.error_ns is not None
            passed = moment.now_ns - moment.error_ns - known_ns
            assert passed >= first[0].after_days * DAY
    if decision.leave is Leave.NEVER:
        assert not policy.enabled or first[0].when is When.NEVER


def reading(source: ClockSource, error_ms: int | None) -> ClockReading:
    return ClockReading(
        utc=utc_text(THEN), source=source, error_ms=error_ms, boot="b", monotonic_ns=1
    )


def test_only_a_clock_that_something_keeps_right_is_trusted() -> None:
    assert Moment.of(reading(ClockSource.NTP, 7)) == Moment(THEN, 7_000_000)
    for source, error_ms in (
        (ClockSource.NTP, None),
        (ClockSource.RTC, None),
        (ClockSource.RTC, 5),
        (ClockSource.UNSYNCHRONISED, None),
        (ClockSource.UNSYNCHRONISED, 5),
    ):
        assert Moment.of(reading(source, error_ms)) == Moment(THEN, None)


def kept_clip(tmp_path: Path, clock: ToldClock, *, marked: bool = False) -> tuple[Ledger, ClipId]:
    ledger = open_ledger(tmp_path / "ledger.db", clock=clock)
    draft = draft_of(ledger.open_session(camera_opened()), b"footage")
    source = draft.source.model_copy(
        update={"profile": "dsj", "unit": "unit one", "marked": marked}
    )
    clip = ledger.seal_clip(replace(draft, source=source))
    ledger.record_release(clip, *release(ledger, SimulatedLog(), clip))
    return ledger, clip


def test_rules_go_by_what_was_sealed_and_a_mark_may_only_be_added(tmp_path: Path) -> None:
    clock = ToldClock()
    ledger, clip = kept_clip(tmp_path, clock)
    rules = (
        Rule(When.NEVER, marked=True),
        Rule(When.RELEASED, profile="dsj", unit="unit one"),
    )
    asked = LettingGo(ErasingPolicy(enabled=True, rules=rules), ledger, clock)
    assert asked.decide(clip, marked=False).leave is Leave.NOW
    assert asked.decide(clip, marked=True).leave is Leave.NEVER
    assert asked.decide(ClipId(DOCK, 0, 99), marked=False).leave is Leave.NEVER
    ledger.close()


def test_days_run_from_a_release_that_came_while_the_clock_was_right(tmp_path: Path) -> None:
    clock = ToldClock()
    ledger, clip = kept_clip(tmp_path, clock)
    asked = LettingGo(days(2, profile="dsj"), ledger, clock)
    clock.now_ns = THEN + 2 * DAY
    assert asked.decide(clip, marked=False).leave is Leave.WAIT
    clock.now_ns += 2_000_000
    assert asked.decide(clip, marked=False).leave is Leave.NOW
    clock.source = ClockSource.RTC
    assert asked.decide(clip, marked=False).leave is Leave.WAIT
    ledger.close()


def test_days_of_a_release_that_came_with_a_wrong_clock_run_from_the_first_right_one(
    tmp_path: Path,
) -> None:
    clock = ToldClock()
    clock.now_ns, clock.source = 0, ClockSource.UNSYNCHRONISED
    ledger, clip = kept_clip(tmp_path, clock)
    asked = LettingGo(days(2, profile="dsj"), ledger, clock)
    clock.now_ns = THEN + 400 * DAY
    assert "no synchronised" not in asked.decide(clip, marked=False).reason
    assert ledger.release_known(clip) is None
    clock.now_ns, clock.source = THEN, ClockSource.NTP
    first = asked.decide(clip, marked=False)
    assert (first.leave, first.not_before_ns) == (Leave.WAIT, THEN + 2 * DAY + 1_000_000)
    clock.now_ns = THEN + DAY
    assert asked.decide(clip, marked=False).not_before_ns == first.not_before_ns
    clock.now_ns = THEN + 3 * DAY
    assert asked.decide(clip, marked=False).leave is Leave.NOW
    ledger.close()


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ('when = "released"', "say enabled = true"),
        ('enabled = true\nwhen = "sometimes"', "'never' or 'released'"),
        ('enabled = true\nwhen = "never"\nafter_days = 3', "means nothing"),
        ("enabled = true\nafter_days = -1", "greater than or equal to 0"),
        ("enabled = true\nafter_days = 1.5", "valid integer"),
        ('enabled = true\n[[erase.rules]]\nwhen = "released"', "names no profile"),
        ('enabled = true\n[[erase.rules]]\nunit = "a"', "rules.0.when: is missing"),
        (
            'enabled = true\n[[erase.rules]]\nunit = "a"\nwhen = "never"\nafter_days = 1',
            "means nothing",
        ),
    ],
)
def test_rules_that_mean_something_else_than_they_say_are_refused(
    tmp_path: Path, written: str, told: str
) -> None:
    file = tmp_path / "edge.toml"
    file.write_text(f'[dock]\nid = "d"\nkey = "k"\ntrust = "t"\n[erase]\n{written}\n')
    with pytest.raises(ConfigError) as refused:
        config.load(file)
    assert told in str(refused.value)


def test_what_check_config_prints_is_taken_again(tmp_path: Path) -> None:
    file = tmp_path / "edge.toml"
    file.write_text(
        '[dock]\nid = "d"\nkey = "k"\ntrust = "t"\n[erase]\nenabled = true\n'
        '[[erase.rules]]\nmarked = true\nwhen = "released"\nafter_days = 90\n'
    )
    loaded = config.load(file)
    file.write_text(config.describe(loaded))
    assert config.load(file).erase.policy == loaded.erase.policy
    assert loaded.erase.policy.default.when is When.NEVER
