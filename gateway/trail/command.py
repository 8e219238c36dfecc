"""``evidock-gateway trail``: print the trail of a case or clip, and verify every step of it.

It asks the API like any stranger and believes nothing but the trust file it is given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.errors import InvalidError
from gateway.trail.checks import answers_case, answers_clip, contents_match, stored_as_sealed
from gateway.trail.client import ApiClient, ApiError
from gateway.trail.report import opened, trail_json, trail_lines
from hashing.verdict import Verdict
from protocols.anchors import Anchors
from protocols.errors import IdError
from protocols.ids import ClipId
from protocols.trail import TrailDocument, verify_trail

_NO_SUCH_CLIP = "clip-unknown"


@dataclass(frozen=True, slots=True)
class TrailAsked:
    """What to show.

    Attributes:
        what: a case number, or a clip such as ``dock7.0.12``.
        anchors: keys to verify against; None prints without verifying.
        content: fetch every clip's bytes again and compare them.
        as_json: one JSON document instead of lines.
    """

    what: str
    anchors: Anchors | None
    content: bool
    as_json: bool


def show_trail(client: ApiClient, asked: TrailAsked, write: Callable[[str], object]) -> int:
    """Fetch, verify, print.

    Args:
        client: of the gateway.
        asked: what to show.
        write: takes the text.

    Returns:
        Exit code of the verdict; 0 when nothing was to be verified.

    Raises:
        ApiError: the gateway does not answer, or knows no such case or clip.
        InvalidError: content without a trust file: there is nothing to compare with.
    """
    if asked.content and asked.anchors is None:
        raise InvalidError("--content needs --trust: without it nothing says what to expect")
    clip, document = _fetch(client, asked.what)
    if asked.anchors is None:
        events, verdict = opened(document), None
    else:
        report = verify_trail(document, asked.anchors)
        events = report.events
        verdict = report.verdict + (
            answers_clip(clip, document)
            if clip is not None
            else answers_case(asked.what, document, report, asked.anchors)
        )
        verdict += stored_as_sealed(report, asked.anchors)
        if asked.content:
            verdict += Verdict(tuple(contents_match(client, report.contents)))
    if asked.as_json:
        write(trail_json(document, events, verdict) + "\n")
    else:
        for line in trail_lines(document, events, verdict):
            write(line + "\n")
    return 0 if verdict is None else verdict.exit_code


def _fetch(client: ApiClient, what: str) -> tuple[ClipId | None, TrailDocument]:
    try:
        clip = ClipId.parse(what)
    except IdError:
        return None, client.case_trail(what)
    try:
        return clip, client.clip_trail(clip)
    except ApiError as error:
        # A case may be numbered like a clip: case numbers are data.
        if error.code != _NO_SUCH_CLIP:
            raise
    return None, client.case_trail(what)
