"""What a trail needs more than itself: the clips' bytes, and the whole log around it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from http import HTTPStatus

from gateway.trail.audit import audit
from gateway.trail.client import ApiClient, ApiError
from hashing.digest import Digester
from hashing.statement import Statement
from hashing.verdict import Finding, Outcome, Verdict
from protocols.anchors import Anchors
from protocols.trail import ExpectedContent, TrailDocument, TrailReport


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
        if expected.disposed is not None and error.status == HTTPStatus.GONE:
            reason = f"its bytes are gone: disposed of at entry {expected.disposed}"
            return Finding(2, Outcome.INTACT, name, reason)
        return Finding(2, Outcome.INCOMPLETE, name, f"content not to be had: {error}")
    if expected.disposed is not None:
        reason = f"disposed of at entry {expected.disposed}, and its bytes are still given"
        return Finding(2, Outcome.INCOMPLETE, name, reason)
    if (found.size, found.sha256, found.root) != (expected.size, expected.sha256, expected.root):
        reason = f"{found.size} bytes with SHA-256 {found.sha256.hex()}, sealed: {expected.size} "
        return Finding(2, Outcome.ALTERED, name, reason + f"with {expected.sha256.hex()}")
    return Finding(2, Outcome.INTACT, name, f"{found.size} bytes, SHA-256 {found.sha256.hex()}")


def nothing_left_out(
    client: ApiClient, document: TrailDocument, report: TrailReport, anchors: Anchors
) -> Verdict:
    """Check the whole log, and that it holds nothing on the trail's subjects that is not in it.

    Raises:
        ApiError: the gateway does not answer, or not with a log.
    """
    given = {entry.index for entry in document.entries}
    # An honest log may have grown since the trail was made.
    newest = report.size or 0
    # Of what was withheld only the place in the chain matters; the rest is somebody else's.
    subjects = {event.statement.subject for event in report.events if not event.withheld}
    issuers = {event.statement.issuer for event in report.events}
    missing: list[Finding] = []

    def look(index: int, statement: Statement) -> None:
        if index in given or statement.subject not in subjects:
            return
        # A dock's word about itself is part of a trail only inside its dockings.
        about_itself = statement.subject == statement.issuer
        if statement.issuer in issuers and not about_itself:
            left = "left out of the trail" if index < newest else "newer than it: ask again"
            reason = f"on {statement.subject}, and {left}"
            missing.append(Finding(9, Outcome.INCOMPLETE, f"entry {index}", reason))

    verdict = audit(client, anchors, look).verdict
    if not missing:
        reason = "every entry of the log on its subjects is in the trail"
        missing.append(Finding(9, Outcome.INTACT, "trail", reason))
    return verdict + Verdict(tuple(missing))
