"""People and case systems that have shown who they are, for tests of what they may do."""

from __future__ import annotations

from datetime import timedelta

import httpx
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from gateway.access.gate import COOKIE
from gateway.access.policy import Role
from gateway.accounts.clients import NewClient
from gateway.accounts.service import NewAccount
from gateway.app import create_app
from gateway.services import Services

URL = "http://127.0.0.1:8080"


def browser(services: Services, **headers: str) -> httpx.AsyncClient:
    """Somebody's browser at the gateway's own pages."""
    transport = httpx.ASGITransport(create_app(services), raise_app_exceptions=False)
    own = {"sec-fetch-site": "same-origin"}
    return httpx.AsyncClient(transport=transport, base_url=URL, headers=own | headers)


async def person(
    services: Services,
    *roles: Role,
    login: str = "wang",
    unit: str | None = None,
    officer: str | None = None,
) -> httpx.AsyncClient:
    """The browser of a person who has signed in, without the slow part of that."""
    new = NewAccount(login, "王警官", officer, frozenset(roles), unit, why="test")
    account = await services.accounts.set(new, "test")
    value = await services.sessions.begin(account.token)
    return browser(services, cookie=f"{COOKIE}={value}")


async def case_system(
    services: Services, name: str = "platform", unit: str | None = None, days: int = 1
) -> str:
    """A case system's key."""
    expires = services.clock.now() + timedelta(days=days)
    _, key = await services.clients.add(NewClient(name, unit, expires, "test"), "test")
    return key


def code(secret: bytes, at_s: int) -> str:
    """What an authenticator app shows."""
    return TOTP(secret, 6, SHA1(), 30).generate(at_s).decode()  # noqa: S303
