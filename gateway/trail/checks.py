"""What a trail must say to be the answer to the question that was asked.

``protocols.trail`` checks that every statement is genuine, in place and logged. A gateway
gone bad could still answer with another case's genuine trail, leave out a linked clip, or
store something else than was sealed and say so; that shows here. Only what a key of the
gateway signed counts as the gateway's word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.trail.client import ApiClient, ApiError
from hashing.digest import Digester
from hashing.verdict import Finding, Outcome, Verdict
from protocols.anchors import Anchors
from protocols.ids import ClipId
from protocols.kinds import Body, CaseLinked, CaseOpened, CaseUnlinked, ClipStored
from protocols.trail import ExpectedContent, TrailDocument, TrailEvent, TrailReport


def answers_case(
    case_no: str, document: TrailDocument, report: TrailReport, anchors: Anchors
) -> Verdict:
    """Whether the trail is that of this case, with every clip that is linked to it (step 9)."""
    said = [body for _, body in _gateway_says(report.events, anchors)]
    opened = {body.case for body in said if isinstance(body, CaseOpened)}
    mine = {body.case for body in said if isinstance(body, CaseOpened) and body.case_no == case_no}
    if not mine:
        reason = "no statement in it opens this case" if not opened else "it opens another case"
        return Verdict((Finding(9, Outcome.INCOMPLETE, case_no, reason),))
    linked = _linked(said, mine)
    left_out = sorted(linked - set(document.clips))
    foreign = sorted(set(document.clips) - linked)
    findings = [Finding(9, Outcome.INCOMPLETE, clip, "linked but left out") for clip in left_out]
    findings += [Finding(10, Outcome.ALTERED, clip, "not linked to the case") for clip in foreign]
    if not findings:
        findings.append(Finding(9, Outcome.INTACT, case_no, f"{len(linked)} linked clips"))
    return Verdict(tuple(findings))


def answers_clip(clip: ClipId, document: TrailDocument) -> Verdict:
    """Whether the trail is that of this clip (step 9)."""
    if document.clips == (str(clip),):
        return Verdict((Finding(9, Outcome.INTACT, str(clip), "the clip that was asked for"),))
    return Verdict((Finding(9, Outcome.INCOMPLETE, str(clip), "the trail is about another clip"),))


def stored_as_sealed(report: TrailReport, anchors: Anchors) -> Verdict:
    """Whether the gateway says of every clip that it stored exactly what was sealed (step 10)."""
    stored: dict[str, ClipStored] = {}
    for event, body in _gateway_says(report.events, anchors):
        if isinstance(body, ClipStored) and event.statement.subject.endswith(f":{body.clip}"):
            stored[body.clip] = body
    findings = []
    for content in report.contents:
        name = str(content.clip)
        said = stored.get(name)
        if said is None:
            outcome, reason = Outcome.INCOMPLETE, "not stored yet"
        elif (said.size, said.sha256, said.root) != (
            content.size,
            content.sha256.hex(),
            content.root.hex(),
        ):
            outcome, reason = Outcome.ALTERED, "stored as something else than was sealed"
        else:
            outcome, reason = Outcome.INTACT, f"stored as sealed, read back by {said.read_back}"
        findings.append(Finding(10, outcome, name, reason))
    return Verdict(tuple(findings))


def contents_match(client: ApiClient, contents: Iterable[ExpectedContent]) -> Iterator[Finding]:
    """Fetch every clip again and compare it with what was sealed (step 2)."""
    for content in contents:
        yield _content_matches(client, content)


def _content_matches(client: ApiClient, expected: ExpectedContent) -> Finding:
    name = str(expected.clip)
    try:
        with Digester() as digester:
            for chunk in client.content(expected.clip, expected.size):
                digester.update(chunk)
            found = digester.finish()
    except ApiError as error:
        return Finding(2, Outcome.INCOMPLETE, name, f"content not to be had: {error}")
    if (found.size, found.sha256, found.root) != (expected.size, expected.sha256, expected.root):
        reason = f"{found.size} bytes with SHA-256 {found.sha256.hex()}, sealed: {expected.size} "
        return Finding(2, Outcome.ALTERED, name, reason + f"with {expected.sha256.hex()}")
    return Finding(2, Outcome.INTACT, name, f"{found.size} bytes, SHA-256 {found.sha256.hex()}")


def _linked(said: Iterable[Body], cases: set[str]) -> set[str]:
    links: dict[str, str] = {}
    for body in said:
        match body:
            case CaseLinked() if body.case in cases:
                links[body.link] = body.clip
            case CaseUnlinked() if body.case in cases:
                links.pop(body.link, None)
            case _:
                pass
    return set(links.values())


def _gateway_says(
    events: Iterable[TrailEvent], anchors: Anchors
) -> Iterator[tuple[TrailEvent, Body]]:
    for event in events:
        if event.record is not None and event.statement.issuer == anchors.gateway:
            yield event, event.record.body
