"""The cookie that stands for a session: given and taken back in one way only."""

from __future__ import annotations

from starlette.responses import Response

from gateway.access.gate import COOKIE
from gateway.accounts.sessions import LONGEST


def keep(response: Response, value: str) -> None:
    """Let the browser keep a session."""
    # The prefix makes browsers refuse it from plain HTTP, other hosts and other paths.
    response.set_cookie(
        COOKIE,
        value,
        max_age=int(LONGEST.total_seconds()),
        secure=True,
        httponly=True,
        samesite="strict",
    )


def drop(response: Response) -> None:
    """Let the browser forget it."""
    response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="strict")
