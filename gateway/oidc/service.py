"""Begins and finishes a sign-in at the provider, and finds whose account it is.

What has to come back (state, nonce, verifier) travels in a cookie that only this gateway can read
or make: nothing is kept here for whoever only begins. The cookie also ties the answer to the
browser that began, so that nobody can be signed in as somebody else by a link.

The first time, an account is found by its name, as the provider's claim has it; from then on by
the provider's own name for the person (``sub``), which is never given to another one. That is in
the log: a database that is made anew does not leave the account to whoever comes first.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from binascii import Error as NotBase64
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import structlog

from gateway.access.principals import Principal
from gateway.accounts.models import Account, Identity
from gateway.accounts.service import Accounts
from gateway.accounts.sessions import Sessions, person
from gateway.clock import GatewayClock
from gateway.config import OidcSection
from gateway.db import Database
from gateway.errors import KeyFileError
from gateway.oidc.idtoken import KeyUnknownError, TokenRefusedError, read_id_token
from gateway.oidc.provider import CodeRefusedError, Provider, ProviderAwayError
from gateway.problems import Problem
from gateway.vault import Vault

REDIRECT: Final = "/signin/back"
"""Path of this gateway that the provider sends browsers back to."""

LIFE: Final = timedelta(minutes=10)
_SET_BACK_S: Final = 60
_WHAT: Final = "oidc-attempt"
_T = TypeVar("_T")
_event = structlog.get_logger("gateway.oidc")


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in that was begun: what has to come back, and where the person wanted to go."""

    state: str
    nonce: str
    verifier: str
    back: str
    at_s: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What the browser brings back from the provider, none of it believed yet."""

    state: str
    code: str | None = None
    error: str | None = None
    issuer: str | None = None


class OidcSignIn:
    """Lets people in whom the provider knows."""

    def __init__(
        self,
        asked: OidcSection,
        database: Database,
        accounts: Accounts,
        clock: GatewayClock,
        sessions: Sessions,
        vault: Vault,
        redirect: str,
    ) -> None:
        """Prepare.

        Args:
            asked: the configuration; without an issuer every sign-in is refused.
            database: with the accounts.
            accounts: states whose they are.
            clock: of the gateway.
            sessions: to begin.
            vault: seals what has to come back.
            redirect: address of this gateway that the provider sends browsers back to.
        """
        self._asked, self._database, self._clock = asked, database, clock
        self._accounts = accounts
        self._sessions, self._vault, self._redirect = sessions, vault, redirect
        self.provider = Provider(asked)

    @property
    def is_there(self) -> bool:
        """Whether there is a provider."""
        return self._asked.issuer is not None

    def label(self, language: str) -> str:
        """What the button says."""
        return self._asked.name_zh if language == "zh" else self._asked.name_en

    async def begin(self, back: str) -> tuple[str, str]:
        """Where to send the browser, and the value of the cookie that it keeps until it is back.

        Raises:
            Problem: there is no provider, or it does not answer.
        """
        self._refuse_none()
        described = await _or_away(self.provider.described())
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        attempt = Attempt(state, nonce, verifier, back, self._clock.epoch_s())
        digest = hashlib.sha256(attempt.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self._asked.client_id,
            "redirect_uri": self._redirect,
            "scope": self._asked.scope,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        if self._asked.acr:
            asked["acr_values"] = " ".join(self._asked.acr)
        joint = "&" if "?" in described.authorization else "?"
        return f"{described.authorization}{joint}{urlencode(asked)}", self._sealed(attempt)

    async def finish(self, kept: str | None, answer: Answer) -> tuple[Principal, str, str]:
        """Check what came back; returns the person, the cookie's value and where he wanted to go.

        Args:
            kept: value of the cookie that ``begin`` gave.
            answer: what the browser brings.

        Raises:
            Problem: it does not belong together, the provider refuses, or nobody here is meant.
        """
        self._refuse_none()
        attempt = self._attempt(kept, answer.state)
        await self._check_answer(answer)
        try:
            claims = await self._claims(answer.code or "", attempt)
        except (TokenRefusedError, CodeRefusedError) as error:
            _event.warning("oidc.refused", reason=str(error)[:300])
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "oidc-refused",
                "what the provider says cannot be believed; begin again, and tell the operator if "
                "it stays so: the reason is in the gateway's journal",
            ) from error
        account = await self._account(claims)
        _event.info("account.signed-in", login=account.login, provider=self.provider.issuer)
        return person(account), await self._sessions.begin(account.token), attempt.back

    def _refuse_none(self) -> None:
        if not self.is_there:
            raise Problem(HTTPStatus.NOT_FOUND, "oidc-none", "no provider is configured here")

    def _sealed(self, attempt: Attempt) -> str:
        text = json.dumps({name: getattr(attempt, name) for name in Attempt.__slots__})
        return base64.urlsafe_b64encode(self._vault.seal(_WHAT, text.encode())).decode()

    def _attempt(self, kept: str | None, state: str) -> Attempt:
        try:
            sealed = base64.urlsafe_b64decode((kept or "").encode())
            attempt = Attempt(**json.loads(self._vault.open(_WHAT, sealed)))
        except (NotBase64, ValueError, KeyFileError):
            attempt = None
        age = None if attempt is None else self._clock.epoch_s() - attempt.at_s
        fresh = age is not None and -_SET_BACK_S <= age <= LIFE.total_seconds()
        if (
            attempt is None
            or not fresh
            or not secrets.compare_digest(attempt.state.encode(), state.encode())
        ):
            raise Problem(
                HTTPStatus.BAD_REQUEST,
                "oidc-again",
                "this sign-in was not begun in this browser, or too long ago; begin again",
            )
        return attempt

    async def _check_answer(self, answer: Answer) -> None:
        described = await _or_away(self.provider.described())
        mixed = answer.issuer is None and described.names_itself
        if mixed or answer.issuer not in {None, self.provider.issuer}:
            # Another provider's answer, passed off as this one's (RFC 9207).
            raise Problem(HTTPStatus.BAD_REQUEST, "oidc-again", "another provider answered")
        if answer.error is not None or not answer.code:
            _event.warning("oidc.denied", reason=(answer.error or "no code")[:100])
            raise Problem(HTTPStatus.UNAUTHORIZED, "oidc-denied", "the provider did not let you in")

    async def _claims(self, code: str, attempt: Attempt) -> dict[str, Any]:
        asked = self.provider.id_token(code, attempt.verifier, self._redirect)
        token = await _or_away(asked)
        try:
            claims = await self._read(token, attempt, anew=False)
        except KeyUnknownError:
            # The provider has changed its keys since.
            claims = await self._read(token, attempt, anew=True)
        if self._asked.acr and claims.get("acr") not in self._asked.acr:
            raise TokenRefusedError(f"acr {claims.get('acr')!r:.100} is not among those accepted")
        return claims

    async def _read(self, token: str, attempt: Attempt, *, anew: bool) -> dict[str, Any]:
        keys = await _or_away(self.provider.keys(anew=anew))
        return read_id_token(
            token,
            keys,
            issuer=self.provider.issuer,
            client=self._asked.client_id,
            nonce=attempt.nonce,
            now_s=self._clock.epoch_s(),
        )

    async def _account(self, claims: dict[str, Any]) -> Account:
        async with self._database.reading() as session:
            known = await session.get(Identity, (self.provider.issuer, claims["sub"]))
            account = None if known is None else await session.get(Account, known.account)
        if known is None:
            account = await self._first_time(claims)
        if account is None or not account.active or account.provider != self.provider.issuer:
            _event.warning("oidc.nobody", login=str(claims.get(self._asked.login_claim))[:64])
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "oidc-nobody",
                "the provider knows you, and nobody here lets you in: an operator gives you an "
                "account that signs in through the provider",
            )
        return account

    async def _first_time(self, claims: dict[str, Any]) -> Account | None:
        login = claims.get(self._asked.login_claim)
        if not isinstance(login, str):
            return None
        # None too where the name was given to another person at the provider.
        return await self._accounts.bind(login, self.provider.issuer, claims["sub"])


async def _or_away(asked: Awaitable[_T]) -> _T:
    try:
        return await asked
    except ProviderAwayError as error:
        _event.warning("oidc.away", reason=str(error)[:300])
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "oidc-away",
            "the provider does not answer as it should; try again later",
        ) from error
