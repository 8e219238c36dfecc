"""The integrity report: everything a pack proves and does not prove, as plain values.

It is made by whoever exports and is no evidence itself: whatever it says besides who made it when
is made anew from the records by whoever verifies (``told``), and compared. Claims of cameras are
named claims.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from hashing.verdict import STEPS, Outcome, Verdict
from protocols.anchors import Anchors
from protocols.clock import ClockReading
from protocols.kinds import ClipExported, DockEnrolled, DockKeyRotated, DockRevoked, KeyRotated
from protocols.pack import layout
from protocols.pack.clips import at_of, clip_told, clock, events_of_clips, openings_of, plain
from protocols.pack.dockings import dockings_told
from protocols.pack.export import Export
from protocols.pack.outside import Outside
from protocols.trail import TrailDocument, TrailEvent, TrailReport
from protocols.trail.story import certificate_text, story
from protocols.trail.telling import verdict_json

NOT_SHOWN = (
    "when or where something was recorded before docking, beyond what the camera claims",
    "that nothing was recorded and deleted before docking, beyond what lists and numbering show",
    "what the newest acts on a subject were after the checkpoint of this pack",
    "who looked at the footage at the gateway: this version does not record views",
)
VERSION = 4
_SIGNED = 4


@dataclass(frozen=True, slots=True)
class Made:
    """Who made the report: program, and the clock of the machine it ran on."""

    tool: str
    at: ClockReading


def build_report(  # each is another part of a pack
    document: TrailDocument,
    trail: TrailReport,
    export: Export,
    outside: Outside,
    verdict: Verdict,
    made: Made,
    missing: dict[str, str],
) -> dict[str, Any]:
    """The report as plain values (docs/pack.md gives the schema); arguments as of ``told``."""
    by = {"tool": made.tool, "at": clock(made.at)}
    return {"made": by} | told(document, trail, export, outside, verdict, missing)


def told(  # each is another part of a pack
    document: TrailDocument,
    trail: TrailReport,
    export: Export,
    outside: Outside,
    verdict: Verdict,
    missing: dict[str, str],
) -> dict[str, Any]:
    """What the report says apart from who made it and when: the same wherever it is made.

    Args:
        document: the pack's trail.
        trail: what its verification opened.
        export: the act.
        outside: who saw the log; with the keys that the trail was verified against.
        verdict: of the exporter, content included.
        missing: why bytes do not go along, by clip.
    """
    anchors, events = outside.anchors, trail.events
    about, openings, bounds = events_of_clips(events), openings_of(events), outside.bounds()
    signed = Signed.of(events, verdict)
    return {
        "v": VERSION,
        "id": f"{anchors.origin}/export/{export.number}",
        "about": document.about.model_dump(exclude_none=True),
        "export": export.model_dump(mode="json"),
        "log": _log(outside),
        "keys": list(_keys(events, signed, anchors)),
        "clips": [
            clip_told(each.clip, about.get(str(each.clip), ()), openings, bounds, missing)
            for each in trail.contents
        ],
        "dockings": dockings_told(events),
        "handed_out": list(_handed_out(export, events)),
        "events": [_event(event, signed) for event in events],
        "verification": verdict_json(verdict),
        "steps": {str(step): name for step, name in STEPS.items()},
        "deviations": list(_deviations(verdict, outside)),
        "notes": list(trail.notes),
        "not_shown": list(NOT_SHOWN),
        "holds": [],
        "repeat": {"commands": layout.GUIDE, "browser": layout.VERIFIER, "tool": "evidock-verify"},
        "certification": {"fre_902_13": None, "fre_902_14": None, "电子数据提取固定说明": None},
    }


def _log(outside: Outside) -> dict[str, Any]:
    return {
        "origin": outside.anchors.origin,
        "size": outside.head.size,
        "root": outside.head.root.hex(),
        "witnesses": outside.witnesses(),
        "witnesses_asked": list(outside.asked),
        "witnesses_missing": list(outside.missing),
        "timestamps": outside.timestamps(),
    }


def _deviations(verdict: Verdict, outside: Outside) -> Iterable[str]:
    for each in verdict.problems:
        yield f"step {each.step}, {each.outcome}: {each.subject}: {each.reason}"
    for name in outside.missing:
        yield (
            f"witness {name} had cosigned no checkpoint over all of this pack when it was made; "
            "who asks for its word finds step 7 unwitnessed"
        )


@dataclass(frozen=True, slots=True)
class Signed:
    """What step 4 says, sorted once: a case has thousands of entries and of findings.

    Attributes:
        words: the first outcome for each subject. good: subjects with an intact one.
        names: of the entries that each issuer signed with each key.
    """

    words: dict[str, str]
    good: set[str]
    names: dict[tuple[str, bytes | None], set[str]]

    @classmethod
    def of(cls, events: Iterable[TrailEvent], verdict: Verdict) -> Self:
        """Sort what was found."""
        found = [each for each in verdict.findings if each.step == _SIGNED]
        names: dict[tuple[str, bytes | None], set[str]] = {}
        for event in events:
            by = (event.statement.issuer, event.statement.kid)
            names.setdefault(by, set()).add(event.name)
        words: dict[str, str] = {}
        for each in found:
            words.setdefault(each.subject, each.outcome.value)
        good = {each.subject for each in found if each.outcome is Outcome.INTACT}
        return cls(words, good, names)

    def word(self, name: str) -> str:
        """What it says of one entry."""
        return self.words.get(name, "unchecked")

    def held(self, issuer: str, kid: str) -> dict[str, int]:
        """How many signatures an issuer made with a key, and how many of them hold."""
        names = self.names.get((issuer, bytes.fromhex(kid)), set())
        return {"signatures": len(names), "intact": len(names & self.good)}


# --- keys and signatures ------------------------------------------------------------------


def _keys(
    events: Sequence[TrailEvent], signed: Signed, anchors: Anchors
) -> Iterable[dict[str, Any]]:
    """Every key, how it comes to be trusted, and how many signatures by it hold."""
    pinned = ["in the trust file", "stated by entry 0"]
    for use, kid in (
        ("gateway-statement", anchors.statement_key.kid),
        ("gateway-receipt", anchors.receipt_key.kid),
        ("log-checkpoint", anchors.checkpoint_key.key.kid),
    ):
        told: dict[str, Any] = {
            "use": use,
            "kid": kid.hex(),
            "file": layout.key(use),
            "chain": pinned,
        }
        if use == "gateway-statement":
            told |= signed.held(anchors.gateway, kid.hex())
        yield told
    revoked = {
        event.statement.subject: at_of(event)
        | plain(event.body, "last_epoch", "last_seq", "reason")
        for event in events
        if isinstance(event.body, DockRevoked) and event.statement.issuer == anchors.gateway
    }
    for event in events:
        if isinstance(event.body, DockEnrolled) and event.statement.issuer == anchors.gateway:
            body, subject = event.body, event.statement.subject
            yield {
                "use": f"statements of {body.dock}",
                "kid": body.kid,
                "file": layout.key(body.dock),
                "enrolled": event.index,
                "chain": [
                    f"stated by entry {event.index}, {body.how}"
                    + certificate_text(body.certificates),
                    "signed by gateway-statement",
                    *pinned,
                ],
                "revoked": revoked.get(subject),
                **signed.held(subject, body.kid),
            }
    yield from _rotated(events, signed, anchors, pinned)


def _rotated(
    events: Sequence[TrailEvent], signed: Signed, anchors: Anchors, pinned: Sequence[str]
) -> Iterable[dict[str, Any]]:
    """Keys that followed others: by the dock's word and the gateway's."""
    own = {
        (event.statement.issuer, event.link.epoch, event.link.seq): event
        for event in events
        if isinstance(event.body, KeyRotated) and event.link is not None
    }
    for event in events:
        body = event.body
        if not isinstance(body, DockKeyRotated) or event.statement.issuer != anchors.gateway:
            continue
        entry = f"{body.dock}.{body.epoch}.{body.seq}"
        said = own.get((event.statement.subject, body.epoch, body.seq))
        words = "its own entry is not here" if said is None else f"stated by entry {said.index}"
        yield {
            "use": f"statements of {body.dock} after its entry {body.epoch}.{body.seq}",
            "kid": body.kid,
            "file": layout.key(entry),
            "rotated": event.index,
            "chain": [
                f"{words}, signed by the key before, and proved by this one",
                f"confirmed by entry {event.index}",
                "signed by gateway-statement",
                *pinned,
            ],
            **signed.held(event.statement.subject, body.kid),
        }


def _event(event: TrailEvent, signed: Signed) -> dict[str, Any]:
    record = event.record
    return {
        "index": event.index,
        "issuer": event.statement.issuer,
        "subject": event.statement.subject,
        "kind": None if record is None else record.kind,
        "at": None if record is None else clock(record.at),
        "text": story(event),
        "statement_sha256": event.statement.hash.hex(),
        "signed": signed.word(event.name),
        "key": None if event.statement.kid is None else event.statement.kid.hex(),
    }


# --- copies -------------------------------------------------------------------------------


def _handed_out(export: Export, events: Iterable[TrailEvent]) -> Iterable[dict[str, Any]]:
    """Every export of these clips so far, and which of them had not been in an earlier one."""
    before: dict[str, set[str]] = {}
    acts: dict[int, dict[str, Any]] = {}
    for event in events:
        body = event.body
        if not isinstance(body, ClipExported):
            continue
        words = plain(body, "export", "about", "recipient", "reason", "by")
        act = acts.setdefault(body.export, at_of(event) | words | {"clips": []})
        act["clips"].append(body.clip)
    for number, act in sorted(acts.items()):
        earlier = before.setdefault(act["about"], set())
        act["new"] = sorted(set(act["clips"]) - earlier) if earlier else []
        act["this"] = number == export.number
        earlier |= set(act["clips"])
        yield act
