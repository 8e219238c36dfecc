"""``evidock-gateway trail``: print the trail of a case or clip, and verify every step of it.

It asks the API like any stranger and believes nothing but the trust file it is given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from gateway.errors import InvalidError
from gateway.trail.checks import contents_match, nothing_left_out
from gateway.trail.client import ApiClient, ApiError
from gateway.trail.report import Shown, opened, trail_json, trail_lines
from gateway.trail.witnessed import trail_witnessed
from hashing.verdict import Verdict
from protocols.anchors import Anchors
from protocols.errors import IdError
from protocols.ids import ClipId
from protocols.policy import Policy
from protocols.shown import shown
from protocols.trail import TrailDocument, answers_case, answers_clip, verify_trail
from protocols.trail.verify import NO_WITNESSES
from protocols.trail.whole import other_log

_NO_SUCH_CLIP = "clip-unknown"
_NO_SUCH_CASE = "case-unknown"


@dataclass(frozen=True, slots=True)
class TrailAsked:
    """What to show.

    Attributes:
        what: a case number, or a clip such as ``dock7.0.12``.
        anchors: keys to verify against; None prints without verifying.
        content: fetch every clip's bytes again and compare them.
        whole_log: read the whole log too, to see that the trail leaves nothing out.
        as_json: one JSON document instead of lines.
        policy: which witnesses must have cosigned; None asks for none.
    """

    what: str
    anchors: Anchors | None
    content: bool
    whole_log: bool
    as_json: bool
    policy: Policy | None = None


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
        InvalidError: a check without a trust file: there is nothing to compare with.
    """
    if (asked.content or asked.whole_log) and asked.anchors is None:
        raise InvalidError("--content and --whole-log need --trust: keys of your own")
    if asked.policy is not None and asked.anchors is None:
        raise InvalidError("--policy needs --trust: keys of your own")
    wrong_file = None
    if asked.anchors is not None:
        wrong_file = other_log(client.text("/log/checkpoint").encode(), asked.anchors)
    if wrong_file is not None and not asked.as_json:
        # Before anything else: every finding below follows from it.
        write(f"{shown(wrong_file)}\n")
    clip, document = _fetch(client, asked)
    if asked.anchors is None:
        told = Shown(asked.what, document, opened(document))
    else:
        told = _verified(client, asked, asked.anchors, clip, document)
    if asked.as_json:
        notes = told.notes if wrong_file is None else (wrong_file, *told.notes)
        told = replace(told, notes=notes)
        write(trail_json(told) + "\n")
    else:
        for line in trail_lines(told):
            write(line + "\n")
    return 0 if told.verdict is None else told.verdict.exit_code


def _verified(
    client: ApiClient,
    asked: TrailAsked,
    anchors: Anchors,
    clip: ClipId | None,
    document: TrailDocument,
) -> Shown:
    report = verify_trail(document, anchors)
    verdict = report.verdict + (
        answers_clip(clip, document)
        if clip is not None
        else answers_case(asked.what, document, report, anchors)
    )
    later, *notes = report.notes or ("",)
    if asked.content:
        verdict += Verdict(tuple(contents_match(client, report.contents)))
    else:
        notes.append("the footage itself was not read; add --content to compare it too")
    if asked.policy is not None:
        needed = max((event.index for event in report.events), default=-1) + 1
        note = document.checkpoint
        verdict += Verdict((trail_witnessed(client, anchors, asked.policy, note, needed),))
        notes = [each for each in notes if each != NO_WITNESSES]
    if asked.whole_log:
        verdict += nothing_left_out(client, document, report, anchors)
    elif later:
        notes.insert(0, f"{later} (--whole-log)")
    return Shown(asked.what, document, report.events, verdict, tuple(notes))


def _fetch(client: ApiClient, asked: TrailAsked) -> tuple[ClipId | None, TrailDocument]:
    pinned = None if asked.anchors is None else asked.anchors.checkpoint.size
    try:
        clip = ClipId.parse(asked.what)
    except IdError:
        return None, client.case_trail(asked.what, pinned)
    try:
        return clip, client.clip_trail(clip, pinned)
    except ApiError as error:
        # A case may be numbered like a clip: case numbers are data.
        if error.code != _NO_SUCH_CLIP:
            raise
    try:
        return None, client.case_trail(asked.what, pinned)
    except ApiError as error:
        if error.code != _NO_SUCH_CASE:
            raise
        msg = f"{clip}: neither a clip nor a case of that name"
        raise ApiError(msg, error.status, error.code) from error
