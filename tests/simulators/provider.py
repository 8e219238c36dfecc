"""A small OpenID Connect provider over real HTTP, with real keys; it can also misbehave.

Whoever opens its page for signing in is ``person`` without being asked. ``spoil`` changes the
claims before they are signed, ``sign`` signs otherwise, ``described`` changes its description.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT, SECRET = "evidock", "a client's secret"


@dataclass
class Person:
    """Somebody whom the provider knows."""

    subject: str
    login: str
    more: dict[str, Any] = field(default_factory=dict)


class SimulatedProvider:
    """One provider; its requests and what it signs can be looked at and changed."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.person: Person | None = Person("s-1", "wang")
        self.key = ECKey.generate_key("P-256", {"kid": "k1", "alg": "ES256", "use": "sig"})
        self.described: dict[str, Any] = {}
        self.spoil: Callable[[dict[str, Any]], object] = dict
        self.sign: Callable[[dict[str, Any]], str] = self._sign
        self.away = False
        self.asked: list[str] = []
        self._codes: dict[str, tuple[dict[str, str], Person]] = {}

    @property
    def app(self) -> Starlette:
        """As ASGI."""
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._description),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/jwks", self._jwks),
            ]
        )

    def rotate(self) -> None:
        """Sign with a new key from here on; the old one is gone."""
        self.key = ECKey.generate_key("P-256", {"kid": secrets.token_hex(4), "alg": "ES256"})

    def _sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims, self.key)

    async def _description(self, request: Request) -> Response:
        if (gone := self._note(request)) is not None:
            return gone
        own = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "authorization_response_iss_parameter_supported": True,
        }
        return JSONResponse(own | self.described)

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        back = {"state": asked["state"], "iss": self.issuer}
        if self.person is None:
            return RedirectResponse(
                f"{asked['redirect_uri']}?{urlencode(back | {'error': 'access_denied'})}", 303
            )
        code = secrets.token_urlsafe(16)
        self._codes[code] = (asked, self.person)
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back | {'code': code})}", 303)

    async def _token(self, request: Request) -> Response:
        if (gone := self._note(request)) is not None:
            return gone
        form = dict(parse_qsl((await request.body()).decode()))
        expected = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        asked, person = self._codes.pop(form["code"], (None, None))
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            asked is None
            or person is None
            or request.headers.get("authorization") != f"Basic {expected}"
            or form["grant_type"] != "authorization_code"
            or form["redirect_uri"] != asked["redirect_uri"]
            or (asked["code_challenge_method"], asked["code_challenge"]) != ("S256", challenge)
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())  # noqa: TID251  # as a provider's clock
        claims = {"iss": self.issuer, "aud": asked["client_id"], "sub": person.subject}
        claims |= {"nonce": asked["nonce"], "preferred_username": person.login, **person.more}
        times = {"iat": now, "exp": now + 300}
        whole: dict[str, Any] = claims | times
        self.spoil(whole)
        return JSONResponse(
            {"access_token": "x", "token_type": "Bearer", "id_token": self.sign(whole)}
        )

    async def _jwks(self, request: Request) -> Response:
        if (gone := self._note(request)) is not None:
            return gone
        return JSONResponse(KeySet([self.key]).as_dict(private=False))

    def _note(self, request: Request) -> Response | None:
        self.asked.append(request.url.path)
        return Response("<h1>maintenance</h1>", 503) if self.away else None


@contextlib.contextmanager
def provider() -> Iterator[SimulatedProvider]:
    """A provider that listens on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        simulated = SimulatedProvider(f"http://127.0.0.1:{listener.getsockname()[1]}")
        server = uvicorn.Server(uvicorn.Config(simulated.app, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield simulated
        finally:
            server.should_exit = True
            thread.join(10)
