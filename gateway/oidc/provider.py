"""A provider, asked over HTTP: bounded in time and size, believed in nothing but its own TLS."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from gateway.config import OidcSection
from gateway.errors import GatewayError, SetupError
from gateway.loopback import is_loopback

_TIMEOUT_S: Final = 10.0
_MAX_ANSWER: Final = 1 << 20
_KEPT_S: Final = 3600.0
# A token that names an unknown key makes it ask again, but not for every forged one.
_AGAIN_S: Final = 60.0


class ProviderAwayError(GatewayError):
    """The provider does not answer, or not as one."""


class CodeRefusedError(GatewayError):
    """The provider gives nothing for a code: it is made up, used already or too old."""


@dataclass(frozen=True, slots=True)
class Described:
    """What a provider says of itself (OpenID Connect Discovery 1.0, section 3)."""

    authorization: str
    token: str
    jwks: str
    names_itself: bool
    """says its name in answers, too (RFC 9207)"""


class Provider:
    """One provider, by configuration."""

    def __init__(self, asked: OidcSection) -> None:
        self._asked = asked
        self._described: tuple[float, Described] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._one = asyncio.Lock()

    @property
    def issuer(self) -> str:
        """Its name; empty where none is configured."""
        return self._asked.issuer or ""

    async def described(self) -> Described:
        """Its description, kept for an hour.

        Raises:
            ProviderAwayError: there is none to be had.
        """
        async with self._one:
            if self._described is None or _age(self._described[0]) > _KEPT_S:
                address = self.issuer.removesuffix("/") + "/.well-known/openid-configuration"
                self._described = (time.monotonic(), self._read(await self._get(address)))
            return self._described[1]

    async def keys(self, *, anew: bool = False) -> KeySet:
        """The keys that its tokens may be signed with.

        Args:
            anew: ask again, though at most once a minute: a token names a key not among them.

        Raises:
            ProviderAwayError: there are none to be had.
        """
        described = await self.described()
        async with self._one:
            most = _AGAIN_S if anew else _KEPT_S
            if self._keys is None or _age(self._keys[0]) > most:
                try:
                    keys = KeySet.import_key_set(await self._get(described.jwks))  # type: ignore[arg-type]  # checked by it
                except (JoseError, ValueError, TypeError, KeyError) as error:
                    raise ProviderAwayError(f"{described.jwks}: no keys: {error}") from error
                self._keys = (time.monotonic(), keys)
            return self._keys[1]

    async def id_token(self, code: str, verifier: str, redirect: str) -> str:
        """The ID token for a code.

        Args:
            code: as the browser brought it.
            verifier: RFC 7636, section 4.1.
            redirect: where the browser was sent to; has to be the same again.

        Raises:
            CodeRefusedError: it gives none. ProviderAwayError: it does not answer.
        """
        described = await self.described()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "code_verifier": verifier,
            "client_id": self._asked.client_id,
        }
        secret = self._secret()
        auth = None if secret is None else (self._asked.client_id, secret)
        answer = await self._ask("POST", described.token, data=form, auth=auth)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise CodeRefusedError(
                f"{described.token}: {answer.get('error', 'no id_token')!s:.200}"
            )
        return token

    def _secret(self) -> str | None:
        path = self._asked.client_secret_file
        try:
            return None if path is None else path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SetupError(f"[oidc] client_secret_file: {error}") from error

    def _read(self, told: dict[str, Any]) -> Described:
        if told.get("issuer") != self.issuer:
            # A description of somebody else's would send people to somebody else (mix-up).
            raise ProviderAwayError(f"calls itself {told.get('issuer')!r:.200}, not {self.issuer}")
        return Described(
            authorization=self._address(told, "authorization_endpoint"),
            token=self._address(told, "token_endpoint"),
            jwks=self._address(told, "jwks_uri"),
            names_itself=told.get("authorization_response_iss_parameter_supported") is True,
        )

    def _address(self, told: dict[str, Any], name: str) -> str:
        address = told.get(name)
        parts = urlsplit(address) if isinstance(address, str) else urlsplit("")
        plain = parts.scheme == "http" and is_loopback(parts.hostname or "")
        if not (parts.scheme == "https" or plain):
            raise ProviderAwayError(f"{self.issuer} gives no usable {name}: {address!r:.200}")
        return str(address)

    async def _get(self, address: str) -> dict[str, Any]:
        return await self._ask("GET", address)

    async def _ask(self, method: str, address: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401  # as httpx takes it
        try:
            async with (
                asyncio.timeout(_TIMEOUT_S),
                self._client() as client,
                client.stream(method, address, **more) as answer,
            ):
                content = b""
                async for chunk in answer.aiter_bytes():
                    content += chunk
                    if len(content) > _MAX_ANSWER:
                        raise ProviderAwayError(f"{address}: an answer without end")
                told = json.loads(content)
        except (httpx.HTTPError, TimeoutError, ValueError, RecursionError) as error:
            raise ProviderAwayError(f"{address}: {str(error) or type(error).__name__}") from error
        # A token's refusal is 400 with a document that says why; all else has to be in order.
        if not isinstance(told, dict) or (not answer.is_success and "error" not in told):
            raise ProviderAwayError(f"{address}: status {answer.status_code}, not what was asked")
        return told

    def _client(self) -> httpx.AsyncClient:
        verify = True
        if self._asked.ca is not None:
            try:
                verify = ssl.create_default_context(cafile=str(self._asked.ca))  # type: ignore[assignment]  # as httpx takes it
            except (OSError, ssl.SSLError) as error:
                raise SetupError(f"[oidc] ca {self._asked.ca}: {error}") from error
        return httpx.AsyncClient(timeout=_TIMEOUT_S, verify=verify, trust_env=False)


def _age(at: float) -> float:
    return time.monotonic() - at
