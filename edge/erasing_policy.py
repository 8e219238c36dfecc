"""When a released recording may go from its card: the station's rules, and a clock to trust.

Pure: values in, a decision with its reason out. It erases nothing and loosens nothing; what it
allows still goes through every step of ``erase``. What no rule and no default lets go stays.

Days are counted from the first moment at which the dock knew of the release *and* had a clock
that something keeps right; a clock that nothing keeps right, or that shows a time before that
moment, lets nothing go. So a clock that runs ahead, or was wrong when the release came, can
only make a recording stay longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from protocols.clock import ClockReading, ClockSource, utc_text

_DAY_NS: Final = 86_400 * 10**9
# What two readings of one sound clock may differ by the wrong way round.
_SLACK_NS: Final = 60 * 10**9
_UNKEPT: Final = "the dock's clock is not synchronised, so days cannot be counted"


class When(StrEnum):
    """What a rule says of a recording once it is released."""

    NEVER = "never"
    RELEASED = "released"


class Leave(StrEnum):
    """What the rules say now; only ``NOW`` lets a recording be erased."""

    NOW = "now"
    WAIT = "wait"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules go by, as it was sealed; claims of the card, all of them.

    Attributes:
        profile: how the card was read.
        unit: whose camera it said it was; None when it said nothing.
        marked: whether the officer marked the recording.
    """

    profile: str
    unit: str | None = None
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; what it names has to be so, what is None may be anything."""

    when: When
    after_days: int = 0
    profile: str | None = None
    unit: str | None = None
    marked: bool | None = None

    def matches(self, facts: Facts) -> bool:
        """Whether everything the rule names is so."""
        return (
            self.profile in {None, facts.profile}
            and self.unit in {None, facts.unit}
            and self.marked in {None, facts.marked}
        )

    def __str__(self) -> str:
        """As a person reads it, without what it lets happen."""
        named = (
            *([f"profile {self.profile}"] if self.profile is not None else []),
            *([f"unit {self.unit}"] if self.unit is not None else []),
            *([] if self.marked is None else ["marked" if self.marked else "not marked"]),
        )
        return ", ".join(named) or "no rule matches"


@dataclass(frozen=True, slots=True)
class Moment:
    """A look at the dock's clock.

    Attributes:
        now_ns: nanoseconds since 1970, as it says.
        error_ns: how far off the system says it may be; None when nothing keeps it right,
            which no day is counted by.
    """

    now_ns: int
    error_ns: int | None

    @classmethod
    def of(cls, reading: ClockReading) -> Moment:
        """From a reading; one that states no error is not to be trusted either."""
        now_ns = int(datetime.fromisoformat(reading.utc).timestamp() * 1000) * 1_000_000
        kept = reading.source is ClockSource.NTP and reading.error_ms is not None
        return cls(now_ns, (reading.error_ms or 0) * 1_000_000 if kept else None)

    @property
    def latest_ns(self) -> int | None:
        """The latest it can be; None for a clock that is not trusted."""
        return None if self.error_ns is None else self.now_ns + self.error_ns


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rules say of one recording, and why in a person's words.

    Attributes:
        not_before_ns: when it may go, where that is known.
    """

    leave: Leave
    reason: str
    not_before_ns: int | None = None


@dataclass(frozen=True, slots=True)
class ErasingPolicy:
    """The station's rules: the first that matches counts, else the default.

    Attributes:
        enabled: whether anything is erased at all.
        default: for what no rule matches.
    """

    enabled: bool = False
    default: Rule = Rule(When.NEVER)
    rules: Sequence[Rule] = ()

    @property
    def erases(self) -> bool:
        """Whether there is any recording it could let go."""
        return self.enabled and any(
            rule.when is When.RELEASED for rule in (*self.rules, self.default)
        )

    def decide(self, facts: Facts, known_ns: int | None, moment: Moment) -> Decision:
        """Whether a released recording may go from its card.

        Args:
            facts: of the recording.
            known_ns: the latest that it can have been when the dock, with a trusted clock,
                first knew of its release; None when it never did.
            moment: now.
        """
        if not self.enabled:
            return Decision(Leave.NEVER, "this dock erases nothing")
        rule = next((each for each in self.rules if each.matches(facts)), self.default)
        if rule.when is When.NEVER:
            return Decision(Leave.NEVER, f"stays on the card ({rule})")
        if rule.after_days == 0:
            return Decision(Leave.NOW, f"goes once it is released ({rule})")
        return _counted(rule, known_ns, moment)


def _counted(rule: Rule, known_ns: int | None, moment: Moment) -> Decision:
    """A rule with days; the clock has to be right now, and to have been when they began."""
    days = f"goes {rule.after_days} days after its release ({rule})"
    due_ns = None if known_ns is None else known_ns + rule.after_days * _DAY_NS
    if moment.error_ns is None:
        return Decision(Leave.WAIT, f"{days}; {_UNKEPT}", due_ns)
    if known_ns is None or due_ns is None:
        reason = f"{days}; the dock had no synchronised clock when the release came"
        return Decision(Leave.WAIT, reason)
    if moment.now_ns + moment.error_ns + _SLACK_NS < known_ns:
        reason = f"{days}; the dock's clock went back to before the release"
        return Decision(Leave.WAIT, reason, due_ns)
    if moment.now_ns - moment.error_ns < due_ns:
        return Decision(Leave.WAIT, f"{days}, not before {utc_text(due_ns)}", due_ns)
    return Decision(Leave.NOW, days, due_ns)
