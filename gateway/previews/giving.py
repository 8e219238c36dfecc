"""A derived copy as an HTTP response: whole or one range, never as anything but what it is."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from starlette.responses import Response, StreamingResponse

from gateway.evidence.content import asked_span
from gateway.evidence.ranges import matches
from gateway.previews.models import Preview
from gateway.previews.service import Previews

NEVER_KEPT: Final = "no-store"
ASKED_EACH_TIME: Final = "private, no-cache"
"""May lie in the browser, which asks each time whether it may still show it."""


def copy_response(
    previews: Previews,
    row: Preview,
    headers: Mapping[str, str],
    *,
    mime: str,
    part: tuple[int, int] | None = None,
    cache: str = NEVER_KEPT,
) -> Response:
    """Answer a request for a copy (RFC 9110 sections 13 and 14).

    Args:
        previews: opens the object.
        row: of a copy that was made.
        headers: of the request.
        mime: its type, which nobody but this program says.
        part: start and length of what is given, where an object holds two.
        cache: what the browser may keep.

    Raises:
        Problem: 416 no such range.
    """
    start, size = part or (0, row.size or 0)
    tag = f'"{(row.sha256 or b"").hex()}-{start}"'
    if "if-none-match" in headers and matches(headers["if-none-match"], tag, weak=True):
        kept = {"etag": tag, "cache-control": cache}
        return Response(status_code=HTTPStatus.NOT_MODIFIED.value, headers=kept)
    span = asked_span(headers, size, tag)
    fields = {
        "accept-ranges": "bytes",
        "cache-control": cache,
        "content-disposition": "inline",
        "content-length": str(span.length),
        "content-security-policy": "sandbox; default-src 'none'",
        "content-type": mime,
        "etag": tag,
        "x-content-type-options": "nosniff",
        "cross-origin-resource-policy": "same-origin",
    }
    if part is None and row.sha256 is not None:
        fields["repr-digest"] = f"sha-256=:{base64.b64encode(row.sha256).decode()}:"
    if span.partial:
        fields["content-range"] = span.content_range(size)
    status = HTTPStatus.PARTIAL_CONTENT if span.partial else HTTPStatus.OK
    chunks = previews.content(row, start + span.start, span.length)
    return StreamingResponse(chunks, status_code=status.value, headers=fields)
