import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashing.verdict import STEPS, Finding, Outcome, Verdict


def finding(outcome: Outcome, step: int = 1) -> Finding:
    return Finding(step, outcome, "dock7.0.3", "because")


def test_exit_codes_are_fixed() -> None:
    assert {outcome.value: outcome.exit_code for outcome in Outcome} == {
        "intact": 0,
        "altered": 10,
        "incomplete": 11,
        "unsigned": 12,
        "unknown-key": 13,
        "revoked": 14,
        "not-logged": 15,
        "unwitnessed": 16,
        "unsupported": 17,
    }


def test_there_are_ten_steps() -> None:
    assert list(STEPS) == list(range(1, 11))
    with pytest.raises(ValueError, match="no step 11"):
        finding(Outcome.INTACT, 11)


def test_a_verdict_is_intact_only_when_every_finding_is() -> None:
    intact = Verdict((finding(Outcome.INTACT), finding(Outcome.INTACT, 2)))

    assert (intact.outcome, intact.exit_code, intact.problems) == (Outcome.INTACT, 0, ())
    assert Verdict().outcome is Outcome.INTACT


@pytest.mark.parametrize(("worse", "better"), list(itertools.combinations(list(Outcome)[1:], 2)))
def test_the_worst_outcome_names_the_verdict_in_any_order(worse: Outcome, better: Outcome) -> None:
    for outcomes in itertools.permutations((worse, better, Outcome.INTACT)):
        verdict = Verdict(tuple(finding(outcome) for outcome in outcomes))
        assert verdict.outcome is worse
        assert verdict.exit_code == worse.exit_code
        assert len(verdict.problems) == 2


@given(
    st.lists(st.sampled_from(list(Outcome))),
    st.lists(st.sampled_from(list(Outcome))),
)
def test_adding_verdicts_keeps_every_finding(first: list[Outcome], second: list[Outcome]) -> None:
    one = Verdict(tuple(finding(outcome) for outcome in first))
    other = Verdict(tuple(finding(outcome, 7) for outcome in second))

    joined = one + other
    assert joined.findings == one.findings + other.findings
    assert joined.exit_code in {one.exit_code, other.exit_code}
