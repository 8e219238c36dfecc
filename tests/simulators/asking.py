"""Asking a running gateway as commands on its own machine do."""

from __future__ import annotations

from collections.abc import Generator

import httpx

from gateway.access.host import token_for


class AsHost(httpx.Auth):
    """Shows the token of whichever gateway listens there now: each run has a new one."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        token = token_for(str(request.url))
        if token is not None:
            request.headers["authorization"] = f"Bearer {token}"
        yield request
