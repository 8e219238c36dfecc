"""A stored clip as an HTTP response: whole or one range, in constant memory.

The bytes go out as they lie in the store; whoever needs certainty compares them with the
entity tag, which is their SHA-256. They are footage from a stranger's card, so a browser
is told to save them, not to guess what they are or run anything in them.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from gateway.evidence.models import Clip, ClipState
from gateway.evidence.ranges import Span, UnsatisfiableRange, matches, span_of
from gateway.evidence.service import Evidence
from gateway.problems import Problem

_UNKNOWN_TYPE = "application/octet-stream"
_MEDIA_TYPES = {"avi": "video/x-msvideo", "matroska": "video/x-matroska", "mov": "video/mp4"}
_MEDIA_TYPES |= {"mpegts": "video/mp2t", "wav": "audio/wav", "mp3": "audio/mpeg"}
CONTENT_TYPES = (_UNKNOWN_TYPE, *_MEDIA_TYPES.values())
_PLAIN = re.compile(r"[^A-Za-z0-9._-]")


async def content_response(
    evidence: Evidence, clip: Clip, headers: Mapping[str, str], *, body: bool
) -> Response:
    """Answer a request for a clip's content (RFC 9110 sections 13 and 14).

    Args:
        evidence: opens the stored object.
        clip: the clip.
        headers: of the request.
        body: false answers HEAD, for which ranges are not defined.

    Raises:
        Problem: 404 not stored yet, 412 another entity tag, 416 no such range, 503 the
            stored object is missing or has another size.
    """
    if clip.stored_index is None:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "content-not-stored",
            f"the content of {clip.id} is not stored yet; its state is {clip.state}",
        )
    tag = f'"{clip.sha256.hex()}"'
    if "if-match" in headers and not matches(headers["if-match"], tag, weak=False):
        raise Problem(HTTPStatus.PRECONDITION_FAILED, "content-differs", f"the content is {tag}")
    if "if-none-match" in headers and matches(headers["if-none-match"], tag, weak=True):
        return Response(status_code=HTTPStatus.NOT_MODIFIED.value, headers={"etag": tag})
    span = asked_span(headers, clip.size, tag) if body else Span(0, clip.size, partial=False)
    if clip.state != ClipState.STORED or not await evidence.content_is_there(clip):
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "content-missing",
            f"the stored object of {clip.id} is missing or has another size; call the operator",
        )
    fields = _fields(clip, tag, span)
    status = HTTPStatus.PARTIAL_CONTENT if span.partial else HTTPStatus.OK
    if not body or span.length == 0:
        return Response(status_code=status.value, headers=fields)
    chunks = evidence.content(clip, span.start, span.length)
    return StreamingResponse(chunks, status_code=status.value, headers=fields)


def asked_span(headers: Mapping[str, str], size: int, tag: str) -> Span:
    """The part of a body that a request asks for (RFC 9110 section 14).

    Args:
        headers: of the request.
        size: of the whole.
        tag: its entity tag now.

    Raises:
        Problem: 416, there is no such range.
    """
    asked = headers.get("range")
    # If-Range with anything but our tag means: send the whole (section 13.1.5).
    if headers.get("if-range", tag).strip() != tag:
        asked = None
    try:
        return span_of(asked, size)
    except UnsatisfiableRange as error:
        raise Problem(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            "range",
            f"one contiguous range within {size} bytes can be had at a time",
            headers={"content-range": f"bytes */{size}", "accept-ranges": "bytes"},
        ) from error


def _fields(clip: Clip, tag: str, span: Span) -> dict[str, str]:
    container = str(clip.media.get("container") or "").partition(",")[0]
    digest = base64.b64encode(clip.sha256).decode()
    fields = {
        "accept-ranges": "bytes",
        # The identifier names these bytes for ever; only its owner may keep a copy.
        "cache-control": "private, max-age=31536000, immutable",
        "content-disposition": _disposition(clip),
        "content-length": str(span.length),
        "content-security-policy": "sandbox; default-src 'none'",
        "content-type": _MEDIA_TYPES.get(container, _UNKNOWN_TYPE),
        "etag": tag,
        "repr-digest": f"sha-256=:{digest}:",
        "x-content-type-options": "nosniff",
    }
    if span.partial:
        fields["content-range"] = span.content_range(clip.size)
    return fields


def _disposition(clip: Clip) -> str:
    # RFC 6266: the clip's id leads, because cameras use the same names again and again.
    name = f"{clip.id}-{clip.name}"[:150]
    plain = _PLAIN.sub("_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
