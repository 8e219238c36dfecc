"""Links by which people set password and second factor, once.

There is no password that somebody else knows: the first start of a gateway prints a link for the
first account, and operators hand links to everybody else. A new link ends what was signed in with
before.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Final

import structlog
from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.access.policy import Role
from gateway.accounts.models import Account, Credential, SetupLink, SignedIn
from gateway.accounts.secrets import Passwords, SecondFactors, refuse_weak, totp_step, totp_uri
from gateway.accounts.service import Accounts, AccountTakenError, NewAccount
from gateway.clock import GatewayClock
from gateway.db import Database
from gateway.errors import ConflictError
from gateway.problems import Problem

LIFE: Final = timedelta(hours=72)
FIRST_BY: Final = "first start"
_TOKEN_BYTES = 32
_event = structlog.get_logger("gateway.accounts")


class ProvidedError(ConflictError):
    """A link for somebody who has no password here."""


@dataclass(frozen=True, slots=True)
class Offered:
    """What a link offers: whom it is for, and the second factor for his authenticator app.

    Attributes:
        account: None where the link makes the first account of a gateway.
    """

    account: Account | None
    totp_uri: str


class SetupLinks:
    """Makes and honours them."""

    def __init__(
        self,
        database: Database,
        clock: GatewayClock,
        accounts: Accounts,
        passwords: Passwords,
        factors: SecondFactors,
        issuer: str,
    ) -> None:
        self._database, self._clock, self._factors = database, clock, factors
        self._accounts, self._passwords, self._issuer = accounts, passwords, issuer

    async def first(self) -> str | None:
        """A link for the first account, replacing an earlier one.

        Returns:
            Its token; None when somebody can sign in and let others in.
        """
        ways_in = or_(Credential.account.is_not(None), Account.provider.is_not(None))
        query = select(Account).outerjoin(Credential, Credential.account == Account.token)
        async with self._database.reading() as session:
            rows = (await session.scalars(query.where(ways_in))).all()
        if any(row.active and Role.OPERATOR in row.roles for row in rows):
            return None
        return await self._make(None, FIRST_BY)

    async def renew(self, login: str, by: str) -> str:
        """A link for a person, replacing an earlier one; returns its token.

        Raises:
            AccountUnknownError: no such person.
            ProvidedError: he signs in through a provider.
        """
        account = await self._accounts.account(login)
        if account.provider is not None:
            raise ProvidedError(
                f"{login} signs in through {account.provider}; let him have a password first: "
                "set the account's `sign_in` to `password`"
            )
        return await self._make(account.token, by)

    async def offered(self, token: str, login: str = "") -> Offered:
        """What a link offers; looking uses nothing up.

        Raises:
            Problem: it is none, or was used, replaced or has expired.
        """
        async with self._database.reading() as session:
            link = await self._link(session, token)
            account = await _account_of(session, link)
        shown = (account.login if account else login) or "first account"
        uri = totp_uri(self._factors.open(link.totp), shown, f"Evidock {self._issuer}")
        return Offered(account, uri)

    async def use(
        self, token: str, password: str, code: str, first: NewAccount | None = None
    ) -> Account:
        """Set password and second factor, and end what was signed in with before.

        Args:
            token: of the link.
            password: as chosen.
            code: of the second factor that the link offers: it has arrived in the app.
            first: who the first account is for; for a link that makes it.

        Raises:
            Problem: the link is over, or the code is wrong.
            PasswordWeakError: it is easily guessed.
            AccountTakenError: the first account's name is taken.
        """
        async with self._database.reading() as session:
            link = await self._link(session, token)
            account = await _account_of(session, link)
        named = (account.login, account.name) if account else ()
        refuse_weak(password, *named, *((first.login, first.name) if first else ()))
        step = totp_step(self._factors.open(link.totp), code, self._clock.epoch_s(), 0)
        if step is None:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "code-wrong",
                "this is not the code that the app shows now; is the phone's clock right?",
            )
        hashed = await self._passwords.hashed(password)
        if account is None:
            account = await self._first(first)
        await self._keep(
            link.id,
            Credential(
                account=account.token, password=hashed, totp=link.totp, totp_step=step, failures=0
            ),
        )
        _event.info("account.set-up", login=account.login)
        return account

    async def _first(self, first: NewAccount | None) -> Account:
        if first is None:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "first-account",
                "this link makes the first account: say login and name",
            )
        if (found := await self._accounts.find(first.login)) is not None:
            if not (found.active and Role.OPERATOR in found.roles):
                raise AccountTakenError("that name belongs to somebody else; choose another")
            # The link was cut between the log and here, or operators' credentials were lost.
            return found
        return await self._accounts.set(first, by=FIRST_BY)

    async def _make(self, account: str | None, by: str) -> str:
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        async with self._database.session() as session:
            same = SetupLink.account.is_(None) if account is None else SetupLink.account == account
            await session.execute(delete(SetupLink).where(same, SetupLink.used_at.is_(None)))
            session.add(
                SetupLink(
                    digest=_digest(token),
                    account=account,
                    totp=self._factors.new(),
                    made_by=by,
                    expires_at=self._clock.now() + LIFE,
                )
            )
        return token

    async def _link(self, session: AsyncSession, token: str) -> SetupLink:
        row = await session.scalar(select(SetupLink).where(SetupLink.digest == _digest(token)))
        if row is None or row.used_at is not None or row.expires_at <= self._clock.now():
            raise Problem(
                HTTPStatus.NOT_FOUND,
                "link-over",
                "this link is good no more: it was used, replaced, or is older than three days; "
                "ask for a new one",
            )
        return row

    async def _keep(self, link: int, made: Credential) -> None:
        async with self._database.session() as session:
            used = (
                update(SetupLink)
                .where(SetupLink.id == link, SetupLink.used_at.is_(None))
                .values(used_at=self._clock.now())
                .returning(SetupLink.id)
            )
            if await session.scalar(used) is None:
                raise Problem(HTTPStatus.NOT_FOUND, "link-over", "this link was used just now")
            await session.execute(delete(Credential).where(Credential.account == made.account))
            await session.execute(delete(SignedIn).where(SignedIn.account == made.account))
            session.add(made)


async def _account_of(session: AsyncSession, link: SetupLink) -> Account | None:
    return None if link.account is None else await session.get_one(Account, link.account)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
