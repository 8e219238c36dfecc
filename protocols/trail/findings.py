"""What the checks of a trail work on: opened statements, and findings as they come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from hashing.ledger import DockLink
from hashing.statement import Statement
from hashing.verdict import Finding, Outcome
from protocols.ids import ClipId, clip_of_urn, dock_urn
from protocols.kinds import Body
from protocols.records import Record


@dataclass(frozen=True, slots=True)
class TrailEvent:
    """One line of the story: a statement that was opened, and its record if given.

    Attributes:
        index: position in the log.
        statement: as it was signed.
        record: None when it was withheld, is not the signed one, or is not understood.
        withheld: whether the document gave no record at all.
    """

    index: int
    statement: Statement
    record: Record | None
    withheld: bool = False

    @property
    def body(self) -> Body | None:
        """What it states, as far as that is known."""
        return self.record.body if self.record else None

    @property
    def name(self) -> str:
        """For findings."""
        return f"entry {self.index}"

    @property
    def link(self) -> DockLink | None:
        """Its place in a dock's ledger, None for the gateway's."""
        chain = self.statement.chain
        return chain if isinstance(chain, DockLink) else None

    @property
    def seals(self) -> ClipId | None:
        """The clip this very statement sealed: its subject names its own position."""
        clip, link = clip_of_urn(self.statement.subject), self.link
        if clip is None or link is None or self.statement.issuer != dock_urn(clip.dock):
            return None
        return clip if (clip.epoch, clip.seq) == (link.epoch, link.seq) else None


def by_subject(events: Iterable[TrailEvent]) -> dict[str, list[TrailEvent]]:
    """Events by the subject of their statement, in their order: a case has thousands of both."""
    found: dict[str, list[TrailEvent]] = {}
    for event in events:
        found.setdefault(event.statement.subject, []).append(event)
    return found


@dataclass(slots=True)
class Findings:
    """Findings in the order in which they were made."""

    items: list[Finding] = field(default_factory=list)

    def add(self, step: int, outcome: Outcome, subject: str, reason: str) -> None:
        """Keep one."""
        self.items.append(Finding(step, outcome, subject, reason))

    def good(self, step: int, subject: str, reason: str) -> None:
        """Keep one that is intact."""
        self.add(step, Outcome.INTACT, subject, reason)
