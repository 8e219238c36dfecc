"""Who has signed in: a random value in a cookie, of which the database keeps the digest.

It ends when it was not used for a while, after half a day at the latest, when its person signs
out, gets other rights or a new link, or is locked.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, select

from gateway.access.policy import Role
from gateway.access.principals import Kind, Principal
from gateway.accounts.models import Account, SignedIn
from gateway.clock import GatewayClock
from gateway.db import Database

IDLE: Final = timedelta(minutes=30)
LONGEST: Final = timedelta(hours=12)
_TOUCH: Final = timedelta(minutes=1)


class Sessions:
    """Begins, finds and ends them."""

    def __init__(self, database: Database, clock: GatewayClock) -> None:
        self._database, self._clock = database, clock

    async def begin(self, account: str) -> str:
        """Let a person in; returns the cookie's value, which is known nowhere else."""
        value, now = secrets.token_urlsafe(32), self._clock.now()
        async with self._database.session() as session:
            ended = SignedIn.seen_at < now - IDLE
            await session.execute(delete(SignedIn).where(ended))
            row = SignedIn(digest=_digest(value), account=account, made_at=now, seen_at=now)
            session.add(row)
        return value

    async def find(self, value: str, *, is_at_work: bool = True) -> Principal | None:
        """The person whose cookie this is, or None when it is over or was never given.

        Args:
            value: of the cookie.
            is_at_work: whether this shows that somebody is there, and so puts the end off.
        """
        now, digest = self._clock.now(), _digest(value)
        query = select(SignedIn, Account).join(Account, Account.token == SignedIn.account)
        async with self._database.glance() as session:
            found = (await session.execute(query.where(SignedIn.digest == digest))).one_or_none()
        if found is None or not found[1].active:
            return None
        row, account = found
        # A clock that was set back must not make a session live longer.
        if not -_TOUCH <= now - row.seen_at < IDLE or now - row.made_at >= LONGEST:
            return None
        if is_at_work and now - row.seen_at >= _TOUCH:
            await self._touch(digest)
        return person(account)

    async def end(self, value: str) -> None:
        """Sign out; nothing happens when it is over already."""
        async with self._database.session() as session:
            await session.execute(delete(SignedIn).where(SignedIn.digest == _digest(value)))

    async def _touch(self, digest: bytes) -> None:
        async with self._database.session() as session:
            row = await session.get(SignedIn, digest)
            if row is not None:
                row.seen_at = self._clock.now()


def person(account: Account) -> Principal:
    """Who an account's owner is to the rest of the gateway."""
    return Principal(
        Kind.PERSON,
        id=account.token,
        login=account.login,
        name=account.name,
        # A role that a newer program gave is none here: it allows nothing.
        roles=frozenset(Role(name) for name in account.roles if name in set(Role)),
        unit=account.unit or "",
        officer=account.officer,
    )


def _digest(value: str) -> bytes:
    return hashlib.sha256(value.encode()).digest()
