"""Rows that follow from what the log says about accounts and case systems.

Runs in the transaction that commits the statement, or when recovery adds it again, in the log's
order. It never fails on what is logged.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import delete, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.access.policy import Role
from gateway.accounts.models import (
    Account,
    Client,
    ClientKey,
    Credential,
    Identity,
    SetupLink,
    SignedIn,
)
from protocols.kinds import AccountSet, ClientSet


async def apply(session: AsyncSession, body: AccountSet | ClientSet) -> None:
    """Write the row that follows from a logged statement; the same again changes nothing.

    Args:
        session: the caller's transaction.
        body: what was stated.
    """
    if isinstance(body, AccountSet):
        await _account(session, body)
    else:
        await _client(session, body)


async def _account(session: AsyncSession, body: AccountSet) -> None:
    taken = select(Account).where(Account.login == body.login, Account.token != body.account)
    if await session.scalar(taken) is not None:
        return
    row = await session.get(Account, body.account)
    if row is None:
        row = Account(token=body.account, login=body.login)
        session.add(row)
    row.name, row.officer, row.unit = body.name, body.officer, body.unit
    row.roles, row.active, row.provider = list(body.roles), body.active, body.provider
    await _one_way_in(session, body)
    await _bind(session, body)
    if not row.active:
        await session.execute(delete(SignedIn).where(SignedIn.account == row.token))
    await session.flush()


async def _one_way_in(session: AsyncSession, body: AccountSet) -> None:
    if body.provider is None:
        gone = [delete(Identity).where(Identity.account == body.account)]
    else:
        gone = [
            delete(Credential).where(Credential.account == body.account),
            delete(SetupLink).where(SetupLink.account == body.account, SetupLink.used_at.is_(None)),
        ]
    for each in gone:
        await session.execute(each)


async def _bind(session: AsyncSession, body: AccountSet) -> None:
    """Let an account be one person's at its provider; whoever was first stays it."""
    if body.provider is None or body.subject is None:
        return
    mine = select(Identity).where(
        Identity.issuer == body.provider,
        or_(Identity.account == body.account, Identity.subject == body.subject),
    )
    if await session.scalar(mine) is None:
        known = Identity(issuer=body.provider, subject=body.subject, account=body.account)
        session.add(known)


async def _client(session: AsyncSession, body: ClientSet) -> None:
    taken = select(Client).where(Client.name == body.name, Client.token != body.client)
    expires = _moment(body.expires)
    if expires is None or await session.scalar(taken) is not None:
        return
    row = await session.get(Client, body.client)
    if row is None:
        row = Client(token=body.client, name=body.name)
        session.add(row)
    row.unit, row.expires_at, row.active = body.unit, expires, body.active
    row.role = body.role or Role.CASE_SYSTEM.value
    if not row.active:
        await session.execute(delete(ClientKey).where(ClientKey.client == row.token))
    await session.flush()


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment.astimezone(UTC)
