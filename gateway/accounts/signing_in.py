"""Signing in, with password and one-time code together.

Whoever is refused is not told which of the two was wrong, nor whether there is such an account.
Five wrong answers in a row close the account for a minute, each further one for twice as long, up
to half an hour: a guesser gets nowhere, and the person himself is not shut out for good by one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

import structlog
from sqlalchemy import select

from gateway.access.principals import Principal
from gateway.accounts.models import Account, Credential
from gateway.accounts.secrets import Passwords, SecondFactors, totp_step
from gateway.accounts.sessions import Sessions, person
from gateway.clock import GatewayClock
from gateway.db import Database
from gateway.errors import KeyFileError
from gateway.problems import Problem

FREE_FAILURES: Final = 5
_FIRST: Final = timedelta(minutes=1)
_MOST: Final = timedelta(minutes=30)
_event = structlog.get_logger("gateway.accounts")


class SigningIn:
    """Lets people in."""

    def __init__(
        self,
        database: Database,
        clock: GatewayClock,
        passwords: Passwords,
        factors: SecondFactors,
        sessions: Sessions,
    ) -> None:
        self._database, self._clock, self._factors = database, clock, factors
        self._passwords, self._sessions = passwords, sessions

    async def sign_in(self, login: str, password: str, code: str) -> tuple[Principal, str]:
        """Check both; returns the person and the cookie's value.

        Raises:
            Problem: something is wrong, or the account is closed for a while.
        """
        now = self._clock.now()
        account, kept = await self._find(login)
        if kept is not None and (wait := _closed_for(kept, now)) is not None:
            raise _closed(wait)
        # Each answer is counted before it is looked at: a hundred guesses at once are a hundred.
        if account is not None and kept is not None:
            await self._count(account.token, now)
        fits = await self._passwords.fits(password, None if kept is None else kept.password)
        if account is None or not fits or not account.active:
            raise _refused(login)
        if not await self._take(account.token, code):
            raise _refused(login)
        _event.info("account.signed-in", login=account.login)
        return person(account), await self._sessions.begin(account.token)

    async def _find(self, login: str) -> tuple[Account | None, Credential | None]:
        query = (
            select(Account, Credential)
            .join(Credential, Credential.account == Account.token)
            .where(Account.login == login)
        )
        async with self._database.reading() as session:
            found = (await session.execute(query)).first()
        return (None, None) if found is None else (found[0], found[1])

    async def _count(self, account: str, now: datetime) -> None:
        async with self._database.session() as session:
            row = await session.get_one(Credential, account)
            if (wait := _closed_for(row, now)) is not None:
                raise _closed(wait)
            row.failures += 1
            if row.failures >= FREE_FAILURES:
                beyond = min(row.failures - FREE_FAILURES, 10)
                row.closed_until = now + min(_FIRST * 2**beyond, _MOST)

    async def _take(self, account: str, code: str) -> bool:
        # In one transaction: the same code shown twice at once serves once.
        async with self._database.session() as session:
            row = await session.get_one(Credential, account)
            step = totp_step(self._secret(row), code, self._clock.epoch_s(), row.totp_step)
            if step is None:
                return False
            row.totp_step, row.failures, row.closed_until = step, 0, None
            return True

    def _secret(self, row: Credential) -> bytes:
        try:
            return self._factors.open(row.totp)
        except KeyFileError as error:
            _event.error("account.factor-unreadable", error=str(error))  # said whole
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "factors-unreadable",
                "the gateway cannot read second factors now; its operator finds why in the log, "
                "or gives you a new link",
            ) from error


def _closed_for(kept: Credential, now: datetime) -> timedelta | None:
    wait = timedelta() if kept.closed_until is None else kept.closed_until - now
    # Longer than it ever is: the clock was wrong then, which must not close an account for years.
    return wait if timedelta() < wait <= _MOST else None


def _closed(wait: timedelta) -> Problem:
    seconds = max(1, round(wait.total_seconds()))
    return Problem(
        HTTPStatus.TOO_MANY_REQUESTS,
        "account-closed",
        f"too many wrong answers; this account takes none for another {seconds} seconds",
        headers={"retry-after": str(seconds)},
    )


def _refused(login: str) -> Problem:
    _event.warning("account.refused", login=login[:64])
    return Problem(
        HTTPStatus.UNAUTHORIZED,
        "sign-in-wrong",
        "name, password or code is wrong; a code serves once, and for half a minute",
    )
