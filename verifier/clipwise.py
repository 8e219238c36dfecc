"""Each clip by itself: what holds of its own sealing, whatever else was found in the pack.

One bad entry gives its verdict to the whole pack. Here stands which clips it leaves untouched;
the verdict is not changed by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hashing.verdict import Finding, Outcome
from protocols.ids import DockId, dock_urn
from protocols.kinds import DockRevoked
from protocols.pack import layout
from protocols.trail import TrailReport
from protocols.trail.custody import Sealing, sealings
from verifier.pack import Checked

_NAMES = {2: "bytes", 3: "record", 4: "signature", 6: "receipt"}
_SIGNED = 4
_Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ClipWord:
    """What was found of the entry that sealed one clip.

    Attributes:
        clip: its name.
        entry: the position of its sealing in the log.
        found: by step (2 bytes, 3 record, 4 signature, 6 receipt), the worst outcome; None where
            nothing was checked.
        place: of the sealing in its dock's ledger.
        trusted: the last entry that the dock is trusted for; None when it is not revoked here.
    """

    clip: str
    entry: int
    found: dict[int, Outcome | None]
    place: _Place
    trusted: _Place | None

    @property
    def text(self) -> str:
        """One line for a person."""
        good, bad, unsaid = (
            ", ".join(_NAMES[step] for step, found in self.found.items() if wanted(found))
            for wanted in (_holds, _fails, _unsaid)
        )
        parts = [
            f"{good} hold" if good else "",
            f"{bad} not" if bad else "",
            f"{unsaid} not checked" if unsaid else "",
        ]
        return f"{self.clip}: {'; '.join(filter(None, (*parts, self.revocation)))}"

    @property
    def revocation(self) -> str:
        """Where its sealing stands to a revocation of its dock; empty without one."""
        if self.trusted is None:
            return ""
        last = f"{self.trusted[0]}.{self.trusted[1]}"
        if self.place > self.trusted:
            return f"sealed after the last entry before the revocation, {last}"
        # Whoever forged a signature could name any place.
        if not _holds(self.found[_SIGNED]):
            return ""
        return f"sealed before the revocation (trusted up to entry {last})"

    def plain(self) -> dict[str, object]:
        """For programs."""
        before = None if self.trusted is None else self.place <= self.trusted
        return {
            "clip": self.clip,
            "entry": self.entry,
            **{
                name: "unchecked" if (found := self.found[step]) is None else found.value
                for step, name in _NAMES.items()
            },
            "up_to_last_trusted": before,
            "text": self.text,
        }


def clip_words(checked: Checked) -> Iterator[ClipWord]:
    """A word on each clip whose sealing is in the pack, in the order of the trail."""
    if checked.report is None:
        return
    report, findings = checked.report, _by_subject(checked.verdict.findings)
    trusted, sealed = _trusted(report, findings), sealings(checked.report.events)
    for content in report.contents:
        sealing = sealed[str(content.clip)]
        link = sealing.event.link
        if link is not None:
            found = {step: _worst(step, _subjects(sealing), findings) for step in _NAMES}
            last = trusted.get(sealing.event.statement.issuer)
            place = (link.epoch, link.seq)
            yield ClipWord(str(content.clip), sealing.event.index, found, place, last)


def _subjects(sealing: Sealing) -> tuple[str, ...]:
    index = sealing.event.index
    files = (layout.statement, layout.record, layout.receipt, layout.proof)
    return (str(sealing.clip), sealing.event.name, *(file(index) for file in files))


def _by_subject(findings: Iterable[Finding]) -> dict[tuple[int, str], list[Outcome]]:
    found: dict[tuple[int, str], list[Outcome]] = {}
    for each in findings:
        found.setdefault((each.step, each.subject), []).append(each.outcome)
    return found


def _worst(
    step: int, subjects: Iterable[str], findings: dict[tuple[int, str], list[Outcome]]
) -> Outcome | None:
    mine = {each for subject in subjects for each in findings.get((step, subject), ())}
    bad = next((each for each in Outcome if each in mine - {Outcome.INTACT}), None)
    return bad or (Outcome.INTACT if mine else None)


def _trusted(
    report: TrailReport, findings: dict[tuple[int, str], list[Outcome]]
) -> dict[str, _Place]:
    """The last trusted place of each revoked dock, by statements of the gateway that count."""
    last: dict[str, _Place] = {}
    docks = {event.statement.issuer for event in report.events if event.link is not None}
    for event in report.events:
        body, subject = event.body, event.statement.subject
        if not isinstance(body, DockRevoked) or subject != dock_urn(DockId(body.dock)):
            continue
        # A dock revokes nobody, and what it signs has a place in its ledger.
        if event.link is not None or event.statement.issuer in docks:
            continue
        if _worst(_SIGNED, (event.name,), findings) is Outcome.INTACT:
            place = (body.last_epoch, body.last_seq)
            last[subject] = min(place, last.get(subject, place))
    return last


def _holds(found: Outcome | None) -> bool:
    return found is Outcome.INTACT


def _fails(found: Outcome | None) -> bool:
    return found not in {None, Outcome.INTACT}


def _unsaid(found: Outcome | None) -> bool:
    return found is None
