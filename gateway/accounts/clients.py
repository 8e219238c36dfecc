"""Case systems and the keys they show. A key is told once, expires, and can be taken back."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.access.policy import Role
from gateway.access.principals import Kind, Principal
from gateway.accounts.effects import apply
from gateway.accounts.models import Client, ClientKey
from gateway.clock import GatewayClock
from gateway.db import Database
from gateway.errors import ConflictError, InvalidError, NotFoundError
from gateway.log.service import Log
from protocols.ids import client_urn
from protocols.kinds import ClientSet

PREFIX = "evc_"
_TOKEN_BYTES = 16
UNKNOWN = "no case system of that name may ask, or it is not yours to change"


class ClientUnknownError(NotFoundError):
    """No case system of that name may ask."""


class ClientTakenError(ConflictError):
    """A case system of that name has a key already."""


class ExpiryPastError(InvalidError):
    """A key that would be refused from the beginning."""


@dataclass(frozen=True, slots=True)
class NewClient:
    """A case system that may ask."""

    name: str
    unit: str | None
    expires: datetime
    why: str
    role: Role = Role.CASE_SYSTEM


class Clients:
    """Makes, finds and ends them."""

    def __init__(self, database: Database, log: Log, clock: GatewayClock) -> None:
        self._database, self._log, self._clock = database, log, clock
        self._acting = asyncio.Lock()

    async def add(self, new: NewClient, by: str) -> tuple[Client, str]:
        """Let a case system ask; a name that was ended may begin again, with another key.

        Returns:
            The case system and its key, which is known nowhere else.

        Raises:
            ClientTakenError: it has a key. ExpiryPastError: the key would have expired.
            GatewayError: the log cannot take it now.
        """
        if new.expires <= self._clock.now():
            msg = "expires lies in the past"
            raise ExpiryPastError(msg)
        async with self._acting:
            before = await self._find(new.name)
            if before is not None and before.active:
                msg = "a case system of that name has a key; end that one first"
                raise ClientTakenError(msg)
            key = PREFIX + secrets.token_urlsafe(32)
            body = ClientSet(
                client=before.token if before else secrets.token_hex(_TOKEN_BYTES),
                name=new.name,
                role=new.role.value,
                unit=new.unit,
                expires=new.expires.isoformat(timespec="seconds"),
                active=True,
                by=by,
                why=new.why,
            )

            async def also(session: AsyncSession, _: list[int]) -> None:
                await apply(session, body)
                session.add(ClientKey(client=body.client, digest=_digest(key)))
                await session.flush()

            await self._log.append_own(body, client_urn(body.client), also=also)
            return await self.client(new.name), key

    async def end(self, name: str, *, by: str, why: str) -> Client:
        """Take a case system's key back; the same again changes nothing.

        Raises:
            ClientUnknownError: no such case system. GatewayError: the log cannot take it now.
        """
        async with self._acting:
            row = await self.client(name)
            if not row.active:
                return row
            body = ClientSet(
                client=row.token,
                name=row.name,
                role=row.role,
                unit=row.unit,
                expires=row.expires_at.isoformat(timespec="seconds"),
                active=False,
                by=by,
                why=why,
            )

            async def also(session: AsyncSession, _: list[int]) -> None:
                await apply(session, body)

            await self._log.append_own(body, client_urn(body.client), also=also)
            return await self.client(name)

    async def of_key(self, key: str) -> Principal | None:
        """The case system that shows a key, or None."""
        held = select(Client).join(ClientKey, ClientKey.client == Client.token)
        async with self._database.glance() as session:
            row = await session.scalar(held.where(ClientKey.digest == _digest(key)))
        return self._program(row)

    async def principal(self, token: str) -> Principal | None:
        """The case system of that name in statements, or None when it may not ask now."""
        async with self._database.reading() as session:
            return self._program(await session.get(Client, token))

    def _program(self, row: Client | None) -> Principal | None:
        if row is None or not row.active or row.expires_at <= self._clock.now():
            return None
        return Principal(
            Kind.CASE_SYSTEM,
            id=row.token,
            login=row.name,
            name=row.name,
            # A role that a newer program gave is none here: it allows nothing.
            roles=frozenset(Role(each) for each in (row.role,) if each in set(Role)),
            unit=row.unit or "",
        )

    async def client(self, name: str) -> Client:
        """One case system.

        Raises:
            ClientUnknownError: there is none.
        """
        found = await self._find(name)
        if found is None:
            raise ClientUnknownError(UNKNOWN)
        return found

    async def listing(self) -> Sequence[Client]:
        """Every case system, ended ones too, by name."""
        async with self._database.reading() as session:
            return (await session.scalars(select(Client).order_by(Client.name))).all()

    async def _find(self, name: str) -> Client | None:
        async with self._database.reading() as session:
            return await session.scalar(select(Client).where(Client.name == name))


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
