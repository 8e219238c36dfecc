"""Addresses of cases: a case number is one path segment, whatever is in it.

Case numbers are data such as ``2026/17`` or ``2026/17/trail``. A server that
hands on the decoded path cannot tell a slash in a number from one between segments, so
this reads the path as it came: an encoded slash stays part of the number.
"""

from __future__ import annotations

from urllib.parse import quote, unquote_to_bytes

from starlette.types import ASGIApp, Receive, Scope, Send

_SLASH = "%2F"
_PERCENT = "%25"


class WholeSegments:
    """Hands on a path whose segments keep their own slashes encoded."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with ``path`` made from ``raw_path``."""
        raw = scope.get("raw_path")
        if scope["type"] == "http" and isinstance(raw, bytes):
            segments = raw.partition(b"?")[0].split(b"/")
            scope = dict(scope, path="/".join(_guarded(part) for part in segments))
        await self._app(scope, receive, send)


def segment_text(segment: str) -> str:
    """What a segment that came through ``WholeSegments`` stands for."""
    return segment.replace(_SLASH, "/").replace(_PERCENT, "%")


def segment_of(text: str) -> str:
    """Any text as one path segment of an address, for clients."""
    return quote(text, safe="", errors="replace")


def _guarded(segment: bytes) -> str:
    text = unquote_to_bytes(segment).decode(errors="replace")
    return text.replace("%", _PERCENT).replace("/", _SLASH)
