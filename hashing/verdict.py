"""Verdicts: what a verification found, step by step, with reasons, and its exit code.

Checks on evidence answer with findings rather than yes or no: altered, incomplete, unsigned and
unknown are different answers for a court. The worst outcome names the verdict; every finding is
kept. This module only collects; the checks live with what they check.
"""

import enum
from dataclasses import dataclass

STEPS: dict[int, str] = {
    1: "the pack is complete",
    2: "the clip's bytes match the digests in its record",
    3: "the record matches its statement",
    4: "the statement is signed by a key enrolled and not revoked at that place of the log",
    5: "the chain is contiguous",
    6: "the receipt proves inclusion in the checkpoint",
    7: "the checkpoint is signed by the log and by enough witnesses",
    8: "timestamps over the checkpoint hold",
    9: "every recording of the session's inventory is accounted for",
    10: "custody events are in order",
}
"""The steps of a verification, in the order they are made and reported."""


class Outcome(enum.StrEnum):
    """What a step can find; after `INTACT`, from the worst to the least."""

    INTACT = "intact"
    ALTERED = "altered"
    INCOMPLETE = "incomplete"
    UNSIGNED = "unsigned"
    UNKNOWN_KEY = "unknown-key"
    REVOKED = "revoked"
    NOT_LOGGED = "not-logged"
    UNWITNESSED = "unwitnessed"
    UNSUPPORTED = "unsupported"

    @property
    def exit_code(self) -> int:
        """Exit code of a program that ends with this outcome."""
        return _EXIT_CODES[self]


_EXIT_CODES = {
    outcome: 9 + place if place else 0  # intact 0, altered 10, ... unsupported 17
    for place, outcome in enumerate(Outcome)
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one step found about one thing.

    Attributes:
        step: 1 to 10, a key of `STEPS`.
        outcome: what was found.
        subject: what it is about: a clip id, a file of the pack, a session.
        reason: one sentence for a person.

    Raises:
        ValueError: there is no such step.
    """

    step: int
    outcome: Outcome
    subject: str
    reason: str

    def __post_init__(self) -> None:
        if self.step not in STEPS:
            raise ValueError(f"verification has no step {self.step}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """All findings of a verification.

    A verdict without findings has checked nothing and counts as intact, so that verdicts can be
    added up from an empty one; whoever reports to a person makes a finding at every step.
    """

    findings: tuple[Finding, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """The worst outcome; `INTACT` when every step is."""
        found = {finding.outcome for finding in self.problems}
        return next((outcome for outcome in Outcome if outcome in found), Outcome.INTACT)

    @property
    def exit_code(self) -> int:
        """Exit code of the worst outcome."""
        return self.outcome.exit_code

    @property
    def problems(self) -> tuple[Finding, ...]:
        """Findings that are not intact."""
        return tuple(f for f in self.findings if f.outcome is not Outcome.INTACT)

    def __add__(self, other: "Verdict") -> "Verdict":
        return Verdict(self.findings + other.findings)
