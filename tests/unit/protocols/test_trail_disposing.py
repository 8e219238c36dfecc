"""Step 10 of what is gone: two people's word, under no hold, once; anything else is found."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hashing.ledger import statement_hash
from hashing.verdict import Outcome
from protocols.acceptance import Sealed
from protocols.ids import case_urn, disposal_urn
from protocols.kinds import (
    Body,
    CaseLinked,
    CaseMerged,
    CaseOpened,
    CaseUnlinked,
    ClipDisposed,
    ClipSealed,
    DisposalApproved,
    DisposalProposed,
    DisposalRefused,
    DueClip,
    HoldLifted,
    HoldPlaced,
    RulesNamed,
)
from protocols.records import decode_record
from protocols.trail import TrailAbout, verify_trail
from tests.simulators.dock import SimulatedDock
from tests.simulators.log import SimulatedLog

RULES = RulesNamed(version=1, sha256="0" * 64)
OTHER = "f" * 64


class Story:
    """A clip that was stored, and what a gateway then states about it."""

    def __init__(self) -> None:
        self.log, self.dock = SimulatedLog(), SimulatedDock()
        self.log.enrol(self.dock.id, self.dock.signer)
        (clip,) = self.dock.shift_end({"A.MP4": b"footage"})
        self.clip = str(clip)
        self.urn = clip.clip_urn
        for entry in self.dock.entries:
            self.log.append(entry)
        entry = self.dock.entries[clip.seq]
        body = decode_record(entry.record).body
        assert isinstance(body, ClipSealed)
        self.content = body.content
        self.sealed = Sealed(
            clip,
            body.content.size,
            bytes.fromhex(body.content.sha256),
            bytes.fromhex(body.content.tree.root),
            statement_hash(entry.statement),
        )
        self.store()
        self.proposal = self.approval = 0

    def state(self, body: Body, subject: str | None = None) -> int:
        return self.log.append_own(body, self.urn if subject is None else subject)

    def store(self) -> None:
        self.state(self.log.stored(self.sealed))

    def propose(self, **lies: object) -> None:
        due = DueClip(
            clip=self.clip, size=self.content.size, sha256=self.content.sha256, due="2026"
        )
        body = DisposalProposed(
            disposal="d", clips=(due,), rules=RULES, asker="one", by="Wang <w>", reason="due"
        )
        self.proposal = self.state(body.model_copy(update=lies), disposal_urn("d"))

    def approve(self, **lies: object) -> None:
        said = statement_hash(self.log.entries[self.proposal][0]).hex()
        body = DisposalApproved(
            disposal="d", proposal=said, wait_s=1, asker="two", by="Li <l>", reason="yes"
        )
        self.approval = self.state(body.model_copy(update=lies), disposal_urn("d"))

    def refuse(self) -> None:
        body = DisposalRefused(disposal="d", asker="two", by="Li <l>", reason="no")
        self.state(body, disposal_urn("d"))

    def dispose(self, **lies: object) -> None:
        body = ClipDisposed(
            clip=self.clip,
            disposal="d",
            size=self.content.size,
            sha256=self.content.sha256,
            root=self.content.tree.root,
            rules=RULES,
            why=("floor",),
            proposed=self.proposal,
            approved=self.approval,
        )
        self.state(body.model_copy(update=lies))

    def hold(self, case: str | None = None) -> None:
        about = {"case": case} if case else {"clip": self.clip}
        words = {"hold": "h", "reason": "a", "authority": "court", "by": "b"}
        subject = case_urn(case) if case else None
        self.state(HoldPlaced.model_validate(words | about), subject)

    def lift(self, case: str | None = None) -> None:
        about = {"case": case} if case else {"clip": self.clip}
        subject = case_urn(case) if case else None
        words = {"hold": "h", "reason": "a", "by": "b"}
        self.state(HoldLifted.model_validate(words | about), subject)

    def open(self, case: str) -> None:
        self.state(CaseOpened(case=case, case_no=case, by="b"), case_urn(case))

    def link(self, case: str = "c") -> None:
        words = {"case": case, "case_no": case, "clip": self.clip, "link": f"l-{case}"}
        said = CaseLinked.model_validate(words | {"by": "b", "why": "w", "how": "manual"})
        self.state(said, case_urn(case))

    def unlink(self, case: str = "c") -> None:
        words = {"case": case, "case_no": case, "clip": self.clip, "link": f"l-{case}"}
        self.state(CaseUnlinked.model_validate(words | {"by": "b", "why": "w"}), case_urn(case))

    def merge(self, into: str, merged: str) -> None:
        body = CaseMerged(
            case=into, case_no=into, merged=merged, merged_no=merged, acts=1, by="b", why="w"
        )
        self.state(body, case_urn(into))

    def found(self) -> tuple[list[str], int | None]:
        """Problems of step 10, and where the clip's bytes went."""
        about = TrailAbout(clip=self.clip)
        document = self.log.trail(about, list(range(self.log.size)), (self.clip,))
        report = verify_trail(document, self.log.anchors)
        problems = report.verdict.problems
        assert all((each.step, each.outcome) == (10, Outcome.ALTERED) for each in problems)
        return [each.reason for each in problems], report.contents[0].disposed


def test_what_two_people_decided_is_intact_and_its_bytes_are_not_looked_for() -> None:
    story = Story()
    assert story.found() == ([], None)
    story.propose()
    story.approve()
    story.dispose()
    assert story.found() == ([], story.log.size - 1)


Act = Callable[[Story], None]
WRONG: dict[str, tuple[list[Act], str]] = {
    "nobody proposed": ([Story.dispose], "nobody had proposed"),
    "nobody approved": ([Story.propose, Story.dispose], "nobody had approved"),
    "approved afterwards": (
        [Story.propose, lambda s: s.dispose(approved=s.log.size + 1), Story.approve],
        "nobody had approved",
    ),
    "one account": (
        [Story.propose, lambda s: s.approve(asker="one"), Story.dispose],
        "one person alone",
    ),
    "one name": (
        [Story.propose, lambda s: s.approve(by="Wang <w>"), Story.dispose],
        "one person alone",
    ),
    "nobody's account": (
        [lambda s: s.propose(asker=""), Story.approve, Story.dispose],
        "one person alone",
    ),
    "another list": (
        [
            lambda s: s.propose(clips=(DueClip(clip="dock7.0.9", size=1, sha256=OTHER, due="x"),)),
            Story.approve,
            Story.dispose,
        ],
        "nobody had proposed",
    ),
    "another proposal": (
        [Story.propose, lambda s: s.approve(proposal=OTHER), Story.dispose],
        "another proposal",
    ),
    "refused": (
        [Story.propose, Story.approve, Story.refuse, Story.dispose],
        "had been refused",
    ),
    "other bytes": (
        [Story.propose, Story.approve, lambda s: s.dispose(root=OTHER)],
        "something else than was sealed",
    ),
    "twice": ([Story.propose, Story.approve, Story.dispose, Story.dispose], "once more"),
    "back": ([Story.propose, Story.approve, Story.dispose, Story.store], "brought back"),
    "held": ([Story.hold, Story.propose, Story.approve, Story.dispose], "under the hold"),
    "case held": (
        [
            *(lambda s: s.open("c"), Story.link, lambda s: s.hold("c")),
            *(Story.unlink, Story.propose, Story.approve, Story.dispose),
        ],
        "under the hold",
    ),
    "linked later": (
        [
            *(lambda s: s.open("c"), lambda s: s.hold("c"), Story.link),
            *(Story.propose, Story.approve, Story.dispose),
        ],
        "under the hold",
    ),
    "merged": (
        [
            *(lambda s: s.open("a"), lambda s: s.open("c"), lambda s: s.hold("a")),
            *(lambda s: s.merge("c", "a"), Story.link),
            *(Story.propose, Story.approve, Story.dispose),
        ],
        "under the hold",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_disposal_that_was_not_decided_so_is_altered(name: str) -> None:
    acts, reason = WRONG[name]
    story = Story()
    for act in acts:
        act(story)
    reasons, _ = story.found()
    assert reasons
    assert any(reason in each for each in reasons), reasons


@pytest.mark.parametrize(
    "acts",
    [
        [Story.hold, Story.lift],
        [lambda s: s.open("c"), Story.link, Story.unlink, lambda s: s.hold("c")],
        [lambda s: s.open("c"), Story.link, lambda s: s.hold("c"), lambda s: s.lift("c")],
        [lambda s: s.open("c"), lambda s: s.open("a"), Story.link, lambda s: s.hold("a")],
    ],
)
def test_a_hold_that_is_over_or_about_something_else_stops_nothing(acts: list[Act]) -> None:
    story = Story()
    for act in (*acts, Story.propose, Story.approve, Story.dispose, Story.hold):
        act(story)
    assert story.found()[0] == []
