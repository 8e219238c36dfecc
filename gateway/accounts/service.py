"""Accounts: made and changed by statements in the log, so that nobody gains a right unseen."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.access.policy import Role
from gateway.accounts.effects import apply
from gateway.accounts.models import Account, Credential, Identity, SignedIn
from gateway.db import Database
from gateway.errors import ConflictError, NotFoundError
from gateway.log.service import Log
from protocols.ids import account_urn
from protocols.kinds import AccountSet

_TOKEN_BYTES = 16


UNKNOWN = "nobody of that name has an account, or it is not yours to change"


class AccountUnknownError(NotFoundError):
    """Nobody of that name has an account."""


class AccountTakenError(ConflictError):
    """That name belongs to another person's account, and always will."""


@dataclass(frozen=True, slots=True)
class NewAccount:
    """Who a person is and what he may do."""

    login: str
    name: str
    officer: str | None
    roles: frozenset[Role]
    unit: str | None
    active: bool = True
    why: str = "first account"
    provider: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How somebody's signing in stands.

    Attributes:
        is_set_up: he has a password and a second factor here.
        sessions: browsers he is signed in with. seen_at: when one of them asked last.
    """

    is_set_up: bool
    sessions: int
    seen_at: datetime | None


class Accounts:
    """Acts on accounts and look-ups."""

    def __init__(self, database: Database, log: Log) -> None:
        self._database, self._log = database, log
        self._acting = asyncio.Lock()

    async def add(self, new: NewAccount, by: str) -> Account:
        """Make an account that is not there yet.

        Raises:
            AccountTakenError: it is. GatewayError: the log cannot take it now.
        """
        if await self.find(new.login) is not None:
            msg = "there is an account of that name; change it, or choose another name"
            raise AccountTakenError(msg)
        return await self.set(new, by)

    async def set(self, new: NewAccount, by: str) -> Account:
        """Make an account, or change what it may do; the same again states nothing.

        Whoever gets other rights is signed out: his pages would show what he sees no more.

        Raises:
            GatewayError: the log cannot take it now.
        """
        async with self._acting:
            before = await self.find(new.login)
            if before is not None and _says_the_same(before, new):
                return before
            body = AccountSet(
                account=before.token if before else secrets.token_hex(_TOKEN_BYTES),
                login=new.login,
                name=new.name,
                officer=new.officer,
                roles=tuple(sorted(new.roles)),
                unit=new.unit,
                active=new.active,
                provider=new.provider,
                by=by,
                why=new.why,
            )

            async def also(session: AsyncSession, _: list[int]) -> None:
                await apply(session, body)
                gone = delete(SignedIn).where(SignedIn.account == body.account)
                await session.execute(gone)

            await self._log.append_own(body, account_urn(body.account), also=also)
            return await self.account(new.login)

    async def bind(self, login: str, issuer: str, subject: str) -> Account | None:
        """State which person at a provider an account is; on record, so that it stays that one.

        Args:
            login: of an account that nobody has signed in to through this provider yet.
            issuer: name of the provider.
            subject: its own name for the person.

        Returns:
            The account; None when it is not there, or is somebody else's at the provider.

        Raises:
            GatewayError: the log cannot take it now.
        """
        async with self._acting:
            row = await self.find(login)
            if row is None or not row.active or row.provider != issuer:
                return None
            body = AccountSet(
                account=row.token,
                login=row.login,
                name=row.name,
                officer=row.officer,
                roles=tuple(row.roles),
                unit=row.unit,
                active=row.active,
                provider=issuer,
                subject=subject,
                by=f"{row.name} <{row.login}>",
                why="first sign-in through the provider",
            )

            async def also(session: AsyncSession, _: list[int]) -> None:
                await apply(session, body)

            if await self._is_bound(row):
                return None
            await self._log.append_own(body, account_urn(row.token), also=also)
            return row

    async def _is_bound(self, row: Account) -> bool:
        query = select(Identity).where(
            Identity.issuer == row.provider, Identity.account == row.token
        )
        async with self._database.reading() as session:
            return await session.scalar(query) is not None

    async def account(self, login: str) -> Account:
        """One account.

        Raises:
            AccountUnknownError: there is none.
        """
        found = await self.find(login)
        if found is None:
            raise AccountUnknownError(UNKNOWN)
        return found

    async def find(self, login: str) -> Account | None:
        """One account, if there is one."""
        async with self._database.reading() as session:
            return await session.scalar(select(Account).where(Account.login == login))

    async def listing(self) -> Sequence[Account]:
        """Every account, by name."""
        async with self._database.reading() as session:
            return (await session.scalars(select(Account).order_by(Account.login))).all()

    async def standing(self) -> dict[str, Standing]:
        """How everybody's signing in stands, by the token of his account."""
        seen = select(SignedIn.account, func.count(), func.max(SignedIn.seen_at))
        async with self._database.reading() as session:
            tokens = (await session.scalars(select(Account.token))).all()
            ready = set(await session.scalars(select(Credential.account)))
            found = {row[0]: row for row in await session.execute(seen.group_by(SignedIn.account))}
        return {
            token: Standing(token in ready, *((found[token][1:]) if token in found else (0, None)))
            for token in tokens
        }


def _says_the_same(row: Account, new: NewAccount) -> bool:
    return (row.name, row.officer, set(row.roles), row.unit, row.active, row.provider) == (
        new.name,
        new.officer,
        set(new.roles),
        new.unit,
        new.active,
        new.provider,
    )
